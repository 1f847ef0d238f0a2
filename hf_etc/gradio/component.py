"""A picture input for any Gradio app whose event delivers only the ciphertext."""

import base64
import binascii
import io
import re
from abc import ABCMeta
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.component_meta import ComponentMeta, updateable
from PIL import Image

from ..encoding import JPEG_QUALITY, Encoding, Subsampling
from ..errors import EtcError, GeometryError, ImageError, ParameterError
from ..images.ciphertext import decode_ciphertext
from ..images.load import decoding, load_rgb, open_image
from ..processor.image_processing import EtcImageProcessor

WEB = Path(__file__).parents[1] / "client" / "web"
_ANY_SIZE = (2048, 2048)  # the largest picture that is read for a model without a fixed size
_EXAMPLE_EDGE = 512
_DATA_URL = re.compile(r"data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/]+={0,2})")
MODULES = ("encrypted_image.mjs", "connection.mjs")
# js_on_load is a plain function body: it imports the modules, which find their neighbours by relative addresses.
_ON_LOAD = """
const send = (value) => { props.value = value; trigger(value === null ? "clear" : "submit"); };
const load = (name) => import(new URL("gradio_api/file=" + props.folder + "/" + name, document.baseURI).href);
Promise.all(props.modules.map(load)).then(([{ mount }, { keepPage }]) => {
  keepPage();
  mount(element.querySelector(".he-root"), props.settings, send);
});
"""


