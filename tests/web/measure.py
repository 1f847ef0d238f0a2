"""Measure the browser client in Chromium: ``python -m tests.web.measure`` writes results/browser.json, and with it
the tables of docs/browser.md.

Needs ../shared/data/kodak: the 24 Kodak photographs, lossless.
"""

import base64
import io
import sys
from statistics import median

import numpy as np
from PIL import Image

from hf_etc import Preparation, get_cipher, load_rgb
from hf_etc.records import result_record, write_json

from .checks import KEY
from .engines import ROOT, ChromiumEngine, chromium_browser, to_base64, unpack
from .figures import RESULT, update_page

KODAK = ROOT.parent / "shared" / "data" / "kodak"
ENCODINGS = {
    "JPEG 75 4:2:0": ("JPEG", {"quality": 75, "subsampling": "4:2:0"}),
    "JPEG 90 4:4:4": ("JPEG", {"quality": 90, "subsampling": "4:4:4"}),
    "JPEG 85 progressive": ("JPEG", {"quality": 85, "progressive": True}),
    "WebP 80": ("WEBP", {"quality": 80}),
    "WebP 80 with transparency": ("WEBP", {"quality": 80}),
}
# Every run takes a new Cipher, so that no plan is kept from the run before.
TIME_ENCRYPTION = """async ([key, edge, runs]) => {
    const etc = await import("/hf_etc/client/web/etc.mjs");
    const master = await etc.parseKey(key);
    const data = new Uint8Array(edge * edge * 3).map((_, i) => (i * 2654435761) >>> 24);
    const times = [];
    for (let run = 0; run < runs; run++) {
        const start = performance.now();
        await new etc.Cipher(master, { block_size: 16 }).encrypt({ data, height: edge, width: edge });
        times.push(performance.now() - start);
    }
    return times;
}"""
TIME_PICTURE = """async ([key, file, options, runs]) => {
    const etc = await import("/hf_etc/client/web/etc.mjs");
    const { fromBase64 } = await import("/tests/web/perform.mjs");
    const [master, bytes, times] = [await etc.parseKey(key), fromBase64(file), []];
    for (let run = 0; run < runs; run++) {
        const start = performance.now();
        await etc.encryptPicture(bytes, master, options);
        times.push(performance.now() - start);
    }
    return times;
}"""


def main() -> None:
    if not KODAK.is_dir():
        sys.exit(f"no photographs at {KODAK}")
    pictures = [Image.open(path).convert("RGB") for path in sorted(KODAK.glob("*.webp"))]
    with chromium_browser() as (browser, address):
        results = {
            "encrypt_ms": {str(edge): measure_encryption(browser, address, edge) for edge in (224, 4096)},
            "picture_ms": measure_pictures(browser, address, pictures[4]),
        }
        engine = ChromiumEngine(browser.new_page(), address)
        results["decoder_difference"] = measure_decoder(engine, pictures[::4])
        results["upload"] = measure_upload(engine, pictures)
        settings = {"chromium": browser.version, "block_size": 16}
    command = ["python", "-m", "tests.web.measure"]
    data = {"name": "Kodak, 768x512", "pictures": len(pictures)}
    write_json(RESULT, result_record("browser", results, data=data, settings=settings, command=command))
    update_page()
    print(RESULT.read_text())


def measure_encryption(browser, address: str, edge: int) -> dict:
    """Key schedule, plan and encryption of one image: the first in a fresh page, and later ones."""
    page = ChromiumEngine(browser.new_page(), address).page
    first, *later = page.evaluate(TIME_ENCRYPTION, [KEY.reveal(), edge, 41 if edge < 1000 else 8])
    page.close()
    return {"first": round(first, 1), "median": round(median(later), 1), "best": round(min(later), 1)}


