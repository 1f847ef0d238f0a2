"""Pictures of every kind: what becomes upright RGB, what is refused, and how it is brought to size."""

import base64
import io
import random
import re
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from hf_etc import (
    EncryptImages,
    EtcCipher,
    EtcImageProcessor,
    EtcKey,
    Preparation,
    decode_ciphertext,
    get_cipher,
    load_rgb,
)
from hf_etc.errors import EtcError, GeometryError, ImageError, ParameterError
from hf_etc.images import load as images
from hf_etc.images.ciphertext import read_marker
from hf_etc.images.load import open_image

from ..helpers import gradient, noise
from ..reference import preparation_reference as reference
from ..web.png_files import chunk


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def picture(height=16, width=24):
    return Image.fromarray(noise(height, width, 3))


def pixels(source):
    image = load_rgb(source)
    assert image.mode == "RGB"
    return np.asarray(image)


# Modes


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grayscale_is_repeated(mode):
    gray = picture().convert(mode)
    expected = np.asarray(gray.convert("L"))
    assert (pixels(gray) == expected[..., None]).all()
    assert (pixels(saved(gray, "PNG")) == expected[..., None]).all()


def test_palette():
    paletted = picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    expected = np.asarray(paletted.convert("RGB"))
    assert (pixels(paletted) == expected).all() and (pixels(saved(paletted, "PNG")) == expected).all()
    assert (pixels(saved(paletted, "GIF")) == expected).all(), "a GIF of one frame is a still picture"


def test_palette_with_transparency_becomes_white_there():
    paletted = Image.new("P", (4, 2), 1)
    paletted.putpalette([10, 20, 30, 40, 50, 60])
    paletted.putpixel((0, 0), 0)
    for source in (saved(paletted, "PNG", transparency=0), saved(paletted, "GIF", transparency=0)):
        out = pixels(source)
        assert out[0, 0].tolist() == [255, 255, 255] and (out[1] == [40, 50, 60]).all()
    out = pixels(saved(paletted, "PNG", transparency=bytes([255, 128])))
    assert out[0, 0].tolist() == [10, 20, 30] and out[1, 1].tolist() == [147, 152, 157]


