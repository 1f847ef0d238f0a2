"""Ciphertext files: the marker in each format, exact pixels, real chroma sampling, and every kind of damage."""

import io
import json
import re
from dataclasses import replace

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
from hf_etc.cipher.spec import spec_from_dict
from hf_etc.encoding import Encoding
from hf_etc.errors import (
    AlreadyEncryptedError,
    AuthenticationError,
    GeometryError,
    ImageError,
    KeyMismatchError,
    MarkerError,
    NotACiphertextError,
    ParameterError,
)
from hf_etc.images.ciphertext import Ciphertext

from ..helpers import gradient, noise, with_marker
from ..reference import file_reference, reading_reference
from ..secrets import find_secret

KEY = EtcKey(bytes(range(32)))
SIGN = EtcCipher(KEY).sign
FORMATS = ["png", "webp", "jpeg"]
LOSSLESS = ["png", "webp"]


def encrypted(scope="dataset", source=None, key=KEY, block_size=8):
    source = gradient(32, 48) if source is None else source
    cipher = EtcCipher(key, block_size, scope)
    nonce = cipher.new_nonces(1)[0] if scope == "image" else None
    return cipher.encrypt(source, nonce), cipher.marker(*source.shape[:2], nonce)


def without_tag(marker):
    return replace(marker, tag="")


# Round trips


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_marker_round_trip(format, scope, tmp_path):
    pixels, marker = encrypted(scope)
    data = encode_ciphertext(pixels, marker, SIGN, format)
    path = tmp_path / f"image.{format}"
    path.write_bytes(data)
    for source in (data, path, str(path), Image.open(path), Image.open(io.BytesIO(data))):
        assert without_tag(decode_ciphertext(source)[1]) == marker
    assert Image.open(path).format == format.upper()
    assert reading_reference.read(data)[1] == read_marker(data).to_json(), "where the specification says"


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize(
    "source", [gradient(32, 48), noise(32, 48, 3), np.zeros((8, 8, 3), np.uint8)], ids=["gradient", "noise", "black"]
)
def test_lossless_formats_are_exact(format, source):
    pixels, marker = encrypted("image", source)
    data = encode_ciphertext(pixels, marker, SIGN, format)
    assert (decode_ciphertext(data)[0] == pixels).all()
    assert (EtcCipher(KEY, 8, "image").unseal(data) == source).all()


@pytest.mark.parametrize("quality", [80, 85, 95])
def test_jpeg_decrypts_close_to_the_picture(quality):
    source = gradient(64, 64)
    pixels, marker = encrypted(source=source)
    data = encode_ciphertext(pixels, marker, SIGN, "jpeg", quality)
    error = EtcCipher(KEY, 8).unseal(data).astype(int) - source
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
    segments = dict(file_reference.jpeg_parts(encode_ciphertext(pixels, marker, SIGN, "jpeg", **options))[0])
    frame = segments[0xC0][4:]  # SOF0: baseline
    assert frame[5] == 3 and [frame[7 + 3 * i] for i in range(3)] == factors
    assert [frame[6 + 3 * i] for i in range(3)] == [1, 2, 3]  # Y, Cb, Cr
    assert 0xE0 in segments and 0xE1 not in segments, "JFIF, and no EXIF"


def test_jpeg_quality_is_what_was_asked():
    pixels, marker = encrypted(source=noise(64, 64, 3))
    sizes = [len(encode_ciphertext(pixels, marker, SIGN, "jpeg", quality)) for quality in (1, 50, 80, 85, 100)]
    assert sizes == sorted(set(sizes))
    reference = io.BytesIO()
    Image.fromarray(pixels).save(reference, "JPEG", quality=85, subsampling=0)
    default = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, "jpeg")))
    assert default.quantization == Image.open(reference).quantization


def test_webp_is_lossless_also_where_blocks_are_flat():
    pixels, marker = encrypted(source=np.full((32, 32, 3), 200, np.uint8))
    data = encode_ciphertext(pixels, marker, SIGN, "webp")
    assert b"VP8L" in data and (decode_ciphertext(data)[0] == pixels).all()


