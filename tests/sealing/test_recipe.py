"""A recipe in all forms in which users write it, and what a sealer makes of pictures by it."""

import io
import json
import pickle

import numpy as np
import pytest
from PIL import Image

from hf_etc import EncryptImages, EtcCipher, EtcImageProcessor, EtcKey, Preparation, read_marker
from hf_etc.cipher import EtcSpec
from hf_etc.encoding import Encoding
from hf_etc.errors import AlreadyEncryptedError, GeometryError, ParameterError
from hf_etc.images.ciphertext import as_received
from hf_etc.images.prepare import to_size
from hf_etc.sealing import Recipe, Sealer, Unsealer
from hf_etc.sealing.views import Views

KEY = EtcKey(bytes(range(32)))
MEMBERS = {"block_size": 8, "size": (32, 48), "fit": "pad", "resample": "bilinear", "format": "jpeg", "quality": 70}
VIEWS = {"views": 2, "crop_scale": (0.5, 1.0), "flip": False, "seed": 3}


def picture(seed=0, height=40, width=60):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def test_members_become_parts():
    recipe = Recipe.of(**MEMBERS, **VIEWS, subsampling="4:2:0")
    assert recipe.spec == EtcSpec(block_size=8)
    assert recipe.preparation == Preparation((32, 48), "pad", "bilinear")
    assert recipe.encoding == Encoding("jpeg", 70, "4:2:0")
    assert recipe.views == Views(2, (0.5, 1.0), flip=False, seed=3)
    assert Recipe.of() == Recipe.of(None) == Recipe.of({}) == Recipe(EtcSpec())


@pytest.mark.parametrize("members", [{}, MEMBERS, VIEWS, {"cipher": "pe", "key_scope": "image"}, {"steps": ("color",)}])
def test_a_recipe_comes_back_from_its_dictionary(members):
    recipe = Recipe.of(members)
    assert recipe == Recipe.of(**members) == Recipe.of(recipe) == Recipe.of(json.loads(json.dumps(recipe.to_dict())))


@pytest.mark.parametrize(
    ("arguments", "members", "message"),
    [
        (
            (),
            {"colour": 1},
            "a recipe has no 'colour'; it has block_size, cipher, crop_scale, disposable, fit, flip, format,",
        ),
        (({"colour": 1},), {}, "a recipe has no 'colour'; it has block_size,"),
        (({"key": KEY.reveal()},), {}, "a recipe has no 'key'; it has block_size,"),
        ((Recipe.of(),), {"size": 32}, "'size' beside a whole recipe; leave it out, or give the members alone"),
        (({"size": 32},), {"fit": "pad"}, "'fit' beside a whole recipe; leave it out"),
        (("etc",), {}, "a str is no recipe; give a Recipe, a dictionary or its members"),
        ((), {"quality": 0}, "quality 0: use a whole number from 1 to 100"),
        ((), {"size": "large"}, "size 'large': give pixels, as 224 or 224x160 (height x width)"),
        ((), {"size": {"shortest_edge": 32}}, "size {'shortest_edge': 32}: give height and width in pixels"),
        ((), {"size": 40}, "40x40 is not a multiple of the block size 16"),
    ],
)
def test_a_bad_recipe_is_refused_in_one_line(arguments, members, message):
    for make in (Recipe.of, lambda *recipe, **options: EncryptImages(KEY, *recipe, **options)):
        with pytest.raises((ParameterError, GeometryError)) as raised:
            make(*arguments, **members)
        assert str(raised.value).startswith(message) and "\n" not in str(raised.value)
        assert KEY.reveal() not in str(raised.value)


def test_sizes_in_every_form():
    assert {to_size(size) for size in ("32", 32, (32, 32), [32, 32], {"height": 32, "width": 32})} == {(32, 32)}
    assert to_size("32x48") == (32, 48) and to_size(None) is None


@pytest.mark.parametrize("members", [MEMBERS, VIEWS, {"format": "webp"}])
def test_keywords_a_dictionary_and_a_recipe_make_the_same_files(members):
    recipe, batch = Recipe.of(members), {"image": [picture(0, 48, 64), picture(1, 48, 64)]}
    by_keywords = EncryptImages(KEY, **members)
    for other in (EncryptImages(KEY, recipe), EncryptImages(KEY, recipe.to_dict())):
        assert (repr(other), other(batch)) == (repr(by_keywords), by_keywords(batch))


@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize("format", ["png", "webp"])
def test_a_sealer_there_and_back(scope, format):
    sealer = Sealer(KEY, Recipe.of(size=32, key_scope=scope, format=format))
    (plain,) = sealer.pictures(picture())
    assert (plain == Preparation((32, 32)).apply(picture(), 16)).all()
    (file,) = sealer.files([plain])
    assert read_marker(file).cipher_id == EtcCipher(KEY, key_scope=scope).cipher_id(32, 32)
    assert (sealer.unseal(file) == plain).all()
    (decrypted,) = Unsealer(KEY).pictures(file)
    (png,) = Unsealer(KEY).files([decrypted])
    assert (np.asarray(Image.open(io.BytesIO(png))) == plain).all()
    with pytest.raises(AlreadyEncryptedError, match="this image is encrypted already; send it away"):
        sealer.pictures(file, remedy="send it away")


@pytest.mark.parametrize("encoding", [Encoding(), Encoding("jpeg", 85), Encoding("jpeg", 60, "4:2:0")])
def test_encrypted_pixels_are_those_of_the_file(encoding):
    sealer = Sealer(KEY, Recipe(EtcSpec(), Preparation((32, 48)), encoding))
    pictures = [one for seed in (0, 1) for one in sealer.pictures(picture(seed))]
    files = [np.asarray(Image.open(io.BytesIO(file))) for file in sealer.files(pictures)]
    assert (sealer.encrypt(pictures) == np.stack(files)).all()
    assert (as_received(EtcCipher(KEY).encrypt(pictures[0]), encoding) == files[0]).all()


def test_every_picture_of_a_batch_has_its_own_nonce_each_time():
    sealer = Sealer(KEY, Recipe.of(key_scope="image", block_size=4))
    batch = np.stack([np.asarray(picture())] * 2)
    first, second = sealer.encrypt(batch), sealer.encrypt(batch)
    assert len({one.tobytes() for one in (*first, *second)}) == 4


def test_the_processor_seals_as_the_map_does():
    recipe = Recipe.of(size=32, block_size=8)
    client = EtcImageProcessor(KEY, size=32, block_size=8)
    (file,) = client.encrypt(picture())
    assert file == EncryptImages(KEY, recipe)({"image": [picture()]})["image"][0]["bytes"]
    pixels = client(picture(), do_rescale=False, do_normalize=False, return_tensors="np").pixel_values[0]
    assert (pixels == np.moveaxis(np.asarray(Image.open(io.BytesIO(file))), -1, 0)).all()
    unpickled = pickle.loads(pickle.dumps(client.sealer()))
    assert unpickled.files(unpickled.pictures(picture())) == [file]
