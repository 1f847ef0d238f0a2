"""Each thing that must not leave, in each hiding place: refused, with the name of the file, before anything is sent."""

import base64
import bz2
import gzip
import json
import lzma
import pickle
import shutil
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hf_etc import EtcCipher, EtcKey
from hf_etc.errors import UploadRefusedError
from hf_etc.hub import check_folder, push, push_model
from hf_etc.hub.scan import check_file
from tests.helpers import noise
from tests.hub.samples import (
    HUB_TOKEN,
    KEY,
    RAW,
    arrow,
    ciphertext,
    image_file,
    numpy_file,
    parquet,
    saved,
    tarred,
    zipped,
)


@dataclass
class Arguments:
    """Stands for the Trainer's, which are pickled into training_args.bin."""

    output_dir: str = "run"
    hub_token: str | None = None


def base32(data):
    return base64.b32encode(data)


TEXT = KEY.reveal().encode()
SECRET_KEY, TOKEN, PLAIN = "holds a secret key", "holds an access token", "holds a plain image"
# Name of the file, its content, and what the error says of it.
REFUSED = {
    "key as text": ("notes.txt", b"key=" + TEXT, SECRET_KEY),
    "key of someone else as text": ("notes.txt", EtcKey.generate().reveal().upper().encode(), SECRET_KEY),
    "key raw": ("weights.bin", noise(99).tobytes() + RAW + b"\0", SECRET_KEY),
    "key in hexadecimal": ("config.json", b'{"a": "' + RAW.hex().encode() + b'"}', SECRET_KEY),
    "key in HEXADECIMAL": ("a.log", RAW.hex().upper().encode(), SECRET_KEY),
    "key in base32": ("README.md", base32(RAW + b"more"), SECRET_KEY),
    "key in base64": ("README.md", base64.b64encode(RAW), SECRET_KEY),
    "key within base64": ("README.md", base64.b64encode(b"x" + RAW + b"yz"), SECRET_KEY),
    "key in URL-safe base64": ("a.html", base64.urlsafe_b64encode(b"xy" + RAW), SECRET_KEY),
    "key across chunks": ("big.bin", bytes(64 * 2**20 - 7) + RAW, SECRET_KEY),
    "key in a zip file": ("a.zip", zipped(("sub/a.txt", TEXT)), SECRET_KEY),
    "key in a tar file": ("a.tar", tarred("a.txt", TEXT), SECRET_KEY),
    "key in a tar.gz file": ("a.tar.gz", tarred("a.txt", TEXT, "w:gz"), SECRET_KEY),
    "key in gzip": ("a.json.gz", gzip.compress(TEXT), SECRET_KEY),
    "key in bzip2": ("a.bz2", bz2.compress(TEXT), SECRET_KEY),
    "key in xz": ("a.xz", lzma.compress(TEXT), SECRET_KEY),
    "key in parquet": ("a.parquet", parquet(["a", TEXT.decode()], compression="zstd"), SECRET_KEY),
    "raw key in parquet": ("a.parquet", parquet([b"a", RAW]), SECRET_KEY),
    "key in arrow": ("a.arrow", arrow([TEXT.decode()]), SECRET_KEY),
    "key in an .npz file": ("a.npz", zipped(("key.npy", numpy_file(np.frombuffer(RAW, np.uint8)))), SECRET_KEY),
    "key in a pickle": ("state.pkl", pickle.dumps({"key": RAW}), SECRET_KEY),
    "key in a torch file": (
        "model.pt",
        saved({"key": torch.frombuffer(bytearray(RAW), dtype=torch.uint8)}),
        SECRET_KEY,
    ),
    "key file by name": ("clinic.key", b"anything", "has the name of a key file"),
    "key file within a zip file": ("a.zip", zipped(("b/id_rsa", b"anything")), "has the name of a key file"),
    "environment file": (".env", b"A=1", "has the name of a key file"),
    "token of the Hub": ("README.md", b"login with " + HUB_TOKEN, TOKEN),
    "token of the Hub in JSON": ("config.json", json.dumps({"t": HUB_TOKEN.decode()}).encode(), TOKEN),
    "token of GitHub": ("a.py", b"token = 'ghp_" + b"a1B2" * 9 + b"'", TOKEN),
    "private key": ("a.txt", b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "holds a private key"),
    "training arguments": ("training_args.bin", saved(Arguments(hub_token=HUB_TOKEN.decode())), TOKEN),
    "another token in them": ("training_args.bin", saved(Arguments(hub_token="oauth.any.form")), "holds a hub_token"),
    "pickled password": ("a.pkl", pickle.dumps({"x": "secret-1", "db_password": "secret-1"}), "holds a db_password"),
    "home in the card": ("README.md", b"trained on /home/alice/photos", "names a folder of a user (/home/alice)"),
    "home on a Mac": ("config.json", b'{"a": "/Users/alice/x"}', "names a folder of a user (/Users/alice)"),
    "home on Windows": ("a.json", json.dumps("C:\\Users\\alice\\x").encode(), "names a folder of a user"),
    "PNG": ("photo.png", image_file(), PLAIN),
    "JPEG": ("photo.jpg", image_file("JPEG"), PLAIN),
    "WebP": ("photo.webp", image_file("WEBP"), PLAIN),
    "GIF": ("photo.gif", image_file("GIF"), PLAIN),
    "BMP": ("photo.bmp", image_file("BMP"), PLAIN),
    "TIFF": ("photo.tiff", image_file("TIFF"), PLAIN),
    "PNG by another name": ("photo.dat", image_file(), PLAIN),
    "BMP by another name": ("photo.dat", image_file("BMP"), PLAIN),
    "broken image": ("photo.png", b"\x89PNG\r\n\x1a\n broken", "cannot be told from a plain image"),
    "image with a damaged marker": ("photo.png", ciphertext().replace(b'"id"', b'"iD"'), "cannot be told"),
    "vector graphic": ("drawing.svg", b"<svg></svg>", "cannot be told from a plain image"),
    "image in a zip file": (
        "a.zip",
        zipped(("a.png", ciphertext()), ("b.png", image_file())),
        f"a.zip > b.png {PLAIN}",
    ),
    "image in a tar file": ("a.tar", tarred("b.jpg", image_file("JPEG")), f"a.tar > b.jpg {PLAIN}"),
    "image in a zip in a tar.gz": ("a.tgz", tarred("b.zip", zipped(("c", image_file())), "w:gz"), PLAIN),
    "image in parquet": ("a.parquet", parquet([ciphertext(), image_file()]), f"column data, from row 0 {PLAIN}"),
    "image cell in parquet": ("a.parquet", parquet([{"bytes": image_file("BMP"), "path": None}]), PLAIN),
    "image list in arrow": ("data.arrow", arrow([[image_file("JPEG")], []]), PLAIN),
    "base64 in parquet": ("a.parquet", parquet([base64.b64encode(image_file()).decode()]), PLAIN),
    "image in a pickle": ("a.pkl", pickle.dumps([1, {"image": image_file("JPEG")}]), PLAIN),
    "raw key in a torch file": ("model.pt", saved({"key": RAW}), SECRET_KEY),
    "image in a torch file": ("a.pt", saved([image_file("WEBP")]), PLAIN),
    "image behind a ciphertext": ("a.bin", ciphertext() + image_file(), PLAIN),
    "WebP within other data": ("a.bin", bytes(9999) + image_file("WEBP") + bytes(9999), PLAIN),
    "data URL": ("a.html", b'<img src="data:image/jpeg;base64,' + base64.b64encode(image_file("JPEG")), PLAIN),
    "base64 in JSON": ("a.json", json.dumps([base64.b64encode(image_file()).decode()]).encode(), PLAIN),
    "array of pixels": ("a.npy", numpy_file(noise(2, 8, 8, 3)), "may be plain pixels"),
    "array of pixels in .npz": ("a.npz", zipped(("x.npy", numpy_file(noise(8, 8, 3)))), "may be plain pixels"),
    "archive of another kind": ("a.7z", b"7z\xbc\xaf\x27\x1c", "cannot be looked into"),
    "damaged zip file": ("a.zip", zipped(("a", b"b" * 99))[:-9], "cannot be looked into"),
    "damaged parquet": ("a.parquet", b"PAR1 and no more PAR1", "cannot be looked into"),
    "archives without end": ("a.gz", gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"a")))), "too many"),
}
ALLOWED = {
    "ciphertext PNG": ("a.png", ciphertext()),
    "ciphertext JPEG": ("a.jpg", ciphertext("jpeg")),
    "ciphertext WebP": ("a.webp", ciphertext("webp")),
    "ciphertexts in a zip file": ("a.zip", zipped(("a.png", ciphertext()), ("b.webp", ciphertext("webp")))),
    "ciphertexts in a tar file": ("a.tar", tarred("a.jpg", ciphertext("jpeg"))),
    "ciphertexts in parquet": ("a.parquet", parquet([ciphertext(), ciphertext("jpeg"), None])),
    "ciphertexts in arrow": ("a.arrow", arrow([{"bytes": ciphertext("webp"), "path": None}])),
    "ciphertext in base64": ("a.json", json.dumps([base64.b64encode(ciphertext()).decode()]).encode()),
    "ciphertexts in a torch file": ("a.pt", saved([ciphertext("jpeg"), ciphertext("webp"), ciphertext()])),
    "ciphertext WebP within other data": ("a.bin", bytes(9999) + ciphertext("webp") + bytes(9999)),
    "ids": (
        "preprocessor_config.json",
        json.dumps({"cipher_id": EtcCipher(KEY).cipher_id(), "a": KEY.key_id}).encode(),
    ),
    "weights": ("model.bin", saved({"weight": torch.randn(99, 99)})),
    "arguments without secrets": ("training_args.bin", saved(Arguments())),
    "bytes like an image's": ("a.bin", noise(9999).tobytes() + b"\xff\xd8\xff\xe0" + noise(99).tobytes() + b"GIF89a"),
    "a list of numbers": ("a.npy", numpy_file(noise(30, 30))),
    "a relative path": ("README.md", b"trained with examples/train.py on data/home/photos, see https://a.b/home"),
    "an empty file": ("empty.txt", b""),
    "a word in angle brackets": ("training_args.json", b'{"hub_token": "<HUB_TOKEN>"}'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, tmp_path):
    file, content, what = REFUSED[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(UploadRefusedError) as caught:
        check_folder(tmp_path)
    assert str(caught.value).startswith(file) and what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert HUB_TOKEN.decode() not in str(caught.value) and KEY.reveal() not in str(caught.value)


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name, tmp_path):
    file, content = ALLOWED[name]
    (tmp_path / file).write_bytes(content)
    check_folder(tmp_path)


def test_each_refusal_is_the_file_s_own_fault(tmp_path):
    """A key that is alive in no process, and not in its text form, cannot be known."""
    check_file("a.bin", bytes(reversed(RAW)))
    with pytest.raises(UploadRefusedError):
        check_file("a.bin", RAW)


def test_padding_is_no_key_of_one_repeated_byte():
    key = EtcKey(bytes(32))
    check_file("a.bin", bytes(4096))
    with pytest.raises(UploadRefusedError, match=SECRET_KEY):
        check_file("a.txt", key.reveal().encode())


def test_names_tell_the_folder(tmp_path):
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "photo.png").write_bytes(image_file())
    with pytest.raises(UploadRefusedError, match=r"^sub/deep/photo.png holds a plain image; encrypt it"):
        check_folder(tmp_path)


