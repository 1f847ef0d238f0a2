"""Write tests/vectors/*.json with the reference implementation: ``python -m tests.generate_vectors``.

Every scenario is listed here with what it is about; a refusal is listed with the error that it must
meet. hf_etc is not imported: the vectors are the specification's, not the package's.
"""

import json
from pathlib import Path

from .reference import etc_reference as etc
from .reference import runner
from .reference.legacy_scenarios import legacy, refused_legacy
from .reference.marker_scenarios import files, markers
from .reference.scenario import FILL, KEY, NONCE, SALT, STEPS, SUBKEY, scenario

FOLDER = Path(__file__).parent / "vectors"


def keys():
    text = etc.format_key(KEY)
    last = etc.ALPHABET[etc.ALPHABET.index(text[-1]) + 1]
    zero, salt = etc.format_key(bytes(32)), etc.format_salt(SALT)
    kelvin_text = next(t for t in (etc.format_key(bytes([i]) * 32) for i in range(256)) if "k" in t[7:])
    valid = [
        ("plain", "the usual form", text),
        ("upper-case", "letter case does not matter", text.upper()),
        ("mixed-case", "letter case does not matter, the prefix's included", text.title()),
        ("surrounding-space", "spaces, tabs and line ends around it do not matter", f" \t{text}\r\n"),
        ("all-zero-bits", "a key of 32 zero bytes", zero),
        ("all-one-bits", "a key of 32 bytes 255", etc.format_key(bytes([255]) * 32)),
    ]
    invalid = [
        ("wrong-checksum", "one character mistyped", text[:20] + ("b" if text[20] == "a" else "a") + text[21:]),
        ("swapped-characters", "two neighbours exchanged", text[:30] + text[31] + text[30] + text[32:]),
        ("truncated", "the last character is missing", text[:-1]),
        ("truncated-to-eight-groups", "cut where base32 of fewer bytes could end", text[:-2]),
        ("too-long", "one character too many", text + "a"),
        ("character-outside-the-alphabet", "0, 1, 8 and 9 are no base32 digits", text[:20] + "1" + text[21:]),
        ("padding-character", "base32 is written without =", text[:-1] + "="),
        ("inner-space", "white space inside", text[:20] + " " + text[21:]),
        (
            "nonzero-padding-bits",
            "same bytes, but one of the two unused bits of the last digit is set",
            text[:-1] + last,
        ),
        ("salt", "a passphrase salt where a key belongs", salt),
        ("no-prefix", "the digits alone", text[7:]),
        ("other-version", "a prefix of a future version", "hfetc2-" + text[7:]),
        ("prefix-only", "no digits", "hfetc1-"),
        ("empty", "no text", ""),
        (
            "kelvin-sign",
            "U+212A lower-cases into an ASCII k, and is no base32 digit",
            kelvin_text.replace("k", "\u212a"),
        ),
        ("full-width-letter", "a full-width letter is not its ASCII twin", "\uff48" + text[1:]),
        ("no-break-space", "only spaces, tabs and line ends are stripped", "\u00a0" + text),
        ("byte-order-mark", "only spaces, tabs and line ends are stripped", "\ufeff" + text),
    ]
    for name, description, value in valid:
        yield scenario(f"key_parse-{name}", description, {"text": value})
    for name, description, value in invalid:
        yield scenario(f"key_parse-{name}", description, {"text": value}, "KeyFormatError")
    for name, key in (("counting", KEY), ("all-zero-bits", bytes(32)), ("all-one-bits", bytes([255]) * 32)):
        yield scenario(f"key_id-{name}", "the public name of a key", {"key": key.hex()})


