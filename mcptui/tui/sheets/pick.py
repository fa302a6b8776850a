"""A list to pick from by typing: the palette and the keys page are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import keys
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.draw import Column
from mcptui.tui.widgets.filter import FilterBar
from mcptui.tui.widgets.line_list import LineList


@dataclass(frozen=True, slots=True)
class Pick:
    """Something that can be done.

    Args:
        text: what.
        where: the room, or what it belongs to.
        key: the key that does it.
        why_not: why it cannot be done now.
        run: does it, once the sheet is closed.
    """

    text: str
    where: str
    key: str
    why_not: str
    run: Callable[[], Awaitable[object] | None]


class PickSheet(Sheet[Pick]):
    """Type to narrow it, enter runs what is under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("pick")
    empty = "Nothing matches."

    def __init__(self, title: str, columns: Sequence[Column], picks: Sequence[Pick]) -> None:
        super().__init__(title)
        self.picks = list(picks)
        self.filter = FilterBar()
        self.list = LineList(columns, key=lambda pick: (pick.text, pick.where), classes="picks")
        self.list.can_focus = False

    def parts(self) -> list[Widget]:
        """The line to type in, and the list."""
        return [self.filter, self.list]

    def on_mount(self) -> None:
        """Take the keys."""
        self.list.say([[(f"  {self.empty}", "dim")]])
        self.show_title(self.head.spans, [("type to find · enter runs · esc closes ", "dim")])
        self.apply("")
        self.filter.start()

    def found(self, text: str) -> list[Pick]:
        """The picks whose text holds all words, those that can be done first."""
        words = text.casefold().split()
        hits = [
            pick
            for pick in self.picks
            if all(word in f"{pick.text} {pick.where} {pick.key}".casefold() for word in words)
        ]
        if words:
            hits.sort(
                key=lambda pick: (bool(pick.why_not), words[0] not in pick.text[:12].casefold())
            )
        return hits

    def apply(self, text: str) -> None:
        """Show what matches."""
        self.list.show(self.found(text), keep=False)
        self.list.styles.height = max(3, min(22, self.list.count(), self.room_for_parts - 4))
        self.refresh_bindings()

    @on(FilterBar.Changed)
    def changed(self, event: FilterBar.Changed) -> None:
        """Narrow as it is typed."""
        event.stop()
        self.apply(event.text)

    @on(FilterBar.Left)
    def left(self, event: FilterBar.Left) -> None:
        """The keys that the line leaves to the list."""
        event.stop()
        if event.key in ("down", "up"):
            self.list.action_move(1 if event.key == "down" else -1)
        elif event.key == "enter":
            self.action_go()
        elif event.key == "escape":
            self.action_close()

    @on(LineList.Moved)
    def moved(self, event: LineList.Moved) -> None:
        """Whether enter works depends on where the cursor is."""
        event.stop()
        self.refresh_bindings()

    def on_key(self, event: events.Key) -> None:
        """Pages, although the line has the focus."""
        if event.key in ("pagedown", "pageup"):
            self.list.action_page(1 if event.key == "pagedown" else -1)

    def on_click(self, event: events.Click) -> None:
        """A click beside the box closes it; one on a row runs it."""
        if event.widget is self.list and self.list.row is not None:
            self.action_go()
        elif event.widget is self:
            self.action_close()

    def why_not(self, action: str) -> str:
        """Only what can be done can be run."""
        if action == "go":
            pick: Pick | None = self.list.row
            return "nothing is selected" if pick is None else pick.why_not
        return ""

    def action_go(self) -> None:
        """Close, then run it."""
        pick: Pick | None = self.list.row
        if pick is None:
            return
        if pick.why_not:
            self.front.say(pick.why_not, "warn")
            return
        self.dismiss(pick)
        self.front.call_later(pick.run)
