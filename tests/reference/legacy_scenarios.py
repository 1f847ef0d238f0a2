"""The scenarios of the broken ciphers `le`, `ele` and `pe`."""

from .scenario import FILL, KEY, NONCE, scenario


def image(cipher, height, width, nonce=None, **parameters):
    """The input of the groups plan, encrypt and decrypt."""
    parameters = {"key_scope": "dataset" if nonce is None else "image"} | parameters
    nonce = None if nonce is None else nonce.hex()
    given = {"cipher": cipher, "key": KEY.hex(), "height": height, "width": width, "nonce": nonce}
    return given | {"parameters": parameters}


def legacy():
    cases = []
    for name in ("le", "ele"):
        cases += [
            (f"{name}-one-block", "4x4, one block of 96 nibbles", image(name, 4, 4)),
            (f"{name}-square", "32x32, 64 blocks", image(name, 32, 32)),
            (f"{name}-non-square", "8x12, six blocks", image(name, 8, 12)),
            (f"{name}-image-scope", "a nonce for the image", image(name, 12, 8, NONCE)),
        ]
    cases += [
        ("pe-one-pixel", "1x1", image("pe", 1, 1, shuffle_colors=True)),
        ("pe-square", "32x32", image("pe", 32, 32, shuffle_colors=True)),
        ("pe-non-square", "5x7: no grid", image("pe", 5, 7, shuffle_colors=True)),
        ("pe-image-scope", "a nonce for the image", image("pe", 6, 5, NONCE, shuffle_colors=True)),
        ("pe-without-colors", "negative-positive alone", image("pe", 6, 5, shuffle_colors=False)),
    ]
    for name, description, given in cases:
        yield scenario(f"plan-{name}", f"{given['cipher']}: {description}", given)
        yield scenario(f"encrypt-{name}", f"{given['cipher']}: {description}", given | {"pixels": FILL})
        yield scenario(f"decrypt-{name}", f"{given['cipher']}: {description}", given | {"pixels": FILL})


def refused_legacy():
    cases = [
        ("le-off-the-grid", "30 is no multiple of 4", image("le", 30, 32), "GeometryError"),
        ("ele-smaller-than-a-block", "2x4 pixels", image("ele", 2, 4), "GeometryError"),
        ("pe-no-rows", "an image without pixels", image("pe", 0, 4), "GeometryError"),
        ("le-missing-nonce", "key scope image without a nonce", image("le", 4, 4, key_scope="image"), "ParameterError"),
        (
            "ele-superfluous-nonce",
            "dataset with a nonce",
            image("ele", 4, 4, NONCE, key_scope="dataset"),
            "ParameterError",
        ),
        ("pe-short-nonce", "15 bytes", image("pe", 4, 4, NONCE[:-1]), "ParameterError"),
        ("le-unknown-key-scope", "dataset or image", image("le", 4, 4, key_scope="folder"), "ParameterError"),
        ("pe-shuffle-colors-as-number", "1 is not true", image("pe", 4, 4, shuffle_colors=1), "ParameterError"),
    ]
    for name, description, given, error in cases:
        yield scenario(f"plan-{name}", f"{given['cipher']}: {description}", given, error)
