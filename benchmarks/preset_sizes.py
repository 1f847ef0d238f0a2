"""What the presets cost to store and to send: bytes of JPEG files of photographs, plain and encrypted.

Run: python benchmarks/preset_sizes.py KODAK        (a folder of pictures; needs Node; writes results/preset_sizes.json)

Files are whole, with marker and tag, of quality 85: those that Python writes, with both samplings of the chroma, and
those of the browser's client, which has another encoder.
"""

import argparse
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from measuring import parser

from hf_etc import EtcKey, Preparation, load_rgb
from hf_etc.cipher import CipherSpec
from hf_etc.encoding import JPEG_QUALITY, SUBSAMPLINGS, Encoding
from hf_etc.metrics.compression import Codec, encode
from hf_etc.records import result_record, write_json
from hf_etc.sealing import Recipe, Sealer

ROOT = Path(__file__).resolve().parents[1]
SIZE, BLOCK = (224, 224), 16
SETTINGS: dict[str, dict[str, Any] | None] = {
    "plain": None,
    "paper": {"preset": "paper"},
    "key for each": {"key_scope": "image"},
    "private": {"preset": "private"},
    "strict": {"preset": "strict"},
}
BROWSER = """
import { readFileSync } from "node:fs";
import { Cipher, parseKey } from "%(web)s/etc.mjs";
import { encodeJpeg } from "%(web)s/jpeg.mjs";
const { key, spec, size, pictures } = JSON.parse(readFileSync(0, "utf-8"));
const cipher = spec && new Cipher(await parseKey(key), spec);
let bytes = 0;
for (const text of pictures) {
  const image = { data: Uint8Array.from(Buffer.from(text, "base64")), height: size[0], width: size[1] };
  bytes += (cipher ? (await cipher.seal(image, { format: "jpeg" })).bytes : await encodeJpeg(image)).length;
}
console.log(bytes);
"""


def main() -> None:
    made = parser(__doc__, "preset_sizes", count=2)
    made.add_argument("pictures", type=Path, help="folder")
    made.add_argument("--count", type=int, help="take the first (default: all)")
    options = made.parse_args()
    results = measure(options)
    print(json.dumps(results, indent=2))
    data = {"name": options.pictures.name, "images": results["pictures"], "height": SIZE[0], "width": SIZE[1]}
    settings = {"block_size": BLOCK, "quality": JPEG_QUALITY}
    write_json(options.out, result_record("preset_sizes", results, data=data, settings=settings))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Bytes per picture, by setting and by what writes the files, under one fresh key."""
    files = sorted(path for path in options.pictures.glob("*") if path.is_file())[: options.count]
    pictures = np.stack([Preparation(SIZE).apply(load_rgb(path), BLOCK) for path in files])
    key, found = EtcKey.generate(), {}
    for name, words in SETTINGS.items():
        spec = None if words is None else Recipe.of(block_size=BLOCK, **words).spec
        height, width = SIZE if spec is None else spec.output_size(*SIZE)
        found[name] = {
            "sent": height * width / (SIZE[0] * SIZE[1]),
            **{f"Python, {one}": python_bytes(pictures, key, spec, one) / len(files) for one in SUBSAMPLINGS},
            "browser, 4:4:4": browser_bytes(pictures, key, spec) / len(files),
        }
    return {"pictures": len(files), "bytes per picture": found}


def python_bytes(pictures: np.ndarray, key: EtcKey, spec: CipherSpec | None, subsampling: Any) -> int:
    if spec is None:
        return sum(len(encode(picture, Codec("jpeg", JPEG_QUALITY, subsampling))) for picture in pictures)
    encoding = Encoding("jpeg", JPEG_QUALITY, subsampling)
    return sum(map(len, Sealer(key, Recipe(spec, encoding=encoding)).files(list(pictures))))


def browser_bytes(pictures: np.ndarray, key: EtcKey, spec: CipherSpec | None) -> int:
    given = {"key": key.reveal(), "spec": spec and spec.to_dict(), "size": SIZE}  # the key is of this run alone
    given["pictures"] = [base64.b64encode(picture.tobytes()).decode() for picture in pictures]
    script = BROWSER % {"web": (ROOT / "hf_etc" / "client" / "web").as_uri()}
    command = ["node", "--input-type=module", "--eval", script]
    return int(subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
