"""Who does the work makes no difference to what is written, and a worker that is killed none either."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from datasets import Dataset
from datasets import Image as ImageFeature

from hf_etc import EncryptImages, EtcKey
from hf_etc.data.convert import convert
from hf_etc.data.convert.report import Report
from hf_etc.errors import EtcError, ImageError, MissingExtraError, MissingKeyError, ParameterError
from tests.data.folder_helpers import make_dataset, make_tree
from tests.secrets import scan_tree

ENCRYPT = [sys.executable, "-m", "hf_etc", "encrypt"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "hf_etc", "encrypt"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ray_folder(monkeypatch):
    """Where Ray keeps its logs and sockets; their names may not be long."""
    with tempfile.TemporaryDirectory(prefix="etc", dir="/tmp") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("RAY_worker_niceness", "0")
        yield Path(folder)


def save_plain(shards):
    """A dataset of 1000 rows for each shard."""
    few = make_dataset(5).cast_column("image", ImageFeature(decode=False))
    columns = {name: few[name][:] * 200 * shards for name in few.features}
    Dataset.from_dict(columns, features=few.features).save_to_disk("plain")


def start(*command):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    return psutil.Popen(list(command), stdout=pipe, stderr=pipe, text=True, env=environment)


def kill_one(process, is_victim):
    """Kill one of its processes when a first shard is there."""
    while not list(Path("out").glob("data/*.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    next(child for child in process.children(recursive=True) if is_victim(child)).send_signal(signal.SIGKILL)
    assert process.poll() is None, "it had ended before"


def whole(folder):
    """Every file, the manifest and the hidden journal included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_ray_worker_is_killed_and_its_shard_done_again(ray_folder, here):
    key = EtcKey.generate()
    key.save("my.key")
    save_plain(4)
    process = start(*ENCRYPT, "plain", "out", "--key", "my.key", "--executor", "ray", "--num-proc", "2")
    kill_one(process, lambda child: child.cmdline()[:1] == ["ray::_do"])
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "the task will be retried" in stdout  # Ray's own words
    assert "plain -> out: 4000 images encrypted" in stdout
    convert("plain", "alone", EncryptImages(key))
    assert whole("out") == whole("alone")
    assert list(ray_folder.glob("ray/session_*/logs/*")), "Ray wrote elsewhere"
    assert scan_tree(key, ray_folder) == []
    assert scan_tree(key, here / "out") == []
    assert [name.split(":")[0] for name in scan_tree(key, here)] != [], (
        "the search finds nothing, not even the key file"
    )


def test_ray_says_what_is_wrong_in_one_line(ray_folder, monkeypatch):
    import ray

    key = EtcKey.generate()
    key.save("my.key")
    make_tree(2)
    Path("photos/church/2.png").parent.mkdir()
    Path("photos/church/2.png").write_bytes(b"broken")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        with pytest.raises(MissingKeyError, match=r"^this process does not have the key of .*; set HF_ETC_KEY_FILE"):
            convert("photos", "out", EncryptImages(key), executor="ray")
        monkeypatch.setenv("HF_ETC_KEY_FILE", "my.key")  # relative: workers are told the whole path
        with pytest.raises(ImageError, match=r"^church/2\.png: "):
            convert("photos", "out", EncryptImages(key), executor="ray", num_proc=1)
        Path("photos/church/2.png").unlink()
        report = convert("photos", "out", EncryptImages(key), executor="ray")
        assert report.images + report.resumed == 2
        convert("photos", "alone", EncryptImages(key))
        assert whole("out") == whole("alone")
        assert ray.is_initialized(), "the caller's cluster was shut down"

        monkeypatch.delenv("HF_ETC_KEY_FILE")
        monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
        process = start(*ENCRYPT, "photos", "joined", "--key", "my.key", "--executor", "ray")
        stdout, stderr = process.communicate()
        assert stdout.startswith("photos -> joined: 2 images encrypted"), stderr
        assert whole("joined") == whole("alone")
        assert scan_tree(key, ray_folder) == []
    finally:
        ray.shutdown()


def test_a_rank_is_killed_and_the_run_repeated(here):
    key = EtcKey.generate()
    key.save("my.key")
    save_plain(4)
    process = start(*TORCHRUN, "plain", "out", "--key", "my.key")
    kill_one(process, lambda child: child.environ().get("RANK") == "1")
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (1, "")
    assert scan_tree(key, here / "out") == []
    again = start(*TORCHRUN, "plain", "out", "--key", "my.key")
    stdout, stderr = again.communicate()
    assert again.returncode == 0, stderr
    assert stdout.count("plain -> out: ") == 1  # the first rank speaks for all
    finished = int(stdout.split(" were finished before")[0].split()[-1])
    assert 1000 <= finished < 4000
    assert f" {4000 - finished} images encrypted" in stdout
    convert("plain", "alone", EncryptImages(key))
    assert whole("out") == whole("alone")


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    make_tree(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'^the executor ray needs Ray; run: pip install "ray>='):
        convert("photos", "out", EncryptImages(EtcKey.generate()), executor="ray")
    assert not Path("out").exists()


def test_no_cluster_at_the_address(monkeypatch):
    make_tree(1)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    import ray

    def refuse(**options):
        raise ConnectionError("nobody is there")

    monkeypatch.setattr(ray, "init", refuse)
    message = r"^no Ray cluster answers at 127\.0\.0\.1:1: nobody is there$"
    with pytest.raises(EtcError, match=message):
        convert("photos", "out", EncryptImages(EtcKey.generate()), executor="ray")


@pytest.mark.parametrize("executor", ["ray", "ranks"])
def test_disposable_keys_stay_on_one_machine(executor):
    make_tree(1)
    images = EncryptImages(None, disposable=True, key_scope="image")
    with pytest.raises(ParameterError, match=r"^disposable keys are for one machine: "):
        convert("photos", "out", images, executor=executor)


def test_bad_executors():
    make_tree(1)
    images = EncryptImages(EtcKey.generate())
    with pytest.raises(ParameterError, match=r"^executor 'dask': use one of processes, ray, ranks$"):
        convert("photos", "out", images, executor="dask")
    with pytest.raises(ParameterError, match=r"^the executor ranks is for several processes; run: torchrun "):
        convert("photos", "out", images, executor="ranks")
    with pytest.raises(ParameterError, match=r"^one file cannot be shared among ranks; "):
        convert("photos/tench/0.png", "one.png", images, executor="ranks")


def test_a_report_that_does_not_add_up():
    assert Report(images=2, resumed=1, bad=["x"]).expect(4)
    for images in (3, 5):
        with pytest.raises(EtcError, match=rf"^4 images were seen to, not {images}; run again"):
            Report(images=2, resumed=1, bad=["x"]).expect(images)
