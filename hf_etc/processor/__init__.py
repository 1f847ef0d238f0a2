"""EtcImageProcessor: the client's image processor with a key, the server's without."""

from .image_processing import EtcImageProcessor

__all__ = ["EtcImageProcessor"]
