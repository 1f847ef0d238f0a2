"""Codecs: lossless ones are exact, sizes are those of the files, and bad options are refused."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcKey, get_cipher
from hf_etc.errors import GeometryError, ImageError, MissingExtraError, ParameterError
from hf_etc.metrics.compression import Codec, dataset_bytes, decode, encode, psnr

LOSSLESS = [
    Codec("jpeg-ls"),
    Codec("jpeg2000"),
    Codec("jpeg2000", color_transform=True),
    Codec("webp"),
    Codec("avif"),
    Codec("jpeg-xl"),
]
LOSSY = [
    Codec("jpeg", 85),
    Codec("jpeg", 85, "4:2:0"),
    Codec("webp", 85),
    Codec("avif", 85),
    Codec("avif", 85, "4:2:0"),
    Codec("jpeg-xl", 85),
]
MAGIC = {
    "jpeg": b"\xff\xd8\xff",
    "jpeg-ls": b"\xff\xd8\xff\xe8",
    "jpeg2000": b"\x00\x00\x00\x0cjP  ",
    "webp": b"RIFF",
    "avif": b"\x00\x00\x00",
    "jpeg-xl": b"\xff\x0a",
}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth gradient with some texture, 48x64."""
    rows, columns = np.mgrid[:48, :64]
    texture = np.random.default_rng(0).normal(0, 4, (48, 64, 3))
    gradient = np.stack([rows * 4, columns * 3, 255 - rows * 2 - columns], -1)
    return np.clip(gradient + texture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("codec", LOSSLESS, ids=str)
def test_lossless_codecs_are_exact(codec: Codec, picture: np.ndarray) -> None:
    data = encode(picture, codec)
    assert data.startswith(MAGIC[codec.name])
    assert len(data) < picture.nbytes
    out = decode(data, codec)
    assert out.dtype == np.uint8
    assert (out == picture).all()
    noise = np.random.default_rng(1).integers(0, 256, (33, 17, 3), dtype=np.uint8)
    assert (decode(encode(noise, codec), codec) == noise).all()


@pytest.mark.parametrize("codec", LOSSY, ids=str)
def test_lossy_codecs_trade_size_for_quality(codec: Codec, picture: np.ndarray) -> None:
    sizes, qualities = [], []
    for quality in (30, 60, 95):
        data = encode(picture, Codec(codec.name, quality, codec.subsampling))
        assert data.startswith(MAGIC[codec.name])
        sizes.append(len(data))
        qualities.append(float(psnr(picture, decode(data, codec))))
    assert sizes == sorted(set(sizes))
    assert qualities == sorted(set(qualities))
    assert qualities[-1] > 28


def test_jpeg_is_what_pillow_writes(picture: np.ndarray) -> None:
    for subsampling, number in (("4:4:4", 0), ("4:2:0", 2)):
        expected = io.BytesIO()
        Image.fromarray(picture).save(expected, "JPEG", quality=80, subsampling=number)
        assert encode(picture, "jpeg", quality=80, subsampling=subsampling) == expected.getvalue()


def test_color_transform_makes_jpeg2000_smaller(picture: np.ndarray) -> None:
    gray = np.repeat(picture[..., :1], 3, axis=-1)  # the transform helps most where components agree
    assert len(encode(gray, "jpeg2000", color_transform=True)) < 0.7 * len(encode(gray, "jpeg2000"))


def test_dataset_bytes_is_the_sum_of_the_files(picture: np.ndarray) -> None:
    images = [picture, picture[:16, :16], picture[::-1]]
    total = sum(len(encode(image, "jpeg", quality=85)) for image in images)
    assert dataset_bytes(iter(images), "jpeg", quality=85) == total
    assert dataset_bytes(np.stack([picture, picture]), Codec("jpeg", 85)) == 2 * len(encode(picture, Codec("jpeg", 85)))


def test_etc_compresses_like_plain_images_and_ele_does_not(picture: np.ndarray) -> None:
    """The paper's Table IV in small."""
    for codec in (Codec("jpeg", 85), Codec("jpeg-ls")):
        plain = len(encode(picture, codec))
        etc, ele = (len(encode(get_cipher(name, EtcKey(bytes(32))).encrypt(picture), codec)) for name in ("etc", "ele"))
        assert abs(etc - plain) < 0.15 * plain
        assert ele > 1.5 * plain


def test_psnr_is_its_definition() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (2, 3, 5, 7, 3), dtype=np.uint8)
    expected = [
        10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)) for a, b in zip(x, y, strict=True)
    ]
    assert psnr(x, y).tolist() == pytest.approx(expected)
    assert float(psnr(x[0], y[0])) == pytest.approx(expected[0])
    assert np.isinf(psnr(x, x)).all()
    assert float(psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8))) == 0
    with pytest.raises(GeometryError, match="cannot compare"):
        psnr(x, y[:, :4])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gif", {}, "use one of jpeg, jpeg-ls"),
        ("jpeg", {}, "give quality"),
        ("jpeg-ls", {"quality": 90}, "leave quality out"),
        ("jpeg2000", {"quality": 90}, "leave quality out"),
        ("jpeg", {"quality": 0}, "from 1 to 100"),
        ("jpeg", {"quality": 85.0}, "from 1 to 100"),
        ("jpeg", {"quality": 85, "subsampling": "4:2:2"}, "use 4:4:4 or 4:2:0"),
        ("webp", {"quality": 85, "subsampling": "4:4:4"}, "leave it out"),
        ("avif", {"subsampling": "4:2:0"}, "leave it out"),
        ("webp", {"color_transform": True}, "only jpeg2000"),
    ],
)
def test_unsuitable_options_are_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        encode(np.zeros((8, 8, 3), np.uint8), name, **options)  # type: ignore[arg-type]


def test_bad_images_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ImageError, match="must be uint8"):
        encode(picture / 255, "webp")
    with pytest.raises(ImageError, match="one image"):
        encode(picture[None], "webp")
    for codec in MAGIC:
        with pytest.raises(ImageError, match=f"not a readable {codec} image"):
            decode(b"no image at all", codec)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="not a readable jpeg image"):
        decode(encode(picture, "webp"), "jpeg")
    with pytest.raises(ParameterError, match="gif"):
        decode(b"", "gif")  # type: ignore[arg-type]


def test_options_beside_a_codec_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="already"):
        encode(picture, Codec("jpeg", 85), quality=80)


@pytest.mark.parametrize("codec", ["jpeg-ls", "jpeg-xl", "avif"])
def test_missing_imagecodecs_names_the_command(
    codec: str, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)  # importing it now raises ImportError
    with pytest.raises(MissingExtraError, match=r'run: pip install "imagecodecs>='):
        encode(picture, codec)  # type: ignore[arg-type]
    assert len(encode(picture, "jpeg", quality=85)) > 100  # Pillow's codecs need nothing more
