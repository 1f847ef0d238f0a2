"""Rate-distortion curves of plain and EtC photographs: what encryption costs at each quality."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import MissingExtraError
from ..experiments.cells import Cell, Experiment, NotMeasured
from ..experiments.figures import figure, save
from ..experiments.lab import PHOTOGRAPHS, Lab
from ..experiments.page import NOT_YET, hardware, table
from ..experiments.store import Store
from ..metrics.compression import Codec, decode, encode, psnr
from ..metrics.similarity import ssim
from ..sealing.cipher import get_cipher
from .plots import COLORS

CIPHERS: dict[str, int | None] = {"plain": None, "EtC-16": 16, "EtC-8": 8}
LOSSY: dict[str, tuple[list[Codec], str]] = {
    f"{name} {sampling}".strip(): (
        [Codec(name, quality, sampling or None) for quality in qualities],  # type: ignore[arg-type]
        title,
    )
    for name, sampling, qualities, title in (
        ("jpeg", "4:4:4", (50, 65, 80, 85, 90, 95), "JPEG 4:4:4"),
        ("jpeg", "4:2:0", (50, 65, 80, 85, 90, 95), "JPEG 4:2:0"),
        ("webp", "", (50, 70, 80, 90, 95), "WebP (4:2:0)"),
        ("jpeg-xl", "", (60, 75, 85, 92), "JPEG XL"),
        ("avif", "4:4:4", (50, 65, 80, 90), "AVIF 4:4:4"),
        ("avif", "4:2:0", (50, 65, 80, 90), "AVIF 4:2:0"),
    )
}
LOSSLESS = [Codec("jpeg-ls"), Codec("jpeg2000"), Codec("webp"), Codec("jpeg-xl"), Codec("avif")]


def curve(codecs: list[Codec], cipher: str, lab: Lab) -> dict[str, Any]:
    """Bits per pixel, PSNR and SSIM after decryption, means over the photographs, for each quality."""
    points = [[point(image, codec, cipher, lab) for codec in codecs] for image in _photographs(lab)]
    means = np.array(points).mean(0)
    return {
        "photographs": len(points),
        "curve": [
            {"quality": codec.quality, "bits_per_pixel": bits, "psnr": level, "ssim": similarity}
            for codec, (bits, level, similarity) in zip(codecs, means.round(5).tolist(), strict=True)
        ],
    }


def lossless(codec: Codec, cipher: str, lab: Lab) -> dict[str, Any]:
    """Bits per pixel of lossless files."""
    bits = [point(image, codec, cipher, lab)[0] for image in _photographs(lab)]
    return {"value": float(np.mean(bits)), "photographs": len(bits)}


def _photographs(lab: Lab) -> list[np.ndarray]:
    return lab.photographs(lab.amount(1, 6, PHOTOGRAPHS))


def point(image: np.ndarray, codec: Codec, cipher: str, lab: Lab) -> tuple[float, float, float]:
    """Encrypt, store, read, decrypt, compare."""
    block = CIPHERS[cipher]
    engine = None if block is None else get_cipher("etc", lab.key, block_size=block)
    sent = image if engine is None else engine.encrypt(image)
    try:
        data = encode(sent, codec)
        received = decode(data, codec)
    except MissingExtraError as error:
        raise NotMeasured(str(error)) from None
    bits = 8 * len(data) / (image.shape[0] * image.shape[1])
    if codec.quality is None:
        return bits, float("inf"), 1.0
    restored = received if engine is None else engine.decrypt_unauthenticated(received)
    return bits, float(psnr(image, restored)), float(ssim(_tensor(image), _tensor(restored)))


def _tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def _slug(words: str) -> str:
    return words.lower().replace(":", "").replace(" ", "-")


CURVES = {
    (codec, cipher): Cell(_slug(f"{codec} {cipher}"), partial(curve, codecs, cipher), {"codec": codec})
    for codec, (codecs, _) in LOSSY.items()
    for cipher in CIPHERS
}
SIZES = {
    (codec.name, cipher): Cell(_slug(f"{codec.name} lossless {cipher}"), partial(lossless, codec, cipher))
    for codec in LOSSLESS
    for cipher in CIPHERS
}
CELLS = [*CURVES.values(), *SIZES.values()]


def report(store: Store) -> str:
    return f"""\
