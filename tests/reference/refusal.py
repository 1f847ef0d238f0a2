"""The one exception of the reference implementation."""


class Refusal(Exception):
    """What the specification demands to reject; `kind` is the name of the error in its section 8."""

    def __init__(self, kind, reason):
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
