"""EtcImageProcessor: what a client computes and sends, what a server takes, what each refuses."""

import base64
import io
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch
from datasets import Dataset, Features
from datasets import Image as ImageFeature
from PIL import Image
from transformers import AutoModel, ViTConfig, ViTForImageClassification, ViTImageProcessorPil, pipeline
from transformers.image_utils import ChannelDimension

from hf_etc import (
    EtcCipher,
    EtcImageProcessor,
    Preparation,
    decode_ciphertext,
    encode_ciphertext,
    get_cipher,
    list_ciphers,
    load_rgb,
)
from hf_etc.errors import (
    AlreadyEncryptedError,
    GeometryError,
    ImageError,
    KeyMismatchError,
    MarkerError,
    MissingKeyError,
    NotACiphertextError,
    ParameterError,
)
from hf_etc.models import build_model

from .helpers import KEY, OPTIONS, OTHER, values


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


# What a client computes


def test_pixel_values_are_those_of_the_plain_processor_on_the_ciphertext(client, picture):
    pixels = Preparation((32, 48)).apply(load_rgb(picture), 8)
    encrypted = EtcCipher(KEY, block_size=8).encrypt(pixels)
    plain = ViTImageProcessorPil(do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    found = client(picture, return_tensors="pt").pixel_values
    assert found.dtype == torch.float32 and found.shape == (1, 3, 32, 48) and found.is_contiguous()
    assert torch.equal(found, plain(Image.fromarray(encrypted), return_tensors="pt").pixel_values)
    assert not torch.equal(found, plain(Image.fromarray(pixels), return_tensors="pt").pixel_values)


def test_negative_positive_is_a_change_of_sign(picture):
    client = EtcImageProcessor(KEY, size=32, block_size=4, steps=["negative-positive"])
    plain = ViTImageProcessorPil(do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    pixels = Image.fromarray(Preparation((32, 32)).apply(picture))
    expected, found = plain(pixels, return_tensors="np").pixel_values, values(client, picture)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)
    assert (np.sign(found) != np.sign(expected)).any()


@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize("name", list_ciphers())
def test_client_and_server_agree_bit_for_bit_for_every_cipher(name, scope, picture):
    client = EtcImageProcessor(KEY, cipher=name, key_scope=scope, size=32)
    server = EtcImageProcessor(cipher=name, key_scope=scope, size=32, cipher_id=client.cipher_id)
    prepared = Preparation((32, 32)).apply(picture)
    for format in ("png", "webp"):
        sent = client.encrypt([picture, picture], format=format)
        received = values(server, sent)
        for file, value in zip(sent, received, strict=True):
            pixels, _ = decode_ciphertext(file)
            assert (get_cipher(name, KEY, key_scope=scope).unseal(file) == prepared).all()
            assert (pixels != prepared).any()
            np.testing.assert_allclose(value, (np.moveaxis(pixels, -1, 0) / 255 - 0.5) / 0.5, atol=1e-6)
        same = scope == "dataset"
        assert (received[0] == received[1]).all() == same
        assert (received == values(client, [picture, picture])).all() == same


def test_without_rescale_and_normalise_the_bytes_of_the_ciphertext_come_out(client, server, picture):
    sent = client.encrypt(picture)
    found = values(server, sent, do_rescale=False, do_normalize=False)
    assert found.dtype == np.uint8
    assert (found[0] == np.moveaxis(decode_ciphertext(sent[0])[0], -1, 0)).all()
    assert (found == values(client, picture, do_rescale=False, do_normalize=False)).all()
    assert values(client, picture, do_normalize=False).min() >= 0


def test_jpeg_has_the_quality_and_subsampling_asked_for(client, server, picture):
    exact = values(client, picture)
    errors = [
        np.abs(values(server, client.encrypt(picture, format="jpeg", **options)) - exact).mean()
        for options in ({"quality": 100}, {"quality": 50}, {"quality": 50, "subsampling": "4:2:0"})
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_every_form_of_a_plain_image_gives_the_same(client, picture, tmp_path):
    expected = values(client, picture)
    file, array = tmp_path / "plain.png", np.array(picture)
    file.write_bytes(png(picture))
    text = base64.b64encode(file.read_bytes()).decode()
    chw = array.transpose(2, 0, 1).copy()
    singles = [picture, str(file), file, file.read_bytes(), text, f"data:image/png;base64,{text}"]
    singles += [
        array,
        chw,
        torch.tensor(array),
        torch.tensor(chw),
        np.dstack([array, np.full((50, 61), 255, np.uint8)]),
    ]
    for image in singles:
        assert (values(client, image) == expected).all()
    batches = [singles, tuple(singles[:2]), [[picture], [file, array]], np.stack([array] * 2), torch.tensor(chw)[None]]
    for batch in batches:
        found = values(client, batch)
        assert len(found) == sum(len(b) if isinstance(b, list) else 1 for b in batch) and (found == expected).all()
    gray = np.array(picture.convert("L"))
    for image in (gray[..., None], gray[None]):
        assert (values(client, image) == values(client, Image.fromarray(gray))).all()


def test_transparency_lies_over_white_in_every_form(client, picture):
    rgba = picture.convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(picture.size))
    expected = values(client, load_rgb(rgba))
    assert (expected != values(client, picture)).any()
    for image in (rgba, png(rgba), np.array(rgba)):
        assert (values(client, image) == expected).all()


def test_a_picture_from_a_web_address(client, server, picture):
    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/a.png" else 404)
            self.end_headers()
            self.wfile.write(png(picture))

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{site.server_port}"
        assert (values(client, f"{address}/a.png") == values(client, picture)).all()
        with pytest.raises(NotACiphertextError):
            server(f"{address}/a.png")
        with pytest.raises(ImageError, match="404"):
            client(f"{address}/b.png")
        site.shutdown()


def test_own_sizes_and_the_batch(picture):
    client = EtcImageProcessor(KEY, fit="crop")
    assert client.size is None
    assert [value.shape for value in client([picture, picture.resize((20, 33))]).pixel_values] == [
        (3, 48, 48),
        (3, 32, 16),
    ]
    with pytest.raises(GeometryError, match="different sizes"):
        client([picture, picture.resize((20, 33))], return_tensors="pt")
    server = EtcImageProcessor(fit="crop", cipher_id=client.cipher_id)
    assert values(server, client.encrypt(picture)).shape == (1, 3, 48, 48)


def test_the_size_reads_like_that_of_other_processors(client):
    assert (client.size["height"], client.size["width"]) == (32, 48)
    for size in (64, (64, 64), [64, 64], {"height": 64, "width": 64}):
        assert EtcImageProcessor(KEY, size=size).preparation.size == (64, 64)
    assert client.backend == "pil" and client.model_input_names == ["pixel_values"]


# What a server takes


def test_ciphertexts_in_every_form_that_keeps_the_marker(client, server, picture, tmp_path):
    expected = values(client, picture)
    for format in ("png", "webp"):
        (sent,) = client.encrypt(picture, format=format)
        file = tmp_path / f"sent.{format}"
        file.write_bytes(sent)
        text = base64.b64encode(sent).decode()
        opened = Image.open(file)
        for image in (sent, file, str(file), text, opened, opened.copy(), opened.convert("RGB"), [sent, file]):
            assert (values(server, image) == expected).all()
    assert (values(server, EtcCipher(KEY, 8).encrypt(Image.fromarray(decrypted(sent)))) == expected).all()


def decrypted(file: bytes) -> np.ndarray:
    return EtcCipher(KEY, 8).unseal(file)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_pipelines_take_what_a_client_sends(client, server, picture, format, tmp_path):
    model = build_model("convmixer", 3, dim=8, depth=1, patch_size=8, kernel_size=3).eval()
    classify = pipeline("image-classification", model=model, image_processor=server)
    (sent,) = client.encrypt(picture, format=format)
    (tmp_path / "sent").write_bytes(sent)
    expected = model(**server(sent, return_tensors="pt")).logits[0].softmax(-1).max().item()
    stored = {"bytes": sent, "path": None}
    forms = [Image.open(io.BytesIO(sent)), str(tmp_path / "sent"), base64.b64encode(sent).decode(), sent, stored]
    for found in (*map(classify, forms), *classify(forms, batch_size=2)):
        assert found[0]["score"] == pytest.approx(expected)
    for plain in (picture, png(picture)):
        with pytest.raises(NotACiphertextError):
            classify(plain)


def test_feature_pipelines_take_what_a_client_sends(client, server, picture):
    model = AutoModel.from_config(build_model("convmixer", 3, dim=8, depth=1, patch_size=8, kernel_size=3).config)
    extract = pipeline("image-feature-extraction", model=model.eval(), image_processor=server)
    (sent,) = client.encrypt(picture)
    expected = model(**server(sent, return_tensors="pt")).last_hidden_state
    for form in (sent, {"bytes": sent, "path": None}, Image.open(io.BytesIO(sent))):
        assert torch.allclose(extract(form, return_tensors=True), expected, atol=1e-5)


def test_other_pipelines_take_no_bytes_as_ever(picture):
    network = ViTForImageClassification(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1))
    classify = pipeline("image-classification", model=network, image_processor=ViTImageProcessorPil())
    with pytest.raises(TypeError, match="Incorrect format used for image"):
        classify(png(picture))
    assert classify(picture)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_ciphertexts_decoded_by_datasets(client, server, picture, format):
    sent = client.encrypt([picture, picture.rotate(90)], format=format)
    rows = [{"image": {"bytes": file, "path": None}} for file in sent]
    dataset = Dataset.from_list(rows, features=Features({"image": ImageFeature()}))
    assert (values(server, list(dataset["image"])) == values(server, sent)).all()