def passphrases():
    salt = etc.format_salt(SALT)
    valid = [
        ("ascii", "words", "correct horse battery"),
        (
            "twelve-code-points",
            "an accent apart from its letter and a symbol of two UTF-16 units",
            "cafe\u0301 0123 \U0001f511",
        ),
    ]
    for name, description, passphrase in valid:
        yield scenario(f"passphrase-{name}", description, {"passphrase": passphrase, "salt": salt})
    long = "correct horse battery"
    invalid = [
        ("too-short", "eleven characters", "elevenchars", salt),
        ("eleven-code-points", "twelve UTF-16 units are not twelve characters", "0123456789\U0001f511", salt),
        ("lone-surrogate", "not Unicode text", long + "\ud800", salt),
        ("key-as-salt", "a key where a salt belongs", long, etc.format_key(KEY)),
        (
            "salt-wrong-checksum",
            "one character of the salt mistyped",
            long,
            salt[:-1] + ("b" if salt[-1] == "a" else "a"),
        ),
        ("salt-truncated", "the last character of the salt is missing", long, salt[:-1]),
    ]
    for name, description, passphrase, text in invalid:
        given = {"passphrase": passphrase, "salt": text}
        yield scenario(f"passphrase-{name}", description, given, "KeyFormatError")


def draws():
    for step in STEPS:
        yield _subkey(f"{step}-224-16", f"step {step}, 224x224, block size 16", "etc", 224, 224, 16, step)
    yield _subkey("non-square", "height comes before width", "etc", 32, 48, 8, "permutation")
    yield _subkey("shared-block-key", "shared block keys have their own label", "etc-shared", 224, 224, 16, "color")
    yield _subkey("nonce", "key scope image", "etc", 224, 224, 16, "rotation", NONCE.hex())
    yield scenario("stream-eight-blocks", "AES-256-CTR of zeros", {"subkey": SUBKEY.hex(), "length": 128})
    for n in (1, 2, 4, 196, 1024):
        yield scenario(f"permutation-of-{n}", "stable argsort of 64-bit words", {"subkey": SUBKEY.hex(), "n": n})
    bounds = {
        "2": 2,
        "6": 6,
        "16": 16,
        "1": 1,
        "255": 255,
        "half-of-all-words-rejected": 2**31 + 1,
        "any-word": 2**32,
        "one-word-rejected": 2**32 - 1,
    }
    for name, below in bounds.items():
        given = {"subkey": SUBKEY.hex(), "count": 40, "below": below}
        yield scenario(f"integers-below-{name}", f"integers below {below}", given)
    for name, below in {"zero": 0, "more-than-a-word": 2**32 + 1}.items():
        given = {"subkey": SUBKEY.hex(), "count": 4, "below": below}
        yield scenario(f"integers-below-{name}", "outside 1..2^32", given, "ParameterError")


def _subkey(name, description, label, height, width, block_size, step, nonce=None):
    given = {"key": KEY.hex(), "label": label, "height": height, "width": width, "block_size": block_size}
    return scenario(f"subkey-{name}", description, given | {"step": step, "nonce": nonce})


def image(height, width, block_size=16, nonce=None, **parameters):
    """The input of the groups plan, encrypt and decrypt."""
    defaults = {"block_size": block_size, "key_scope": "dataset" if nonce is None else "image"}
    defaults |= {"steps": STEPS, "shared_block_key": False}
    nonce = None if nonce is None else nonce.hex()
    parameters = defaults | parameters
    return {"key": KEY.hex(), "height": height, "width": width, "nonce": nonce, "parameters": parameters}


