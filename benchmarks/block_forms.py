"""What a network of bags of blocks gains from other forms of a block than the canonical one of `bag-vit`.

Run on one core; the first writes results/block_forms.json:

    python benchmarks/block_forms.py FOLDER_OF_CIFAR10
    python benchmarks/block_forms.py FOLDER_OF_IMAGENETTE --size 112 --block-size 16 --images 3000 --epochs 8 \
        --test-images 1000 --forms 'as it is, plain*' template '*hidden*' '*beside' \
        --out results/block_forms_imagenette.json

Each is trained from the same seed on the same pictures in the same order, in bfloat16, and tested on pictures that each
have a key of their own. What is invariant sees the same with and without encryption, so it is trained on plain
pictures; the largest change of a logit under a new key says whether it is.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, load_dataset
from measuring import parser
from torch import Tensor, nn
from torch.nn import functional as F

from hf_etc import EtcCipher, EtcKey
from hf_etc.blocks import COLORS
from hf_etc.models import build_model
from hf_etc.models.bag import BagViTConfig, BlockStem
from hf_etc.models.canonical import CanonicalBlocks
from hf_etc.models.invariance import logit_changes
from hf_etc.records import write_rows

WIDTH = 96
SHAPE = {"hidden_size": WIDTH, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 4 * WIDTH}
SHARP = 10.0  # of a softmax over scores with a template of length 1


class Scored(CanonicalBlocks):
    """Scores of all 96 variants, the negated ones last, and any of them by its number."""

    def scores(self, levels: Tensor) -> Tensor:
        found = levels @ self.templates[:, :48].to(self.exact)
        return torch.cat([found, -found], -1)

    def numbered(self, levels: Tensor, number: Tensor) -> Tensor:
        sign = torch.where(number < 48, 1 / 255, -1 / 255)
        return levels.gather(-1, self.sources[number % 48]) * sign[..., None]


class Ranked(Scored):
    """The variant of one rank, 0 being the best: for the mean of a few at test time."""

    rank = 0

    def forward(self, pixels: Tensor) -> Tensor:
        if self.rank == 0:
            return CanonicalBlocks.forward(self, pixels)
        with torch.autocast("cpu", enabled=False):
            levels = self.levels(pixels)
            return self.numbered(levels, self.scores(levels).topk(self.rank + 1, -1).indices[..., self.rank])


class Drawn(Ranked):
    """While training a draw among the variants, the likelier the higher the score; else the best."""

    def forward(self, pixels: Tensor) -> Tensor:
        if not self.training:
            return super().forward(pixels)
        with torch.autocast("cpu", enabled=False):
            levels = self.levels(pixels)
            length = self.templates[:, 0].float().norm() * 255
            noise = -torch.empty(*levels.shape[:2], 96).exponential_().log()
            return self.numbered(levels, (self.scores(levels) / length * SHARP + noise).argmax(-1))


class Learned(Scored):
    """The best variant under a template that is learned, through a softmax; rounded, so sums are exact."""

    def __init__(self, block: int) -> None:
        super().__init__(block)
        self.learned = nn.Parameter(self.templates[self.sources[0], 0].float())
        self.inverse = self.sources.argsort(-1)

    def forward(self, pixels: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            levels, exact = self.levels(pixels), self.learned + (self.learned.round() - self.learned).detach()
            found = levels @ exact[self.inverse].T
            both = torch.cat([found, -found], -1)
            seconds = levels @ self.templates[:, 48:].to(self.exact)
            tied = both == both.amax(-1, keepdim=True)
            best = self.numbered(levels, torch.where(tied, torch.cat([seconds, -seconds], -1), -torch.inf).argmax(-1))
            if not self.training:
                return best
            share = (both / (self.learned.norm().detach() * 255) * SHARP).softmax(-1)
            share = share[..., :48] - share[..., 48:]
            soft = torch.einsum("nbv,nbvd->nbd", share, levels[..., self.sources]) / 255
            return best + soft - soft.detach()


class Pooled(nn.Module):
    """A layer with a kink of several variants of the form, each with the same weights; then their mean."""

    def __init__(self, variants: Tensor, signs: bool, hidden: int = 2 * WIDTH) -> None:
        super().__init__()
        self.variants, self.signs = variants.argsort(-1), signs
        self.first, self.second = nn.Linear(variants.shape[1], hidden), nn.Linear(hidden, WIDTH)

    def forward(self, forms: Tensor) -> Tensor:
        weight = self.first.weight[:, self.variants].transpose(0, 1).flatten(0, 1)  # <w, changed x> = <changed w, x>
        before = F.linear(forms, weight).unflatten(-1, (len(self.variants), -1))
        if self.signs:
            before = torch.cat([before, -before], -2)
        hidden = F.gelu(before + self.first.bias)
        return self.second(hidden.mean(-2))


class Stem(nn.Module):
    """3x3 convolutions that see a block each, then a projection."""

    def __init__(self, block: int, layers: int = 2, channels: int = 32) -> None:
        super().__init__()
        self.block = block
        widths = [3, *[channels] * layers]
        convs = [nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(widths)]
        self.convs = nn.Sequential(*(module for conv in convs for module in (conv, nn.GELU())))
        self.projection = nn.Linear(channels * block**2, WIDTH)

    def forward(self, forms: Tensor) -> Tensor:
        hidden = self.convs(forms.flatten(0, 1).unflatten(-1, (3, self.block, self.block)))
        return self.projection(hidden.flatten(1)).unflatten(0, forms.shape[:2])


class Sum(nn.Module):
    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, forms: Tensor) -> Tensor:
        return sum(part(forms) for part in self.parts)  # type: ignore[return-value]


class Embeddings(nn.Module):
    """Pixels to tokens by a form of blocks and what makes a token of it, beside those of the bag."""

    def __init__(self, bag: nn.Module, blocks: nn.Module, tokens: nn.Module | None) -> None:
        super().__init__()
        self.cls_token, self.patch_embeddings, self.blocks, self.tokens = (
            bag.cls_token,
            bag.patch_embeddings,
            blocks,
            tokens,
        )

    def forward(self, pixels: Tensor, *_: Any, **__: Any) -> Tensor:
        forms, projection = self.blocks(pixels), self.patch_embeddings.projection
        linear = F.linear(forms, projection.weight.flatten(1), projection.bias)
        tokens = linear if self.tokens is None else self.tokens(forms)
        return torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)


class Raw(Scored):
    def forward(self, pixels: Tensor) -> Tensor:
        return self.levels(pixels).float() / 255


def linear(block: int) -> nn.Linear:
    return nn.Linear(3 * block**2, WIDTH)


def variants(kind: str, block: int) -> Tensor:
    """What each value of the form reads: as it is, in 6 orders of its colours, or with its 8 turns, too."""
    place = torch.arange(3 * block**2).reshape(3, -1)
    return {
        "one": place.reshape(1, -1),
        "colors": place[torch.from_numpy(COLORS)].flatten(1),
        "all": CanonicalBlocks(block).sources,
    }[kind]


def halving(block: int) -> nn.Module:
    """The package's own convolutions of blocks."""
    return BlockStem(BagViTConfig(hidden_size=WIDTH, block_stem_channels=32), block)