def test_plain_images_are_refused_in_every_form(server, picture, tmp_path):
    file = tmp_path / "plain.png"
    file.write_bytes(png(picture))
    array = np.array(picture.resize((48, 32)))
    forms = [picture, picture.convert("L"), file, str(file), file.read_bytes(), array, torch.tensor(array), array[None]]
    for image in forms:
        with pytest.raises(NotACiphertextError):
            server(image)
    with pytest.raises(NotACiphertextError, match=r"no marker.*processor\.encrypt"):
        server(array)


def test_one_plain_image_in_a_batch_is_refused(client, server, picture):
    with pytest.raises(NotACiphertextError):
        server([*client.encrypt(picture), picture])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": OTHER}, KeyMismatchError, "the model takes .*: another key, or an id for"),
        ({"block_size": 16}, ParameterError, "block_size 16.*block_size 8"),
        ({"key_scope": "image"}, ParameterError, "key_scope image"),
        ({"steps": ["permutation"]}, ParameterError, "steps "),
        ({"size": (48, 32)}, GeometryError, "48x32.*32x48"),
        ({"size": None, "fit": "crop"}, GeometryError, "48x56.*32x48"),
    ],
)
def test_ciphertexts_of_another_model_are_refused(server, picture, change, error, message):
    stranger = EtcImageProcessor(**{"key": KEY, **OPTIONS, **change})
    with pytest.raises(error, match=message):
        server(stranger.encrypt(picture))


