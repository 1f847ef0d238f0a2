"""SSIM against its definition in NumPy, LPIPS against its published check value."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from hf_etc import EtcKey, get_cipher
from hf_etc.errors import GeometryError, ImageError, ParameterError
from hf_etc.metrics.similarity import Lpips, ssim

DATA = Path(__file__).parents[2] / "../shared/data"
WEIGHTS = DATA / "lpips"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="LPIPS weights are not in ../shared/data/lpips")
needs_cifar = pytest.mark.skipif(not (DATA / "cifar10").is_dir(), reason="CIFAR-10 is not in ../shared/data/cifar10")


pytestmark = pytest.mark.usefixtures("one_thread")


def images(count: int = 4, size: int = 40, seed: int = 0) -> Tensor:
    """Smooth random images, so that SSIM is far from both of its ends after noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=generator) * 255
    return torch.nn.functional.interpolate(coarse, size, mode="bilinear").round().to(torch.uint8)


def ssim_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """One image (3,H,W) in double precision, window by window."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = (np.lib.stride_tricks.sliding_window_view(v.astype(np.float64), (11, 11), axis=(1, 2)) for v in (x, y))
    mx, my = ((v * window).sum((-1, -2)) for v in (x, y))
    vx, vy = ((window * (v - m[..., None, None]) ** 2).sum((-1, -2)) for v, m in ((x, mx), (y, my)))
    cov = (window * (x - mx[..., None, None]) * (y - my[..., None, None])).sum((-1, -2))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def test_ssim_is_its_definition() -> None:
    x = images()
    spread = torch.tensor([2, 10, 30, 90]).reshape(4, 1, 1, 1)
    y = (x + spread * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 255).to(torch.uint8)
    expected = [ssim_by_definition(a.numpy(), b.numpy()) for a, b in zip(x, y, strict=True)]
    assert ssim(x, y).tolist() == pytest.approx(expected, abs=2e-5)


def test_ssim_of_known_pairs() -> None:
    x = images()
    assert ssim(x, x).tolist() == [1] * 4
    assert (ssim(x, 255 - x) < 0).all()
    black, white = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 255.0)
    assert ssim(black, white).item() == pytest.approx(1e-4, rel=0.01)  # c1 / (1 + c1): luminance alone


def test_batches_do_not_matter() -> None:
    x, y = images(5), images(5, seed=1)
    assert torch.allclose(ssim(x, y), ssim(x, y, batch_size=2))
    assert torch.equal(ssim(x, y), ssim(x.float(), y.float()))


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 16, 16), GeometryError, "cannot compare"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), GeometryError, "11x11 pixels or more"),
        (torch.zeros(3, 16, 16), torch.zeros(3, 16, 16), ImageError, "N,3,H,W"),
        (torch.zeros(1, 3, 16, 16) - 1, torch.zeros(1, 3, 16, 16), ImageError, "undo the normalisation"),
        (torch.full((1, 3, 16, 16), torch.nan), torch.zeros(1, 3, 16, 16), ImageError, "undo the normalisation"),
        (torch.zeros(1, 3, 16, 16).int(), torch.zeros(1, 3, 16, 16).int(), ImageError, "int32"),
    ],
)
def test_bad_images(x: Tensor, y: Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ssim(x, y)


@needs_weights
def test_lpips_check_value() -> None:
    """The value that torchmetrics documents for this example."""
    torch.manual_seed(123)
    x, y = (torch.rand(10, 3, 100, 100) * 255 for _ in range(2))
    assert Lpips(WEIGHTS, "squeeze")(x, y).mean().item() == pytest.approx(0.10080, abs=5e-6)


@needs_weights
def test_lpips_orders_images() -> None:
    metric, x = Lpips(WEIGHTS), images(2, 64)
    near = (x + torch.randint(0, 8, x.shape, dtype=torch.uint8) * (x < 240)).to(torch.uint8)
    far = torch.randint(0, 256, x.shape, dtype=torch.uint8)
    assert metric(x, x).tolist() == [0, 0]
    assert (metric(x, near) < metric(x, far)).all()
    assert torch.allclose(metric(x, far), metric(x, far, batch_size=1), atol=1e-5)


@needs_weights
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_other_backbones_fit_their_weights(net: str, tmp_path: Path) -> None:
    """Their ImageNet weights need a download, so random ones stand in: shapes and taps are what is tested."""
    import torchvision

    with torch.device("meta"):
        features = {"alex": torchvision.models.alexnet, "vgg": torchvision.models.vgg16}[net]().features
    state = {name: torch.randn(value.shape) * 0.05 for name, value in features.state_dict().items()}
    (tmp_path / "v0.1").symlink_to((WEIGHTS / "v0.1").resolve())
    (tmp_path / f"{net}-backbone").mkdir()
    torch.save(state, tmp_path / f"{net}-backbone" / f"{net}.backbone.pth")
    metric, x, y = Lpips(tmp_path, net), images(2, 64), images(2, 64, seed=1)
    assert metric(x, x).tolist() == [0, 0]
    assert (metric(x, y) > 0).all()


def test_lpips_needs_its_weights(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"v0\.1"):
        Lpips(tmp_path)
    with pytest.raises(ParameterError, match="squeeze, alex, vgg"):
        Lpips(tmp_path, "resnet")  # type: ignore[arg-type]


@needs_weights
@needs_cifar
def test_ciphertexts_look_unlike_their_plain_images() -> None:
    """On CIFAR-10, ELE hides the most by LPIPS and PE and EtC less (paper Fig. 7)."""
    from datasets import load_dataset

    rows = load_dataset("parquet", data_files=str(DATA / "cifar10/test-*.parquet"), split="train[:64]")
    plain = np.stack([np.asarray(_decoded(row["img"])) for row in rows])
    metric, x = Lpips(WEIGHTS), _tensor(plain)
    key = EtcKey(bytes(32))
    scores = {n: metric(x, _tensor(get_cipher(n, key).encrypt(plain))).mean().item() for n in ("pe", "ele", "etc")}
    assert scores["ele"] > scores["etc"] > 0.1 and scores["ele"] > scores["pe"] > 0.1, scores


def _decoded(image: Image.Image | dict) -> Image.Image:
    return image if isinstance(image, Image.Image) else Image.open(io.BytesIO(image["bytes"]))


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)
