"""Log levels across the eras: who wants to hear how much of a server.

An older client sets one level for its connection, a newer one with each request. A server of the
older era has one level, so it is given the most telling one that anybody wants now, and what a
client did not ask for is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable

from mcptui.gateway.wire import MALFORMED, Part, fields, text

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""From the most telling to the quietest, as RFC 5424 names them."""
USUAL_LEVEL = "info"
QUIET_LEVEL = "emergency"
"""What a server of the older era is set back to: it cannot be told to say nothing."""
_RANK = {level: rank for rank, level in enumerate(LEVELS)}


def level_of(raw: Part | None) -> str:
    """A level as a request names it, "" when it names none that there is."""
    if raw is None:
        return ""
    try:
        level = text(raw)
    except MALFORMED:
        return ""
    return level if level in _RANK else ""


def most_telling(levels: Iterable[str]) -> str:
    """The level that satisfies everybody, "" when nobody wants to hear anything."""
    return min((level for level in levels if level), key=_RANK.__getitem__, default="")


def heard(params: Part, level: str) -> bool:
    """Whether somebody who asked for `level` wants a message; one without a level is wanted."""
    try:
        said = level_of(fields(params).get("level"))
    except MALFORMED:
        return False
    return not said or not level or _RANK[said] >= _RANK[level]
