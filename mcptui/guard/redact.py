"""What is kept of a call: its text, bounded, with secrets taken out.

Rules are precise shapes that providers document, and values behind names such as `password`.
A rule runs only when its literal is in the text, every repetition has an upper bound and every
match is consumed, so the cost grows with the length of the text and with nothing else: hostile
text cannot make it slow. This is for the record alone; what passes to client or server is not
touched here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

LIMIT = 64 * 1024
"""Bytes of one body that are kept."""


class Rule(NamedTuple):
    """One shape of a secret: `literal` must be in the text for `pattern` to be tried."""

    name: str
    literal: str
    pattern: str


_RULES = (
    Rule("AWS key", "AKIA", "AKIA[A-Z0-9]{16}(?![A-Z0-9])"),
    Rule("AWS key", "ASIA", "ASIA[A-Z0-9]{16}(?![A-Z0-9])"),
    Rule("GitHub token", "ghp_", "ghp_[A-Za-z0-9]{36,255}"),
    Rule("GitHub token", "gho_", "gho_[A-Za-z0-9]{36,255}"),
    Rule("GitHub token", "ghu_", "ghu_[A-Za-z0-9]{36,255}"),
    Rule("GitHub token", "ghs_", "ghs_[A-Za-z0-9]{36,255}"),
    Rule("GitHub token", "ghr_", "ghr_[A-Za-z0-9]{36,255}"),
    Rule("GitHub token", "github_pat_", "github_pat_[A-Za-z0-9_]{22,255}"),
    Rule("GitLab token", "glpat-", "glpat-[A-Za-z0-9_.-]{20,300}"),
    Rule("Slack token", "xox", "xox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    Rule("Slack token", "xapp-", "xapp-[A-Za-z0-9-]{10,250}"),
    Rule("Stripe key", "k_live_", "[rs]k_live_[A-Za-z0-9]{16,250}"),
    Rule("Stripe key", "k_test_", "[rs]k_test_[A-Za-z0-9]{16,250}"),
    Rule("API key", "sk-", "sk-[A-Za-z0-9_-]{20,300}"),
    Rule("Google key", "AIza", "AIza[A-Za-z0-9_-]{35}"),
    Rule("Google token", "ya29.", r"ya29\.[A-Za-z0-9_-]{20,2000}"),
    Rule("Google secret", "GOCSPX-", "GOCSPX-[A-Za-z0-9_-]{20,60}"),
    Rule("npm token", "npm_", "npm_[A-Za-z0-9]{36}"),
    Rule("PyPI token", "pypi-", "pypi-[A-Za-z0-9_-]{50,500}"),
    Rule("Hugging Face token", "hf_", "hf_[A-Za-z0-9]{30,60}"),
    Rule("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    Rule("DigitalOcean token", "_v1_", "do[opr]_v1_[a-f0-9]{64}"),
    Rule("Shopify token", "shp", "shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}"),
    Rule("Linear key", "lin_api_", "lin_api_[A-Za-z0-9]{30,60}"),
    Rule("Notion token", "ntn_", "ntn_[A-Za-z0-9]{40,60}"),
    Rule("Databricks token", "dapi", "dapi[a-f0-9]{32}"),
    Rule("Groq key", "gsk_", "gsk_[A-Za-z0-9]{40,80}"),
    Rule("xAI key", "xai-", "xai-[A-Za-z0-9]{60,100}"),
    Rule("Vault token", "hvs.", r"hvs\.[A-Za-z0-9_-]{24,300}"),
    Rule("Figma token", "figd_", "figd_[A-Za-z0-9_-]{30,80}"),
    Rule("Atlassian token", "ATATT3", "ATATT3[A-Za-z0-9_=-]{50,300}"),
    Rule("Telegram token", ":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    Rule("age key", "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    Rule("JWT", "eyJ", r"eyJ[\w-]{10,4000}\.[\w-]{10,8000}(?:\.[\w-]{0,2000})?"),
)  # fmt: skip
_GROUPS = tuple(
    (gate, tuple(rule for rule in _RULES if gate in rule.literal and not rule.literal.isalnum()))
    for gate in ("_", "-", ".")
) + (("", tuple(rule for rule in _RULES if rule.literal.isalnum() or rule.literal == ":AA")),)
# Most text has none of a group's marks: one look then spares the looks for its rules.
_SHAPES = (
    (
        "-----BEGIN",
        r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END|\Z)",
        "[redacted private key]",
    ),
    ("://", r"(://[^\s/:@\"'\\]{0,128}:)[^\s/@\"'\\]{1,256}@", r"\1[redacted]@"),
)
_NAMES = (
    "passw", "passphrase", "secret", "token", "api", "key", "authorization", "credential",
    "bearer", "cookie", "basic",
)  # fmt: skip
_NAMED = (
    r"(?i)(?P<name>pass(?:word|wd|phrase)|secret|token|api[_-]?key|access_?key|private_?key"
    r"|authorization|credential|cookie|client_key)"
    r"(?P<rest>(?!s\b)[A-Za-z0-9_-]{0,40})"
    r"(?P<between>\\{0,7}[\"']?\s{0,8}[:=]\s{0,8})"
    r"(?:(?P<open>\\{0,7}[\"'])(?P<quoted>(?:(?!(?P=open))[^\n]){1,16384})"
    r"|(?P<bare>[^\s\"'\\,;&{}\[\]()<>]{6,4096}))"
)
_BEARER = r"(?i)\b(bearer|basic)(\s{1,4})[A-Za-z0-9._~+/=-]{8,4096}"
_PAGING = r"(?i)(?:page|next|cursor|progress|continuation|sync|max_?)[_-]?\Z"
_PLAIN = r"(?i)(?:true|false|null|none|-?\d{1,12}(?:\.\d{1,6})?)\Z"
_ESCAPED = r"\\u00([2-7][0-9a-fA-F])"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Compiled when first needed: a gateway's first answer does not wait for forty patterns.
    return re.compile(pattern)


@cache
def _of_rule(rule: Rule) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){rule.pattern}")


def redact(body: bytes, limit: int = LIMIT) -> str:
    """The text of a body as it may be kept.

    Args:
        body: a JSON value or any other text in UTF-8; only the first `limit` bytes are looked at.
        limit: bytes kept.
    """
    text = body[:limit].decode("utf-8", "replace")
    if "\\u00" in text:
        # An escape is another spelling of the same secret; quotes and backslashes stay escaped.
        text = _compiled(_ESCAPED).sub(_unescape, text)
    for gate, rules in _GROUPS:
        if gate in text:
            for rule in rules:
                if rule.literal in text:
                    text = _of_rule(rule).sub(f"[redacted {rule.name}]", text)
    for literal, pattern, instead in _SHAPES:
        if literal in text:
            text = _compiled(pattern).sub(instead, text)
    lowered = text.lower()
    for name in _NAMES:
        if name in lowered:
            text = _compiled(_BEARER).sub(r"\1\2[redacted]", text)
            return _compiled(_NAMED).sub(_hide_value, text)
    return text


def _unescape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if character in '"\\\x7f' else character


def _hide_value(match: re.Match[str]) -> str:
    value = match["quoted"] if match["open"] else match["bare"]
    before = match.string[max(0, match.start() - 14) : match.start()]
    if (
        _compiled(_PLAIN).match(value)
        or value.startswith("[redacted")
        or _compiled(_PAGING).search(before)
    ):
        return match[0]
    return f"{match['name']}{match['rest']}{match['between']}{match['open'] or ''}[redacted]"