def test_ciphertexts_changed_after_encryption_are_refused(client, server, picture):
    opened = Image.open(io.BytesIO(client.encrypt(picture)[0]))
    for image in (opened.resize((24, 16)), opened.crop((0, 0, 40, 32))):
        with pytest.raises(GeometryError, match="after encryption"):
            server(image)
    for image in (opened.convert("L"), opened.convert("RGBA")):
        with pytest.raises(MarkerError, match="8-bit RGB"):
            server(image)
    opened.info["hf-etc"] = '{"hf-etc":1}'
    with pytest.raises(MarkerError):
        server(opened)


def test_a_server_does_not_encrypt(server, picture):
    with pytest.raises(MissingKeyError, match="key="):
        server.encrypt(picture)


# What a client refuses


def test_ciphertexts_are_not_encrypted_again(client, picture):
    for file in (*client.encrypt(picture), *EtcImageProcessor(OTHER, size=32).encrypt(picture, format="jpeg")):
        for image in (file, Image.open(io.BytesIO(file))):
            with pytest.raises(AlreadyEncryptedError):
                client(image)
            with pytest.raises(AlreadyEncryptedError):
                client.encrypt(image)


def test_a_marker_behind_the_pixels_is_seen_too(client, server, picture):
    """Pillow reads a text chunk after the pixels only once the image is loaded."""
    file = client.encrypt(picture)[0]
    start = file.index(b"tEXt") - 4
    end = start + 12 + int.from_bytes(file[start : start + 4], "big")
    last = file.index(b"IEND") - 4
    moved = file[:start] + file[end:last] + file[start:end] + file[last:]
    assert "hf-etc" not in Image.open(io.BytesIO(moved)).info
    for image in (moved, Image.open(io.BytesIO(moved))):
        with pytest.raises(AlreadyEncryptedError):
            client(image)
    assert (values(server, Image.open(io.BytesIO(moved))) == values(client, picture)).all()


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize(
    "options",
    [{"size": 16}, {"do_resize": False}, {"resample": 2}, {"do_center_crop": True}, {"typo": 1}],
)
def test_calls_cannot_set_what_belongs_to_the_processor(role, options, picture, request, client):
    processor = request.getfixturevalue(role)
    with pytest.raises(ParameterError, match=f"cannot set '{next(iter(options))}'.*return_tensors"):
        processor(client.encrypt(picture) if role == "server" else picture, **options)
    with pytest.raises(ParameterError, match="positional"):
        processor(picture, "pt")


