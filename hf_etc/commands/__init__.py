"""The subcommands of ``hf-etc``, one module each: thin calls of the library.

Each has ``parser()``, which imports no other library, so that help and complaints come at once, and ``main(argv)``,
which returns the exit status.
"""

COMMANDS = {
    "keygen": "make a new secret key",
    "encrypt": "encrypt an image, a folder of images or a dataset; run again to resume",
    "decrypt": "decrypt an image, a folder of images or a dataset into png",
    "inspect": "show how images are encrypted; exit status 1 if any is not",
    "train": "train a classifier on encrypted or plain images",
    "evaluate": "accuracy with the right key, a wrong one, none, and after JPEG",
    "serve": "a web page that encrypts in the browser and classifies what arrives",
    "classify": "encrypt pictures here and have a server classify the ciphertexts",
    "client": "a page of your own for a classifier that somebody else serves",
    "check": "whether a model takes pictures that have a key each",
    "push": "upload a model or an encrypted dataset to the Hub, through a guard, with a card",
    "audit": "attack your own images and settings, and report what leaks",
    "frontier": "accuracy against leakage, for many settings of the cipher",
    "reproduce": "the tables and figures of the paper, published beside measured",
    "demo": "the main job on embedded images, with a result page",
    "completion": "print a script that completes commands and options in a shell",
}
