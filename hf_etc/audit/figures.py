"""The paper's Fig. 6 (restored pictures) and Fig. 8 (their SSIM), for LE, ELE, PE and EtC.

Every attack restores the same images. PE and EtC, LE and ELE share one key per dataset, as in the paper.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..ciphers.base import make_spec
from .attacks.itn import restore, variants
from .base import Scale, get_attack
from .owner import Owner, Shares, make_trial
from .plots import box_plot
from .record import Quartiles
from .scores import outlines, similarity

CIPHERS = ("etc", "pe", "le", "ele")
ATTACKS = ("fr-basic", "fr-advanced", "itn", "gan")
PUBLISHED_SSIM = {  # restored images, median, as far as the paper gives them
    ("etc", "gan"): 0.031,
    ("etc", "itn"): 0.529,
    ("le", "gan"): 0.774,
    ("le", "itn"): 0.407,
    ("ele", "gan"): 0.021,
    ("pe", "itn"): 0.086,
}
_TARGETS: dict[Scale, int] = {"smoke": 4, "small": 64, "paper": 1000}
_EDGE, _MARGIN = 64, 4  # pixels of a picture in the grid, and around it


@dataclass(frozen=True, repr=False)
class Restoration:
    """What one attack made of one cipher.

    Attributes:
        cipher, attack: names; "itn" with its network.
        plain, ciphertexts, restored: uint8 (T,H,W,3).
    """

    cipher: str
    attack: str
    plain: np.ndarray
    ciphertexts: np.ndarray
    restored: np.ndarray

    @property
    def ssim(self) -> np.ndarray:
        """float (T,)."""
        return similarity(self.plain, self.restored)

    def row(self) -> dict[str, Any]:
        """JSON-ready: SSIM, its chance level (beside other images), and the published value if there is one."""
        return {
            "cipher": self.cipher,
            "attack": self.attack,
            "images": len(self.plain),
            "ssim": asdict(Quartiles.of(self.ssim)),
            "ssim_chance": float(np.median(similarity(np.roll(self.plain, 1, 0), self.restored))),
            "outlines": asdict(Quartiles.of(outlines(self.plain, self.restored))),
            "published_ssim": PUBLISHED_SSIM.get((self.cipher, self.attack.split(" ")[0])),
        }


def restorations(
    images: np.ndarray,
    scale: Scale = "small",
    *,
    block_size: int = 4,
    ciphers: Sequence[str] = CIPHERS,
    attacks: Sequence[str] = ATTACKS,
) -> Iterator[Restoration]:
    """Run the paper's attacks; the input of :func:`figure6` and :func:`figure8`.

    Args:
        images: uint8 (N,H,W,3), 32x32 in the paper. A third at most, and 4, 64 or 1000 by the scale, are
            restored; half of the others are encrypted for the attacker, the rest are the attacker's own.
        scale: of the training: "smoke" (seconds), "small" (minutes on a CPU) or "paper" (hours on a GPU).
        block_size: of EtC; the others have blocks of 4x4 or pixels.
        ciphers, attacks: which.

    Yields:
        One per cipher and attack; two for "itn", block-local and position-aware.

    Example:
        >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
        >>> [one.attack for one in restorations(pictures, "smoke", ciphers=["pe"], attacks=["fr-basic"])]
        ['fr-basic']
    """
    count = min(_TARGETS[scale], max(1, len(images) // 3))
    half = count + (len(images) - count) // 2
    shares = Shares(images[:count], images[count:half], images[:0], images[half:])
    for cipher in ciphers:
        spec = make_spec(cipher, **({"block_size": block_size} if cipher == "etc" else {}))
        evidence = make_trial(Owner.new(spec), shares, scale).evidence
        for name in attacks:
            if name == "itn":
                for variant in variants(spec, *evidence.size):
                    restored = restore(evidence, variant)[0]
                    yield Restoration(cipher, f"itn {variant}", shares.targets, evidence.targets, restored)
            else:
                attack = get_attack(name)
                restored = attack.run(evidence.only(attack.needs)).restored
                yield Restoration(cipher, name, shares.targets, evidence.targets, restored)


def figure6(found: Sequence[Restoration], picture: int = 0) -> Image.Image:
    """The picture grid: one row per cipher; plain, ciphertext, then what each attack restores, with its SSIM.

    Args:
        found: from :func:`restorations`.
        picture: which of the restored images to show.

    Example:
        >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
        >>> figure6(list(restorations(pictures, "smoke", ciphers=["pe"], attacks=["fr-basic"]))).mode
        'RGB'
    """
    ciphers = list(dict.fromkeys(one.cipher for one in found))
    attacks = list(dict.fromkeys(one.attack for one in found))
    columns = ["plain", "ciphertext", *attacks]
    left, top, step = 40, 22, (2 * _EDGE + _MARGIN, _EDGE * 2 + 20)
    grid = Image.new("RGB", (left + step[0] * len(columns), top + step[1] * len(ciphers)), "white")
    draw = ImageDraw.Draw(grid)
    for column, name in enumerate(columns):
        draw.text((left + column * step[0], 5), name, "black")
    for row, cipher in enumerate(ciphers):
        y = top + row * step[1]
        draw.text((5, y + _EDGE), cipher.upper() if cipher != "etc" else "EtC", "black")
        mine = {one.attack: one for one in found if one.cipher == cipher}
        first = next(iter(mine.values()))
        cells: list[tuple[np.ndarray | None, np.ndarray | None]] = [(first.plain, None), (first.ciphertexts, None)]
        cells += [(mine[name].restored, mine[name].ssim) if name in mine else (None, None) for name in attacks]
        for column, (images, ssim) in enumerate(cells):
            if images is None:
                continue
            x = left + column * step[0]
            shown = Image.fromarray(images[picture]).resize((2 * _EDGE, 2 * _EDGE), Image.Resampling.NEAREST)
            grid.paste(shown, (x, y))
            if ssim is not None and len(ssim):
                draw.text((x, y + 2 * _EDGE + 3), f"SSIM {ssim[picture]:.3f}", "black")
    return grid


def figure8(found: Sequence[Restoration]) -> tuple[list[dict[str, Any]], str]:
    """The box plots: a JSON-ready row for each, and the plot as SVG text.

    Args:
        found: from :func:`restorations`.
    """
    boxes = [(f"{one.cipher}, {one.attack.removeprefix('itn ')}", Quartiles.of(one.ssim)) for one in found]
    return [one.row() for one in found], box_plot(boxes, "SSIM of restored and plain images")
