"""The file format of a ciphertext, as one value that is checked once."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from .errors import ParameterError

ImageFormat = Literal["png", "webp", "jpeg"]
Subsampling = Literal["4:4:4", "4:2:0"]
FORMATS, SUBSAMPLINGS = get_args(ImageFormat), get_args(Subsampling)
JPEG_QUALITY = 85  # the paper's better one; what a JPEG gets wherever nothing else is asked for
_SUFFIX = {"jpeg": ".jpg"}


@dataclass(frozen=True)
class Encoding:
    """How encrypted pixels are written.

    Attributes:
        format: "png" (default) and "webp" are lossless, "jpeg" is lossy (paper section IV-C).
        quality: of JPEG, 1..100; the paper uses 85 and 80.
        subsampling: of JPEG's chroma. "4:2:0" smears colour over block borders and costs accuracy.

    Raises:
        ParameterError: unknown format, quality or subsampling.

    Example:
        >>> str(Encoding("jpeg", 80)), Encoding("webp").suffix
        ('jpeg 80 4:4:4', '.webp')
    """

    format: ImageFormat = "png"
    quality: int = JPEG_QUALITY
    subsampling: Subsampling = "4:4:4"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ParameterError(f"format {self.format!r}: use png, webp or jpeg")
        if type(self.quality) is not int or not 1 <= self.quality <= 100:
            raise ParameterError(f"quality {self.quality!r}: use a whole number from 1 to 100")
        if self.subsampling not in SUBSAMPLINGS:
            raise ParameterError(f"subsampling {self.subsampling!r}: use 4:4:4 or 4:2:0")

    @classmethod
    def of(cls, format: "ImageFormat | Encoding", quality: int, subsampling: Subsampling) -> "Encoding":
        """For functions that take the three apart, or an Encoding in place of the format."""
        return format if isinstance(format, Encoding) else cls(format, quality, subsampling)

    @property
    def suffix(self) -> str:
        """Of file names, such as ".png"."""
        return _SUFFIX.get(self.format, f".{self.format}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what has no effect."""
        jpeg = {"quality": self.quality, "subsampling": self.subsampling} if self.format == "jpeg" else {}
        return {"format": self.format, **jpeg}

    def __str__(self) -> str:
        return " ".join(map(str, self.to_dict().values()))
