"""The owner's side of an audit: what it encrypts, what of it an attacker gets, and the truth to score against."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..blocks import Layout
from ..cipher import CipherSpec
from ..cipher.keys import EtcKey
from ..encoding import Encoding
from ..sealing import Cipher, Recipe, Sealer
from .attack import Compiled, Evidence, Scale
from .puzzle.cells import cells_of

_COLLECTED, _MOST_COLLECTED, _MOST_PAIRS = 50, 500, 4
_SYNTHETIC_FALL = 2.2
_COPY_QUALITY = 75


@dataclass(frozen=True)
class Owner:
    """Encrypts under one key, and sends the ciphertexts in files.

    Attributes:
        sealer: key, public parameters and the files' encoding.
    """

    sealer: Sealer

    @classmethod
    def of(cls, key: EtcKey | None, spec: CipherSpec, codec: Encoding | None = None) -> "Owner":
        """With this key; `codec` is the ciphertexts' lossy encoding.

        Disposable keys are attacked as those of a fresh one for each image: nobody can tell them apart.
        """
        return cls(Sealer(key or EtcKey.generate(), Recipe(spec.with_kept_key(), encoding=codec or Encoding())))

    @classmethod
    def new(cls, spec: CipherSpec, codec: Encoding | None = None) -> "Owner":
        """With a fresh key."""
        return cls.of(EtcKey.generate(), spec, codec)

    @property
    def cipher(self) -> Cipher:
        return self.sealer.cipher

    @property
    def spec(self) -> CipherSpec:
        return self.sealer.recipe.spec

    def another(self) -> "Owner":
        """One like this, with a fresh key."""
        return Owner(Sealer(EtcKey.generate(), self.sealer.recipe))

    def encrypt(self, images: np.ndarray) -> tuple[np.ndarray, tuple[Compiled, ...]]:
        """Ciphertexts of uint8 (N,H,W,3), and what was done to them: the same to all, or to each its own."""
        (height, width), nonces = images.shape[1:3], self.cipher.nonces_for(len(images))
        compiled = (self.cipher.compile(height, width, nonce) for nonce in nonces or (None,))
        return self.sealer.encrypt(images, nonces), tuple(compiled)

    def without_gaps(self, compiled: tuple[Compiled, ...], height: int, width: int) -> tuple[Compiled, ...]:
        """The same of pictures of what was sent alone, see :meth:`Cells.condensed`; or as it is, if that is all."""
        if self.spec.sends_all:
            return compiled
        cells = cells_of(self.spec, height, width)
        return tuple(cells.condensed(one) for one in compiled if isinstance(one, Layout))


@dataclass(frozen=True)
class Shares:
    """The owner's plain images, each used for one purpose; all uint8 (.,H,W,3), empty where there are too few.

    Attributes:
        targets: what attacks try to restore.
        collected: what the attacker holds ciphertexts of.
        pairs: what the attacker knows in plain, too.
        public: stands for plain images of the attacker's own, of the same kind.
    """

    targets: np.ndarray
    collected: np.ndarray
    pairs: np.ndarray
    public: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, targets: int) -> "Shares":
        """Divide images: a third at most are targets, 1 to 4 are pairs, 50 are collected, of many up to 500."""
        first = min(targets, max(1, len(images) // 3))
        rest = images[first:]
        pairs = min(_MOST_PAIRS, max(1, len(rest) // 5))
        second = min(max(_COLLECTED, min(len(rest) // 2, _MOST_COLLECTED)), max(len(rest) - pairs, 0))
        end = second + pairs
        if len(rest) > 2 * _COLLECTED:
            return cls(images[:first], rest[:second], rest[second:end], rest[end:])
        half = max(2, second // 2) if second > 2 else second  # few images: leave some to the learned attacks
        return cls(images[:first], rest[:second], rest[second:end], rest[half:second])

    def fewer(self, targets: int, collected: int) -> "Shares":
        return replace(self, targets=self.targets[:targets], collected=self.collected[:collected])


@dataclass(frozen=True)
class Trial:
    """One attacker's evidence with the truth that scores it.

    Attributes:
        evidence: all that any attack may receive.
        plain: uint8 (T,H,W,3); of pictures that are sent in part, what was sent, without the gaps.
        compiled: what encryption truly did: one for all targets, or one each.
        copied: int (T,), the target of each of the evidence's copies.
    """

    evidence: Evidence
    plain: np.ndarray
    compiled: tuple[Compiled, ...]
    copied: np.ndarray

    @property
    def decrypted(self) -> np.ndarray:
        """What the key makes of the targets."""
        targets = self.evidence.targets
        if len(self.compiled) == 1:
            return self.compiled[0].undo(targets)
        return np.stack([done.undo(one) for done, one in zip(self.compiled, targets, strict=True)])


def make_trial(
    owner: Owner,
    shares: Shares,
    scale: Scale = "smoke",
    weights: tuple[np.ndarray, np.ndarray | None] | None = None,
    others: Callable[[], Owner] | None = None,
    folder: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Trial:
    """Encrypt what the attacker gets.

    Args:
        owner: encrypts the targets.
        shares: which images serve what.
        scale, weights: see :class:`hf_etc.audit.Evidence`.
        others: negative control: makes a new owner for every image besides the targets, so that the
            evidence says nothing about them.
        folder, progress: of trainings, see :class:`hf_etc.audit.Evidence`.
    """
    targets, compiled = owner.encrypt(shares.targets)

    def evidence_of(images: np.ndarray) -> np.ndarray:
        if others is None:
            return owner.encrypt(images)[0]
        return np.concatenate([others().encrypt(one)[0] for one in images[:, None]])

    plain = shares.targets
    if not owner.spec.sends_all:
        layouts = [one for one in compiled if isinstance(one, Layout)]
        compiled = owner.without_gaps(compiled, *plain.shape[1:3])
        sent = (layout.apply(one) for layout, one in zip(layouts, plain, strict=True))
        plain = np.stack([done.undo(one) for done, one in zip(compiled, sent, strict=True)])
    copied = np.random.default_rng().permutation(len(targets))
    evidence = Evidence(
        spec=owner.spec,
        targets=targets,
        ciphertexts=evidence_of(shares.collected) if len(shares.collected) > 1 else None,
        pairs=(shares.pairs, evidence_of(shares.pairs)) if len(shares.pairs) else None,
        oracle=evidence_of,
        public=shares.public if len(shares.public) else None,
        copies=near_copies(shares.targets[copied]),
        weights=weights,
        picture=(shares.targets.shape[1], shares.targets.shape[2]),
        folder=folder,
        progress=progress,
        scale=scale,
    )
    return Trial(evidence, plain, compiled, copied)


def near_copies(images: np.ndarray, smaller: int = 2) -> np.ndarray:
    """Pictures (N,H,W,3) as somebody else may have them: half as large, saved as JPEG, and enlarged again."""
    height, width = images.shape[1:3]
    out = np.empty_like(images)
    for copy, image in zip(out, images, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).reduce(smaller).save(file, "JPEG", quality=_COPY_QUALITY)
        copy[...] = np.asarray(Image.open(file).resize((width, height), Image.Resampling.BICUBIC))
    return out


def synthetic_pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random pictures, uint8 (N,H,W,3), with a falling spectrum like photographs; no two are alike.

    Cut out of larger ones, since the Fourier transform's own are periodic: their opposite edges would fit.
    """
    random, rows, columns = np.random.default_rng(seed), 2 * height, 2 * width
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns))
    falling = 1 / np.maximum(frequency, 1 / max(rows, columns)) ** _SYNTHETIC_FALL
    noise = random.normal(size=(count, rows, columns, 1)) + 0.5 * random.normal(size=(count, rows, columns, 3))
    fields = np.fft.irfft2(np.fft.rfft2(noise, axes=(1, 2)) * falling[..., None], (rows, columns), axes=(1, 2))
    fields = fields[:, :height, :width]
    fields = (fields - fields.mean((1, 2, 3), keepdims=True)) / fields.std((1, 2, 3), keepdims=True)
    return np.clip(127.5 + 50 * fields, 0, 255).astype(np.uint8)
