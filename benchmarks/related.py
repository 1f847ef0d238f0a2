"""The encodings of the paper's section II-A: what a classifier makes of them, and what an attack restores.

InstaHide, NeuraCrypt and a U-Net beside EtC with one key, the private mode and plain pictures. All classifiers are the
same small transformer, trained for as many steps; each picture is flipped at random and encoded anew in every batch.

Run: python benchmarks/related.py FOLDER_OF_DATASETS     (one thread; a stopped run goes on; writes
         results/related/*.json, docs/figures/related.png and the tables of docs/related-work.md)
     python benchmarks/related.py --page                 (only the figure and the page, from the records)
"""

import argparse
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from hf_etc import EtcKey
from hf_etc.audit import get_attack
from hf_etc.audit.owner import Owner, Shares, make_trial
from hf_etc.audit.scores import align, score, similarity
from hf_etc.audit.training import Budget, fit_network
from hf_etc.cipher import EtcSpec
from hf_etc.experiments.cells import Cell, Experiment
from hf_etc.experiments.figures import figure, pack, save, unpack
from hf_etc.experiments.lab import Lab
from hf_etc.experiments.page import NOT_YET, hardware, rewrite, table
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import SCALES, SEED, Store
from hf_etc.files import whole_file
from hf_etc.models import build_model
from hf_etc.related import instahide, neuracrypt, unet
from hf_etc.sealing import Recipe, Sealer

NAME, DATA, CLASSES, EDGE, BLOCK = "related", "cifar10", 10, 32, 4
SHAPE = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 256}
BATCH, SHOWN = 64, 6
FEATURES, SHARE = 5, 0.02  # of the U-Net: layers of SqueezeNet, and their weight in its loss
DRAWS = 8  # InstaHide: encodings of each test picture
PRIVATE = Recipe.of(preset="private", block_size=BLOCK).spec
ONE_KEY = EtcSpec("dataset", BLOCK)


class RelatedLab(Lab):
    """CIFAR-10 with its labels, and what several cells need once."""

    def command(self, experiment: str) -> list[str]:
        return ["python", "benchmarks/related.py", "--scale", self.scale]

    def labelled(self, split: str | None, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first of a fixed random order: uint8 (N,H,W,3) and int (N,)."""
        found = self.split(DATA, split)
        rows = np.random.default_rng(self.seed).permutation(len(found))[:count]
        part = found.table.select(rows)
        cut = type(found)(part, found.image, [found.labels[row] for row in rows], found.class_names, found.name)
        return cut.pictures((EDGE, EDGE)), np.array(cut.labels)

    @cached_property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        return self.labelled("train", self.amount(96, 10_000, 50_000))

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        return self.labelled(None, self.amount(48, 2_000, 10_000))

    @cached_property
    def own(self) -> np.ndarray:
        """The attacker's, of the training split: no attack is on these pictures."""
        return self.train[0]

    def trained(self, name: str, network: nn.Module, train: Callable[[], None]) -> None:
        """Train a network in place, or read what an earlier cell or run has trained."""
        path = self.work / f"{name}-{self.scale}-{self.seed}.pt"
        if path.is_file():
            network.load_state_dict(torch.load(path, weights_only=True))
        else:
            train()
            with whole_file(path) as file:
                torch.save(network.state_dict(), file)
        network.eval()

    @cached_property
    def plain(self) -> "Logits":
        """The classifier of plain pictures."""
        network = Logits(transformer(self.seed))
        self.trained("plain", network, lambda: fit(network, self, plain_batch))
        return network.requires_grad_(False)

    @cached_property
    def protector(self) -> unet.UNet:
        """The U-Net for that classifier."""
        network, eyes = unet.UNet(self.seed), self.lpips().backbone[:FEATURES]
        budget = Budget(self.amount(4, 1_200, 20_000), 32)
        arguments = self.plain, eyes, SHARE, self.seed, budget
        self.trained("unet", network, lambda: unet.protect(network, *self.train, *arguments))
        return network


class Logits(nn.Module):
    """A model's logits alone, computed in bfloat16."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, values: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.model(pixel_values=values).logits.float()


class Tokens(nn.Module):
    """In place of a transformer's patch embedding: tokens are there already, in no order."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classifier = nn.Parameter(torch.zeros(1, 1, SHAPE["hidden_size"]))
        projection = nn.Linear(width, SHAPE["hidden_size"])
        self.patch_embeddings = nn.Sequential(OrderedDict(projection=projection))  # ViTModel looks for this name

    def forward(self, tokens: Tensor, *_: Any, **__: Any) -> Tensor:
        return torch.cat([self.classifier.expand(len(tokens), -1, -1), self.patch_embeddings(tokens)], 1)


def transformer(seed: int, family: str = "vit") -> nn.Module:
    torch.manual_seed(seed)
    return build_model(family, CLASSES, image_size=EDGE, patch_size=BLOCK, **SHAPE)


def values(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2) / 127.5 - 1


Encode = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[Tensor, Tensor]]
"""Pictures and labels of a batch to what the classifier sees, and what it should say: class numbers or shares."""


