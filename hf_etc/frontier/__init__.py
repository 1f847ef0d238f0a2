"""Accuracy against leakage and bytes, over the settings of the private mode."""