@pytest.mark.parametrize("name", list_ciphers())
@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_markers_of_every_registered_cipher(name, scope):
    cipher = get_cipher(name, KEY, key_scope=scope)
    nonce = bytes(range(16)) if scope == "image" else None
    marker = cipher.sign(cipher.marker(32, 32, nonce), "pixels", b"")
    assert Marker.from_json(marker.to_json()) == marker
    assert list(json.loads(marker.to_json()))[:2] == ["hf-etc", "cipher"]
    assert spec_from_dict(cipher.spec.to_dict()) == cipher.spec


def test_marker_text_is_the_specifications():
    marker = replace(EtcCipher(KEY).marker(224, 224), tag="ab" * 16)
    id_ = KEY.derive(b'hf-etc/2/id/{"cipher":"etc","block_size":16,"height":224,"width":224}', 16).hex()
    assert marker.to_json() == (
        f'{{"hf-etc":2,"cipher":"etc","block_size":16,"height":224,"width":224,"id":"{id_}","tag":"{"ab" * 16}"}}'
    )
    scoped = EtcCipher(KEY, key_scope="image", steps=("color",)).marker(16, 16, bytes(range(16)))
    assert '"cipher":"etc","key_scope":"image","block_size":16,"steps":["color"],' in scoped.to_json()
    assert scoped.to_json().endswith(',"nonce":"000102030405060708090a0b0c0d0e0f"}')


@pytest.mark.parametrize("format", FORMATS)
def test_file_holds_no_key(format):
    key = EtcKey.generate()
    pixels, marker = encrypted("image", key=key)
    assert not find_secret(key, encode_ciphertext(pixels, marker, SIGN, format))
    assert not find_secret(key, repr(marker))


def test_files_are_reproducible():
    pixels, marker = encrypted()
    for format in FORMATS:
        assert encode_ciphertext(pixels, marker, SIGN, format) == encode_ciphertext(pixels.copy(), marker, SIGN, format)


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
    image = change(Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, format))))
    assert without_tag(read_marker(image)) == marker


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
    image = change(Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, format))))
    with pytest.raises(GeometryError, match=r"resized or cropped after encryption \(encrypted at 32x48, now"):
        decode_ciphertext(image)
    with pytest.raises(GeometryError):
        EtcCipher(KEY, 8).unseal(image)


@pytest.mark.parametrize("format", FORMATS)
def test_encrypting_twice_is_refused(format):
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, format)))
    for again in (image, image.copy(), image.resize((64, 64))):
        with pytest.raises(AlreadyEncryptedError):
            EtcCipher(EtcKey.generate(), 16).encrypt(again)


def test_marker_behind_the_pixels_is_found():
    """Some PNG writers put texts last, where Pillow reads them only with the pixels."""
    pixels, marker = encrypted()
    data = encode_ciphertext(pixels, marker, SIGN, "png")
    chunks = list(file_reference.png_chunks(data))
    text = next(i for i, (kind, _) in enumerate(chunks) if kind == b"tEXt")
    at, pieces = 8, []
    for _, body in chunks:
        pieces.append(data[at : at + 12 + len(body)])
        at += 12 + len(body)
    moved = data[:8] + b"".join(pieces[:text] + pieces[text + 1 : -1] + [pieces[text], pieces[-1]])
    assert without_tag(decode_ciphertext(moved)[1]) == marker
    with pytest.raises(AlreadyEncryptedError):
        EtcCipher(KEY, 8).encrypt(Image.open(io.BytesIO(moved)))


def test_lost_marker_makes_a_plain_image():
    """Fails closed: what a tool stripped is no ciphertext any more."""
    pixels, marker = encrypted()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, "png"))).save(buffer, "PNG")
    with pytest.raises(NotACiphertextError, match=r"plain image \(no hf-etc marker\); encrypt it first"):
        decode_ciphertext(buffer.getvalue())


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_ciphertext_in_another_mode_is_refused(mode):
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, "png"))).convert(mode)
    with pytest.raises(MarkerError, match="a ciphertext is 8-bit RGB, this image is not"):
        decode_ciphertext(image)


