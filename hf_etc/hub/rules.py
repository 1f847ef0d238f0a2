"""What text must not hold when it leaves: the forms of access tokens, private keys, and paths of a user's home.

A table of our own, as no scanner at hand fits. detect-secrets 1.5 reads lines of text at 3 MB/s and knows no token of
the Hub, Google, Anthropic or npm. Kingfisher 1.5 is fast, but is a native library of 36 MB that can also use and
revoke what it finds, and it passes over tokens whose entropy or checksum does not please it, of the Hub's, too. The
rules of gitleaks lean on words nearby, in another dialect of expressions. What a guard needs is less: prefixes that
vendors chose so that a leak can be seen, and no opinion on whether the token still works.
"""

import re
from collections.abc import Iterator
from pathlib import Path

# Where a word begins: in binary data also behind its length, which may look like a letter, behind a control code.
_START, _HOME_START = (
    b"(?:(?<![%s])|(?<=[\\0-\\x08\\x0e-\\x1f][%s]))" % (inside, inside) for inside in (rb"\w.-", rb"\w.")
)
# Token -> bytes of which a text must hold one to be worth a search, and its pattern.
# fmt: off
_TOKENS: dict[str, tuple[bytes, bytes]] = {
    "the Hub": (b"hf_ api_org_", rb"(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    "GitHub": (b"ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{50,}"),
    "GitLab": (
        b"glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- glsoat- gloas- glffct-",
        rb"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[\w.-]{20,}",
    ),
    "AWS": (b"AKIA ASIA ABIA ACCA", rb"(?<![+/])" + _START + rb"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}(?![A-Za-z0-9+/])"),
    "Google": (b"AIza GOCSPX- ya29.", rb"AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{30,}"),
    "Slack": (
        b"xox xapp- hooks.slack.com",
        rb"xox[a-z](?:\.xox[a-z])?-[\w-]{20,}|xapp-\d-[\w-]{20,}|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}",
    ),
    "OpenAI": (b"sk-", _START + rb"sk-(?:(?:proj|svcacct|admin|None)-[\w-]{20,}|[A-Za-z0-9]{32,})"),
    "Anthropic": (b"sk-ant-", rb"sk-ant-[\w-]{20,}"),
    "OpenRouter": (b"sk-or-", rb"sk-or-[\w-]{30,}"),
    "Stripe": (b"k_live_ k_test_ whsec_", _START + rb"[rs]k_(?:live|test)_\w{16,}|whsec_[A-Za-z0-9+/]{24,}"),
    "npm": (b"npm_", rb"npm_[A-Za-z0-9]{36}"),
    "PyPI": (b"pypi-", rb"pypi-[\w-]{50,}"),
    "RubyGems": (b"rubygems_", rb"rubygems_[0-9a-f]{48}"),
    "some service (a JWT)": (b"eyJ", rb"eyJ[\w-]{10,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    "Azure": (
        b"AccountKey= SharedAccessKey= sig= Q~",
        rb"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}|[?&]sig=[A-Za-z0-9%+/]{40,}|\dQ~[\w.~-]{31,34}",
    ),
    "SendGrid": (b"SG.", rb"SG\.[\w-]{22}\.[\w-]{43}"),
    "Twilio": (b"SK", _START + rb"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    "Mailgun": (b"key-", _START + rb"key-[0-9a-f]{32}(?![A-Za-z0-9])"),
    "Mailchimp": (b"-us", _START + rb"[0-9a-f]{32}-us\d{1,2}\b"),
    "DigitalOcean": (b"_v1_", rb"do[opr]_v1_[0-9a-f]{64}"),
    "Docker": (b"dckr_", rb"dckr_(?:pat|oat)_[\w-]{20,}"),
    "Telegram": (b":AA", _START + rb"\d{8,10}:AA[\w-]{33}"),
    "Discord": (b"api/webhooks/", rb"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{30,}"),
    "Replicate": (b"r8_", rb"r8_[A-Za-z0-9]{37}"),
    "Groq": (b"gsk_", rb"gsk_[A-Za-z0-9]{40,}"),
    "xAI": (b"xai-", rb"xai-[A-Za-z0-9]{60,}"),
    "Perplexity": (b"pplx-", rb"pplx-[A-Za-z0-9]{40,}"),
    "Weights & Biases": (b"wandb_v1_", rb"wandb_v1_\w{30,}"),
    "Kaggle": (b"KGAT_ \"username\"", rb"KGAT_[0-9a-f]{32}|\"username\":\s*\"[^\"]+\",\s*\"key\":\s*\"[0-9a-f]{32}\""),
    "Databricks": (b"dapi", rb"dapi[0-9a-f]{32}"),
    "Shopify": (b"shpat_ shpca_ shppa_ shpss_", rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    "Linear": (b"lin_api_", rb"lin_api_[A-Za-z0-9]{40}"),
    "Notion": (b"ntn_", rb"ntn_[A-Za-z0-9]{40,}"),
    "Doppler": (b"dp.", rb"dp\.(?:pt|st|ct|sa)\.[\w.]{40,}"),
    "Vault": (b"hvs. hvb.", rb"hv[sb]\.[\w-]{24,}"),
    "Atlassian": (b"ATATT3", rb"ATATT3[\w=-]{50,}"),
    "Figma": (b"figd_", rb"figd_[\w-]{40,}"),
    "Grafana": (b"glsa_", rb"glsa_\w{32,}"),
    "Supabase": (b"sbp_", rb"sbp_[0-9a-f]{40}"),
    "Postman": (b"PMAK-", rb"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    "New Relic": (b"NRAK-", rb"NRAK-[A-Z0-9]{27}"),
    "Sentry": (b"sntry", rb"sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
}
_SECRETS: dict[str, tuple[bytes, bytes]] = {
    "a private key": (
        b"PRIVATE PuTTY-User-Key-File AGE-SECRET-KEY",
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1[A-Z0-9]{50,}",
    ),
    "a password in an address": (
        b"://", rb"://[^\s/:@\"'<>{}$\\]{1,64}:[^\s/@\"'<>{}$\\]{6,128}@[\w-]+[.:/]\w",
    ),
    "an access token in a header": (
        b"earer asic oken",
        rb"(?i:authorization)[\"']?\s*[:=]\s*[\"']?(?i:bearer|basic|token)\s+[\w+/.~=-]{16,}",
    ),
}
# fmt: on
RULES = tuple(
    (tuple(signs.split()), re.compile(pattern), what)
    for what, (signs, pattern) in {
        **{f"an access token of {vendor}": rule for vendor, rule in _TOKENS.items()},
        **_SECRETS,
    }.items()
)
# A name that says so, before a long value of digits and letters: AWS secrets and others that have no prefix.
_VALUE = re.compile(rb"[:=,]>?\s*[\"']?(?=[A-Za-z+/_~-]*\d)(?=[\d+/_~-]*[A-Za-z])[A-Za-z0-9+/_~-]{20,}")
_NAME = re.compile(
    rb"(?:(?:api|access|secret|private|auth|client|account|hub)[_-]?(?:key|token|secret)|kaggle_key|passw(?:or)?d)"
    rb"[\"'\]]{0,2}\s*$",
    re.IGNORECASE,
)

_USER = rb"[\w.\x80-\xff-]+"
_HOME = re.compile(
    rb"(?:(?<=-[A-Z])|" + _HOME_START + rb")"  # -I/home/alice is one, too
    rb"(?:\\?/(?:[a-z]|mnt(?:\\?/[a-z])?|var|usr|export|nfs|net|srv))?\\?/(?:home|Users)\\?/"
    + _USER
    + rb"|\b[A-Za-z]:[\\/]+[Uu]sers[\\/]+"
    + _USER
)
_BEFORE, _AFTER = 64, 1024  # bytes around a sign that are searched


def find_secret(text: bytes) -> str | None:
    """What kind of secret stands in a text, if any: "an access token of Slack"."""
    for signs, pattern, what in RULES:
        if any(pattern.search(part) for sign in signs for part in _around(sign, text)):
            return what
    values = (found.start() for found in _VALUE.finditer(text))
    if any(_NAME.search(text[max(0, start - _BEFORE) : start]) for start in values):
        return "a secret by its name"
    return None


def find_home(data: bytes) -> str | None:
    """The folder of a user that a text, or data of any kind, names, if any: "/home/alice"."""
    own = str(Path.home()).encode()
    own_home = re.compile(_HOME_START + re.escape(own) + rb"(?=[/\\])")
    patterns = {b"/home": _HOME, b"sers": _HOME, **({own: own_home} if len(own) > 1 else {})}
    for sign, pattern in patterns.items():
        for part in _around(sign, data):
            if found := pattern.search(part):
                return found[0].decode(errors="replace")
    return None


def _around(sign: bytes, text: bytes) -> Iterator[bytes]:
    """The parts of a text around each place where a sign stands."""
    at = text.find(sign)
    while at >= 0:
        yield text[max(0, at - _BEFORE) : at + _AFTER]
        at = text.find(sign, at + 1)
