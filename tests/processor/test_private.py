"""Models that take ciphertexts of any key, with or without an owner; pixel values of the parts that are sent."""

import numpy as np
import pytest

from hf_etc import EtcImageProcessor, EtcKey, read_marker
from hf_etc.errors import GeometryError, KeyMismatchError, MissingKeyError, NotACiphertextError, ParameterError

from .helpers import KEY, OTHER, values

PRIVATE = {"size": 96, "key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5, "block_size": 8}
OUTPUT = (32, 64)


@pytest.fixture(scope="module")
def of_any_key(tmp_path_factory):
    """The folder of a model that belongs to no owner."""
    folder = tmp_path_factory.mktemp("model")
    EtcImageProcessor(**PRIVATE).save_pretrained(folder)
    return folder


def clients(folder):
    load = EtcImageProcessor.from_pretrained
    return [load(folder, key=KEY), load(folder, key=OTHER), load(folder, disposable=True)]


def test_everybody_encrypts_for_a_model_of_any_key(of_any_key, picture):
    server = EtcImageProcessor.from_pretrained(of_any_key)
    assert not server.is_client and server.cipher_id is None and server.output_size == OUTPUT
    for client in clients(of_any_key):
        assert client.is_client and client.cipher_id is None
        (file,) = client.encrypt(picture)
        assert read_marker(file).spec.disposable == client.spec.disposable
        assert values(server, file).shape == (1, 3, *OUTPUT) == values(client, picture).shape


def test_the_plain_picture_is_refused_without_a_key(of_any_key, picture):
    server = EtcImageProcessor.from_pretrained(of_any_key)
    with pytest.raises(NotACiphertextError):
        server(picture)
    with pytest.raises(MissingKeyError):
        server.encrypt(picture)


def test_no_client_binds_the_model_to_itself(of_any_key, tmp_path):
    """What a client saves is what it loaded: no id, and nothing of whose keys are thrown away."""
    published = EtcImageProcessor.from_pretrained(of_any_key).to_dict()
    assert published["cipher_id"] is None and "disposable" not in published["cipher"]
    for client in clients(of_any_key):
        client.save_pretrained(tmp_path)
        assert EtcImageProcessor.from_pretrained(tmp_path).to_dict() == published == client.to_dict()


def test_a_configuration_without_the_member_is_one_of_any_key(of_any_key):
    saved = EtcImageProcessor.from_pretrained(of_any_key).to_dict()
    del saved["cipher_id"]
    assert EtcImageProcessor.from_dict(saved, key=KEY).cipher_id is None


def test_a_model_with_an_id_takes_its_own_key_alone(picture):
    client = EtcImageProcessor(KEY, **PRIVATE)
    server = EtcImageProcessor(cipher_id=client.cipher_id, **PRIVATE)
    assert values(server, client.encrypt(picture)[0]).shape == (1, 3, *OUTPUT)
    for other in (EtcImageProcessor(OTHER, **PRIVATE), EtcImageProcessor(**PRIVATE, disposable=True)):
        with pytest.raises(KeyMismatchError):
            server(other.encrypt(picture)[0])
    with pytest.raises(KeyMismatchError):
        EtcImageProcessor.from_dict(server.to_dict(), key=OTHER)
    with pytest.raises(ParameterError, match="takes the ciphertexts of one key, no disposable ones; load it with that"):
        EtcImageProcessor.from_dict(server.to_dict(), disposable=True)


@pytest.mark.parametrize(
    "changes", [{"gap": 5}, {"jitter": 3}, {"keep": 0.51}, {"block_size": 16}, {"keep": 1}], ids=str
)
def test_other_parameters_are_refused(of_any_key, picture, changes):
    (file,) = EtcImageProcessor(KEY, **PRIVATE | changes).encrypt(picture)
    ((name, value),) = changes.items()
    with pytest.raises(ParameterError) as refused:
        EtcImageProcessor.from_pretrained(of_any_key)(file)
    wanted = f"encrypted with {name} {value}, the model takes {name} {PRIVATE[name]}; encrypt with those"
    assert str(refused.value) == wanted, "what differs, and nothing else"


def test_the_size_before_encryption_counts(of_any_key, picture):
    (file,) = EtcImageProcessor(KEY, **PRIVATE | {"size": 97}).encrypt(picture)
    assert read_marker(file).size == OUTPUT, "of the same size as the model's"
    with pytest.raises(GeometryError, match="encrypted at 97x97, the model takes 96x96"):
        EtcImageProcessor.from_pretrained(of_any_key)(file)


def test_the_owner_gets_back_what_was_sent(picture):
    client = EtcImageProcessor(KEY, **PRIVATE)
    back = client.sealer().unseal(client.encrypt(picture)[0])
    (prepared,) = client.sealer().pictures(picture)
    sent = (back == prepared).all(-1)
    assert back.shape == (96, 96, 3) and (back[~sent] == 128).all()
    assert sent.sum() == pytest.approx(OUTPUT[0] * OUTPUT[1], abs=5)  # grey pixels of the picture aside


def test_processors_that_are_refused(of_any_key):
    saved = EtcImageProcessor.from_pretrained(of_any_key).to_dict()
    with pytest.raises(ParameterError, match="a disposable key is made for each image; leave the key out"):
        EtcImageProcessor.from_pretrained(of_any_key, key=KEY, disposable=True)
    with pytest.raises(ParameterError, match="a client alone chooses disposable keys"):
        EtcImageProcessor.from_dict(saved | {"cipher": saved["cipher"] | {"disposable": True}})
    with pytest.raises(MissingKeyError, match="give key= for a client's processor, or cipher_id= for a server's"):
        EtcImageProcessor(size=96)
    weak = EtcImageProcessor(size=96, preset="private", steps=["permutation"]).to_dict()
    for options in ({"key": KEY}, {"disposable": True}):
        with pytest.raises(ParameterError, match="this configuration is weak"):
            EtcImageProcessor.from_dict(weak, **options)


def test_disposable_keys_need_no_key(monkeypatch, picture):
    monkeypatch.setattr(EtcKey, "from_env", lambda *_: pytest.fail("a key was looked for"))
    client = EtcImageProcessor(**PRIVATE, disposable=True)
    first, second = (values(client, picture) for _ in range(2))
    assert not np.array_equal(first, second)
