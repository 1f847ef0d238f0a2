"""Jigsaw puzzles of encrypted blocks: how well blocks fit, and how they are put together."""