def test_wrong_key_is_named():
    pixels, marker = encrypted()
    image = Image.open(io.BytesIO(encode_ciphertext(pixels, marker, SIGN, "png")))
    other = EtcKey.generate()
    with pytest.raises(KeyMismatchError, match=f"encrypted under another key than {other.key_id}"):
        EtcCipher(other, 8).decrypt(image)


# Plain and damaged files


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_plain_images_are_told_apart(format):
    buffer = io.BytesIO()
    Image.fromarray(gradient(16, 16)).save(buffer, format)
    assert read_marker(Image.open(buffer)) is None
    with pytest.raises(NotACiphertextError, match="encrypt it first"):
        decode_ciphertext(buffer.getvalue())


def tagged():
    pixels, marker = encrypted()
    return SIGN(marker, "pixels", pixels.tobytes())


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
    marker = tagged()
    assert decode_ciphertext(marked(marker.to_json(), format))[1] == marker


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kept", [1, 10, 100, -1])
def test_truncated_marker(format, kept):
    marker = tagged()
    data = marked(marker.to_json()[:kept], format)
    for read in (decode_ciphertext, lambda data: EtcCipher(KEY).encrypt(Image.open(io.BytesIO(data)))):
        with pytest.raises(MarkerError, match=r"marker is damaged .*; encrypt the image again") as caught:
            read(data)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
