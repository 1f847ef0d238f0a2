"""Tokens of vendors, private keys and passwords. They are put together here, so that no search of this repository
takes them for real ones."""

import base64
import zlib

from tests.hub.samples import parquet

from .carriers import TOKEN, chunk, event_file, notebook, png_with, safetensors

DIGITS, HEX = b"a1B2c3D4e5F6g7H8i9J0", b"0123456789abcdef"


def token(vendor, text, file="notes.txt"):
    return file, b"here: " + text + b"\n", TOKEN + vendor


def some(count, of=DIGITS):
    return (of * (count // len(of) + 1))[:count]


JWT = b".".join([b"eyJ" + some(20), b"eyJ" + some(30), some(43)])
AWS_SECRET = some(40, b"wJalrXUtnFEMI/K7MDENG+")
TOKENS = {
    "Hub": token("the Hub", b"hf_" + some(34)),
    "Hub, organisation": token("the Hub", b"api_org_" + some(34)),
    "GitHub": token("GitHub", b"ghp_" + some(36)),
    "GitHub, app": token("GitHub", b"ghs_" + some(36)),
    "GitHub, fine-grained": token("GitHub", b"github_pat_" + some(22) + b"_" + some(59)),
    "GitLab": token("GitLab", b"glpat-" + some(20)),
    "GitLab, runner": token("GitLab", b"glrt-" + some(20)),
    "AWS, id": token("AWS", b"AKIA" + some(16, b"QWERTZ234567")),
    "AWS, passing": token("AWS", b"ASIA" + some(16, b"QWERTZ234567")),
    "AWS, secret": ("credentials", b"aws_secret_access_key = " + AWS_SECRET, "holds a secret by its name"),
    "AWS, secret in JSON": ("a.json", b'{"SecretAccessKey": "' + AWS_SECRET + b'"}', "holds a secret by its name"),
    "Google": token("Google", b"AIza" + some(35)),
    "Google, client": token("Google", b"GOCSPX-" + some(28)),
    "Google, OAuth": token("Google", b"ya29." + some(60)),
    "Google, service": ("a.json", b'{"private_key": "-----BEGIN PRIVATE KEY-----\\nabc', "holds a private key"),
    "Slack, bot": token("Slack", b"xoxb-" + some(12, b"1234567890") + b"-" + some(24)),
    "Slack, user": token("Slack", b"xoxp-" + some(40)),
    "Slack, app": token("Slack", b"xapp-1-" + some(60)),
    "Slack, webhook": token("Slack", b"https://hooks.slack.com/services/T0AB/B0CD/" + some(24)),
    "OpenAI": token("OpenAI", b"sk-" + some(48)),
    "OpenAI, project": token("OpenAI", b"sk-proj-" + some(90)),
    "OpenAI, service": token("OpenAI", b"sk-svcacct-" + some(90)),
    "Anthropic": token("Anthropic", b"sk-ant-api03-" + some(93)),
    "OpenRouter": token("OpenRouter", b"sk-or-v1-" + some(64, HEX)),
    "Stripe": token("Stripe", b"sk_live_" + some(24)),
    "Stripe, restricted": token("Stripe", b"rk_live_" + some(99)),
    "Stripe, test": token("Stripe", b"sk_test_" + some(24)),
    "Stripe, webhook": token("Stripe", b"whsec_" + some(32)),
    "npm": token("npm", b"npm_" + some(36)),
    "PyPI": token("PyPI", b"pypi-AgEIcHlwaS5vcmc" + some(150)),
    "RubyGems": token("RubyGems", b"rubygems_" + some(48, HEX)),
    "JWT": token("some service", JWT),
    "Azure, storage": token("Azure", b"AccountName=a;AccountKey=" + some(86) + b"==;EndpointSuffix=core.windows.net"),
    "Azure, bus": token("Azure", b"SharedAccessKeyName=a;SharedAccessKey=" + some(43) + b"="),
    "Azure, signature": token("Azure", b"https://a.blob.core.windows.net/b?sv=2022&sig=" + some(43) + b"%3D"),
    "Azure, client": token("Azure", b"abc8Q~" + some(34)),
    "SendGrid": token("SendGrid", b"SG." + some(22) + b"." + some(43)),
    "Twilio": token("Twilio", b"SK" + some(32, HEX)),
    "Mailgun": token("Mailgun", b"key-" + some(32, HEX)),
    "Mailchimp": token("Mailchimp", some(32, HEX) + b"-us12"),
    "DigitalOcean": token("DigitalOcean", b"dop_v1_" + some(64, HEX)),
    "Docker": token("Docker", b"dckr_pat_" + some(27)),
    "Telegram": token("Telegram", b"123456789:AA" + some(33)),
    "Discord": token("Discord", b"https://discord.com/api/webhooks/123456/" + some(68)),
    "Replicate": token("Replicate", b"r8_" + some(37)),
    "Groq": token("Groq", b"gsk_" + some(52)),
    "xAI": token("xAI", b"xai-" + some(80)),
    "Perplexity": token("Perplexity", b"pplx-" + some(48)),
    "Weights & Biases": token("Weights & Biases", b"wandb_v1_" + some(60)),
    "Weights & Biases, old": (".bashrc", b"export WANDB_API_KEY=" + some(40, HEX), "holds a secret by its name"),
    "Kaggle": token("Kaggle", b'{"username": "a", "key": "' + some(32, HEX) + b'"}'),
    "Kaggle, new": token("Kaggle", b"KGAT_" + some(32, HEX)),
    "Databricks": token("Databricks", b"dapi" + some(32, HEX)),
    "Shopify": token("Shopify", b"shpat_" + some(32, HEX)),
    "Linear": token("Linear", b"lin_api_" + some(40)),
    "Notion": token("Notion", b"ntn_" + some(46)),
    "Doppler": token("Doppler", b"dp.pt." + some(43)),
    "Vault": token("Vault", b"hvs." + some(90)),
    "Atlassian": token("Atlassian", b"ATATT3" + some(180)),
    "Figma": token("Figma", b"figd_" + some(40)),
    "Grafana": token("Grafana", b"glsa_" + some(41)),
    "Supabase": token("Supabase", b"sbp_" + some(40, HEX)),
    "Postman": token("Postman", b"PMAK-" + some(24, HEX) + b"-" + some(34, HEX)),
    "New Relic": token("New Relic", b"NRAK-" + some(27, b"ABC123")),
    "Sentry": token("Sentry", b"sntrys_" + some(80)),
    "OpenSSH": ("notes.txt", b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "holds a private key"),
    "PGP": ("notes.txt", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc", "holds a private key"),
    "PuTTY": ("notes.txt", b"PuTTY-User-Key-File-3: ssh-ed25519", "holds a private key"),
    "age": ("notes.txt", b"AGE-SECRET-KEY-1" + some(58, b"QPZRY9X8"), "holds a private key"),
    "password in an address": ("a.cfg", b"postgres://admin:" + some(12) + b"@db.example.org/x", "holds a password in"),
    "header": ("a.http", b"Authorization: Bearer " + some(30), "holds an access token in a header"),
    "a password": ("a.py", b'password = "' + some(24) + b'"', "holds a secret by its name"),
    "a client's secret": ("a.yaml", b"client_secret: " + some(32), "holds a secret by its name"),
    "in UTF-16": ("a.txt", (b"hf_" + some(34)).decode().encode("utf-16"), TOKEN + "the Hub"),
    "in base64": ("a.yaml", b"token: " + base64.b64encode(b"glpat-" + some(20)), TOKEN + "GitLab"),
    "in parquet after a letter": ("a.parquet", parquet(["a", (b"sk-" + some(48)).decode()]), TOKEN + "OpenAI"),
    "in a notebook": ("a.ipynb", notebook([f"login('hf_{some(34).decode()}')"]), TOKEN + "the Hub"),
    "in safetensors metadata": ("a.safetensors", safetensors({"t": (b"npm_" + some(36)).decode()}), TOKEN + "npm"),
    "in an event file": ("events.out.tfevents.2", event_file(b"AIza" + some(35)), TOKEN + "Google"),
    "in a compressed text of a PNG": (
        "a.png",
        png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"hf_" + some(34)))),
        TOKEN + "the Hub",
    ),
}

KEY_FILE = "has the name of a key file"
NAMES = {
    name: (name, b"anything", KEY_FILE)
    for name in (
        "clinic.key",
        "a.pem",
        "a.p12",
        "a.pfx",
        "a.ppk",
        "a.kdbx",
        ".env",
        ".env.local",
        "id_rsa",
        "id_ecdsa",
        "id_ed25519",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        "kaggle.json",
    )
}
