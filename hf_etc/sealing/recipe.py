"""Everything but the key that decides on a ciphertext file."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..cipher import CipherSpec, spec_from_dict
from ..cipher.presets import preset_parameters
from ..cipher.spec import all_parameters, make_spec
from ..encoding import JPEG_QUALITY, Encoding, ImageFormat, Subsampling
from ..errors import ParameterError
from ..images.prepare import Fit, Preparation, Size, to_size
from .views import Views


@dataclass(frozen=True)
class Recipe:
    """How plain pictures become ciphertexts; with a key, :class:`hf_etc.sealing.Sealer` does it.

    Attributes:
        spec: cipher and parameters.
        preparation: how a picture is brought to size before it is encrypted.
        encoding: of the file.
        views: the augmented views to make of a picture; None encrypts the picture as it is.

    Raises:
        GeometryError: the size to prepare does not fit the cipher's block grid.

    Example:
        >>> recipe = Recipe.of(block_size=8, size=64, format="jpeg")
        >>> Recipe.of(recipe.to_dict()) == recipe
        True
    """

    spec: CipherSpec
    preparation: Preparation = field(default_factory=Preparation)
    encoding: Encoding = field(default_factory=Encoding)
    views: Views | None = None

    def __post_init__(self) -> None:
        if self.preparation.size is not None:
            self.spec.check_size(*self.preparation.size)

    @classmethod
    def of(cls, recipe: "Recipe | Mapping[str, Any] | None" = None, /, **members: Any) -> "Recipe":
        """A recipe as users write it: whole, as the dictionary of :meth:`to_dict`, or member by member.

        Args:
            recipe: a recipe or a dictionary of members; then there are no others.
            cipher: a registered name ("etc" by default), or a spec as object or dictionary.
            preset: "paper", "private" or "strict": parameters of "etc" by one name; others given beside it override.
            block_size, key_scope, steps, shared_block_key, gap, jitter, keep, disposable: parameters of a cipher given
                by name; None leaves its default, for "etc" those of :class:`hf_etc.EtcCipher`.
            size: edge or (height, width) in pixels of what is encrypted; None (default) keeps each picture's own.
            fit, resample: how a picture is brought to size, see :class:`hf_etc.Preparation`.
            window: of pictures with more than 8 bits, see :func:`hf_etc.load_rgb`; None (default): there are none.
            format, quality, subsampling: of the file, see :class:`hf_etc.encoding.Encoding`.
            views: 0 (default) encrypts each picture as it is; V makes V augmented views of each, then encrypts them
                (the authors' training does so anew for every epoch).
            crop_scale, flip, seed: of the views, see :class:`hf_etc.data.Views`: by default (0.75, 1.0), True, 0.

        Raises:
            ParameterError: unknown member, or one that is out of range.
            GeometryError: the size is off the block grid.
        """
        if recipe is not None and members:
            raise ParameterError(f"{min(members)!r} beside a whole recipe; leave it out, or give the members alone")
        if isinstance(recipe, Recipe):
            return recipe
        if recipe is not None and not isinstance(recipe, Mapping):
            raise ParameterError(f"a {type(recipe).__name__} is no recipe; give a Recipe, a dictionary or its members")
        members = members if recipe is None else dict(recipe)
        if unknown := members.keys() - recipe_members():
            known = ", ".join(sorted(recipe_members()))
            raise ParameterError(f"a recipe has no {min(unknown)!r}; it has {known}")
        return _from_members(**members)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what has no effect; :meth:`of` reads it back."""
        size, views = self.preparation.size, self.views
        facts = self.spec.to_dict() | {"size": None if size is None else list(size)}
        facts |= {"fit": self.preparation.fit, "resample": self.preparation.resample, **self.encoding.to_dict()}
        if self.preparation.window is not None:
            facts["window"] = self.preparation.window
        facts["views"] = 0 if views is None else views.count
        if views is not None:
            facts |= {"crop_scale": list(views.scale), "flip": views.flip, "seed": views.seed}
        return facts


def recipe_members() -> set[str]:
    """The names that :meth:`Recipe.of` takes."""
    return set(inspect.signature(_from_members).parameters) - {"params"} | all_parameters() | {"preset"}


def to_spec(
    cipher: str | Mapping[str, Any] | CipherSpec = "etc", preset: str | None = None, **params: Any
) -> CipherSpec:
    """The spec of a cipher given by its name and those of `params` that are not None, or given whole.

    Args:
        cipher: a registered name, or a spec as object or dictionary.
        preset: of parameters of "etc", which those of `params` override.

    Raises:
        ParameterError: unknown name, preset or parameter, or parameters beside a whole spec.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if preset is not None:
        if cipher != "etc":
            raise ParameterError(f"the preset {preset!r} is one of the cipher 'etc'; leave it out, or give that cipher")
        given = preset_parameters(preset, given.get("block_size")) | given
    if isinstance(cipher, str):
        return make_spec(cipher, **given)
    if given:
        raise ParameterError(
            f"{next(iter(given))} is fixed by the cipher's spec; leave it out, or give the cipher by name"
        )
    return cipher if isinstance(cipher, CipherSpec) else spec_from_dict(dict(cipher))


def _from_members(
    cipher: str | Mapping[str, Any] | CipherSpec = "etc",
    size: Size = None,
    fit: Fit | None = None,
    resample: str = "bicubic",
    window: str | None = None,
    format: ImageFormat = "png",
    quality: int = JPEG_QUALITY,
    subsampling: Subsampling = "4:4:4",
    views: int = 0,
    crop_scale: tuple[float, float] = (0.75, 1.0),
    flip: bool = True,
    seed: int = 0,
    **params: Any,
) -> Recipe:
    spec, preparation = to_spec(cipher, **params), Preparation(to_size(size), fit, resample, window)
    augmented = Views(views, crop_scale, flip, seed) if views else None
    return Recipe(spec, preparation, Encoding(format, quality, subsampling), augmented)
