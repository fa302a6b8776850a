"""Pins: one hash per tool definition, and the difference between two of them for a person.

The hash covers every field of a definition, known or not, in the canonical form of RFC 8785, so
key order and spacing do not matter and nothing else can change unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from mcptui.errors import NotTrusted
from mcptui.visible import visible

_SAFE = 2**53
_MOST_LINES = 200
_LONGEST = 600


def tool_hash(definition: Mapping[str, Any]) -> str:
    """Return "sha256:" and the hex digest of the canonical form of a tool's definition.

    What RFC 8785 cannot hold (whole numbers beyond 2**53, lone surrogates) is spelt out as text
    first, so that every definition a server can send has a hash.

    Raises:
        NotTrusted: the definition is not JSON or nested too deeply.
    """
    import rfc8785

    try:
        try:
            form = rfc8785.dumps(cast("dict[str, Any]", definition))
        except (rfc8785.CanonicalizationError, UnicodeEncodeError):
            form = rfc8785.dumps(_spelt(definition))
    except (ValueError, TypeError, RecursionError) as error:
        raise NotTrusted("A tool's definition cannot be pinned", str(error)) from error
    return "sha256:" + hashlib.sha256(form).hexdigest()


def _spelt(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SAFE:
        return f"integer {value}"
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {_spelt(str(key)): _spelt(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_spelt(item) for item in cast("list[Any]", value)]
    return value


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Tell what changed between two definitions of a tool, in lines a person can read.

    Returns:
        Lines that begin with "+ " (added), "- " (removed) or "~ " (changed, followed by the old
        and the new value), already made visible; empty when nothing changed.
    """
    lines: list[str] = []
    _compare("", old, new, lines)
    if len(lines) > _MOST_LINES:
        left = len(lines) - _MOST_LINES
        lines[_MOST_LINES:] = [f"… and {left} more lines"]
    return lines


def _compare(path: str, old: Any, new: Any, lines: list[str]) -> None:
    # JSON's true and 1 are equal in Python, so the types are compared as well.
    same = type(old) is type(new) and old == new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if path else key
            if key not in after:
                lines.append(_line("-", inner, before[key]))
            elif key not in before:
                lines.append(_line("+", inner, after[key]))
            else:
                _compare(inner, before[key], after[key], lines)
    elif isinstance(old, list) and isinstance(new, list):
        _compare_lists(path, cast("list[Any]", old), cast("list[Any]", new), lines)
    elif not same:
        lines.append(visible(f"~ {path}", limit=_LONGEST))
        lines += [
            "    was  " + _short(cast("object", old)),
            "    is   " + _short(cast("object", new)),
        ]


def _compare_lists(path: str, old: list[Any], new: list[Any], lines: list[str]) -> None:
    for place in range(max(len(old), len(new))):
        inner = f"{path}[{place}]"
        if place >= len(new):
            lines.append(_line("-", inner, old[place]))
        elif place >= len(old):
            lines.append(_line("+", inner, new[place]))
        else:
            _compare(inner, old[place], new[place], lines)


def _line(sign: str, path: str, value: Any) -> str:
    return f"{sign} {visible(path, limit=_LONGEST)} = {_short(value)}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return visible(text, limit=_LONGEST)
