"""Markers with the right tag for the small files: whatever their pixels are, they count as the encrypted image."""

from .file_reference import jpeg_data
from .marker_reference import make_tag, marker_text
from .sample_files import JPEG
from .scenario import KEY
from .settings_reference import cipher_id
from .small_files import HEIGHT, PIXELS, WIDTH

BLOCKS = {"block_size": 4}
SIZE = (HEIGHT, WIDTH)


def mark(kind, data, cipher="etc", parameters=BLOCKS, nonce=None, size=SIZE, id_size=SIZE, key=KEY):
    """The marker as bytes. `id_size` is (None, None) for an id of pictures of any size."""
    marker = (cipher, parameters, *size, cipher_id(key, cipher, parameters, *id_size), nonce)
    return marker_text(*marker, make_tag(key, marker_text(*marker), kind, data)).encode()


def mark_pixels(**options):
    """For PNG and WebP."""
    return mark("pixels", options.pop("pixels", PIXELS), **options)


def mark_jpeg(source=JPEG, **options):
    return mark("jpeg", jpeg_data(source), **options)