def ciphers():
    cases = [
        ("square", "32x32, four blocks of 16", image(32, 32)),
        ("square-of-64-blocks", "32x32, 64 blocks of 4", image(32, 32, 4)),
        ("non-square", "16x24, six blocks of 8", image(16, 24, 8)),
        ("tall", "24x16, six blocks of 8: not the turned plan of 16x24", image(24, 16, 8)),
        ("one-block", "a single block: nothing to permute", image(16, 16)),
        ("one-row-of-blocks", "4x24", image(4, 24, 4)),
        ("block-size-1", "every pixel is a block", image(6, 5, 1)),
        ("block-size-2", "8x8", image(8, 8, 2)),
        ("block-size-3", "an odd block size", image(9, 6, 3)),
        ("block-size-8", "32x40", image(32, 40, 8)),
        ("image-scope", "a nonce for the image", image(32, 48, 8, nonce=NONCE)),
        ("image-scope-other-nonce", "one bit of the nonce differs", image(32, 48, 8, nonce=NONCE[:-1] + b"\xae")),
        ("shared-block-key", "steps 2 to 4 draw once", image(32, 48, 8, shared_block_key=True)),
        ("shared-block-key-image-scope", "both", image(16, 16, 4, NONCE, shared_block_key=True)),
        ("steps-in-another-order", "the order of the list does not matter", image(16, 16, 8, steps=STEPS[::-1])),
        ("224-16", "the setting of most models", image(224, 224)),
        ("96-wide-64-high", "96x64", image(64, 96)),
    ]
    cases += [(f"only-{step}", f"the step {step} alone", image(16, 16, 4, steps=[step])) for step in STEPS]
    cases += [(f"without-{s}", f"all but {s}", image(16, 24, 8, steps=[t for t in STEPS if t != s])) for s in STEPS]
    for name, description, given in cases:
        yield scenario(f"plan-{name}", description, given)
        yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL})
        yield scenario(f"decrypt-{name}", description, given | {"pixels": FILL})
    given = image(4, 4, 2)
    ciphertext = etc.encrypt(etc.etc_plan(KEY, 4, 4, **given["parameters"]), bytes(range(48)))
    yield scenario("encrypt-counting-bytes", "pixels written out", given | {"pixels": bytes(range(48)).hex()})
    yield scenario("decrypt-counting-bytes", "back to the counting bytes", given | {"pixels": ciphertext.hex()})
    yield scenario("encrypt-384-16-image-scope", "a large image", image(384, 384, nonce=NONCE) | {"pixels": FILL})


def refused_ciphers():
    geometry = [
        ("height-off-the-grid", "30 is no multiple of 16", image(30, 32)),
        ("width-off-the-grid", "40 is no multiple of 16", image(32, 40)),
        ("block-larger-than-the-image", "8x8 pixels, block size 16", image(8, 8)),
        ("block-larger-than-one-edge", "16x8 pixels, block size 16", image(16, 8)),
    ]
    parameter = [
        ("block-size-0", "no block", image(16, 16, 0)),
        ("negative-block-size", "no block", image(16, 16, -8)),
        ("fractional-block-size", "pixels are whole", image(16, 16, 7.5)),
        ("boolean-block-size", "true is not 1", image(16, 16, True)),
        ("text-block-size", "a text is no number", image(16, 16, "16")),
        ("no-steps", "an identity is no cipher", image(16, 16, steps=[])),
        ("unknown-step", "a step of another cipher", image(16, 16, steps=["permutation", "nibbles"])),
        ("steps-as-text", "a text is no list", image(16, 16, steps="permutation")),
        ("unknown-key-scope", "dataset or image", image(16, 16, key_scope="folder")),
        ("shared-block-key-as-number", "1 is not true", image(16, 16, shared_block_key=1)),
        ("missing-nonce", "key scope image without a nonce", image(16, 16, key_scope="image")),
        ("superfluous-nonce", "key scope dataset with a nonce", image(16, 16, nonce=NONCE, key_scope="dataset")),
        ("short-nonce", "15 bytes", image(16, 16, nonce=NONCE[:-1])),
        ("long-nonce", "17 bytes", image(16, 16, nonce=NONCE + b"\0")),
        ("empty-nonce", "0 bytes", image(16, 16, nonce=b"")),
    ]
    for error, cases in (("GeometryError", geometry), ("ParameterError", parameter)):
        for name, description, given in cases:
            yield scenario(f"plan-{name}", description, given, error)
            yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL}, error)
    yield scenario("plan-no-rows", "an image without pixels", image(0, 16), "GeometryError")
    yield scenario("plan-negative-width", "an image without pixels", image(16, -16), "GeometryError")


