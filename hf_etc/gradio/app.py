"""The encrypted classifier: pictures are encrypted in the visitor's browser, the server sees ciphertexts."""

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import torch
from PIL import Image

from ..cipher import CipherSpec
from ..errors import ParameterError
from ..images.ciphertext import decode_ciphertext
from ..processor.image_processing import EtcImageProcessor
from ..training.evaluation import load
from .batching import MicroBatcher
from .component import EncryptedImage

TOP = 5
# More at a time gains little more on a CPU, and loses where the activations outgrow its caches.
_MAX_BATCH = {"cuda": 16, "cpu": 4}
_INTRODUCTION = """
<h1>Classify an encrypted picture</h1>
<p>Your browser encrypts the picture, and this server gets the ciphertext. {mode}</p>
<p><small>{model}</small></p>
"""
_MODES = {
    "dataset": "All pictures have one key: from a handful of ciphertexts, all of them can be decrypted.",
    "image": "Each picture is scrambled in its own way, but its pieces can be put together again, mostly or in part.",
    "gap": "Each picture is scrambled in its own way, and only some of its pixels are sent. Those can be seen.",
}
_LISTED = 20  # classes that are named in a line; a longer list is to be opened
_MAX_CLASSES = 1000  # of which the names are shown
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_HONEST = """
<h3>What is protected, and what is not</h3>
<p>Your picture and its key stay in your browser. This server gets the scrambled image shown under "What the server
sees"; it has no key. That hides a picture from a glance. It is <em>perceptual</em> encryption, without proof of
security: {scope} Texture, and with it some detail, survives inside of every block. Do not let this be the only
protection of a picture that could hurt someone.</p>
<p><small>{owner} · cipher {cipher} · {geometry}key per {key_scope}</small></p>
"""
_SCOPES = {
    "dataset": "this model uses one key for all images, so whoever collects a handful of ciphertexts made with it, or "
    "has one picture in plain and encrypted form, can recover the key and see every picture.",
    "image": "every image is scrambled in its own way, but the pieces of a single photograph can be put together "
    "again like a jigsaw puzzle, mostly or in part.",
    "gap": "every image is scrambled in its own way, and the pixels between its blocks are never sent: the wider the "
    "gap, the fewer blocks can be put beside their neighbours. Whoever sees them still sees each block, and who has "
    "the picture can tell that it was sent.",
}
_NOTHING_SEEN = '<figure class="he-seen"><figcaption>Nothing yet.</figcaption></figure>'
# Gradio's outputs tell no screen reader that they have changed.
_SAID = '<p class="he-said" role="status"></p>'
_SAY = 'const say = (text) => { document.querySelector(".he-said").textContent = text; };'
# A picture that was taken away meanwhile leaves no value; its answer must not stand beside the next picture.
_WITHOUT_LATE_ANSWERS = f"""(sent, label, seen) => {{
    {_SAY}
    const [best] = sent && label?.confidences || [];
    say(best ? `The model says: ${{best.label}}, ${{(100 * best.confidence).toFixed(1)}} %` : "");
    return sent ? [label, seen] : [{{}}, {_NOTHING_SEEN!r}];
}}"""
_CLEARED = f'() => {{ {_SAY} say(""); return [{{}}, {_NOTHING_SEEN!r}]; }}'


class Classifier:
    """Top labels of checked ciphertexts, several requests at a time.

    Args:
        model: folder or Hub id of a model with its :class:`hf_etc.EtcImageProcessor`.
        max_batch: images that go through the network together; default: 16 on a GPU, 4 on a CPU.

    Raises:
        ParameterError: there is no such model, or it is not one of encrypted images of a fixed size.
    """

    def __init__(self, model: str | Path, max_batch: int | None = None) -> None:
        if max_batch is not None and max_batch < 1:
            raise ParameterError(f"max_batch {max_batch}: use 1 or more")
        network, processor = load(model)
        if not isinstance(processor, EtcImageProcessor):
            raise ParameterError(f"{model} is a model of plain images; serve one that was trained on ciphertexts")
        if processor.size is None:
            raise ParameterError(f"the processor of {model} has no fixed size; save it again with size=")
        self.processor, self.model, self.name = processor, network.eval(), str(model)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        self._batched: MicroBatcher[Image.Image, torch.Tensor] = MicroBatcher(
            self._probabilities, max_batch or _MAX_BATCH[self.device.type]
        )

    def __call__(self, ciphertext: Image.Image) -> dict[str, float]:
        """Probability of the five likeliest labels, the likeliest first.

        Raises:
            EtcError: not a ciphertext for this model.
        """
        self.processor.check(decode_ciphertext(ciphertext)[1])  # in its batch it would fail its neighbours, too
        names = self.model.config.id2label
        values, classes = self._batched(ciphertext).topk(min(TOP, len(names)))
        return {names[label]: value for value, label in zip(values.tolist(), classes.tolist(), strict=True)}

    def about(self) -> dict[str, Any]:
        """What visitors may know of the model: its name, its id on the Hub or None, and its first thousand classes."""
        is_on_hub = not Path(self.name).exists() and _HUB_ID.fullmatch(self.name) is not None
        classes = [name for _, name in sorted(self.model.config.id2label.items())]
        return {
            "name": self.name if is_on_hub else Path(self.name).resolve().name,
            "hub_id": self.name if is_on_hub else None,
            "classes": classes[:_MAX_CLASSES],
            "count": len(classes),
        }

    @torch.inference_mode()
    def _probabilities(self, ciphertexts: Sequence[Image.Image]) -> list[torch.Tensor]:
        inputs = self.processor(list(ciphertexts), return_tensors="pt").to(self.device)
        logits = self.model(**inputs).logits
        return list(logits.float().softmax(-1).cpu())


