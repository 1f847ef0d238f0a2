"""What goes wrong on the way: one line that says what to do, and nothing is sent twice."""

import hashlib
import json
import re
from collections import Counter

import pytest

from tests.hub_server import TOKEN

# Before each push: the clients wait for seconds between their attempts.
PUSH = """
import sys, time
time.sleep = lambda seconds: None
from hf_etc import cli
sys.exit(cli.main({words!r}))
"""


@pytest.fixture(autouse=True)
def no_faults_left(hub):
    yield
    hub.faults.clear()


@pytest.fixture
def push(process, work):
    def run(source, repo, *options, **kwargs):
        return process(PUSH.format(words=["push", str(work / source), repo, *options]), **kwargs)

    return run


def arrived(hub):
    """How often each large file was sent whole."""
    return Counter(
        request.path
        for request in hub.requests
        if request.method == "PUT" and hashlib.sha256(request.body).hexdigest() == request.path.split("/")[-1]
    )


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        ("POST", "/preupload/", "drop"),
        ("POST", "objects/batch", "500"),
        ("PUT", "/lfs/", "500"),
        ("PUT", "/lfs/", "cut"),
        ("POST", "/lfs-verify", "500"),
        ("POST", "/commit/", "slow"),
    ],
)
def test_the_clients_get_over_one_fault(hub, push, work, method, path, fault):
    repo = f"tester/once{path.replace('/', '-')}{fault}".rstrip("-")
    hub.objects.clear()
    hub.fail(method, path, fault)
    outcome = push("model", repo)
    assert outcome.status == 0, outcome.text
    assert hub.faults[0].times == 0, "the fault did not happen"
    files = hub.repositories["models", repo].files("main")[1]
    assert files["model.safetensors"] == (work / "model" / "model.safetensors").read_bytes()


def test_an_interrupted_upload_of_a_model_is_repeated(hub, push):
    """First the large file breaks off for good, then it arrives and the commit fails, then all is well."""
    hub.objects.clear()
    hub.fail("PUT", "/lfs/", "cut", times=6)
    outcome = push("model", "tester/broken")
    assert outcome.status == 2
    assert outcome.last_line.startswith(f"hf-etc: error: {hub.url} cannot be reached (")
    assert outcome.last_line.endswith("check the network and do the same again: what has arrived is not sent twice")
    before = arrived(hub)

    hub.fail("POST", "/commit/", "500", times=6)
    outcome = push("model", "tester/broken")
    assert (outcome.status, outcome.last_line) == (
        2,
        "hf-etc: error: the Hub failed (status 500); wait a little and do the same again: "
        "what has arrived is not sent twice",
    )
    assert (arrived(hub) - before).total() == 1
    assert set(hub.repositories["models", "tester/broken"].files("main")[1]) == {".gitattributes"}

    hub.faults.clear()  # a commit is tried only once
    assert push("model", "tester/broken").status == 0
    assert (arrived(hub) - before).total() == 1
    assert "model.safetensors" in hub.repositories["models", "tester/broken"].files("main")[1]


def test_an_interrupted_upload_of_a_dataset_goes_on(hub, process, work):
    code = f"""
        import time
        time.sleep = lambda seconds: None
        from hf_etc.errors import HubError
        from hf_etc.hub import push_dataset
        try:
            push_dataset("{work}/ciphertexts", "tester/shards", max_shard_size="100KB")
        except HubError as error:
            print(error)
            raise SystemExit(7)
    """
    hub.objects.clear()
    before = arrived(hub)
    hub.fail("PUT", "/lfs/", "cut", times=6, after=2)
    outcome = process(code)
    assert outcome.status == 7, outcome.text
    assert "check the network and do the same again" in outcome.text
    first = arrived(hub) - before
    assert first.total() == 2

    outcome = process(code)
    assert outcome.status == 0, outcome.text
    both = arrived(hub) - before
    files = hub.repositories["datasets", "tester/shards"].files("main")[1]
    shards = [name for name in files if name.endswith(".parquet")]
    assert len(shards) == 3 and both.total() == len(shards) and set(both.values()) == {1}