def measure_pictures(browser, address: str, picture: Image.Image) -> dict:
    """From a file of 768x512 to a ciphertext file of 224x224, all included."""
    times = {}
    for source in ("PNG", "JPEG", "WEBP"):
        for target in ({"format": "png"}, {"format": "jpeg", "quality": 85}):
            page = ChromiumEngine(browser.new_page(), address).page
            given = [KEY.reveal(), to_base64(_file(picture, source)), {"size": 224, "block_size": 16, **target}, 9]
            first, *later = page.evaluate(TIME_PICTURE, given)
            page.close()
            times[f"{source} to {target['format']}"] = {"first": round(first, 1), "median": round(median(later), 1)}
    return times


def measure_decoder(engine: ChromiumEngine, pictures: list[Image.Image]) -> dict:
    """The browser's pixels against Pillow's, in grey levels."""
    differences = {}
    for name, (format, options) in ENCODINGS.items():
        found = []
        for picture in pictures:
            image = picture.copy()
            if "transparency" in name:
                image.putalpha(picture.convert("L"))
            file = _file(image, format, **options)
            pixels = unpack(engine.result("load", file=to_base64(file))).astype(int)
            found.append(np.abs(pixels - np.asarray(load_rgb(file))))
        values = np.stack([one.reshape(-1) for one in found])
        differences[name] = {
            "pictures": len(pictures),
            "mean": round(float(values.mean()), 4),
            "max": int(values.max()),
            "differing": round(float((values > 0).mean()), 4),
        }
    return differences


def measure_upload(engine: ChromiumEngine, pictures: list[Image.Image], quality: int = 85) -> dict:
    """Mean bytes per picture, and the quality after decryption, for the whole picture and for 224x224."""
    table = {}
    for size in (None, 224):
        for subsampling in ("4:4:4", "4:2:0"):
            rows = [_upload(engine, picture, size, quality, subsampling) for picture in pictures]
            name = f"{'768x512' if size is None else '224x224'} quality {quality} {subsampling}"
            table[name] = {key: round(float(np.mean([row[key] for row in rows])), 2) for key in rows[0]}
    return table


def _upload(engine: ChromiumEngine, picture: Image.Image, size: int | None, quality: int, subsampling: str) -> dict:
    cipher = get_cipher("etc", KEY, block_size=16)
    plain = Preparation(size and (size, size)).apply(picture, 16)
    height, width = plain.shape[:2]
    size = {"size": [height, width], "block_size": 16}
    options = size | {"format": "jpeg", "quality": quality, "subsampling": subsampling}
    given = {"file": to_base64(_file(Image.fromarray(plain), "PNG")), "key": KEY.reveal()}
    browser_file = base64.b64decode(engine.result("encryptPicture", options=options, **given)["bytes"])
    png_file = base64.b64decode(engine.result("encryptPicture", options=size, **given)["bytes"])
    pillow_file = cipher.seal(plain, format="jpeg", quality=quality, subsampling=subsampling)
    plain_file = _file(Image.fromarray(plain), "JPEG", quality=quality, subsampling=subsampling)
    plain_in_browser = base64.b64decode(
        engine.page.evaluate(
            """async ([image, quality, subsampling]) => {
                const { encodeJpeg } = await import("/hf_etc/client/web/jpeg.mjs");
                const { fromBase64, toBase64 } = await import("/tests/web/perform.mjs");
                return toBase64(await encodeJpeg({ ...image, data: fromBase64(image.data) }, quality, subsampling));
            }""",
            [{"data": to_base64(plain.tobytes()), "height": height, "width": width}, quality, subsampling],
        )
    )

    def psnr_after_decryption(file: bytes) -> float:
        error = cipher.unseal(file).astype(float) - plain
        return float(10 * np.log10(255**2 / np.mean(error**2)))

    return {
        "plain_jpeg_bytes": len(plain_in_browser),
        "etc_jpeg_bytes": len(browser_file),
        "etc_png_bytes": len(png_file),
        "pillow_plain_jpeg_bytes": len(plain_file),
        "pillow_etc_jpeg_bytes": len(pillow_file),
        "etc_jpeg_psnr_db": psnr_after_decryption(browser_file),
        "pillow_etc_jpeg_psnr_db": psnr_after_decryption(pillow_file),
    }


def _file(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
