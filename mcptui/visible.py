"""The one door through which outside text reaches a screen or terminal.

Catalog entries, servers, clients and error texts may hold escape sequences, C1 controls,
direction overrides and invisible characters. `visible()` turns each of them into something a
person sees, so that text can neither drive the terminal nor hide from the reader. Data that
only passes through is never altered; this is for display.
"""

from __future__ import annotations

import re
import unicodedata

# Printable by str.isprintable(), yet drawn as nothing: a place to hide text from the reader.
# U+FE0E and U+FE0F only choose between an emoji and its text form, so they stay.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]"
)


def _picture(character: str) -> str:
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "\u2421"
    return f"\u2039U+{point:04X}\u203a"


def _safe(character: str) -> bool:
    if _BLANK.match(character):
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"


def visible(text: object, *, lines: bool = False, limit: int | None = None) -> str:
    """Return `text` with every control, direction and invisible character made visible.

    Args:
        text: outside text; anything else is turned into text first.
        lines: keep line feeds as they are, and tabs as four spaces.
        limit: keep at most this many characters of the source, an ellipsis marks the cut.

    Returns:
        Text without C0, C1, bidi, zero-width, tag or surrogate characters.
    """
    source = text if isinstance(text, str) else str(text)
    if limit is not None and len(source) > limit:
        source = source[: max(0, limit - 1)] + "\u2026"
    if source.isprintable() and not _BLANK.search(source):
        return source
    if lines:
        source = source.replace("\r\n", "\n").replace("\t", "    ")
    return "".join(
        character if _safe(character) or (lines and character == "\n") else _picture(character)
        for character in source
    )


def hidden(text: str) -> int:
    """Count the characters of `text` that `visible()` would replace, line feeds and tabs aside."""
    if text.isprintable() and not _BLANK.search(text):
        return 0
    return sum(1 for character in text if character not in "\n\t\r" and not _safe(character))
