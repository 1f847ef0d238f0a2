"""A key and a spec, ready for arrays and tensors: compiles what is done to each size of image, and keeps it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..blocks import Layout
from ..blocks.pixels import check_pixels
from ..errors import GeometryError, ImageError, ParameterError
from .keys import EtcKey
from .plan import Plan
from .spec import CipherSpec

if TYPE_CHECKING:
    from ..blocks.torch_layout import TorchLayout
    from .torch_plan import TorchPlan

Nonces = bytes | Sequence[bytes] | None
# Small pictures and single ones are encrypted faster byte by byte: the index fits the processor's cache, or moving
# blocks takes longer to set up.
_SMALL, _ONE = 2**15, 2**18  # bytes of a picture, and of all


class Compiler:
    """Applies one cipher under one key, and undoes it.

    Args:
        key: the secret key; None where it is disposable.
        spec: the cipher and its parameters.
        limit: bytes of what is kept; beyond it, the least recently used goes. 256 MiB by default.

    Example:
        >>> from .etc import EtcSpec
        >>> compiler = Compiler(EtcKey.generate(), EtcSpec(block_size=8))
        >>> x = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
        >>> bool((compiler.undo(compiler.apply(x)) == x).all())
        True
    """

    def __init__(self, key: EtcKey | None, spec: CipherSpec, limit: int = 256 * 2**20) -> None:
        self.key, self.spec, self.limit = key, spec, limit
        self.kept: dict[tuple, Layout | Plan | TorchLayout | TorchPlan] = {}  # the last used one is last

    def compile(self, height: int, width: int, nonce: Nonces = None) -> Layout | Plan:
        """As :meth:`CipherSpec.compile`; what belongs to no nonce is kept."""
        if nonce is not None:  # which is used once: nothing to gain from keeping what belongs to it
            return self.spec.compile(self.key, height, width, nonce)
        return self._keep((height, width), lambda: self.spec.compile(self.key, height, width))

    def apply(self, images: Any, nonce: Nonces = None) -> Any:
        """Encrypt a uint8 array (H,W,3) or (N,H,W,3), or a uint8 tensor (N,3,H,W).

        Args:
            images: one image or a batch.
            nonce: for `key_scope="image"`, 16 bytes for one image, or a list with one for each.

        Returns:
            The same kind and device, of the size :meth:`CipherSpec.output_size`.

        Raises:
            GeometryError: the size does not fit the block grid.
            ImageError: neither an array nor a tensor, or of a wrong dtype or shape.
            ParameterError: nonces missing, superfluous or of the wrong number.
        """
        return self._run("apply", images, nonce, _size(images))

    def overwrite(self, images: np.ndarray, nonce: Nonces = None) -> np.ndarray:
        """:meth:`apply` to a batch that is no longer needed: what it returns may lie in the same memory."""
        if self.spec.layout_block is None:
            return self.apply(images, nonce)
        compiled = self._compiled(images, _size(images), self._checked(nonce, len(images)))
        return compiled.apply(images, overwrite=True) if isinstance(compiled, Layout) else compiled.apply(images)

    def undo(self, images: Any, nonce: Nonces = None, size: tuple[int, int] | None = None) -> Any:
        """Decrypt what :meth:`apply` returned; what was not sent is grey.

        Args:
            images, nonce: as there.
            size: (height, width) before encryption, which must be given where parts were left out.

        Raises:
            GeometryError: the images are not what pictures of that size become, or the size is missing.
            KeyMismatchError: the keys were disposable.
            ImageError, ParameterError: as there.
        """
        self.spec.check_decryptable()
        found = _size(images)
        if size is None and not self.spec.sends_all:
            raise GeometryError("parts of the picture were left out; give its size=(height, width) before encryption")
        return self._run("undo", images, nonce, size or found)

    def _run(self, operation: str, images: Any, nonce: Nonces, size: tuple[int, int]) -> Any:
        nonce = self._checked(nonce, len(images) if images.ndim == 4 else None)
        if not isinstance(nonce, list) or self.spec.layout_block is not None:
            return getattr(self._compiled(images, size, nonce), operation)(images)
        out = images.copy() if isinstance(images, np.ndarray) else images.clone()
        for i, one in enumerate(nonce):
            out[i : i + 1] = getattr(self._compiled(images, size, one), operation)(images[i : i + 1])
        return out

    def _compiled(self, images: Any, size: tuple[int, int], nonce: Nonces) -> Any:
        """The form that takes these images."""
        if isinstance(images, np.ndarray):
            if nonce is None and (images.nbytes <= _ONE or images[0].nbytes <= _SMALL):
                return self._keep((*size, "bytes"), lambda: _by_bytes(self.compile(*size)))
            return self.compile(*size, nonce)

        def build() -> "TorchLayout | TorchPlan":
            from ..blocks.torch_layout import TorchLayout
            from .torch_plan import TorchPlan

            compiled = self.compile(*size, nonce)
            if isinstance(compiled, Layout):
                return TorchLayout(compiled, images.device)
            return TorchPlan(compiled, images.device)

        return build() if nonce is not None else self._keep((*size, str(images.device)), build)

    def _checked(self, nonce: Nonces, images: int | None) -> Nonces:
        """None, a nonce for one image, or a list with one for each of a batch; `images` is None for one alone."""
        if nonce is None or (isinstance(nonce, bytes) and images is None):
            return nonce
        if not isinstance(nonce, Sequence):
            raise ParameterError(f"nonce is a {type(nonce).__name__}; pass bytes, or a list with one per image")
        nonces = [nonce] if isinstance(nonce, bytes) else list(nonce)
        for one in nonces:
            self.spec.check_nonce(one)
        if len(nonces) != (images or 1):
            raise ParameterError(f"{len(nonces)} nonces for {images or 1} images; pass one per image")
        return nonces if images else nonces[0]

    def _keep(self, name: tuple, build: Callable[[], Any]) -> Any:
        """What stands under a name, built where it is missing; the least recently used ones go.

        Threads may share a compiler: each step on the store is one operation, and what is lost to another
        thread is only built again.
        """
        found = self.kept.pop(name, None)
        if found is None:
            found = build()
        self.kept[name] = found
        stored = list(self.kept.items())
        excess = sum(kept.nbytes for _, kept in stored) - self.limit
        for oldest, kept in stored[:-1]:
            if excess <= 0:
                break
            self.kept.pop(oldest, None)
            excess -= kept.nbytes
        return found


def _by_bytes(compiled: Layout | Plan) -> Layout | Plan:
    """A layout as a plan, where there is one."""
    if isinstance(compiled, Plan) or not compiled.tiles or compiled.output != (compiled.height, compiled.width):
        return compiled
    return Plan.of_layout(compiled)


def _size(images: Any) -> tuple[int, int]:
    """(height, width) of an array or a tensor, once it is found to hold pixels."""
    if isinstance(images, np.ndarray):
        check_pixels(images)
        return images.shape[-3], images.shape[-2]
    if type(images).__module__.split(".")[0] != "torch":
        raise ImageError(f"cannot encrypt a {type(images).__name__}; pass a PIL image, a uint8 array or a uint8 tensor")
    from ..blocks.torch_layout import check_tensor

    check_tensor(images)
    return images.shape[-2], images.shape[-1]
