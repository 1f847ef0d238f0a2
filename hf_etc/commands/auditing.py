"""What ``hf-etc audit`` does once its options are read."""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
from ..encoding import Encoding
from ..errors import MissingKeyError, ParameterError
from ..images.prepare import to_size
from ..metrics.similarity import Lpips
from ..records import result_record
from ..sealing.cipher import Cipher
from ..sealing.recipe import to_spec
from .options import CIPHER_OPTIONS, hide_bars, print_json, say_to

_SEED = 0


def run(options: argparse.Namespace, words: Sequence[str]) -> None:
    """Audit and write the report.

    Args:
        options: of ``hf-etc audit``.
        words: the same as typed, for the record.

    Raises:
        EtcError: bad input, in one line that names the remedy.
    """
    if options.quiet:
        hide_bars()
    attacks = _attacks(options.attacks)
    spec, codec = _spec(options), _codec(options)
    if options.images < 1:
        raise ParameterError(f"--images {options.images}: use 1 or more")
    say = say_to(sys.stderr, options.quiet)
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
    say(f"{options.source}: {kind}, {len(pictures.pixels)} of {_pixels(pictures)}")
    for remark in pictures.remarks:
        say(remark)
    key = EtcKey.load(options.key) if options.key else None
    with output_folder(options.out, _facts(pictures, spec, codec, options, key), private=True):  # plain pictures
        found = _run(pictures, spec, codec, key, attacks, options, say)
        data = {"name": Path(options.source).name, "images": found.images}
        record = result_record("audit", found.to_dict(), data=data, seed=_SEED, command=["hf-etc", "audit", *words])
        write_report(options.out, found, record, Path(options.source).name, pictures.remarks)
    say("")
    report = options.out / "report.html"
    if options.json:
        print_json(found.to_dict() | {"report": str(report)})
    else:
        print(headline(found.results, found.images))
        print(f"Report: {report}")


def _run(
    pictures: Pictures,
    spec: CipherSpec,
    codec: Encoding | None,
    key: EtcKey | None,
    attacks: Any,
    options: Any,
    say: Callable[[str], None],
) -> Audit:
    store, scale = Store(options.out), options.scale
    if pictures.marker is not None and key is None:
        if options.model:
            raise MissingKeyError("the attack weights is scored against the key; give it with --key")
        marker, size = pictures.marker, (pictures.marker.height, pictures.marker.width)
        return audit_ciphertexts(
            pictures.pixels, marker.spec, picture=size, attacks=attacks, scale=scale, store=store, progress=say
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
        progress=say,
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
