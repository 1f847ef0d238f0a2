"""The scenarios about keys and passphrases."""

from .key_reference import ALPHABET, format_key, format_salt, salt_for
from .scenario import KEY, SALT, scenario


def keys():
    text = format_key(KEY)
    valid = [
        ("plain", "the usual form", text),
        ("upper-case", "letter case does not matter", text.upper()),
        ("mixed-case", "letter case does not matter, the prefix's included", text.title()),
        ("surrounding-space", "spaces, tabs and line ends around it do not matter", f" \t{text}\r\n"),
        ("all-zero-bits", "a key of 32 zero bytes", format_key(bytes(32))),
        ("all-one-bits", "a key of 32 bytes 255", format_key(bytes([255]) * 32)),
    ]
    for name, description, value in valid:
        yield scenario(f"key_parse-{name}", description, {"text": value})
    for name, description, value in _damaged_keys(text):
        yield scenario(f"key_parse-{name}", description, {"text": value}, "KeyFormatError")
    for name, key in (("counting", KEY), ("all-zero-bits", bytes(32)), ("all-one-bits", bytes([255]) * 32)):
        yield scenario(f"key_id-{name}", "by which an owner's programs tell keys apart", {"key": key.hex()})


def _damaged_keys(text):
    last = ALPHABET[ALPHABET.index(text[-1]) + 1]
    kelvin_text = next(t for t in (format_key(bytes([i]) * 32) for i in range(256)) if "k" in t[7:])
    return [
        ("wrong-checksum", "one character mistyped", mistype(text, 20)),
        ("swapped-characters", "two neighbours exchanged", text[:30] + text[31] + text[30] + text[32:]),
        ("truncated", "the last character is missing", text[:-1]),
        ("truncated-to-eight-groups", "cut where base32 of fewer bytes could end", text[:-2]),
        ("too-long", "one character too many", text + "a"),
        ("character-outside-the-alphabet", "0, 1, 8 and 9 are no base32 digits", text[:20] + "1" + text[21:]),
        ("padding-character", "base32 is written without =", text[:-1] + "="),
        ("inner-space", "white space inside", text[:20] + " " + text[21:]),
        ("nonzero-padding-bits", "same bytes, but an unused bit of the last digit is set", text[:-1] + last),
        ("salt", "a passphrase salt where a key belongs", plain_salt(17)),
        ("no-prefix", "the digits alone", text[7:]),
        ("old-version", "the prefix of format 1", "hfetc1-" + text[7:]),
        ("other-version", "a prefix of a future version", "hfetc3-" + text[7:]),
        ("prefix-only", "no digits", "hfetc2-"),
        ("empty", "no text", ""),
        ("kelvin-sign", "U+212A lower-cases into an ASCII k, and is no digit", kelvin_text.replace("k", "\u212a")),
        ("full-width-letter", "a full-width letter is not its ASCII twin", "\uff48" + text[1:]),
        ("no-break-space", "only spaces, tabs and line ends are stripped", "\u00a0" + text),
        ("byte-order-mark", "only spaces, tabs and line ends are stripped", "\ufeff" + text),
    ]


def mistype(text, at):
    return text[:at] + ("b" if text[at] == "a" else "a") + text[at + 1 :]


def plain_salt(cost, check=bytes(8)):
    """A salt whose v fits no passphrase."""
    return format_salt(bytes([cost]) + SALT + check)


WORDS = "correct horse battery"


def passphrases():
    accented = "caf\u00e9 01234 \U0001f511"
    valid = [
        ("ascii", "words", WORDS, salt_for(WORDS, 17, SALT)),
        ("cost-18", "twice the work, another key", WORDS, salt_for(WORDS, 18, SALT)),
        ("composed", "an accented letter; a symbol of two UTF-16 units", accented, salt_for(accented, 17, SALT)),
        (
            "decomposed",
            "the accent apart from its letter gives the same key",
            accented.replace("\u00e9", "e\u0301"),
            salt_for(accented, 17, SALT),
        ),
        (
            "twelve-after-normalisation",
            "U+0958 becomes two code points: eleven become twelve",
            "\u09580123456789",
            salt_for("\u09580123456789", 17, SALT),
        ),
        ("salt-in-upper-case", "as with keys", WORDS, f"\t{salt_for(WORDS, 17, SALT).upper()}\n"),
    ]
    for name, description, passphrase, salt in valid:
        yield scenario(f"passphrase-{name}", description, {"passphrase": passphrase, "salt": salt})
    for name, description, passphrase, salt in _damaged_passphrases():
        given = {"passphrase": passphrase, "salt": salt}
        yield scenario(f"passphrase-{name}", description, given, "KeyFormatError")
    wrong = {"passphrase": WORDS.title(), "salt": salt_for(WORDS, 17, SALT)}
    yield scenario("passphrase-wrong", "two letters are capital", wrong, "KeyMismatchError")
    given = {"passphrase": WORDS, "salt": plain_salt(17)}
    yield scenario("passphrase-wrong-check", "a well-formed salt whose v is not this key's", given, "KeyMismatchError")


def _damaged_passphrases():
    salt = salt_for(WORDS, 17, SALT)
    padded = salt[:-1] + ALPHABET[ALPHABET.index(salt[-1]) + 1]
    return [
        ("too-short", "eleven characters; comes before the salt's v", "elevenchars", plain_salt(17)),
        ("eleven-code-points", "twelve UTF-16 units are not twelve characters", "0123456789\U0001f511", salt),
        ("eleven-after-normalisation", "twelve become eleven", "cafe\u0301 012345", salt),
        ("lone-surrogate", "not Unicode text", WORDS + "\ud800", salt),
        ("key-as-salt", "a key where a salt belongs", WORDS, format_key(KEY)),
        ("salt-wrong-checksum", "one character of the salt mistyped", WORDS, mistype(salt, len(salt) - 4)),
        ("salt-truncated", "the last character of the salt is missing", WORDS, salt[:-1]),
        ("salt-too-long", "one character too many", WORDS, salt + "a"),
        ("salt-nonzero-padding-bits", "an unused bit of the last digit is set", WORDS, padded),
        ("salt-character-outside-the-alphabet", "0, 1, 8 and 9 are no base32 digits", WORDS, salt[:-1] + "0"),
        ("salt-old-version", "the prefix of format 1", WORDS, salt.replace("hfetc2", "hfetc1")),
        ("salt-of-16-bytes", "the payload of format 1 behind the new prefix", WORDS, format_salt(SALT)),
        ("salt-without-prefix", "the digits alone", WORDS, salt.removeprefix("hfetc2-scrypt-")),
        ("cost-16", "too cheap, though v is right", WORDS, salt_for(WORDS, 16, SALT)),
        ("cost-21", "too costly; comes before v", WORDS, plain_salt(21)),
        ("cost-0", "no cost", WORDS, plain_salt(0)),
        ("cost-255", "would need more memory than there is", WORDS, plain_salt(255)),
    ]