def test_color_key_transparency():
    """A PNG without an alpha channel can name one transparent colour."""
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    assert pixels(saved(image, "PNG", transparency=(9, 9, 9))).tolist() == [[[1, 2, 3], [255, 255, 255]]]
    assert pixels(saved(image.convert("L"), "PNG", transparency=9)).tolist()[0][1] == [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_over_white(mode):
    image = Image.new("RGBA", (3, 1), (0, 100, 200, 255))
    image.putpixel((1, 0), (0, 100, 200, 0))
    image.putpixel((2, 0), (0, 100, 200, 51))
    converted = image.convert("LA" if mode == "LA" else "RGBA")
    if mode == "PA":
        converted = image.convert("PA")
    colors = np.asarray(converted.convert("RGBA"))[0].astype(int)
    expected = [[reference.over_white(int(c), int(pixel[3])) for c in pixel[:3]] for pixel in colors]
    assert pixels(converted)[0].tolist() == expected
    assert expected[1] == [255, 255, 255] and expected[2] != [255, 255, 255]


def test_hidden_colors_under_transparency_do_not_matter():
    first, second = Image.new("RGBA", (2, 2), (9, 8, 7, 0)), Image.new("RGBA", (2, 2), (200, 1, 2, 0))
    assert (pixels(first) == pixels(second)).all()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV"])
def test_other_color_spaces(mode):
    image = picture().convert(mode)
    assert (pixels(image) == np.asarray(image.convert("RGB"))).all()
    if mode == "CMYK":
        data = saved(image, "TIFF")
        assert Image.open(io.BytesIO(data)).mode == "CMYK" and (pixels(data) == pixels(image)).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bit_gray_keeps_the_high_byte_where_all_of_it_is_asked_for(mode):
    order = ">u2" if mode == "I;16B" else "<u2"
    values = np.array([[0, 255, 256, 0x1234, 0xFFFF]], order)
    image = Image.frombytes(mode, (5, 1), values.tobytes())
    assert np.asarray(load_rgb(image, "full"))[0, :, 0].tolist() == [0, 0, 1, 0x12, 0xFF]
    if mode == "I;16":
        assert np.asarray(load_rgb(saved(image, "PNG"), "full"))[0, :, 2].tolist() == [0, 0, 1, 0x12, 0xFF]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_a_range_are_refused(mode):
    with pytest.raises(ImageError, match=r"numbers without a fixed range as pixels.*--window 0:4095"):
        load_rgb(Image.new(mode, (4, 4)))
    with pytest.raises(ImageError, match="none is full"):
        load_rgb(Image.new(mode, (4, 4)), "full")
    assert load_rgb(Image.new(mode, (4, 4), 1000), "0:2000").getpixel((0, 0)) == (128, 128, 128)


def test_mode_that_pillow_cannot_convert_is_refused():
    with pytest.raises(ImageError):
        load_rgb(Image.new("La", (4, 4)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = Image.fromarray(gradient(16, 24))
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    lying = upright.transpose(inverse[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (pixels(saved(lying, "PNG", exif=exif)) == np.asarray(upright)).all()
    jpeg = pixels(saved(lying, "JPEG", exif=exif, quality=95, subsampling=0)).astype(int)
    assert np.abs(jpeg - np.asarray(upright)).max() < 25
    assert load_rgb(saved(lying, "PNG", exif=exif)).getexif().get(0x0112, 1) == 1, "and not twice"


# Files


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_are_exact(format, tmp_path):
    image = picture()
    data = saved(image, format, **({"lossless": True} if format == "WEBP" else {}))
    (tmp_path / "picture").write_bytes(data)
    for source in (data, tmp_path / "picture", str(tmp_path / "picture"), Image.open(io.BytesIO(data))):
        assert (pixels(source) == np.asarray(image)).all()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_are_refused(format):
    frames = [picture(), Image.fromarray(noise(16, 24, 3, seed=1))]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:])
    for source in (data, Image.open(io.BytesIO(data))):
        with pytest.raises(ImageError, match=r"is animated \(2 frames\); extract one frame first"):
            load_rgb(source)


def test_photograph_with_previews_is_one_picture():
    """MPO, as phones write it."""
    data = saved(picture(), "MPO", save_all=True, append_images=[picture(8, 8)], quality=100, subsampling=0)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert pixels(data).shape == (16, 24, 3)
    assert np.abs(pixels(data).astype(int) - np.asarray(picture())).max() < 25


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
def test_truncated_files_are_refused(format, share):
    data = saved(picture(64, 64), format)
    with pytest.raises(ImageError) as caught:
        load_rgb(data[: int(len(data) * share)])
    assert "\n" not in str(caught.value)


def test_truncated_file_that_pillow_opened_already():
    image = Image.open(io.BytesIO(saved(picture(64, 64), "PNG")[:500]))
    with pytest.raises(ImageError, match="truncated, damaged"):
        EtcCipher(EtcKey.generate(), 16).encrypt(image)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_empty_and_foreign_files(tmp_path):
    empty, text = tmp_path / "empty.png", tmp_path / "text.png"
    empty.touch()
    text.write_text("not an image")
    for source, message in [
        (b"", r"the image file is empty|the image is empty \(0 bytes\)"),
        (empty, r"empty.png is empty \(0 bytes\)"),
        (b"not an image", "the image is not an image that Pillow can read"),
        (text, "text.png is not an image that Pillow can read"),
        (tmp_path / "none.png", "no such file: .*none.png"),
        (tmp_path, "unreadable"),
    ]:
        with pytest.raises(ImageError, match=message):
            open_image(source)


@pytest.mark.parametrize("factor", [0.9, 0.4])
def test_decompression_bomb_is_refused(factor, monkeypatch):
    """Pillow itself only warns up to twice its limit."""
    data = saved(Image.new("RGB", (100, 100)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(10_000 * factor))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match="over Pillow's limit against decompression bombs"):
            load_rgb(data)
    with pytest.raises(ImageError, match="over Pillow's limit"):
        load_rgb(Image.new("RGB", (100, 100)))


LIMITED = """
import base64, resource, sys
import psutil
from PIL import Image
from hf_etc.errors import ImageError
from hf_etc.images import Preparation, decode_ciphertext, load_rgb
from hf_etc.images.load import open_image

source = {source}
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 20 * 2**20, resource.RLIM_INFINITY))
try:
    {call}
except (ImageError, MemoryError) as error:
    print(type(error).__name__ + ":", error)
"""


def refusal(source, call):
    """What `call` is refused with where 20 MiB are left to map.

    In a process of its own: this one holds memory that earlier tests freed, which no limit covers.
    """
    code = LIMITED.format(source=source, call=call)
    return subprocess.run([sys.executable], input=code, capture_output=True, text=True, check=True).stdout


def new(size):
    """A picture of (width, height), as the processes above write it."""
    return f"Image.new('RGB', {size})"


def test_the_memory_limit_of_these_tests_is_one():
    assert refusal(None, "Image.new('RGB', (8192, 8192))").startswith("MemoryError")
    assert refusal(None, "Image.new('RGB', (1024, 1024))") == ""


@pytest.mark.parametrize("fit", ["exact", "crop", "pad"])
def test_a_strip_takes_no_memory_to_refuse(fit):
    """It was filled up to 16x16000000: 3.5 GB."""
    said = refusal(new((16_000_000, 1)), f"{Preparation(fit=fit)}.apply(source, 16)")
    assert said.startswith("ImageError: a 1x16000000 image has an edge of 16000000 pix")


def test_a_small_file_of_many_pixels_takes_no_memory_to_refuse():
    """64x1048624 pixels of one colour in a few kilobytes: decoding, the plan and encrypting took 3.9 GB."""
    deflate = zlib.compressobj(9)
    rows = b"".join(deflate.compress(bytes(193 * 16)) for _ in range(1_048_624 // 16)) + deflate.flush()
    header = struct.pack(">IIBBBBB", 64, 1_048_624, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    for read in ("open_image", "load_rgb", "decode_ciphertext"):
        said = refusal(f"base64.b64decode({base64.b64encode(data)})", f"{read}(source)")
        assert said.startswith("ImageError") and "has an edge of 1048624 pixels, over the limit" in said


@pytest.mark.parametrize(
    ("source", "preparation", "message"),
    [
        ((1, 40_000), Preparation(fit="pad"), "brought to 1024x40960 has 41943040 pixels, over the limit of 33554432"),
        ((1, 1), Preparation((8192, 8192)), "brought to 8192x8192 has 67108864 pixels, over the limit of 33554432"),
        ((1, 1), Preparation((1024, 2**17)), "brought to 1024x131072 has .* over Pillow's limit"),
        ((1, 30), Preparation((2048, 1024)), "a 1x30 image scaled to 2048x61440 has .* over Pillow's limit"),
        ((1, 70), Preparation((1024, 1024)), "a 1x70 image scaled to 1024x71680 has an edge of 71680 pixels"),
        ((9000, 90), Preparation((1024, 2**14), "stretch"), "a 9000x90 image scaled to 9000x16384 has .* over"),
    ],
)
def test_sizes_are_checked_before_memory_is_taken(source, preparation, message):
    assert re.search(f"^ImageError: .*{message}", refusal(new(source[::-1]), f"{preparation}.apply(source, 1024)"))


@pytest.mark.parametrize(("source", "size"), [((90, 9000), (2**14, 1024)), ((9001, 90), (1024, 2**14))])
def test_the_axis_that_fits_is_scaled_first(source, size):
    preparation = Preparation(size, "stretch")
    assert preparation.apply(Image.new("RGB", source[::-1]), 1024).shape[:2] == preparation.size


def test_transparency_of_a_large_picture_is_laid_over_white_strip_by_strip(monkeypatch):
    image = Image.fromarray(noise(13, 7, 4))
    whole = np.asarray(load_rgb(image))
    for pixels in (1, 7, 20):
        monkeypatch.setattr(images, "_STRIP", pixels)
        assert (np.asarray(load_rgb(image)) == whole).all()


@pytest.mark.parametrize("size", [(0, 0), (0, 32), (32, 0)])
def test_a_picture_without_pixels(size, key):
    empty, (width, height) = Image.new("RGB", size), size
    array = np.zeros((height, width, 3), np.uint8)
    calls = [
        lambda: EtcCipher(key).encrypt(empty),
        lambda: EtcCipher(key).decrypt(empty),
        lambda: EtcImageProcessor(key, size=32)(empty),
        lambda: EtcImageProcessor(key, size=32)(array),
        lambda: EtcImageProcessor(key)(np.stack([array, array])),
        lambda: EncryptImages(key, size=32)({"image": [empty]}),
        lambda: EncryptImages(key, fit="pad")({"image": [empty]}),
        lambda: Preparation((32, 32), "stretch").apply(empty, 16),
    ]
    for call in calls:
        with pytest.raises(ImageError, match=rf"(the|a {height}x{width}) image has no pixels \({height}x{width}\)"):
            call()


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 32, 3), (32, 0, 3), (0, 32, 32, 3), (2, 0, 32, 3), (2, 32, 0, 3)])
@pytest.mark.parametrize("cipher", ["etc", "le", "pe"])
def test_arrays_without_pixels(shape, cipher, key):
    cipher, array = get_cipher(cipher, key), np.zeros(shape, np.uint8)
    for apply in (cipher.encrypt, cipher.decrypt_unauthenticated):
        with pytest.raises((ImageError, GeometryError)):
            apply(array)
        if array.ndim == 4:
            with pytest.raises((ImageError, GeometryError)):
                apply(torch.from_numpy(array).permute(0, 3, 1, 2))


def seeds():
    key = EtcKey(bytes(range(32)))
    cipher, image = EtcCipher(key, 8), picture()
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a sunny day", 6
    animated = saved(image.convert("P"), "GIF", save_all=True, append_images=[image.convert("P").rotate(90)])
    plain = [saved(image, format, exif=exif) for format in ("PNG", "JPEG", "WEBP", "TIFF")]
    plain += [saved(image, format) for format in ("GIF", "BMP", "PPM", "TGA", "DDS", "PCX", "ICO")]
    marked = [cipher.seal(image, format) for format in ("png", "webp", "jpeg")]
    return [*plain, *marked, animated, saved(image.convert("I;16"), "PNG")]


def damage(data, generator):
    data = bytearray(data)
    for _ in range(generator.choice([1, 1, 2, 5])):
        if generator.random() < 0.3:
            data = data[: generator.randrange(len(data) + 1)]
        elif data:
            data[generator.randrange(min(len(data), generator.choice([40, 400, 10**6])))] = generator.randrange(256)
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_meet_only_our_errors(seed, capfd):
    """Whatever a plugin of Pillow raises, the caller sees one class of error with one line."""
    generator, originals, refused = random.Random(seed), seeds(), 0
    cipher = EtcCipher(EtcKey(bytes(range(32))), 8)
    for _ in range(250):
        data = damage(generator.choice(originals), generator)
        for read in (load_rgb, decode_ciphertext, lambda data: cipher.encrypt(open_image(data))):
            try:
                read(data)
            except EtcError as error:
                refused += 1
                assert str(error)
    assert refused > 100


def test_damaged_exif_is_refused():
    data = saved(picture(), "WEBP", exif=b"Exif\0\0XX*\0\x08\0\0\0\0\0\0\0")
    assert read_marker(Image.open(io.BytesIO(data))) is None, "what cannot be read holds no marker"
    for read in (load_rgb, EtcCipher(EtcKey.generate(), 8).encrypt):
        with pytest.raises(ImageError, match="damaged"):
            read(Image.open(io.BytesIO(data)))


# To size


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.sampled_from(["bicubic", "bilinear"]),
    st.integers(0, 2**31),
)
def test_preparation_is_the_references(height, width, rows, columns, fit, resample, seed):
    rows, columns, source = rows * 4, columns * 4, noise(height, width, 3, seed=seed)
    out = Preparation((rows, columns), fit, resample).apply(Image.fromarray(source), 4)
    image = reference.rows_of(source.tobytes(), height, width)
    assert out.shape == (rows, columns, 3) and out.flags.c_contiguous
    assert out.tobytes() == reference.bytes_of(reference.prepare(image, (rows, columns), fit, resample, 4))


@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.integers(1, 24),
    st.integers(1, 24),
    st.sampled_from(["bicubic", "bilinear"]),
)
def test_resampling_of_the_specification_is_pillows(height, width, rows, columns, resample):
    source = noise(height, width, 3) // 128 * 255  # black and white: bicubic overshoots
    expected = Image.fromarray(source).resize((columns, rows), Image.Resampling[resample.upper()])
    image = reference.rows_of(source.tobytes(), height, width)
    assert reference.bytes_of(reference.scale(image, rows, columns, resample)) == expected.tobytes()


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 16), st.sampled_from(["exact", "crop", "pad"]))
def test_without_a_size_nothing_is_scaled(height, width, grid, fit):
    source, preparation = noise(height, width, 3), Preparation(fit=fit)
    off = (height % grid or width % grid) if fit == "exact" else fit == "crop" and min(height, width) < grid
    if off:
        with pytest.raises(GeometryError, match="block"):
            preparation.apply(Image.fromarray(source), grid)
        return
    out = preparation.apply(Image.fromarray(source), grid)
    assert out.shape[0] % grid == out.shape[1] % grid == 0
    assert abs(out.shape[0] - height) < grid > abs(out.shape[1] - width)
    large, small = (out, source) if fit == "pad" else (source, out)
    top, left = [(large.shape[axis] - small.shape[axis]) // 2 for axis in (0, 1)]
    assert (large[top : top + small.shape[0], left : left + small.shape[1]] == small).all()


def test_defaults():
    assert Preparation() == Preparation(None, "exact", "bicubic")
    assert Preparation((32, 48)) == Preparation([32, 48], "crop", "bicubic")


@pytest.mark.parametrize(
    "size", [0, (0, 32), (32, -16), (32,), (32, 32, 3), (32.0, 32), (True, True), "32", 32, {32, 48}]
)
def test_sizes_that_are_none(size):
    with pytest.raises(ParameterError, match=r"give \(height, width\) in pixels"):
        Preparation(size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((32, 32), "exact"), "fit 'exact' with a size: use one of crop, pad, stretch"),
        ((None, "stretch"), "fit 'stretch' without a size: use one of exact, crop, pad"),
        (((32, 32), "cover"), "fit 'cover' with a size"),
        (((32, 32), "crop", "lanczos"), "resample 'lanczos': use one of bicubic, bilinear"),
    ],
)
def test_preparations_that_are_none(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Preparation(*arguments)


def test_result_off_the_grid_is_refused():
    with pytest.raises(GeometryError, match="30x32 is not a multiple of the block size 16"):
        Preparation((30, 32)).apply(picture(), 16)
    with pytest.raises(GeometryError, match="the block size 16 is larger than the image, 8x8"):
        Preparation((8, 8)).apply(picture(), 16)