The 24 Kodak photographs, 768x512, plain and encrypted with blocks of 16 and of 8: bits per pixel against the
quality after decryption. The paper has no such figure; it claims that EtC compresses "almost" as plain images do.

![Rate-distortion curves](figures/kodak.png)

At JPEG quality 85, means over the photographs:

{_at_quality(store, 85)}

With 4:4:4 sampling encryption costs a little size and no quality. With 4:2:0 a decoder interpolates the chroma across
the borders of blocks that were no neighbours in the picture, so that every border smears: the loss grows with the
quality. Four blocks of 8 even share one chroma block of 8x8 coefficients. Hence 4:4:4 is the default.

Lossless files, bits per pixel:

{_lossless_table(store)}

Measured at: {hardware(store, "kodak", [cell.name for cell in CELLS])}.
"""


def _at_quality(store: Store, quality: int) -> str:
    rows = []
    for codec in ("jpeg 4:4:4", "jpeg 4:2:0"):
        plain: dict[str, Any] | None = None
        for cipher in CIPHERS:
            found = store.find("kodak", CURVES[codec, cipher].name)
            if found is None:
                rows.append([codec, cipher, NOT_YET, "", "", "", ""])
                continue
            point = next(one for one in found.results["curve"] if one["quality"] == quality)
            plain = plain or point
            size = 100 * (point["bits_per_pixel"] / plain["bits_per_pixel"] - 1)
            rows.append([codec, cipher, f"{point['bits_per_pixel']:.3f}", f"{size:+.1f} %", f"{point['psnr']:.2f}"])
            rows[-1] += [f"{point['psnr'] - plain['psnr']:+.2f}", f"{point['ssim']:.4f}"]
    return table(["codec", "cipher", "bits per pixel", "size to plain", "PSNR (dB)", "PSNR to plain", "SSIM"], rows)


def _lossless_table(store: Store) -> str:
    rows = []
    for codec in LOSSLESS:
        found = [store.find("kodak", SIZES[codec.name, cipher].name) for cipher in CIPHERS]
        row = [codec.name, *(NOT_YET if one is None else f"{one.value:.2f}" for one in found)]
        plain = found[0]
        row += [
            "" if one is None or not plain else f"{100 * (one.value / plain.value - 1):+.1f} %" for one in found[1:]
        ]
        rows.append(row)
    return table(["codec", *CIPHERS, "EtC-16 to plain", "EtC-8 to plain"], rows)


def draw(store: Store, folder: Path) -> None:
    drawn = figure(11, 6.6)
    panels = drawn.subplots(2, 3)
    for axes, (codec, (_, title)) in zip(panels.flat, LOSSY.items(), strict=True):
        for cipher, style in zip(CIPHERS, ("-o", "--s", ":^"), strict=True):
            found = store.find("kodak", CURVES[codec, cipher].name)
            if found is not None:
                points = found.results["curve"]
                bits, level = [p["bits_per_pixel"] for p in points], [p["psnr"] for p in points]
                axes.plot(bits, level, style, color=COLORS[cipher], label=cipher, markersize=4, linewidth=1.4)
        axes.set_title(title, fontsize=11)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="lower right", fontsize=9)
        else:
            axes.text(0.5, 0.5, NOT_YET, ha="center", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
    for axes in panels[1]:
        axes.set_xlabel("bits per pixel")
    for axes in panels[:, 0]:
        axes.set_ylabel("PSNR after decryption (dB)")
    save(drawn, folder / "kodak.png")


EXPERIMENT = Experiment("kodak", "Compression of photographs", CELLS, report, draw)