# What is done to a block of this size, and what makes a token of it; None: the linear patch embedding alone.
FORMS: dict[str, tuple[Callable[[int], nn.Module], Callable[[int], nn.Module | None]]] = {
    "as it is, plain pictures": (Raw, lambda b: None),
    "as it is": (Raw, lambda b: None),
    "template": (Ranked, lambda b: None),
    "learned template": (Learned, lambda b: None),
    "template, drawn while training": (Drawn, lambda b: None),
    "template, hidden layer": (Ranked, lambda b: Sum(linear(b), Pooled(variants("one", b), False))),
    "template, mean of 2 signs": (Ranked, lambda b: Pooled(variants("one", b), True)),
    "template, mean of 6 colour orders": (Ranked, lambda b: Pooled(variants("colors", b), False)),
    "mean of 96 variants": (Raw, lambda b: Pooled(variants("all", b), True, 24)),
    "template, 2 convolutions beside": (Ranked, lambda b: Sum(linear(b), Stem(b))),
    "template, halving convolutions beside": (Ranked, lambda b: Sum(linear(b), halving(b))),
}
SLOW = "mean of 96 variants"  # so it has one seed
AVERAGED = {"template": (2, 4), "template, drawn while training": (2, 4)}


def main() -> None:
    arguments = parser(__doc__, "block_forms")
    arguments.add_argument("dataset", help="a folder of parquet files")
    arguments.add_argument("--size", type=int, default=32, help="pictures are brought to (default: 32)")
    arguments.add_argument("--block-size", type=int, default=4, help="(default: 4)")
    arguments.add_argument("--forms", nargs="+", default=["*"], metavar="PATTERN", help="which forms (default: all)")
    arguments.add_argument("--images", type=int, default=10_000)
    arguments.add_argument("--epochs", type=int, default=4)
    arguments.add_argument("--test-images", type=int, default=5_000)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = arguments.parse_args()
    torch.set_num_threads(1)
    splits = load_dataset(options.dataset)
    test = splits["test" if "test" in splits else "validation"]
    data = [chosen(splits["train"], options.images, options.size), chosen(test, options.test_images, options.size)]
    forms = [name for name in FORMS if any(fnmatch(name, pattern) for pattern in options.forms)]
    runs = [(name, seed) for seed in options.seeds for name in forms if name != SLOW or seed == options.seeds[0]]
    geometry = options.size, options.block_size
    rows = (row for name, seed in runs for row in measure(name, seed, *data, options.epochs, *geometry))
    settings = {"images": options.images, "epochs": options.epochs, "test_images": options.test_images, **SHAPE}
    settings |= {"size": options.size, "block_size": options.block_size}
    write_rows(options.out, "block_forms", rows, data=Path(options.dataset).name, settings=settings)