def test_downloads_get_over_faults(hub, process, push, work):
    assert push("model", "tester/fetched").status == 0
    expected = hashlib.sha256((work / "model" / "model.safetensors").read_bytes()).hexdigest()
    for i, fault in enumerate(("slow", "cut", "drop")):
        hub.fail("GET", "model.safetensors", fault)
        outcome = process(f"""
            import hashlib, pathlib, time
            time.sleep = lambda seconds: None
            from huggingface_hub import hf_hub_download
            path = hf_hub_download("tester/fetched", "model.safetensors", cache_dir="cache{i}")
            print(hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest())
        """)
        assert outcome.status == 0, (fault, outcome.text)
        assert outcome.last_line == expected


def test_a_stream_reads_parts_of_files(hub, process, push):
    assert push("ciphertexts", "tester/streamed").status == 0
    hub.fail("GET", r"\.parquet", "500")
    hub.fail("GET", r"\.parquet", "drop")
    start = len(hub.requests)
    outcome = process("""
        import time
        time.sleep = lambda seconds: None
        from datasets import load_dataset
        from hf_etc.data import common_marker
        rows = load_dataset("tester/streamed", split="test", streaming=True)
        print(common_marker(rows).width, sum(1 for row in rows))
    """)
    assert (outcome.status, outcome.last_line) == (0, "32 32"), outcome.text
    assert any(rule.times == 0 for rule in hub.faults)
    parts = [one.headers["range"] for one in hub.requests[start:] if "range" in one.headers]
    assert parts and all(part.startswith("bytes=") for part in parts)


def test_one_line_for_each_reason(hub, process, work):
    def runs(*cases):
        """Status and last line of each `hf-etc push` with this folder, name, token and address of the Hub."""
        outcome = process(f"""
            import contextlib, io, json, os
            import huggingface_hub
            from hf_etc import cli
            lines = []
            for folder, repo, token, address in {cases!r}:
                huggingface_hub.constants.ENDPOINT = address
                os.environ["HF_TOKEN"] = token
                with contextlib.redirect_stderr(io.StringIO()) as err:
                    status = cli.main(["push", folder, repo])
                assert "Traceback" not in err.getvalue()
                lines.append([status, err.getvalue().strip().splitlines()[-1]])
            print(json.dumps(lines))
        """)
        assert outcome.status == 0 and TOKEN not in outcome.text, outcome.text
        return [line for status, line in json.loads(outcome.last_line) if status == 2]

    model, data = str(work / "model"), str(work / "ciphertexts")
    before = len(hub.requests)
    login = "log in with: hf auth login (or set HF_TOKEN to a token that may write)"
    assert runs((model, "tester/x", "", hub.url)) == [f"hf-etc: error: there is no token for {hub.url}; {login}"]
    assert len(hub.requests) == before
    hub.fail("POST", "/api/repos/create", "drop", after=4)
    lines = runs(
        (model, "tester/x", "hf_wrong", hub.url),
        (data, "tester/x", "hf_wrong", hub.url),
        (model, "someone/x", TOKEN, hub.url),
        (data, "someone/x", TOKEN, hub.url),
        (model, "a/b/c", TOKEN, hub.url),
        (model, "tester/x", TOKEN, "http://127.0.0.1:1"),
        (data, "tester/x", TOKEN, hub.url),
    )
    refused = "you may not write to someone/x; choose a repository of your own, or a token with write permission"
    again = "check the network and do the same again: what has arrived is not sent twice"
    assert re.sub(r"\(\w+Error\)", "(...)", lines.pop()) == f"hf-etc: error: {hub.url} cannot be reached (...); {again}"
    assert lines == [
        f"hf-etc: error: the Hub does not accept your token; {login}",
        f"hf-etc: error: the Hub does not accept your token; {login}",
        f"hf-etc: error: {refused}",
        f"hf-etc: error: {refused}",
        "hf-etc: error: 'a/b/c' is not a repository's name; give user/name",
        f"hf-etc: error: http://127.0.0.1:1 cannot be reached (ConnectError); {again}",
    ]
