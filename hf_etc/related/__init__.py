"""The image encodings that the paper's section II-A names beside encryption, each with an attack that breaks it.

They are here to be compared with, not to be used: :mod:`.instahide` mixes pictures and hides signs, :mod:`.neuracrypt`
runs them through a random network, :mod:`.unet` through a trained one. ``benchmarks/related.py`` measures them, and
docs/related-work.md says what came out.
"""
