"""hf-etc audit as a user runs it: reading, reports, resuming, and clear answers to what cannot be audited."""

import json
import os
import stat

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import squeezenet1_1

from hf_etc import EtcKey
from hf_etc.audit.pictures import read_pictures
from hf_etc.cipher import EtcSpec
from hf_etc.commands import audit as command
from hf_etc.data import encrypt_dataset
from hf_etc.errors import EtcError, ImageError, KeyMismatchError, OutputError, ParameterError

from .helpers import pictures


def save(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def photos(tmp_path):
    return save(tmp_path / "photos", pictures()[:8])


@pytest.fixture
def ciphertexts(tmp_path, key):
    from datasets import Dataset

    plain = Dataset.from_dict({"image": [Image.fromarray(one) for one in pictures()]})
    encrypt_dataset(plain, key, block_size=16).save_to_disk(tmp_path / "encrypted")
    return tmp_path / "encrypted"


def run(*words):
    return command.main([str(word) for word in words])


def test_a_folder_of_pictures_gets_a_report(photos, tmp_path, capsys):
    out = tmp_path / "report"
    assert run(photos, "--attacks", "known-plaintext,fr-basic", "--out", out) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["results"]["images"] == 8 and report["results"]["view"] == "owner"
    assert [one["attack"] for one in report["results"]["attacks"]] == ["known-plaintext", "fr-basic"]
    assert report["results"]["attacks"][0]["scores"]["key_share"] == 1
    assert "<title>Leakage audit of photos</title>" in (out / "report.html").read_text()
    shown = capsys.readouterr()
    assert shown.out.endswith(f"Report: {out / 'report.html'}\n")
    assert "[1/2] known-plaintext" in shown.err and "8 of 32x32 pixels" in shown.err
    assert str(tmp_path) not in (out / "report.json").read_text() + (out / "report.html").read_text()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_report_is_for_its_owner_alone(photos, tmp_path, umask):
    out = tmp_path / "report"
    before = os.umask(umask)
    try:
        run(photos, "--attacks", "known-plaintext", "--out", out)
        for path in [out, *out.rglob("*")]:  # as an earlier version left it
            path.chmod(0o755 if path.is_dir() else 0o644)
        run(photos, "--attacks", "known-plaintext,fr-basic", "--out", out)
    finally:
        os.umask(before)
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
    assert {"report.html", "report.json", "hf-etc.json", "attacks", "attacks/known-plaintext.png"} <= set(names)
    assert "attacks/fr-basic.png" in names
    for path in [out, *out.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_an_interrupted_report_is_closed_and_a_foreign_folder_left_alone(photos, tmp_path, monkeypatch):
    out, foreign = tmp_path / "report", tmp_path / "thesis"
    out.mkdir(mode=0o755)
    save(foreign, pictures()[:1])
    foreign.chmod(0o755)

    def interrupt(*_):
        assert stat.S_IMODE(out.stat().st_mode) == 0o700  # nothing in it can be reached meanwhile
        raise KeyboardInterrupt

    monkeypatch.setattr("hf_etc.audit.attacks.known_plaintext.KnownPlaintext.run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(photos, "--attacks", "fr-basic,known-plaintext", "--out", out)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*") if path.is_file()}
    assert modes == {0o600}
    with pytest.raises(OutputError, match="was not begun by hf-etc"):
        run(photos, "--out", foreign)
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o755


def random_lpips(folder):
    """LPIPS with SqueezeNet of random weights: a distance of the right kind, without a download."""
    (folder / "v0.1").mkdir(parents=True)
    (folder / "squeeze-backbone").mkdir()
    features = squeezenet1_1(weights=None).features.state_dict()
    torch.save(features, folder / "squeeze-backbone" / "squeeze.backbone.pth")
    widths = (64, 128, 256, 384, 384, 512, 512)
    linear = {f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1) for i, width in enumerate(widths)}
    torch.save(linear, folder / "v0.1" / "squeeze.pth")
    return folder


def test_lpips_is_measured_on_demand(photos, tmp_path):
    out = tmp_path / "report"
    words = (photos, "--attacks", "known-plaintext,fr-basic", "--out", out)
    with pytest.raises(ParameterError, match=r"no LPIPS weights at .*; pass the folder that holds v0\.1/"):
        run(*words, "--lpips", tmp_path)
    run(*words, "--lpips", random_lpips(tmp_path / "lpips"))
    exact, outlines = (
        one["scores"]["lpips"] for one in json.loads((out / "report.json").read_text())["results"]["attacks"]
    )
    assert exact["median"] == 0 < outlines["median"]
    assert "Perceptual distance" in (out / "report.html").read_text()


def test_a_second_run_resumes_and_other_settings_are_refused(photos, tmp_path, monkeypatch, capsys):
    words = (photos, "--attacks", "fr-basic", "--out", tmp_path / "report")
    run(*words)
    monkeypatch.setattr("hf_etc.audit.attacks.fr.FrBasic.run", lambda *_: pytest.fail("it ran again"))
    assert run(*words) == 0
    with pytest.raises(OutputError, match="was begun with cipher"):
        run(*words, "--block-size", "8")


def test_an_interruption_keeps_what_was_finished(photos, tmp_path, monkeypatch):
    out = tmp_path / "report"

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("hf_etc.audit.attacks.known_plaintext.KnownPlaintext.run", interrupt)
        run(photos, "--attacks", "fr-basic,known-plaintext", "--out", out)
    assert not (out / "report.html").exists() and (out / "attacks" / "fr-basic.json").exists()
    assert run(photos, "--attacks", "fr-basic,known-plaintext", "--out", out) == 0
    assert (out / "report.html").exists()


