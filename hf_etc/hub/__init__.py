"""Publishing models and encrypted datasets on the Hub: a guard against leaks, and cards that tell the truth.

`push_model` and `push_dataset` look at everything before anything is sent. What goes past them:

- ``model.push_to_hub`` and ``EtcImageProcessor.push_to_hub`` send a configuration and weights that never held a key,
  without a card; there is nothing to guard in them.
- ``dataset.push_to_hub`` of ``datasets`` cannot be guarded from here. It uploads whatever is *stored*: the plain
  images behind ``with_transform(EncryptImages(key))``. Use `push_dataset`.
- The Trainer of this package (``--push_to_hub``) goes through `push_model`; transformers' own does not.
"""

from .guard import Encryption, check_dataset, check_folder
from .push import push_dataset, push_model

__all__ = ["Encryption", "check_dataset", "check_folder", "push_dataset", "push_model"]
