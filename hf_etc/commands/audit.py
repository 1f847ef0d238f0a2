"""``hf-etc audit``: what would somebody without the key recover from these pictures, encrypted in this way?"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..audit.attack import Scale
from ..audit.attacks import get_attack, list_attacks
from ..audit.audit import Audit, audit
from ..audit.outsider import audit_ciphertexts
from ..audit.pictures import Pictures, read_pictures
from ..audit.report.report import write_report
from ..audit.store import Store
from ..audit.words import headline
from ..cipher import CipherSpec
from ..cipher.keys import EtcKey
from ..data.convert.output import output_folder
from ..encoding import FORMATS, JPEG_QUALITY, SUBSAMPLINGS, Encoding
from ..errors import MissingKeyError, ParameterError
from ..images.prepare import to_size
from ..metrics.similarity import Lpips
from ..records import result_record
from ..sealing.cipher import Cipher
from ..sealing.recipe import to_spec
from .options import CIPHER_OPTIONS, add_cipher_options, add_window_option, command_parser

IMAGES = 60
_SEED = 0
_EXAMPLES = (
    "hf-etc audit photos --out report",
    "hf-etc audit photos --key-scope image --format jpeg --quality 85 --out report-image",
    "hf-etc audit photos --preset private --out report-private",
    "hf-etc audit encrypted --out report-outsider",
    "hf-etc audit photos --attacks itn,gan --scale small --size 32 --block-size 4 --out report-trained",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Audit and write the report; see ``hf-etc audit --help``.

    Returns:
        The exit status, 0; what was found is in the report.

    Raises:
        EtcError: bad input, in one line that names the remedy.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(words)
    attacks = _attacks(options.attacks)
    spec, codec = _spec(options), _codec(options)
    if options.images < 1:
        raise ParameterError(f"--images {options.images}: use 1 or more")
    pictures = read_pictures(
        options.source,
        spec,
        limit=options.images,
        size=to_size(options.size),
        window=options.window,
        split=options.split,
        column=options.column,
        seed=_SEED,
    )
    kind = "ciphertexts" if pictures.marker else "plain pictures"
    _say(f"{options.source}: {kind}, {len(pictures.pixels)} of {_pixels(pictures)}")
    for remark in pictures.remarks:
        _say(remark)
    key = EtcKey.load(options.key) if options.key else None
    with output_folder(options.out, _facts(pictures, spec, codec, options, key), private=True):  # plain pictures
        found = _run(pictures, spec, codec, key, attacks, options)
        data = {"name": Path(options.source).name, "images": found.images}
        record = result_record("audit", found.to_dict(), data=data, seed=_SEED, command=["hf-etc", "audit", *words])
        write_report(options.out, found, record, Path(options.source).name, pictures.remarks)
    _say("")
    print(headline(found.results, found.images))
    print(f"Report: {options.out / 'report.html'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "audit",
        "Attack your own pictures as this cipher encrypts them, and report what comes back. Ciphertexts "
        "are attacked as an outsider would, unless you give their key.",
        *_EXAMPLES,
    )
    add = parser.add_argument
    add("source", metavar="DATASET|FOLDER", help="a folder of pictures or ciphertexts, or a dataset")
    add("--out", type=Path, required=True, metavar="FOLDER", help="of the report; run again to resume")
    add("--key", metavar="FILE", help="key file; plain pictures without one are encrypted under a fresh key")
    add_cipher_options(parser.add_argument_group("cipher", "Of plain pictures; ciphertexts name their own."))
    add("--format", choices=FORMATS, default="png", help="of the ciphertexts (default: png, lossless)")
    add("--quality", type=int, metavar="1..100", help=f"of JPEG (default: {JPEG_QUALITY})")
    add("--subsampling", choices=SUBSAMPLINGS, help="of JPEG's chroma (default: 4:4:4)")
    add("--attacks", metavar="NAME,...", help=f"of {', '.join(list_attacks())} (default: all, at smoke all untrained)")
    add("--scale", choices=get_args(Scale), default="smoke", help="effort: seconds, minutes or hours (default: smoke)")
    add("--images", type=int, default=IMAGES, help=f"how many to draw at random (default: {IMAGES})")
    add("--size", metavar="N or HxW", help="of plain pictures (default: their own up to 256, else 224)")
    add_window_option(parser)
    add("--split", help="of a dataset")
    add("--column", help="image column of a dataset")
    add("--model", metavar="MODEL", help="ViT trained on ciphertexts of --key, for the attack weights")
    add("--lpips", type=Path, metavar="DIR", help="measure LPIPS too, with the SqueezeNet weights of this folder")
    add("--public-model", metavar="MODEL", help="the public ViT that MODEL was adapted from, if it was")
    return parser


def _run(
    pictures: Pictures, spec: CipherSpec, codec: Encoding | None, key: EtcKey | None, attacks: Any, options: Any
) -> Audit:
    store, scale = Store(options.out), options.scale
    if pictures.marker is not None and key is None:
        if options.model:
            raise MissingKeyError("the attack weights is scored against the key; give it with --key")
        marker, size = pictures.marker, (pictures.marker.height, pictures.marker.width)
        return audit_ciphertexts(
            pictures.pixels, marker.spec, picture=size, attacks=attacks, scale=scale, store=store, progress=_say
        )
    weights = None
    if options.model:
        from ..audit.attacks.weights import load_positions

        if key is None:
            raise MissingKeyError("--model needs the key that the model was trained under; give it with --key")
        public = load_positions(options.public_model) if options.public_model else None
        weights = (load_positions(options.model, key), public)
    pixels = pictures.pixels
    if pictures.marker is not None and key is not None:
        spec = pictures.marker.spec
        pixels = np.stack([Cipher(key, spec).unseal(ciphertext) for ciphertext in pictures.ciphertexts])
    return audit(
        pixels,
        Cipher(key or EtcKey.generate(), spec),
        codec=codec,
        attacks=attacks,
        scale=scale,
        weights=weights,
        lpips=Lpips(options.lpips) if options.lpips else None,
        store=store,
        progress=_say,
    )


def _facts(pictures: Pictures, spec: CipherSpec, codec: Encoding | None, options: Any, key: EtcKey | None) -> dict:
    """What a resumed run must have in common with the one before. The folder holds plain pictures in any case."""
    return {
        "operation": "audit",
        "pictures": hashlib.sha256(pictures.pixels.tobytes()).hexdigest()[:16],
        "cipher": (pictures.marker.spec if pictures.marker else spec).to_dict(),
        "format": str(codec or "lossless"),
        "scale": options.scale,
        "id": key.derive(b"hf-etc/2/source/audit", length=8).hex() if key else None,
        "model": options.model and Path(options.model).name,
        "lpips": options.lpips is not None,
    }


def _attacks(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ParameterError(f"--attacks is empty; choose from {', '.join(list_attacks())}")
    for name in names:
        get_attack(name)
    return names


def _spec(options: argparse.Namespace) -> CipherSpec:
    cipher, *names = CIPHER_OPTIONS
    return to_spec(getattr(options, cipher) or "etc", **{name: getattr(options, name) for name in names})


def _codec(options: argparse.Namespace) -> Encoding | None:
    given = {name: getattr(options, name) for name in ("quality", "subsampling") if getattr(options, name) is not None}
    if options.format == "jpeg":
        return Encoding("jpeg", **given)
    if given:
        raise ParameterError(f"--quality and --subsampling are for --format jpeg, not {options.format}")
    return None


def _pixels(pictures: Pictures) -> str:
    return f"{pictures.pixels.shape[1]}x{pictures.pixels.shape[2]} pixels"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
