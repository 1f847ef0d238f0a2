"""``python -m hf_etc`` is the ``hf-etc`` command."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
