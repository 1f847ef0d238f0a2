"""The settings that are compared, and their names."""

from collections.abc import Iterable

from ..cipher import EtcSpec
from ..errors import EtcError, GeometryError, ParameterError

_SHARES = [  # gap and jitter as shares of a block's edge, then the share of blocks that is sent
    (0, 0, 1),
    (0, 0, 0.5),
    (1 / 8, 1 / 8, 1),
    (1 / 4, 0, 1),
    (1 / 4, 1 / 4, 1),
    (1 / 4, 1 / 4, 0.5),
    (1 / 2, 0, 1),
    (1 / 2, 1 / 2, 1),
    (1 / 2, 1 / 2, 0.5),
    (3 / 4, 3 / 4, 1),
    (3 / 4, 3 / 4, 0.5),
    (1, 1, 1),
    (1, 1, 0.5),
    (1, 1, 0.25),
]


def usual_settings(block_sizes: Iterable[int], size: tuple[int, int]) -> list[EtcSpec]:
    """One key for all, then a key for each image with gaps from none to a whole block, for each block size.

    Args:
        block_sizes: in pixels.
        size: (height, width) of the pictures; settings that leave no block of it are left out.

    Example:
        >>> [name_of(spec) for spec in usual_settings([16], (224, 224))][:3]
        ['dataset-16', 'image-16', 'image-16-keep50']
    """
    found: dict[EtcSpec, None] = {}
    for block in block_sizes:
        found[EtcSpec("dataset", block)] = None
        for gap, jitter, keep in _SHARES:
            pixels = round(gap * block), round(jitter * block)
            found[EtcSpec("image", block, gap=pixels[0], jitter=pixels[1], keep=keep)] = None
    return [spec for spec in found if _fits(spec, size)]


def name_of(spec: EtcSpec) -> str:
    """A setting as the name of a record.

    Example:
        >>> name_of(EtcSpec("image", 16, gap=4, jitter=2, keep=0.5))
        'image-16-gap4-jitter2-keep50'
    """
    parts = [spec.key_scope, str(spec.block_size)]
    parts += [f"gap{spec.gap}"] if spec.gap else []
    parts += [f"jitter{spec.jitter}"] if spec.jitter else []
    parts += [f"keep{round(100 * spec.keep)}"] if spec.keep != 1 else []
    return "-".join(parts)


def parse_setting(text: str) -> EtcSpec:
    """A setting by its name.

    Raises:
        ParameterError: it is none.

    Example:
        >>> parse_setting("image-16-gap4-jitter2-keep50").keep
        0.5
    """
    scope, *rest = text.split("-")
    try:
        values: dict[str, int | float] = {"block_size": int(rest[0])}
        for part in rest[1:]:
            name = part.rstrip("0123456789")
            values[name] = int(part[len(name) :])
        if "keep" in values:
            values["keep"] = values["keep"] / 100
        return EtcSpec(scope, **values)  # type: ignore[arg-type]
    except EtcError as error:
        raise ParameterError(f"the setting {text!r}: {error}") from None
    except (ValueError, IndexError, TypeError):
        raise ParameterError(f"the setting {text!r}: write it as image-16-gap4-jitter4-keep50") from None


def sent_share(spec: EtcSpec, size: tuple[int, int]) -> float:
    """The share of a picture's pixels that is sent."""
    height, width = spec.output_size(*size)
    return height * width / (size[0] * size[1])


def _fits(spec: EtcSpec, size: tuple[int, int]) -> bool:
    try:
        spec.check_size(*size)
    except GeometryError:
        return False
    return True
