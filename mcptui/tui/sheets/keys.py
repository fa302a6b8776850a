"""`?`: every key that works here, from the live bindings, so the page cannot lie.

Type to find one; enter runs it. A key that does not work now says why.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from mcptui.tui.keys import TABLE, shown
from mcptui.tui.sheets.pick import Pick, PickSheet
from mcptui.tui.widgets.draw import Column

if TYPE_CHECKING:
    from mcptui.tui.rooms.room import Room

FIXED = (
    ("shift-drag", "select text with the terminal's own mouse", "the mouse"),
    ("drag", "select text, ctrl+c copies it", "the mouse"),
)


def live(screen: Screen[Any], room: Room) -> list[Pick]:
    """The keys that work on a screen now; keys of the same action share a row."""
    found: dict[tuple[int, str], tuple[list[str], Any]] = {}
    for key, active in screen.active_bindings.items():
        if active.binding.description:
            place = found.setdefault((id(active.node), active.binding.action), ([], active))
            place[0].append(shown(key))
    picks: list[Pick] = []
    for names, active in found.values():
        binding, node = active.binding, active.node
        inside = node is not room.front and node is not screen
        action = binding.action.partition("(")[0]
        why = "" if active.enabled else (room.why_not(action) if node is room else "not now")
        text = binding.description + (f", {binding.tooltip}" if binding.tooltip else "")
        run = partial(room.front.run_action, binding.action, node)
        picks.append(Pick(text, "here" if inside else "everywhere", " ".join(names), why, run))
    verbs = {key.text for key in TABLE[room.room] if key.show}
    picks.sort(key=lambda one: (one.where != "here", one.text.partition(",")[0] not in verbs))
    picks += [Pick(text, where, key, "not a key", lambda: None) for key, text, where in FIXED]
    return picks


class KeysSheet(PickSheet):
    """The page itself."""

    def __init__(self, room: Room, picks: list[Pick]) -> None:
        columns = [
            Column("key", 10, lambda pick: (pick.key, "off" if pick.why_not else "key")),
            Column("does", 20, _does, grow=1),
            Column("where", 10, lambda pick: (pick.where, "dim"), drop=1),
        ]
        super().__init__(f"Keys in {room.room.title()}", columns, picks)


def _does(pick: Pick) -> tuple[str, str]:
    if pick.why_not and pick.where != "the mouse":
        return (f"{pick.text} – {pick.why_not}", "off")
    return (pick.text, "")