def test_names_are_looked_at_and_not_repeated(tmp_path):
    (tmp_path / f"{KEY.reveal()}.txt").write_bytes(b"a")
    with pytest.raises(UploadRefusedError, match=r"^the name of a file holds a secret key"):
        check_folder(tmp_path)


# Models


@pytest.fixture
def model(work, tmp_path):
    shutil.copytree(work / "model", tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["key as text", "key file by name", "PNG", "image in a zip file", "home in the card"])
def test_a_model_is_refused_before_anything_is_sent(name, model, no_hub):
    file, content, what = REFUSED[name]
    file = file.replace("README", "NOTES")
    (model / file).write_bytes(content)
    with pytest.raises(UploadRefusedError, match=file) as caught:
        push_model(model, "tester/refused")
    assert what in str(caught.value)


def test_a_token_in_the_name_of_a_class_reaches_the_card_and_is_refused(model, no_hub):
    record = json.loads((model / "evaluation.json").read_text())
    record["data"]["name"] = HUB_TOKEN.decode()
    (model / "evaluation.json").write_text(json.dumps(record))
    with pytest.raises(UploadRefusedError, match="holds an access token"):
        push_model(model, "tester/refused")


def test_what_a_trainer_leaves_behind_stays(model):
    stays = ("training_args.bin", "optimizer.pt", "trainer_state.json", "checkpoint-3/model.safetensors", ".hidden/a")
    for name in stays:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(HUB_TOKEN)
    names = {path.relative_to(model).as_posix() for path in push.model_files(model)}
    assert names == {"config.json", "evaluation.json", "model.safetensors", "preprocessor_config.json"}