def test_newer_version(format):
    text = tagged().to_json().replace('"hf-etc":2', '"hf-etc":3')
    with pytest.raises(MarkerError, match="marker version 3 is unknown; upgrade hf-etc"):
        decode_ciphertext(marked(text, format))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"hf-etc":2' + ',"a":{"b":' * 5000,
        "9" * 10_000,
        '{"hf-etc":2}',
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
    text = tagged().to_json().replace('"height":32', f'"height":{8 * 10**12}')
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
    data = encode_ciphertext(pixels, marker, SIGN, format)
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
        encode_ciphertext(pixels, marker, SIGN, *arguments)
    with pytest.raises(ParameterError, match=message):
        Encoding(*arguments)


def test_pixels_of_another_size_or_kind():
    pixels, marker = encrypted()
    with pytest.raises(GeometryError):
        encode_ciphertext(pixels[:16], marker, SIGN)
    with pytest.raises(ImageError, match=r"scale to 0\.\.255"):
        encode_ciphertext(pixels / 255, marker, SIGN)


# Authentication


@pytest.fixture(params=FORMATS)
def sealed(request):
    cipher = EtcCipher(KEY, 8, "image")
    return cipher, cipher.seal(gradient(32, 48), request.param)


def test_sealed_file_opens(sealed):
    cipher, data = sealed
    assert np.abs(cipher.unseal(data).astype(int) - gradient(32, 48)).max() < 24


def test_another_nonce_or_tag_is_refused(sealed):
    cipher, data = sealed
    assert read_marker(with_marker(data, replace(read_marker(data), nonce=bytes(16)))).nonce == bytes(16), (
        "the marker itself is readable"
    )
    for changes in ({"nonce": bytes(16)}, {"tag": "0" * 32}):
        with pytest.raises(AuthenticationError, match="changed or stored anew after encryption; use the original file"):
            cipher.unseal(with_marker(data, replace(read_marker(data), **changes)))


def test_marker_of_another_picture_is_refused(sealed):
    cipher, data = sealed
    other = read_marker(cipher.seal(noise(32, 48, 3)))
    with pytest.raises(AuthenticationError):
        cipher.unseal(with_marker(data, replace(read_marker(data), nonce=other.nonce, tag=other.tag)))


@pytest.mark.parametrize("format", LOSSLESS)
def test_one_changed_pixel_is_refused(format):
    cipher = EtcCipher(KEY, 8)
    pixels, marker = decode_ciphertext(cipher.seal(noise(32, 48, 3), format))
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    same, other = (encode_ciphertext(one, marker, lambda kept, *_: kept, format) for one in (pixels, changed))
    assert (cipher.unseal(same) == noise(32, 48, 3)).all(), "the tag, not the file, is what counts"
    with pytest.raises(AuthenticationError):
        cipher.unseal(other)


def test_one_changed_byte_of_jpeg_data_is_refused_before_it_is_decoded(monkeypatch):
    cipher = EtcCipher(KEY, 8)
    data = cipher.seal(noise(32, 48, 3), "jpeg")
    scan = data.index(b"\xff\xda") + 40
    changed = data[:scan] + bytes([data[scan] ^ 1]) + data[scan + 1 :]
    monkeypatch.setattr(Ciphertext, "pixels", lambda self: pytest.fail("decoded"))
    with pytest.raises(AuthenticationError):
        cipher.unseal(changed)


def test_jpeg_that_was_decoded_before_is_refused_by_name():
    cipher = EtcCipher(KEY, 8)
    opened = Image.open(io.BytesIO(cipher.seal(noise(32, 48, 3), "jpeg")))
    with pytest.raises(AuthenticationError, match="a decoded JPEG cannot be checked; pass the bytes or the path"):
        cipher.decrypt(opened)


def test_decryption_oracle_is_closed():
    """Three chosen images under a target's nonce, decrypted for the attacker, would give the target's plan."""
    cipher = EtcCipher(KEY, 8, "image")
    target = read_marker(cipher.seal(gradient(32, 48)))
    chosen = encode_ciphertext(noise(32, 48, 3), target, lambda kept, *_: kept)
    for attempt in (cipher.unseal, lambda data: cipher.decrypt(Image.open(io.BytesIO(data)))):
        with pytest.raises(AuthenticationError):
            attempt(chosen)
    with pytest.raises(ParameterError, match="decrypt_unauthenticated"):
        cipher.decrypt(noise(32, 48, 3))
    assert cipher.unseal_unauthenticated(chosen).shape == (32, 48, 3), "named for its danger"


def test_what_was_honestly_stored_anew_needs_the_dangerous_name():
    cipher = EtcCipher(KEY, 8)
    pixels, marker = decode_ciphertext(cipher.seal(gradient(32, 48), "jpeg"))
    stored = encode_ciphertext(pixels, marker, lambda kept, *_: kept)
    with pytest.raises(AuthenticationError):
        cipher.unseal(stored)
    assert np.abs(cipher.unseal_unauthenticated(stored).astype(int) - gradient(32, 48)).max() < 24
    with pytest.raises(
        ParameterError, match="encrypted with block_size 8, this cipher has block_size 16"
    ):  # parameters are the caller's
        EtcCipher(KEY, 16).unseal_unauthenticated(stored)


@pytest.mark.parametrize("size", ["this", "any"])
def test_id_for_this_size_or_any(size):
    cipher = EtcCipher(KEY, 8)
    data = cipher.seal(gradient(32, 48), any_size=size == "any")
    assert read_marker(data).cipher_id == (cipher.cipher_id() if size == "any" else cipher.cipher_id(32, 48))
    assert (cipher.unseal(data) == gradient(32, 48)).all()


def test_ids_of_different_settings_have_nothing_in_common():
    ids = [EtcCipher(KEY, 8).cipher_id(32, 48), EtcCipher(KEY, 8).cipher_id(48, 32), EtcCipher(KEY, 8).cipher_id()]
    ids += [EtcCipher(KEY, 16).cipher_id(32, 48), EtcCipher(KEY, 8, "image").cipher_id(32, 48)]
    ids += [EtcCipher(KEY, 8, shared_block_key=True).cipher_id(32, 48), get_cipher("pe", KEY).cipher_id(32, 48)]
    ids += [EtcCipher(KEY, 8, steps=("color",)).cipher_id(32, 48), EtcCipher(EtcKey(bytes(32)), 8).cipher_id(32, 48)]
    assert len(set(ids)) == len(ids) and all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)
