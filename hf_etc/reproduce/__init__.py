"""Every table and figure of the paper, measured anew beside the published figures: ``hf-etc reproduce``.

Each ``tableN.py`` and ``figN.py`` declares one :class:`~hf_etc.reproduce.cells.Experiment`: its cells, the
published values, how each cell is measured, and how the results are shown. ``runner.py`` measures what has no
record yet, ``page.py`` turns the records into the result page.
"""