def build_app(
    model: str | Path,
    *,
    format: Literal["png", "jpeg"] = "png",
    examples: Sequence[str | Path] = (),
    max_batch: int | None = None,
) -> gr.Blocks:
    """The classifier as Gradio Blocks; its API endpoints are ``/classify``, ``/settings`` and ``/about``.

    Args:
        model: folder or Hub id.
        format: of the ciphertexts that the page sends.
        examples: picture files to offer to visitors.
        max_batch: images that go through the network together; default: 16 on a GPU, 4 on a CPU.

    Raises:
        ParameterError: the model, or its encrypted-domain processor, cannot be loaded; or a bad option.
        ImageError: an example cannot be read.
    """
    classifier = Classifier(model, max_batch)
    processor = classifier.processor

    def classify(ciphertext: Image.Image) -> tuple[dict[str, float], str]:
        """Classify a ciphertext: the data URL of an image file made by hf-etc for this model."""
        return classifier(ciphertext), _as_seen(ciphertext, processor.spec)

    def settings() -> dict[str, Any]:
        """How to encrypt for this model: the public configuration of its image processor."""
        return processor.to_dict()

    def about() -> dict[str, Any]:
        """The model's name, id on the Hub and classes."""
        return classifier.about()

    with gr.Blocks(title="Encrypted image classifier", analytics_enabled=False) as app:
        gr.HTML(_INTRODUCTION.format(mode=_MODES[_mode(processor.spec)], model=_about(classifier.about())))
        with gr.Row(equal_height=False):
            with gr.Column(scale=3):
                picture = EncryptedImage(
                    processor, format=format, examples=examples, action="Classify", label="Ciphertext"
                )
            with gr.Column(scale=2):
                label = gr.Label(num_top_classes=TOP, label="What the model says")
                seen = gr.HTML(
                    _NOTHING_SEEN, label="What the server sees", show_label=True, container=True, padding=True
                )
        gr.HTML(_SAID)
        gr.HTML(_honest(processor))
        answers = [label, seen]
        picture.clear(None, None, answers, js=_CLEARED)
        picture.submit(
            classify, picture, answers, api_name="classify", concurrency_limit=None, trigger_mode="always_last"
        ).then(None, [picture, *answers], answers, js=_WITHOUT_LATE_ANSWERS)
        gr.api(settings, api_name="settings", concurrency_limit=None)
        gr.api(about, api_name="about", concurrency_limit=None)
    return app.queue(max_size=1024, api_open=False)


def _mode(spec: CipherSpec) -> str:
    """What protection depends on: the name of an entry above."""
    return "gap" if getattr(spec, "gap", 0) else spec.key_scope


def _about(about: dict[str, Any]) -> str:
    """The model's name, card and classes as HTML; they are somebody's texts, so nothing in them is markup."""
    name, hub_id = escape(about["name"]), about["hub_id"]
    link = f'<a href="https://huggingface.co/{hub_id}" target="_blank" rel="noopener noreferrer">model card</a>'
    head = f"Model {name}{f' ({link})' if hub_id else ''}"
    classes, count = escape(", ".join(about["classes"])), about["count"]
    if count <= _LISTED:
        return f"{head} · {count} classes: {classes}"
    more = " …" if count > len(about["classes"]) else ""
    return f"<details><summary>{head} · {count} classes</summary>{classes}{more}</details>"


def _honest(processor: EtcImageProcessor) -> str:
    spec, size = processor.spec, processor.preparation.size
    return _HONEST.format(
        scope=_SCOPES[_mode(spec)],
        owner=f"Model id <code>{processor.cipher_id}</code>" if processor.cipher_id else "Any key",
        cipher=spec.name,
        geometry=f"{_pixels(spec, size)} in blocks of {spec.layout_block or spec.grid} · " if size else "",
        key_scope=spec.key_scope,
    )


def _pixels(spec: CipherSpec, size: tuple[int, int]) -> str:
    sent, whole = ("{}x{}".format(*edges) for edges in (spec.output_size(*size), size))
    return f"{sent} of {whole} pixels" if sent != whole else f"{sent} pixels"


def _as_seen(ciphertext: Image.Image, spec: CipherSpec) -> str:
    """The ciphertext as HTML; as an image component it would be written to disk."""
    buffer = io.BytesIO()
    ciphertext.convert("RGB").save(buffer, "PNG", compress_level=1)
    data = base64.b64encode(buffer.getvalue()).decode()
    visible = " Inside a block everything stays visible." if (spec.layout_block or 0) > 1 else ""
    return (
        f'<figure class="he-seen"><img src="data:image/png;base64,{data}" alt="The ciphertext that arrived">'
        f"<figcaption>{ciphertext.height}×{ciphertext.width} pixels: all that arrived.{visible}</figcaption></figure>"
    )
