"""The gist of a call: its arguments in a few words, for the one line it has in a list.

Made from the redacted text, so it can hold no secret that the stored body does not hold. Pure.
"""

from __future__ import annotations

import itertools
from typing import Any, cast

import msgspec

MOST = 120
"""Characters kept."""
_WHOLE = 2048
"""A longer text is only cut: reading it all would cost more than the line is worth."""


def gist(text: str) -> str:
    """What a call asks for, such as `timezone="Europe/Paris"`.

    Args:
        text: its arguments as JSON, redacted; anything else is shown as it is.
    """
    if len(text) > _WHOLE:
        return _cut(text[: MOST * 2].removeprefix("{"))
    try:
        values: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _cut(text)
    if not isinstance(values, dict):
        return _cut(text)
    pairs = itertools.islice(cast("dict[str, Any]", values).items(), MOST // 3)
    return _cut(" ".join(f"{name}={msgspec.json.encode(value).decode()}" for name, value in pairs))


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MOST else f"{words[: MOST - 1]}…"
