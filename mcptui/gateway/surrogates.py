"""Half characters: `\\ud83d` alone in a JSON string, which is legal and which our decoder refuses.

Programs that count text in UTF-16 cut emoji in two, so such escapes do come. They are put aside
under a mark nobody can guess before a message is decoded, and put back when it leaves, so that
they arrive as they were sent. Messages without them, all but a few, never come here.
"""

from __future__ import annotations

import os
import re

_MARK = b"<mcptui-" + os.urandom(12).hex().encode() + b"-"
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_HIDDEN = re.compile(re.escape(_MARK) + rb"([dD][89a-fA-F][0-9a-fA-F]{2})>")
_used: list[bool] = []


def hide(line: bytes) -> bytes:
    """`line` with its half characters put aside; the same object when there are none."""
    if b"\\ud" not in line and b"\\uD" not in line:
        return line
    hidden = _ESCAPE.sub(_aside, line)
    if hidden != line and not _used:
        _used.append(True)
    return hidden


def _aside(match: re.Match[bytes]) -> bytes:
    half: bytes | None = match[1]
    return match[0] if half is None else _MARK + half + b">"


def show(line: bytes) -> bytes:
    """`line` with what was put aside put back."""
    if _used and _MARK in line:
        return _HIDDEN.sub(rb"\\u\1", line)
    return line