def test_ciphertexts_without_key_are_seen_as_an_outsider(ciphertexts, tmp_path):
    assert run(ciphertexts, "--attacks", "fr-basic", "--out", tmp_path / "report") == 0
    results = json.loads((tmp_path / "report" / "report.json").read_text())["results"]
    assert results["view"] == "outsider" and results["cipher"]["block_size"] == 16
    with pytest.raises(ParameterError, match="give the key with --key"):
        run(ciphertexts, "--attacks", "known-plaintext", "--out", tmp_path / "other")


def test_ciphertexts_with_their_key_are_measured(ciphertexts, tmp_path, key):
    key.save(tmp_path / "owner.key")
    EtcKey.generate().save(tmp_path / "other.key")
    words = (ciphertexts, "--attacks", "known-plaintext", "--out", tmp_path / "report", "--key")
    assert run(*words, tmp_path / "owner.key") == 0
    results = json.loads((tmp_path / "report" / "report.json").read_text())["results"]
    assert results["view"] == "owner" and results["attacks"][0]["scores"]["key_share"] == 1
    with pytest.raises(KeyMismatchError):
        run(*words[:-2], tmp_path / "other", "--key", tmp_path / "other.key")


def test_no_secret_is_written(photos, tmp_path, key):
    key.save(tmp_path / "owner.key")
    text = (tmp_path / "owner.key").read_text().strip()
    run(photos, "--attacks", "fr-basic", "--key", tmp_path / "owner.key", "--out", tmp_path / "report")
    for path in (tmp_path / "report").rglob("*"):
        if path.is_file():
            assert text.encode() not in path.read_bytes() and bytes(range(32)) not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("make", "words", "says"),
    [
        (lambda folder: None, (), "no such file or folder"),
        (lambda folder: folder.mkdir(), (), "holds no images"),
        (lambda folder: save(folder, []).joinpath("a.png").write_text("x"), (), "none of the images .* can be read"),
        (lambda folder: save(folder, pictures()[:2]), ("--size", "30"), "not a multiple of the block size 16"),
        (lambda folder: save(folder, pictures()[:2]), ("--size", "big"), "give pixels, as 224 or 224x160"),
        (lambda folder: save(folder, pictures()[:2]), ("--attacks", "magic"), "unknown attack 'magic'"),
        (lambda folder: save(folder, pictures()[:2]), ("--attacks", ","), "--attacks is empty"),
        (lambda folder: save(folder, pictures()[:2]), ("--quality", "80"), "are for --format jpeg"),
        (lambda folder: save(folder, pictures()[:2]), ("--images", "0"), "use 1 or more"),
        (lambda folder: save(folder, pictures()[:2]), ("--model", "x"), "give it with --key"),
    ],
)
def test_clear_answers(tmp_path, make, words, says):
    make(tmp_path / "source")
    with pytest.raises(EtcError, match=says) as error:
        run(tmp_path / "source", "--out", tmp_path / "report", *words)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "report").exists()


def test_mixed_sizes_are_brought_to_one_and_said(tmp_path):
    folder = save(tmp_path / "mixed", [pictures()[0], pictures()[1][:, :20], pictures()[2][:16]])
    read = read_pictures(folder, EtcSpec(), limit=9)
    assert read.pixels.shape == (3, 224, 224, 3)
    assert read.remarks == (
        "The pictures have 3 different sizes: each was scaled and cropped to 224x224 pixels; choose with --size.",
    )
    assert read_pictures(folder, EtcSpec(), limit=9, size=(32, 48)).pixels.shape == (3, 32, 48, 3)


def test_bad_images_are_left_out_and_named(photos):
    (photos / "bad.png").write_text("no image")
    read = read_pictures(photos, EtcSpec(), limit=20)
    assert len(read.pixels) == 8
    assert read.remarks == (
        "Left out, since they cannot be read: 1; the first: bad.png is not an image that Pillow can read.",
    )


def test_a_draw_of_many_is_random_and_repeatable(photos):
    one, same, other = (read_pictures(photos, EtcSpec(), limit=4, seed=seed) for seed in (0, 0, 1))
    assert one.names == same.names != other.names and np.array_equal(one.pixels, same.pixels)
    assert one.remarks == ("4 of 8 images were drawn at random (seed 0).",)


def test_plain_pictures_and_ciphertexts_are_not_mixed(tmp_path, key):
    from hf_etc import EtcCipher

    cipher, folder = EtcCipher(key, 16), save(tmp_path / "both", pictures()[:2])
    (folder / "encrypted.png").write_bytes(cipher.seal(pictures()[0]))
    with pytest.raises(ParameterError, match=r"holds plain pictures \(0.png\) and ciphertexts \(encrypted.png\)"):
        read_pictures(folder, EtcSpec(), limit=9)
    for name in ("0.png", "1.png"):
        (folder / name).unlink()
    small = EtcCipher(key, 8)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(small.seal(pictures()[0]))
    read = read_pictures(folder, EtcSpec(), limit=9)
    assert read.marker.spec == EtcSpec(block_size=8) and len(read.pixels) == 2
    assert "1 ciphertexts of other keys, sizes or parameters were left out" in read.remarks[0]
    with pytest.raises(ParameterError, match="cannot be resized"):
        read_pictures(folder, EtcSpec(), limit=9, size=(32, 32))


def test_an_error_type_for_each(tmp_path):
    with pytest.raises(ImageError):
        read_pictures(tmp_path / "nothing", EtcSpec(), limit=1)
