"""The first row: the rooms with their numbers, and the facts that everything rests on."""

from __future__ import annotations

from textual import events
from textual.message import Message

from mcptui.tui.keys import ROOMS
from mcptui.tui.widgets.draw import Line, Span, between, size_of
from mcptui.tui.widgets.line_view import OneLine


class TopBar(OneLine):
    """Rooms at the left, facts at the right; facts shrink to the bad ones when it is narrow."""

    class Chosen(Message):
        """A room was clicked."""

        def __init__(self, room: str) -> None:
            super().__init__()
            self.room = room

    def __init__(self) -> None:
        super().__init__(id="top")
        self.room = ROOMS[0].id
        self.counts: dict[str, int] = {}
        self.problems: dict[str, int] = {}
        self.facts: list[Span] = []

    def update(
        self,
        *,
        room: str | None = None,
        counts: dict[str, int] | None = None,
        problems: dict[str, int] | None = None,
        facts: list[Span] | None = None,
    ) -> None:
        """Change some of what it shows."""
        self.room = self.room if room is None else room
        self.counts = self.counts if counts is None else counts
        self.problems = self.problems if problems is None else problems
        self.facts = self.facts if facts is None else facts
        self.refresh()

    def _rooms(self, short: bool) -> list[tuple[str, Line]]:
        parts: list[tuple[str, Line]] = []
        for number, room in enumerate(ROOMS, 1):
            here = room.id == self.room
            count = self.counts.get(room.id, 0)
            text = f"{number} {room.short if short else room.title}" + (
                f" {count}" if count else ""
            )
            line: Line = [("[" if here else " ", "room" if here else "")]
            line.append((text, "room" if here else "dim"))
            if trouble := self.problems.get(room.id, 0):
                line.append((f" ▲{trouble}", "warn"))
            line.append(("]" if here else " ", "room" if here else ""))
            if not short:
                line.append((" ", ""))
            parts.append((room.id, line))
        return parts

    def fitted(self, width: int) -> Line:
        """The row for a width."""
        short = width < 100
        left = [(" ", "")] if not short else []
        left += [span for _, line in self._rooms(short) for span in line]
        facts = self.facts if not short else [one for one in self.facts if one[1] != "good"]
        if short and not facts:
            facts = self.facts[:1]
        right: Line = []
        for text, style in facts:
            if size_of(left) + size_of(right) + len(text) + 3 <= width:
                right += [(text, "dim" if style == "good" else style), ("  ", "")]
        right = right[:-1] + [(" ", "")] if right else []
        return between(left, right, width)

    def on_click(self, event: events.Click) -> None:
        """Go to the room that was clicked."""
        at = 0 if self.size.width < 100 else 1
        for room, line in self._rooms(self.size.width < 100):
            if at <= event.x < at + size_of(line):
                self.post_message(self.Chosen(room))
            at += size_of(line)