class _WithoutInterfaceFile(ComponentMeta):
    """Gradio's own metaclass writes a .pyi file beside the module of every component."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        if "__init__" in attributes:
            attributes["__init__"] = updateable(attributes["__init__"])
        return ABCMeta.__new__(cls, name, bases, attributes)


class EncryptedImage(gr.HTML, metaclass=_WithoutInterfaceFile):
    """Picture input that encrypts in the browser; the server receives a ciphertext and nothing else.

    The user opens a key (file, pasted text, or a new one) and a picture (file, drop, paste, camera); where the model
    takes any key, the page can make a disposable one for each picture. All of that stays in the page. Use the event
    ``submit``; the function gets the ciphertext as a PIL image that carries its marker, already checked against
    `processor`. The event ``clear`` says that the picture of the last result is gone.

    Args:
        processor: the server's processor of the model: its cipher, size and id are what the page uses.
        format, quality, subsampling: of the ciphertext file that is sent, see :class:`hf_etc.encoding.Encoding`.
        examples: picture files to offer. They are public: they travel with the page.
        action: text of the button that sends the ciphertext.
        options: further arguments of ``gradio.HTML``, such as ``elem_id``.

    Raises:
        ParameterError: unknown format, quality or subsampling, or the processor holds a key or is none, as in
            ``gradio.load``, which cannot copy an app with this input.
        ImageError: an example cannot be read.

    Example:
        >>> from hf_etc import EtcKey
        >>> client = EtcImageProcessor(EtcKey.generate(), size=64, block_size=16)
        >>> server = EtcImageProcessor(size=64, block_size=16, cipher_id=client.cipher_id)
        >>> with gr.Blocks() as demo:
        ...     picture = EncryptedImage(server)
        ...     size = gr.Textbox()
        ...     _ = picture.submit(lambda ciphertext: str(ciphertext.size), picture, size)
    """

    def __init__(
        self,
        processor: EtcImageProcessor,
        *,
        format: Literal["png", "jpeg"] = "png",
        quality: int = JPEG_QUALITY,
        subsampling: Subsampling = "4:4:4",
        examples: Sequence[str | Path] = (),
        action: str = "Send the ciphertext",
        **options: Any,
    ) -> None:
        encoding = Encoding(format, quality, subsampling)
        if format not in ("png", "jpeg"):
            raise ParameterError(f"format {format!r}: browsers make png or jpeg here")
        if not isinstance(processor, EtcImageProcessor):
            raise ParameterError(
                f"the processor is a {type(processor).__name__}; load it with EtcImageProcessor.from_pretrained. "
                "gradio.load cannot copy an app with this input: open the app itself, or ask it with "
                "hf_etc.client.classify.EncryptedClassifier"
            )
        if processor.is_client:
            raise ParameterError("this processor holds a key, the server must not; load it without key=")
        self.processor = processor
        gr.set_static_paths([WEB])
        preparation = processor.preparation
        settings = {
            "cipher": processor.spec.to_dict(),
            "cipher_id": processor.cipher_id,
            "size": preparation.size,
            "fit": preparation.fit,
            "resample": preparation.resample,
            **asdict(encoding),
            "hosted": True,  # the page tells visitors that its code is this server's
            "examples": [_example(path) for path in examples],
            "action": action,
        }
        super().__init__(
            value=None,
            html_template='<div class="he-root"></div>',
            css_template=(WEB / "encrypted_image.css").read_text(encoding="utf-8"),
            js_on_load=_ON_LOAD,
            apply_default_css=False,
            settings=settings,
            folder=WEB.as_posix(),
            modules=MODULES,
            **options,
        )

    @property
    def max_bytes(self) -> int:
        """No ciphertext file that the processor takes is larger: its raw pixels, and a little."""
        rows, columns = self.processor.output_size or _ANY_SIZE
        return rows * columns * 3 * 11 // 10 + 2**16

    def preprocess(self, payload: Any) -> Image.Image:  # type: ignore[override]
        """The checked ciphertext.

        Args:
            payload: data URL of a ciphertext file, as the page sends it.

        Raises:
            gradio.Error: not a ciphertext, or not one for this processor; says what to send instead.
        """
        try:
            file = read_data_url(payload, self.max_bytes)
            self._check_size(file)
            ciphertext = open_image(file)
            self.processor.check(decode_ciphertext(ciphertext)[1])
            return ciphertext
        except EtcError as error:
            raise gr.Error(f"Refused: {error}", print_exception=False) from None

    def postprocess(self, value: Any) -> None:
        """Nothing is ever sent back into the input."""

    def api_info(self) -> dict[str, Any]:
        return {"type": "string", "description": "data URL of a ciphertext image file made by hf-etc"}

    def example_payload(self) -> str:
        return "data:image/png;base64,..."

    def example_value(self) -> None:
        return None

    async def async_move_resource_to_block_cache(self, *args: Any, **kwargs: Any) -> str:
        """Gradio would fetch a path or URL given in place of data, and keep a copy on disk."""
        raise gr.Error("Refused: a path or URL; send the data URL of a ciphertext image file", print_exception=False)

    def _check_size(self, file: bytes) -> None:
        """By the header alone: a small file can hold an image that fills the memory once it is decoded."""
        with decoding("the image"):
            width, height = Image.open(io.BytesIO(file), formats=("PNG", "JPEG", "WEBP")).size
        size = self.processor.output_size
        rows, columns = size or _ANY_SIZE
        if (height, width) != size if size else height * width > rows * columns:
            limit = "" if size else "at most "
            raise GeometryError(
                f"the image has {height}x{width} pixels; send a ciphertext of {limit}{rows}x{columns} made by hf-etc"
            )


def read_data_url(payload: Any, max_bytes: int) -> bytes:
    """The bytes of an image file in a data URL.

    Raises:
        ImageError: anything else, or more than `max_bytes`.
    """
    if not isinstance(payload, str) or not payload.startswith("data:"):
        raise ImageError("send the data URL of a ciphertext image file, not a path, URL or other value")
    if len(payload) > max_bytes * 4 // 3 + 64:
        raise ImageError(f"more than {max_bytes} bytes, larger than any ciphertext for this model; send one")
    found = _DATA_URL.fullmatch(payload)
    if found is None:
        raise ImageError("not the data URL of a PNG, JPEG or WebP file in base64; send a ciphertext made by hf-etc")
    try:
        return base64.b64decode(found[2], validate=True)
    except binascii.Error:
        raise ImageError("the base64 text of the image is cut off; send it whole") from None


def _example(path: str | Path) -> dict[str, str]:
    """Name and data URL of a picture, scaled down to what a page should carry, without its metadata."""
    picture, buffer = load_rgb(path), io.BytesIO()
    picture.thumbnail((_EXAMPLE_EDGE, _EXAMPLE_EDGE))
    picture.save(buffer, "PNG")
    return {"name": Path(path).stem, "url": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()}