@pytest.mark.parametrize("name", ["size", "cipher_id", "spec", "preparation", "is_client"])
def test_what_was_agreed_on_cannot_be_assigned(client, name):
    with pytest.raises(AttributeError):
        setattr(client, name, getattr(client, name))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((32, 48, 3), np.float32), "uint8, not float32; scale"),
        (torch.zeros(3, 32, 48), "uint8, not float32; scale"),
        (np.zeros((3, 32, 3), np.uint8), "input_data_format="),
        (np.zeros((32, 48, 5), np.uint8), "input_data_format="),
        (np.zeros((32, 48), np.uint8), r"shape \(32, 48\)"),
        (np.zeros((2, 2, 3, 32, 48), np.uint8), "shape"),
        ([], "batch is empty"),
        (np.zeros((0, 32, 48, 3), np.uint8), "batch is empty"),
        (["missing.png"], "no such file: missing.png"),
        (None, "NoneType"),
        ([1], "int"),
        (b"", "empty"),
        (b"GIF89a?", "read|damaged"),
    ],
)
def test_bad_images(client, image, message):
    with pytest.raises(ImageError, match=message) as caught:
        client(image)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError):
        client.encrypt(image)


def test_the_layout_of_an_ambiguous_array_can_be_given(client):
    array = np.random.default_rng(0).integers(0, 256, (3, 32, 3), np.uint8)
    last = values(client, array, input_data_format="channels_last")
    first = values(client, array, input_data_format="channels_first")
    assert (last == values(client, Image.fromarray(array))).all()
    assert (first == values(client, Image.fromarray(array.transpose(1, 2, 0).copy()))).all()
    with pytest.raises(ImageError, match="1, 3 or 4 channels"):
        client(np.zeros((32, 48, 5), np.uint8), input_data_format="channels_last")


def test_an_error_does_not_print_a_whole_picture(client, picture):
    text = base64.b64encode(png(picture)).decode()
    for broken in (text + "!", text[:-40] + "@" * 40, "data:image/png;base64," + text + "!"):
        with pytest.raises(ImageError) as caught:
            client(broken)
        assert text[100:200] not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("options", [{"format": "bmp"}, {"quality": 0}, {"subsampling": "4:1:1"}])