def conversions():
    values = [0, 1, 2, 63, 64, 127, 128, 129, 191, 200, 253, 254, 255, 17, 99, 250]
    samples = {
        "L": bytes(range(256)),
        "LA": bytes(v for gray in values for alpha in values for v in (gray, alpha)),
        "RGBA": bytes(v for c in values for a in values for v in (c, 255 - c, (c * 3) % 256, a)),
        "CMYK": bytes(v for c in values for k in values for v in (c, 255 - c, (c * 3) % 256, k)),
        "I;16": bytes(v for high in values for low in values for v in (low, high)),
    }
    for mode, data in samples.items():
        given = {"mode": mode, "height": 16, "width": 16, "samples": data.hex()}
        yield scenario(f"to_rgb-{mode.replace(';', '').lower()}", f"16x16 samples of mode {mode}", given)


def preparations():
    black_and_white = bytes(255 * (v >> 3 & 1) for v in runner.read_pixels({"height": 9, "width": 9, "pixels": FILL}))
    cases = [
        ("crop-wide-up", "10x17 scaled up to cover 32x32", picture(10, 17, [32, 32], "crop")),
        ("crop-wide-down", "40x70 scaled down to cover 16x16", picture(40, 70, [16, 16], "crop")),
        ("crop-tall", "17x10 to 16x16", picture(17, 10, [16, 16], "crop")),
        ("crop-to-non-square", "20x30 to 16x8", picture(20, 30, [16, 8], "crop", block_size=8)),
        (
            "crop-odd-spare",
            "an odd number of columns falls away: fewer at the left",
            picture(8, 13, [8, 8], "crop", block_size=8),
        ),
        ("crop-rounded-half", "5 * 2 / 4 columns is 3", picture(4, 5, [2, 2], "crop", block_size=2)),
        ("crop-one-pixel-tall", "1x20 to 8x8", picture(1, 20, [8, 8], "crop", block_size=8)),
        ("pad-wide", "10x17 into 32x32", picture(10, 17, [32, 32], "pad")),
        ("pad-tall", "17x10 into 32x32", picture(17, 10, [32, 32], "pad")),
        ("pad-down", "40x70 into 16x16", picture(40, 70, [16, 16], "pad")),
        (
            "pad-odd-missing",
            "an odd number of rows is added: fewer at the top",
            picture(5, 8, [8, 8], "pad", block_size=8),
        ),
        (
            "pad-at-least-one-pixel",
            "1x40 scaled to 8 columns keeps one row",
            picture(1, 40, [8, 8], "pad", block_size=8),
        ),
        ("stretch-up", "6x5 to 16x32", picture(6, 5, [16, 32], "stretch")),
        ("stretch-down", "50x41 to 16x16", picture(50, 41, [16, 16], "stretch")),
        ("stretch-up-and-down", "50x6 to 16x16", picture(50, 6, [16, 16], "stretch")),
        (
            "stretch-one-axis",
            "rows keep their number: the vertical pass is skipped",
            picture(16, 21, [16, 16], "stretch"),
        ),
        ("stretch-other-axis", "the horizontal pass is skipped", picture(21, 16, [16, 16], "stretch")),
        ("stretch-one-pixel", "1x1 to 8x8", picture(1, 1, [8, 8], "stretch", block_size=8)),
        ("stretch-to-one-pixel", "7x9 to 1x1", picture(7, 9, [1, 1], "stretch", block_size=1)),
        ("same-size", "nothing is resampled", picture(16, 16, [16, 16], "stretch")),
        ("exact-without-size", "on the grid already", picture(16, 32, None, "exact")),
        ("crop-without-size", "21x18 is cut to 16x16", picture(21, 18, None, "crop", block_size=8)),
        ("pad-without-size", "21x18 is filled up to 24x24", picture(21, 18, None, "pad", block_size=8)),
        ("pad-without-size-smaller-than-a-block", "5x3 is filled up to 16x16", picture(5, 3, None, "pad")),
        ("crop-224", "150x200 to 224x224", picture(150, 200, [224, 224], "crop")),
    ]
    for name, description, given in cases:
        yield scenario(f"prepare-{name}", description, given)
        if given["size"] is not None:
            yield scenario(f"prepare-{name}-bilinear", description, given | {"resample": "bilinear"})
    for size in (6, 16):
        given = picture(9, 9, [size, size], "stretch", block_size=2) | {"pixels": black_and_white.hex()}
        yield scenario(f"prepare-clamped-to-{size}", "black and white: bicubic overshoots and is clamped", given)
    refused = [
        ("exact-off-the-grid", "20x16, block size 16", picture(20, 16, None, "exact"), "GeometryError"),
        ("crop-smaller-than-a-block", "10x40 cannot be cut to 16", picture(10, 40, None, "crop"), "GeometryError"),
        ("size-off-the-grid", "the wanted size does not fit", picture(32, 32, [30, 32], "crop"), "GeometryError"),
        ("stretch-without-size", "stretch needs a size", picture(32, 32, None, "stretch"), "ParameterError"),
        ("exact-with-size", "exact takes no size", picture(32, 32, [32, 32], "exact"), "ParameterError"),
        ("unknown-fit", "no such fit", picture(32, 32, [32, 32], "cover"), "ParameterError"),
        ("unknown-resample", "no such filter", picture(32, 32, [16, 16], "crop", "nearest"), "ParameterError"),
        ("edge-over-the-limit", "65536 columns", picture(1, 65536, None, "exact", block_size=1), "ImageError"),
        ("result-over-the-limit", "2^26 pixels", picture(1, 1, [8192, 8192], "stretch"), "ImageError"),
        (
            "padded-over-the-limit",
            "1x40000 is filled up to 1024x40960",
            picture(1, 40000, None, "pad", block_size=1024),
            "ImageError",
        ),
        ("scaled-edge-over-the-limit", "1x70 scaled to 1024x71680", picture(1, 70, [1024, 16], "crop"), "ImageError"),
        ("scaled-over-the-limit", "1x30 scaled to 1760x52800", picture(1, 30, [1760, 16], "crop"), "ImageError"),
        (
            "between-the-axes-over-the-limit",
            "1366x14 to 16x65520 has 1366x65520 pixels between its two axes",
            picture(1366, 14, [16, 65520], "stretch"),
            "ImageError",
        ),
    ]
    for name, description, given, error in refused:
        yield scenario(f"prepare-{name}", description, given, error)


def picture(height, width, size, fit, resample="bicubic", block_size=16):
    given = {"height": height, "width": width, "pixels": FILL, "size": size, "fit": fit}
    return given | {"resample": resample, "block_size": block_size}


PARTS = (
    keys,
    passphrases,
    draws,
    ciphers,
    refused_ciphers,
    legacy,
    refused_legacy,
    markers,
    files,
    conversions,
    preparations,
)


def scenarios():
    """File name -> content of every vector file."""
    found = [pair for part in PARTS for pair in part()]
    assert len(dict(found)) == len(found), "two scenarios of one name"
    return dict(found)


def dump(content):
    """JSON with one line per member of the input and the result."""
    lines = [f'  "group": {json.dumps(content["group"])}', f'  "description": {json.dumps(content["description"])}']
    for part in ("input", "result"):
        if part in content:
            members = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in content[part].items())
            lines.append(f'  "{part}": {{\n{members}\n  }}')
    if "error" in content:
        lines.append(f'  "error": {json.dumps(content["error"])}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, content in scenarios().items():
        (FOLDER / name).write_text(dump(content), encoding="ascii")


if __name__ == "__main__":
    main()