def chosen(split: Dataset, count: int, size: int) -> tuple[np.ndarray, Tensor]:
    """Pictures and labels, the same at each run."""
    table = split.shuffle(seed=0).select(range(count))
    column = next(name for name in table.column_names if name.startswith("im"))
    pictures = np.stack([np.asarray(picture.convert("RGB").resize((size, size))) for picture in table[column]])
    return pictures, torch.tensor(table["label"][:])


def encrypted(pictures: np.ndarray, block: int) -> np.ndarray:
    cipher = EtcCipher(EtcKey.generate(), block, key_scope="image")
    return cipher.encrypt(pictures, cipher.new_nonces(len(pictures)))


def values(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2) / 127.5 - 1


def measure(
    name: str, seed: int, train: tuple, test: tuple, epochs: int, size: int, block: int
) -> Iterator[dict[str, Any]]:
    torch.manual_seed(seed)
    model = build_model("bag-vit", 10, image_size=size, patch_size=block, **SHAPE)
    torch.manual_seed(seed)
    blocks, tokens = FORMS[name]
    model.network.vit.embeddings = Embeddings(model.network.vit.embeddings, blocks(block), tokens(block))
    scramble = (lambda pictures: encrypted(pictures, block)) if name == "as it is" else (lambda pictures: pictures)
    start = time.perf_counter()
    fit(model, *train, epochs, seed, scramble)
    speed = epochs * len(train[0]) / (time.perf_counter() - start)
    model.eval()
    pictures = test[0] if name == "as it is, plain pictures" else encrypted(test[0], block)
    change = max(logit_changes(model, test[0][:64], block).values())
    row = {"form": name, "seed": seed, "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}
    row |= {"logit_change": change, "images_per_second": speed}
    for ranks in (1, *AVERAGED.get(name, ())):
        yield row | {"variants": ranks, "accuracy": accuracy(model, pictures, test[1], ranks)}


def fit(model: nn.Module, pictures: np.ndarray, labels: Tensor, epochs: int, seed: int, scramble: Callable) -> None:
    order, batch = np.random.default_rng(seed), 64
    steps = epochs * (len(pictures) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    model.train()
    for _ in range(epochs):
        x, chosen = scramble(pictures), order.permutation(len(pictures))
        for first in range(0, len(chosen) - batch + 1, batch):
            some = chosen[first : first + batch]
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(values(x[some]), labels=labels[some]).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()


@torch.no_grad()
def accuracy(model: nn.Module, pictures: np.ndarray, labels: Tensor, ranks: int) -> float:
    right = 0
    for first in range(0, len(pictures), 50):
        total = 0
        for rank in range(ranks):
            model.network.vit.embeddings.blocks.rank = rank
            total = total + model(values(pictures[first : first + 50])).logits.softmax(-1)
        right += int((total.argmax(-1) == labels[first : first + 50]).sum())
    model.network.vit.embeddings.blocks.rank = 0
    return right / len(pictures)


if __name__ == "__main__":
    main()