def plain_batch(pictures: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    return values(pictures), torch.from_numpy(labels)


def mixed_batch(public_mixed: int, lab: RelatedLab) -> Encode:
    """InstaHide; the server takes absolute values, since signs say nothing."""

    def encode(pictures: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        made = instahide.encode(pictures, random, 1, 2, lab.own, public_mixed)
        shares = made.weights @ np.eye(CLASSES, dtype=np.float32)[labels]
        return values(255 * np.abs(made.pixels)), torch.from_numpy(shares / shares.sum(1, keepdims=True))

    return encode


def fit(network: Logits, lab: RelatedLab, encode: Encode) -> None:
    (pictures, labels), random = lab.train, np.random.default_rng(lab.seed)

    def batch() -> tuple[Tensor, Tensor]:
        chosen = random.integers(0, len(pictures), BATCH)
        given = pictures[chosen]
        flipped = random.random(BATCH) < 0.5
        given[flipped] = given[flipped, :, ::-1]
        return encode(given, labels[chosen], random)

    budget = Budget(lab.amount(4, 300, 80_000), BATCH)
    fit_network(network, batch, F.cross_entropy, budget, learning_rate=1e-3)


@torch.no_grad()
def accuracy(network: Logits, lab: RelatedLab, encode: Encode, draws: int = 1) -> dict[str, Any]:
    """Top-1 in percent on encoded test pictures; of several draws the mean probability decides."""
    (pictures, labels), random, right = lab.test, np.random.default_rng(lab.seed + 1), 0
    for start in range(0, len(pictures), BATCH):
        part = slice(start, start + BATCH)
        logits = [network(encode(pictures[part], labels[part], random)[0]).softmax(-1) for _ in range(draws)]
        right += int((sum(logits).argmax(-1).numpy() == labels[part]).sum())  # type: ignore[union-attr]
    return {"value": 100 * right / len(pictures), "test_images": len(pictures), "train_images": len(lab.own)}


def sealed_batch(spec: EtcSpec) -> Encode:
    sealer = Sealer(EtcKey.generate(), Recipe(spec))
    return lambda pictures, labels, random: (values(sealer.encrypt(pictures)), torch.from_numpy(labels))


def coded_batch(lab: RelatedLab) -> Encode:
    encoder = neuracrypt.Encoder(lab.seed, lab.own[:500], BLOCK)
    return lambda pictures, labels, random: (
        torch.from_numpy(encoder.encode(pictures, random)),
        torch.from_numpy(labels),
    )


def of_plain(lab: RelatedLab) -> dict[str, Any]:
    return accuracy(lab.plain, lab, plain_batch)


def of_sealed(spec: EtcSpec, family: str, lab: RelatedLab) -> dict[str, Any]:
    return of_trained(transformer(lab.seed, family), sealed_batch(spec), lab)


def of_trained(model: nn.Module, encode: Encode, lab: RelatedLab, draws: int = 1) -> dict[str, Any]:
    network = Logits(model)
    fit(network, lab, encode)
    return accuracy(network, lab, encode, draws)


def of_instahide(public_mixed: int, lab: RelatedLab) -> dict[str, Any]:
    return of_trained(transformer(lab.seed), mixed_batch(public_mixed, lab), lab, DRAWS)


def of_neuracrypt(lab: RelatedLab) -> dict[str, Any]:
    model, encode = transformer(lab.seed), coded_batch(lab)
    model.vit.embeddings = Tokens(encode(lab.own[:2], np.zeros(2, np.int64), np.random.default_rng(0))[0].shape[2])
    return of_trained(model, encode, lab)


def of_unet(lab: RelatedLab) -> dict[str, Any]:
    protector = lab.protector
    return accuracy(lab.plain, lab, lambda pictures, *rest: plain_batch(protector.encode(pictures), *rest))


def restored(plain: np.ndarray, found: np.ndarray, encoded: np.ndarray | None = None) -> dict[str, Any]:
    """Median SSIM of restored pictures, of those beside another of the pictures, and some to look at."""
    shown = {"plain": plain[:SHOWN], "restored": found[:SHOWN]} | (
        {} if encoded is None else {"encoded": encoded[:SHOWN]}
    )
    return {
        "value": float(np.median(similarity(plain, found))),
        "chance": float(np.median(similarity(np.roll(plain, 1, 0), found))),
        "images": len(plain),
        "pictures": {name: pack(pixels) for name, pixels in shown.items()},
    }


def in_order(found: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Each restored picture beside the plain one that it resembles, as it is or all of them negative."""
    best: tuple[float, np.ndarray] = (-1.0, found)
    for signed in (found, 255 - found):
        likeness = np.corrcoef(plain.reshape(len(plain), -1), signed.reshape(len(signed), -1))[
            : len(plain), len(plain) :
        ]
        order = linear_sum_assignment(-likeness)[1]
        best = max(best, (float(likeness[range(len(order)), order].mean()), signed[order]), key=lambda one: one[0])
    return best[1]


def break_instahide(public_mixed: int, lab: RelatedLab) -> dict[str, Any]:
    """The private pictures from many encodings of each. Control: no two encodings share a picture."""
    count, rounds = lab.amount((6, 4), (40, 20), (100, 50))
    private, random = lab.test[0][:count], np.random.default_rng(lab.seed)
    half, settings = len(lab.own) // 2, {"mixed": 2, "public_mixed": public_mixed}
    budget = Budget(lab.amount(4, 400, 5_000), 64)
    network = instahide.learn(lab.own[:half], **settings, seed=lab.seed, budget=budget)

    def attack(pixels: np.ndarray) -> np.ndarray:
        return instahide.reconstruct(pixels, count, network, **settings, seed=lab.seed)

    made = instahide.encode(private, random, rounds, 2, lab.own[half:], public_mixed)
    once = lab.own[half:][random.permutation(len(lab.own) - half)[: count * rounds * 2]].reshape(-1, 2, EDGE, EDGE, 3)
    apart = [instahide.encode(pair, random, 1, 2, lab.own[half:], public_mixed).pixels[:1] for pair in once]
    shown = (made.pixels[:SHOWN] * 127.5 + 127.5).round().astype(np.uint8)
    results = restored(private, in_order(attack(made.pixels), private), shown)
    control = in_order(attack(np.concatenate(apart)), once[:count, 0])
    return results | {
        "control": restored(once[:count, 0], control)["value"],
        "encodings": len(made.pixels),
        "control_encodings": len(apart),
    }


def break_neuracrypt(lab: RelatedLab) -> dict[str, Any]:
    """Which encoding is whose, and others of the key decoded. Control: a key for each picture."""
    count, others = lab.amount((32, 8), (400, 100), (2_000, 500))
    pictures, targets = lab.test[0][:count], lab.test[0][count : count + others]
    random = np.random.default_rng(lab.seed)
    order = random.permutation(count)
    encoder = neuracrypt.Encoder(lab.seed, lab.own[:500], BLOCK)
    found = neuracrypt.match(encoder.encode(pictures[order], random), pictures, BLOCK, lab.seed)
    keys = (neuracrypt.Encoder(lab.seed + 1 + row, lab.own[:10], BLOCK) for row in range(count))
    apart = np.concatenate([key.encode(one[None], random) for key, one in zip(keys, pictures[order], strict=True)])
    control = neuracrypt.match(apart, pictures, BLOCK, lab.seed)
    tokens = encoder.encode(targets, random)
    low, high = tokens.min(), tokens.max()
    shown = np.repeat(((tokens - low) / (high - low) * 255).astype(np.uint8)[..., None], 3, 3)
    return restored(targets, found.decode(tokens), shown) | {
        "matched": float((found.pictures == order).mean()),
        "control": restored(targets, control.decode(tokens))["value"],
        "control_matched": float((control.pictures == order).mean()),
        "encodings": count,
    }


def break_unet(lab: RelatedLab) -> dict[str, Any]:
    """Protected pictures undone by a network trained on the attacker's. Control: pairs that do not belong together."""
    targets, budget = lab.test[0][: lab.amount(8, 100, 10_000)], Budget(lab.amount(4, 200, 20_000), 16)
    plain = lab.own[: lab.amount(96, 3_000, 50_000)]
    protected, own = lab.protector.encode(targets), lab.protector.encode(plain)
    inverse = unet.invert(own, plain, lab.seed, budget)
    blind = unet.invert(np.roll(own, len(own) // 2, 0), plain, lab.seed, budget)
    return restored(targets, inverse.encode(protected), protected) | {
        "control": restored(targets, blind.encode(protected))["value"],
        "unattacked": restored(targets, protected)["value"],
        "encodings": len(own),
    }


def break_etc(spec: EtcSpec, attack: str, lab: RelatedLab) -> dict[str, Any]:
    """The audit's attack on ciphertexts, and linkage of the pictures themselves.

    Control: for one key the other ciphertexts have keys of their own; for a key for each picture a wrong key decrypts.
    """
    count = lab.amount(4, 40, 100)
    pictures = lab.test[0]
    shares = Shares(pictures[:count], pictures[count : 2 * count], pictures[:0], lab.own[:1_000])
    owner = Owner.new(spec)
    trial = make_trial(owner, shares)
    held, link = get_attack(attack), get_attack("linkage")
    found = held.run(trial.evidence.only(held.needs))
    assert found.restored is not None
    scores = score(found, trial)
    if spec.key_scope == "dataset":
        other = make_trial(owner, shares, others=owner.another)
        control = score(held.run(other.evidence.only(held.needs)), other)
    else:
        wrong = owner.another().encrypt(shares.targets)[1]
        wrong = owner.without_gaps(wrong, EDGE, EDGE)
        pieces = np.stack([one.undo(target) for one, target in zip(wrong, trial.evidence.targets, strict=True)])
        control = score(type(found)(pieces, up_to_symmetry=found.up_to_symmetry), trial)
    known = replace(trial.evidence, copies=shares.targets[trial.copied]).only(link.needs)  # as who breaks NeuraCrypt
    matched, blind = (score(link.run(one), trial).linked for one in (known, link.senseless(known)))
    aligned = align(found.restored, trial.plain) if found.up_to_symmetry else found.restored
    assert scores.ssim_up_to_symmetry and control.ssim_up_to_symmetry
    return restored(trial.plain, aligned, trial.evidence.targets) | {
        "matched": matched,
        "control": control.ssim_up_to_symmetry.median,
        "control_matched": blind,
        "encodings": 2 * count,
    }


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        title: of the encoding.
        accuracy, attack: what is measured of it.
        published: what others say of it.
    """

    title: str
    accuracy: Callable[[RelatedLab], Mapping[str, Any]]
    attack: Callable[[RelatedLab], Mapping[str, Any]] | None = None
    published: str = ""


ROWS = {
    "plain": Row("none", of_plain),
    "etc-one-key": Row(
        "EtC, one key for all",
        partial(of_sealed, ONE_KEY, "vit"),
        partial(break_etc, ONE_KEY, "dataset-jigsaw"),
        "robust against the attacks in Fig. 6 and 8 of the paper; [not against others](audit.md)",
    ),
    "etc-private": Row(
        "EtC, private mode",
        partial(of_sealed, PRIVATE, "bag-vit"),
        partial(break_etc, PRIVATE, "jigsaw"),
        "this package; photographs: [audit](audit.md)",
    ),
    "instahide-2": Row(
        "InstaHide, 2 private",
        partial(of_instahide, 0),
        partial(break_instahide, 0),
        "all recovered, with a proof for random pictures (B. Huang et al. 2020)",
    ),
    "instahide-4": Row(
        "InstaHide, 2 private and 2 public",
        partial(of_instahide, 2),
        partial(break_instahide, 2),
        "reconstructed, from 5,000 encodings of 100 pictures with 4 public ones each (Carlini et al. 2021a)",
    ),
    "neuracrypt": Row(
        "NeuraCrypt",
        of_neuracrypt,
        break_neuracrypt,
        "challenge 1 matched completely (Carlini et al. 2021b)",
    ),
    "unet": Row(
        "U-Net",
        of_unet,
        break_unet,
        "withstands an inverse network (Ito et al. 2021); never tried above small pictures (the paper, II-A)",
    ),
}
CELLS = [
    Cell(f"{name}-{what}", measure)
    for name, row in ROWS.items()
    for what, measure in (("accuracy", row.accuracy), ("attack", row.attack))
    if measure is not None
]


def report(store: Store) -> str:
    """Every row, and where it was measured."""
    lines = []
    for name, row in ROWS.items():
        trained, attacked = (store.find(NAME, f"{name}-{what}") for what in ("accuracy", "attack"))
        line = [row.title, f"{trained.value:.1f} %" if trained else NOT_YET]
        if attacked:
            found = attacked.results
            line += [f"{found[one]:.2f}" for one in ("value", "control", "chance")]
            line += [f"{100 * found[one]:.1f} %" if one in found else "" for one in ("matched", "control_matched")]
            line.append(f"{found['encodings']:,} encodings, {found['images']:,} pictures")
        else:
            line += [NOT_YET if row.attack else "", *[""] * 5]
        lines.append([*line, row.published])
    header = ["encoding", "accuracy", "SSIM restored", "SSIM control", "SSIM chance", "matched", "matched, control"]
    machine = hardware(store, NAME, [cell.name for cell in CELLS])
    return f"{table([*header, 'scale of the attack', 'published'], lines)}\n\nMeasured at: {machine}."


def draw(store: Store, folder: Path) -> None:
    """Plain, encoded and restored, a group for each attack."""
    found = {name: one for name in ROWS if (one := store.find(NAME, f"{name}-attack"))}
    kinds = ("plain", "encoded", "restored")
    drawn = figure(1.1 * SHOWN + 2.2, 3.1 * len(found) + 0.2)
    panels = drawn.subplots(len(kinds) * len(found), SHOWN, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for group, (name, one) in enumerate(found.items()):
        for line, kind in enumerate(kinds):
            row = panels[group * len(kinds) + line]
            for axes, pixels in zip(row, unpack(one.results["pictures"][kind]), strict=False):
                axes.imshow(pixels, aspect="auto" if pixels.shape[0] != pixels.shape[1] else "equal")
            label = f"{ROWS[name].title}\n{kind}" if not line else kind
            row[0].text(-0.1, 0.5, label, ha="right", va="center", transform=row[0].transAxes, fontsize=8)
    save(drawn, folder / "related.png")


# What is published of other ways to the same end.
ELSEWHERE = [
    (
        "homomorphic encryption, TFHE: VGG of Concrete ML",
        "86.0 % (88.7 % in plain)",
        "40 s for each picture on 128 cores",
        "the picture, from the server; inference alone",
        "Zama, Concrete ML, ternary VGG on CIFAR-10: accuracy simulated, ten pictures under encryption",
    ),
    (
        "homomorphic encryption, CKKS: ResNet-20",
        "83.8 % to 89.8 %",
        "1,145 s to 1,697 s for each picture",
        "the picture, from the server; inference alone",
        "Njungle and Kinsy, *Activate Me!*, arXiv:2508.11575, 2025: polynomial or switched ReLU",
    ),
    (
        "DP-SGD",
        "81.4 % at epsilon 8, delta 1e-5",
        "a 40-layer Wide-ResNet; no cost at inference",
        "training pictures, from who has the model; not the upload",
        "De et al., arXiv:2204.13650, 2022",
    ),
    (
        "confidential GPUs",
        "unchanged",
        "mostly under 7 % slower (language models); more where models are swapped",
        "pictures and model, from the machine's operator",
        "Zhu et al., arXiv:2409.03992, 2024; swapping: Martínez Ibarra et al., arXiv:2505.16501, 2025",
    ),
]


def tables(store: Store) -> dict[str, Callable[[], str]]:
    """The generated blocks of the page."""
    return {NAME: partial(report, store), "elsewhere": elsewhere}


def elsewhere() -> str:
    return table(["approach", "accuracy on CIFAR-10", "cost", "what it protects", "source"], ELSEWHERE)


EXPERIMENT = Experiment(NAME, "Related work", CELLS, report, draw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data", type=Path, nargs="?", help="folder with cifar10/ and lpips/")
    add("--scale", choices=[one for one in SCALES if one != "medium"], default="small")
    add("--seed", type=int, default=SEED)
    add("--only", default="*", help="only the cells whose name matches, such as '*-attack'")
    add("--work", type=Path, default=Path("runs/related"), help="trained networks")
    add("--out", type=Path, default=Path("results"))
    add("--docs", type=Path, default=Path("docs"), help="their figure and table are made anew")
    add("--page", action="store_true", help="measure nothing, write figure and page from the records")
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = Store(options.out)
    if not options.page:
        lab = RelatedLab(options.scale, options.work, options.data, options.seed)
        for reason, cells in run([EXPERIMENT], lab, store, options.only).items():
            print(f"not measured: {', '.join(cells)}: {reason}")
    draw(store, options.docs / "figures")
    rewrite(options.docs / "related-work.md", tables(store))


if __name__ == "__main__":
    main()
