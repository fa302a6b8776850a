"""A list that grows at its end: one state only, following or not.

Going up stops following, going to the last row follows again. While not following the view never
moves, and `unseen` counts what came. At most `limit` rows are kept; the oldest go first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from textual import events
from textual.message import Message

from mcptui.tui.widgets.draw import Column, Line
from mcptui.tui.widgets.line_list import LineList

LIMIT = 20_000
"""Rows a tail keeps when nothing else is said."""


class LineTail(LineList):
    """Rows that arrive; see the module for what it promises."""

    class Followed(Message):
        """It started or stopped following, or something arrived while it was not."""

        def __init__(self, of: LineTail) -> None:
            super().__init__()
            self.of = of

        @property
        def control(self) -> LineTail:
            """The tail."""
            return self.of

        def can_replace(self, message: Message) -> bool:
            """Only the newest state matters."""
            return isinstance(message, LineTail.Followed) and message.of is self.of

    def __init__(
        self,
        columns: Sequence[Column] = (),
        *,
        key: Callable[[Any], Any] = id,
        draw: Callable[[Any, int], Line] | None = None,
        limit: int = LIMIT,
        quiet: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(columns, key=key, draw=draw, quiet=quiet, **settings)
        self.limit = limit
        self.follow = True
        self.unseen = 0
        self.rows = []

    @property
    def kept(self) -> list[Any]:
        """The rows, which are always a list of its own."""
        return cast("list[Any]", self.rows)

    def show(self, rows: Sequence[Any], *, keep: bool = True) -> None:
        """Replace the rows; a following tail goes to the last one."""
        super().show(list(rows)[-self.limit :], keep=keep and not self.follow)
        if self.follow:
            self._to_end()

    def extend(self, new: Sequence[Any]) -> None:
        """Add rows at the end and paint once."""
        if not new:
            return
        self.kept.extend(new)
        gone = self._trim()
        self.resized()
        if self.follow:
            self._to_end()
            self.refresh()
            return
        self.unseen += len(new)
        if gone:
            self._shift(gone)
        elif len(self.rows) - len(new) < self.scroll_offset.y + self.size.height:
            self.refresh()
        self.post_message(self.Followed(self))

    def replace(self, changed: Iterable[tuple[int, Any]]) -> None:
        """Put newer rows in the place of old ones, by index, and paint what is in sight."""
        top = self.scroll_offset.y
        bottom = top + self.size.height
        seen = False
        for index, row in changed:
            self.kept[index] = row
            seen = seen or top <= index < bottom
            if index == self.cursor:
                self.post_message(self.Moved(self, row))
        if seen:
            self.refresh()

    def _trim(self) -> int:
        # In one go once it is a tenth too long: cutting a list at its front copies it.
        if len(self.rows) <= self.limit + self.limit // 10:
            return 0
        gone = len(self.rows) - self.limit
        del self.kept[:gone]
        return gone

    def _shift(self, gone: int) -> None:
        """Keep what is on the screen where it is, though rows before it are gone."""
        top = self.scroll_offset.y
        self.set_reactive(LineList.cursor, max(0, self.cursor - gone))
        self.scroll_to(y=max(0, top - gone), animate=False, immediate=True, force=True)
        self.refresh()

    def _to_end(self) -> None:
        self.unseen = 0
        last = max(0, len(self.rows) - 1)
        if last != self.cursor:
            self.set_reactive(LineList.cursor, last)
        self.post_message(self.Moved(self, self.row))
        self._reveal()

    def set_follow(self, follow: bool) -> None:
        """Start or stop following."""
        if follow:
            self.unseen = 0
            self._to_end()
            self.refresh()
        if follow != self.follow:
            self.follow = follow
        self.post_message(self.Followed(self))

    def action_move(self, by: int) -> None:
        """Up stops following; down onto the last row does not start it."""
        if by < 0 and self.follow and self.rows:
            self.set_follow(False)
        super().action_move(by)

    def action_page(self, by: int) -> None:
        """As a move, by pages."""
        if by < 0 and self.follow and self.rows:
            self.set_follow(False)
        super().action_page(by)

    def action_edge(self, to: int) -> None:
        """The last row means to follow, the first one not to."""
        self.set_follow(to > 0)
        super().action_edge(to)

    def on_click(self, event: events.Click) -> None:
        """Looking at a row stops following."""
        if self.rows and event.y + self.scroll_offset.y < len(self.rows) - 1:
            self.set_follow(False)
        super().on_click(event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel stops following, too."""
        if self.follow and self.max_scroll_y > 0:
            self.set_follow(False)
