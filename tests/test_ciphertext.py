"""Ciphertext files: the marker in each format, exact pixels, real chroma sampling, and every kind of damage."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hf_etc import (
    EtcCipher,
    EtcKey,
    Marker,
    decode_ciphertext,
    encode_ciphertext,
    get_cipher,
    list_ciphers,
    read_marker,
)
from hf_etc.ciphers.base import spec_from_dict
from hf_etc.ciphertext import check_format
from hf_etc.errors import (
    AlreadyEncryptedError,
    GeometryError,
    ImageError,
    KeyMismatchError,
    MarkerError,
    NotACiphertextError,
    ParameterError,
)

from .helpers import gradient, noise
from .reference import marker_reference
from .secrets import find_secret

KEY = EtcKey(bytes(range(32)))
FORMATS = ["png", "webp", "jpeg"]
LOSSLESS = ["png", "webp"]


def encrypted(scope="dataset", source=None, key=KEY, block_size=8):
    source = gradient(32, 48) if source is None else source
    cipher = EtcCipher(key, block_size, scope)
    nonce = cipher.new_nonces(1)[0] if scope == "image" else None
    return cipher.encrypt(source, nonce), cipher.marker(*source.shape[:2], nonce)


# Round trips


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_marker_round_trip(format, scope, tmp_path):
    pixels, marker = encrypted(scope)
    data = encode_ciphertext(pixels, marker, format)
    path = tmp_path / f"image.{format}"
    path.write_bytes(data)
    for source in (data, path, str(path), Image.open(path), Image.open(io.BytesIO(data))):
        assert decode_ciphertext(source)[1] == marker
    assert Image.open(path).format == format.upper()
    assert marker_reference.find_marker(data) == marker.to_json(), "where the specification says"


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize(
    "source", [gradient(32, 48), noise(32, 48, 3), np.zeros((8, 8, 3), np.uint8)], ids=["gradient", "noise", "black"]
)
def test_lossless_formats_are_exact(format, source):
    pixels, marker = encrypted("image", source)
    decoded, found = decode_ciphertext(encode_ciphertext(pixels, marker, format))
    assert (decoded == pixels).all()
    assert (EtcCipher(KEY, 8, "image").decrypt(decoded, found.nonce) == source).all()


@pytest.mark.parametrize("quality", [80, 85, 95])
def test_jpeg_decrypts_close_to_the_picture(quality):
    source = gradient(64, 64)
    pixels, marker = encrypted(source=source)
    decoded, _ = decode_ciphertext(encode_ciphertext(pixels, marker, "jpeg", quality))
    error = EtcCipher(KEY, 8).decrypt(decoded).astype(int) - source
    assert 0 < np.abs(error).mean() < 6


@pytest.mark.parametrize(
    ("options", "factors"),
    [
        ({}, [0x11, 0x11, 0x11]),
        ({"subsampling": "4:4:4"}, [0x11, 0x11, 0x11]),
        ({"subsampling": "4:2:0"}, [0x22, 0x11, 0x11]),
    ],
)
def test_jpeg_sampling_is_what_was_asked(options, factors):
    """Read from the frame header: 4:4:4, the default, has the factors 1x1 for all components."""
    pixels, marker = encrypted()
    segments = dict(marker_reference.jpeg_segments(encode_ciphertext(pixels, marker, "jpeg", **options)))
    frame = segments[0xC0]  # SOF0: baseline
    assert frame[5] == 3 and [frame[7 + 3 * i] for i in range(3)] == factors
    assert [frame[6 + 3 * i] for i in range(3)] == [1, 2, 3]  # Y, Cb, Cr
    assert 0xE0 in segments and 0xE1 not in segments, "JFIF, and no EXIF"


def test_jpeg_quality_is_what_was_asked():
    pixels, marker = encrypted(source=noise(64, 64, 3))
    sizes = [len(encode_ciphertext(pixels, marker, "jpeg", quality)) for quality in (1, 50, 80, 85, 100)]
    assert sizes == sorted(set(sizes))
    reference = io.BytesIO()
    Image.fromarray(pixels).save(reference, "JPEG", quality=85, subsampling=0)
    default = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, "jpeg")))
    assert default.quantization == Image.open(reference).quantization


def test_webp_is_lossless_also_where_blocks_are_flat():
    pixels, marker = encrypted(source=np.full((32, 32, 3), 200, np.uint8))
    data = encode_ciphertext(pixels, marker, "webp")
    assert b"VP8L" in data and (decode_ciphertext(data)[0] == pixels).all()


@pytest.mark.parametrize("name", list_ciphers())
@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_markers_of_every_registered_cipher(name, scope):
    cipher = get_cipher(name, KEY, key_scope=scope)
    nonce = bytes(range(16)) if scope == "image" else None
    marker = cipher.marker(32, 32, nonce)
    assert Marker.from_json(marker.to_json()) == marker
    assert list(json.loads(marker.to_json()))[:2] == ["hf-etc", "cipher"]
    assert spec_from_dict(cipher.spec.to_dict()) == cipher.spec


def test_marker_text_is_the_specifications():
    marker = EtcCipher(KEY).marker(224, 224)
    assert marker.to_json() == (
        '{"hf-etc":1,"cipher":"etc","key_scope":"dataset","block_size":16,'
        '"steps":["permutation","rotation","negative-positive","color"],"shared_block_key":false,'
        f'"height":224,"width":224,"key_id":"{KEY.key_id}"}}'
    )
    scoped = EtcCipher(KEY, key_scope="image").marker(16, 16, bytes(range(16)))
    assert scoped.to_json().endswith(',"nonce":"000102030405060708090a0b0c0d0e0f"}')


@pytest.mark.parametrize("format", FORMATS)
def test_file_holds_no_key(format):
    key = EtcKey.generate()
    pixels, marker = encrypted("image", key=key)
    assert not find_secret(key, encode_ciphertext(pixels, marker, format))
    assert not find_secret(key, repr(marker))


def test_files_are_reproducible():
    pixels, marker = encrypted()
    for format in FORMATS:
        assert encode_ciphertext(pixels, marker, format) == encode_ciphertext(pixels.copy(), marker, format)


# What happens to a ciphertext afterwards


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.copy(),
        lambda i: i.convert("RGB"),
        lambda i: i.convert("L").convert("RGB"),
        lambda i: i.rotate(180),
        lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    ],
    ids=["copy", "convert", "gray and back", "rotate", "flip"],
)
def test_marker_survives_pillow(format, change):
    pixels, marker = encrypted()
    image = change(Image.open(io.BytesIO(encode_ciphertext(pixels, marker, format))))
    assert read_marker(image) == marker


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.resize((96, 64)),
        lambda i: i.resize((32, 32)),
        lambda i: i.crop((0, 0, 16, 16)),
        lambda i: i.rotate(90, expand=True),
        lambda i: i.reduce(2),
    ],
    ids=["larger", "smaller", "cropped", "turned", "reduced"],
)
def test_resizing_after_encryption_is_noticed(format, change):
    pixels, marker = encrypted()
    image = change(Image.open(io.BytesIO(encode_ciphertext(pixels, marker, format))))
    with pytest.raises(GeometryError, match=r"resized or cropped after encryption \(encrypted at 32x48, now"):
        decode_ciphertext(image)
    with pytest.raises(GeometryError):
        EtcCipher(KEY, 8).decrypt(image)


@pytest.mark.parametrize("format", FORMATS)
def test_encrypting_twice_is_refused(format):
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, format)))
    for again in (image, image.copy(), image.resize((64, 64))):
        with pytest.raises(AlreadyEncryptedError):
            EtcCipher(EtcKey.generate(), 16).encrypt(again)


def test_marker_behind_the_pixels_is_found():
    """Some PNG writers put texts last, where Pillow reads them only with the pixels."""
    pixels, marker = encrypted()
    data = encode_ciphertext(pixels, marker, "png")
    chunks = list(marker_reference.png_chunks(data))
    text = next(i for i, (kind, _) in enumerate(chunks) if kind == b"tEXt")
    at, pieces = 8, []
    for _, body in chunks:
        pieces.append(data[at : at + 12 + len(body)])
        at += 12 + len(body)
    moved = data[:8] + b"".join(pieces[:text] + pieces[text + 1 : -1] + [pieces[text], pieces[-1]])
    assert decode_ciphertext(moved)[1] == marker
    with pytest.raises(AlreadyEncryptedError):
        EtcCipher(KEY, 8).encrypt(Image.open(io.BytesIO(moved)))


def test_lost_marker_makes_a_plain_image():
    """Fails closed: what a tool stripped is no ciphertext any more."""
    pixels, marker = encrypted()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(encode_ciphertext(pixels, marker, "png"))).save(buffer, "PNG")
    with pytest.raises(NotACiphertextError, match=r"plain image \(no hf-etc marker\); encrypt it first"):
        decode_ciphertext(buffer.getvalue())


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_ciphertext_in_another_mode_is_refused(mode):
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, "png"))).convert(mode)
    with pytest.raises(MarkerError, match=f"a ciphertext is RGB, this one has mode {mode}"):
        decode_ciphertext(image)


def test_wrong_key_is_named():
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, "png")))
    other = EtcKey.generate()
    with pytest.raises(KeyMismatchError, match=f"encrypted under key {KEY.key_id}, this is key {other.key_id}"):
        EtcCipher(other, 8).decrypt(image)


# Plain and damaged files


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_plain_images_are_told_apart(format):
    buffer = io.BytesIO()
    Image.fromarray(gradient(16, 16)).save(buffer, format)
    assert read_marker(Image.open(buffer)) is None
    with pytest.raises(NotACiphertextError, match="encrypt it first"):
        decode_ciphertext(buffer.getvalue())


def marked(text, format="png"):
    buffer, image = io.BytesIO(), Image.fromarray(gradient(32, 48))
    if format == "png":
        chunk = PngInfo()
        chunk.add_text("hf-etc", text)
        image.save(buffer, "PNG", pnginfo=chunk)
    elif format == "jpeg":
        image.save(buffer, "JPEG", comment=b"hf-etc " + text.encode())
    else:
        exif = Image.Exif()
        exif[0x010E] = "hf-etc " + text
        image.save(buffer, "WEBP", lossless=True, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_hand_written_marker_is_read(format):
    """Of the helper that damages them: it can also write good ones."""
    _, marker = encrypted()
    assert decode_ciphertext(marked(marker.to_json(), format))[1] == marker


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kept", [1, 10, 100, -1])
def test_truncated_marker(format, kept):
    _, marker = encrypted()
    data = marked(marker.to_json()[:kept], format)
    for read in (decode_ciphertext, lambda data: EtcCipher(KEY).encrypt(Image.open(io.BytesIO(data)))):
        with pytest.raises(MarkerError, match=r"marker is damaged .*; encrypt the image again") as caught:
            read(data)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
def test_newer_version(format):
    _, marker = encrypted()
    text = marker.to_json().replace('"hf-etc":1', '"hf-etc":2')
    with pytest.raises(MarkerError, match="marker version 2 is unknown; upgrade hf-etc"):
        decode_ciphertext(marked(text, format))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"hf-etc":1' + ',"a":{"b":' * 5000,
        "9" * 10_000,
        '{"hf-etc":1}',
        '{"hf-etc":NaN}',
        "\u00e9",
        "\0",
        "{}",
    ],
    ids=["deep", "deep objects", "long number", "version alone", "nan", "letter", "zero", "empty object"],
)
def test_hostile_marker(text):
    with pytest.raises(MarkerError):
        Marker.from_json(text)


def test_marker_of_a_huge_image_is_only_a_size():
    _, marker = encrypted()
    text = marker.to_json().replace('"height":32', f'"height":{8 * 10**12}')
    assert Marker.from_json(text).height == 8 * 10**12
    with pytest.raises(GeometryError):
        decode_ciphertext(marked(text))


@pytest.mark.parametrize("source", [b"", b"hf-etc {}", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image(source):
    with pytest.raises(ImageError) as caught:
        decode_ciphertext(source)
    assert not isinstance(caught.value, NotACiphertextError)


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_file(format):
    pixels, marker = encrypted(source=noise(64, 64, 3))
    data = encode_ciphertext(pixels, marker, format)
    with pytest.raises(ImageError, match=re.compile("truncated|not an image")):
        decode_ciphertext(data[: len(data) // 2])


# Writing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gif",), "format 'gif': use png, webp or jpeg"),
        (("jpg",), "format 'jpg'"),
        (("PNG",), "format 'PNG'"),
        (("jpeg", 0), "quality 0: use a whole number from 1 to 100"),
        (("jpeg", 101), "quality 101"),
        (("jpeg", 85.0), "quality 85.0"),
        (("jpeg", True), "quality True"),
        (("jpeg", "85"), "quality '85'"),
        (("jpeg", 85, "4:2:2"), "subsampling '4:2:2': use 4:4:4 or 4:2:0"),
        (("jpeg", 85, 0), "subsampling 0"),
    ],
)
def test_format_options(arguments, message):
    pixels, marker = encrypted()
    with pytest.raises(ParameterError, match=message):
        encode_ciphertext(pixels, marker, *arguments)
    with pytest.raises(ParameterError, match=message):
        check_format(*arguments, *(85, "4:4:4")[len(arguments) - 1 :])


def test_pixels_of_another_size_or_kind():
    pixels, marker = encrypted()
    with pytest.raises(GeometryError):
        encode_ciphertext(pixels[:16], marker)
    with pytest.raises(ImageError, match=r"scale to 0\.\.255"):
        encode_ciphertext(pixels / 255, marker)