def test_bad_formats(client, picture, options):
    with pytest.raises(ParameterError):
        client.encrypt(picture, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, MissingKeyError, "key= for a client.*cipher_id= for a server"),
        ({"key": "hfetc2-text"}, MissingKeyError, "EtcKey"),
        ({"key": KEY, "cipher_id": "0" * 32}, KeyMismatchError, "was not made with this key: it is another key's, or"),
        ({"cipher_id": "nonsense"}, ParameterError, "32 hexadecimal"),
        ({"key": KEY, "size": 30}, GeometryError, "30x30"),
        ({"key": KEY, "size": 0}, ParameterError, "size"),
        ({"key": KEY, "size": 32.0}, ParameterError, "size 32.0"),
        ({"key": KEY, "size": {"shortest_edge": 32}}, ParameterError, "height and width"),
        ({"key": KEY, "fit": "zoom"}, ParameterError, "fit"),
        ({"key": KEY, "resample": "lanczos"}, ParameterError, "resample"),
        ({"key": KEY, "cipher": "rot13"}, ParameterError, "unknown cipher"),
        ({"key": KEY, "blocksize": 16}, ParameterError, "no parameter 'blocksize'"),
        ({"key": KEY, "do_resize": False}, ParameterError, "no parameter 'do_resize'"),
        ({"key": KEY, "cipher": EtcCipher(KEY).spec, "block_size": 8}, ParameterError, "fixed by the cipher's spec"),
    ],
)
def test_bad_construction(options, error, message):
    with pytest.raises(error, match=message) as caught:
        EtcImageProcessor(**options)
    assert "hfetc2" not in str(caught.value)


def test_a_forged_marker_is_only_a_label(server, picture):
    """Without the key nobody can check its tag. This documents it."""
    pixels = np.array(picture.resize((48, 32)))
    marker = EtcCipher(KEY, 8).marker(32, 48)

    def forged(marker):
        return encode_ciphertext(pixels, marker, lambda marker, *_: replace(marker, tag="0" * 32))

    assert server(forged(marker)).pixel_values[0].shape == (3, 32, 48)
    with pytest.raises(KeyMismatchError):
        server(forged(replace(marker, cipher_id=EtcCipher(OTHER, 8).cipher_id(32, 48))))


@pytest.mark.parametrize("role", ["client", "server"])
def test_calls_take_what_has_no_effect_on_safety(role, picture, request, client):
    processor = request.getfixturevalue(role)
    image = client.encrypt(picture) if role == "server" else picture
    expected = processor(image, return_tensors="pt").pixel_values
    for options in ({"device": "cpu"}, {"data_format": "channels_first"}, {"do_convert_rgb": True}, {"device": None}):
        assert torch.equal(processor(image, return_tensors="pt", **options).pixel_values, expected)
    last = ChannelDimension.LAST
    assert torch.equal(processor(image, return_tensors="pt", data_format=last).pixel_values.movedim(-1, 1), expected)
    for kind in ("np", None):
        found = processor(image, return_tensors=kind, data_format="channels_last").pixel_values
        assert np.array_equal(np.moveaxis(np.asarray(found), -1, 1), expected.numpy())
    moved = processor(image, return_tensors="pt", device="meta").pixel_values
    assert moved.device.type == "meta" and moved.shape == expected.shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_format": "none"}, "use 'channels_first' or 'channels_last'"),
        ({"do_convert_rgb": False}, "ciphers take RGB pictures alone; leave it out"),
        ({"device": "meta"}, "is for tensors; pass return_tensors='pt'"),
    ],
)
def test_calls_refuse_what_they_cannot_do(client, picture, options, message):
    with pytest.raises(ParameterError, match=message):
        client(picture, **options)


def test_dictionaries_of_datasets_are_images(client, server, picture, tmp_path):
    file = client.encrypt(picture)[0]
    (tmp_path / "one.png").write_bytes(file)
    expected = values(server, file)
    for cell in ({"bytes": file, "path": None}, {"bytes": None, "path": str(tmp_path / "one.png")}):
        assert np.array_equal(values(server, cell), expected)
        assert np.array_equal(values(server, [cell]), expected)
    rows = Dataset.from_dict({"image": [file] * 2}, features=Features({"image": ImageFeature()}))
    shown = rows.cast_column("image", ImageFeature(decode=False))
    assert np.array_equal(values(server, shown[1]["image"]), expected)
    with pytest.raises(NotACiphertextError):
        server({"bytes": png(picture), "path": None})
    with pytest.raises(ImageError, match="cannot use a NoneType"):
        server({"bytes": None, "path": None})
    with pytest.raises(ImageError, match="cannot use a dict"):
        server({"image": file})
