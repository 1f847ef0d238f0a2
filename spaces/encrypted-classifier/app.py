"""A Space that classifies encrypted pictures: they are encrypted in the visitor's browser.

Settings (environment): HF_ETC_MODEL, a Hub id or folder of a model trained with hf_etc.
Pictures in the folder examples/ beside this file are offered to visitors; they are public.
"""

import os
import sys
from pathlib import Path

from hf_etc.gradio import build_app, launch

if "HF_ETC_MODEL" not in os.environ:
    sys.exit("set the variable HF_ETC_MODEL to the Hub id or folder of a model trained with hf_etc")

examples = sorted(Path(__file__).with_name("examples").glob("*.png"))
demo = build_app(os.environ["HF_ETC_MODEL"], examples=examples)

if __name__ == "__main__":
    launch(demo)
