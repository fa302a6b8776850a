"""The items of a server's lists that clients can take, and what becomes of the others.

One bad item must not hide the good ones: it is left out, with a word for the server's log and for
whoever looks at the screen. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

LONGEST_NAME = 256
LONGEST_URI = 8192


def good_items(
    kind: str, key: str, items: Iterable[Any], dropped: Callable[[str], None]
) -> list[dict[str, Any]]:
    """The prompts, resources or templates that a client can take.

    Args:
        kind: what they are, in one word, for the report.
        key: the member that tells them apart.
        items: as the server gave them.
        dropped: told why one was left out.
    """
    good: dict[str, dict[str, Any]] = {}
    for position, item in enumerate(items, 1):
        fault = _fault(key, item)
        if not fault and item[key] in good:
            fault = f"its {key} was there before"
        if fault:
            dropped(f"{kind} {position} of the list was left out: {fault}")
        else:
            good[item[key]] = item
    return list(good.values())


def _fault(key: str, item: Any) -> str:
    if not isinstance(item, dict):
        return "it is no object"
    members = cast("dict[str, Any]", item)
    value = members.get(key)
    if not isinstance(value, str) or not value:
        return f"it has no {key}"
    if key == "name" and (len(value) > LONGEST_NAME or not value.isprintable()):
        return "its name is too long or not printable"
    if len(value) > LONGEST_URI:
        return f"its {key} has {len(value)} characters"
    name = members.get("name", "")
    return "" if isinstance(name, str) else "its name is no text"


def ui_resource(definition: Any) -> str:
    """The address of a tool's interface, as the ui extension names it; "" when it has none."""
    meta = definition.get("_meta")
    if not isinstance(meta, dict):
        return ""
    members = cast("dict[str, Any]", meta)
    ui = members.get("ui")
    found: Any = cast("dict[str, Any]", ui).get("resourceUri") if isinstance(ui, dict) else None
    found = found or members.get("ui/resourceUri")
    return found if isinstance(found, str) and found.startswith("ui://") else ""
