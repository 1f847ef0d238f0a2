"""Training of image classifiers on ciphertexts or plain images with the Hugging Face Trainer.

``train`` in :mod:`hf_etc.training.train` is the whole run; the other modules are its parts.
"""
