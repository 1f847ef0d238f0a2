"""How large pictures may be."""

from PIL import Image

from ..errors import ImageError

MAX_EDGE = 65_535  # pixels: a JPEG's, and a bound on the tables of a resampling, which grow with the edge


def check_size(height: int, width: int, name: str) -> None:
    """Raise ImageError for no pixels at all, or for more than memory is spent on (docs/spec.md, section 6).

    The number of pixels is Pillow's limit against decompression bombs, where Pillow itself only warns.
    """
    if not height or not width:
        raise ImageError(f"{name} has no pixels ({height}x{width})")
    if Image.MAX_IMAGE_PIXELS and width * height > Image.MAX_IMAGE_PIXELS:
        raise ImageError(f"{name} has {width * height} pixels, over Pillow's limit against decompression bombs")
    if max(height, width) > MAX_EDGE:
        raise ImageError(f"{name} has an edge of {max(height, width)} pixels, over the limit of {MAX_EDGE}; cut it")
