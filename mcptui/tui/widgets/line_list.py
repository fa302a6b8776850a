"""The virtual list of every room: rows of any kind, a cursor, columns that drop when it is narrow.

One hundred thousand rows cost what thirty do. The cursor stays on the same row, by key, when the
rows are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from mcptui.tui.widgets.draw import Column, Line, fitting, head_of, row_of
from mcptui.tui.widgets.line_view import LineView, OneLine

MARK = 2
"""Cells in front of a row: the cursor's sign and a space."""


class ListHead(OneLine):
    """The headings above a list."""

    def __init__(self, owner: LineList, **settings: Any) -> None:
        super().__init__(**settings)
        self.owner = owner
        owner.head = self

    def fitted(self, width: int) -> Line:
        """Headings of the columns that have room."""
        return [(" " * MARK, ""), *head_of(self.owner.shape(self.owner.inner or width))]


class LineList(LineView):
    """Rows with a cursor.

    Args:
        columns: what to show of a row; () when `draw` does it.
        key: gives what a row is known by.
        draw: makes a line of a row and a width, instead of columns.
        quiet: show the cursor only while it has the keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False, id="move.down"),
        Binding("up,k", "move(-1)", "up", show=False, id="move.up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="move.pagedown"),
        Binding("pageup", "page(-1)", "page up", show=False, id="move.pageup"),
        Binding("home,g", "edge(-1)", "first", show=False, id="move.first"),
        Binding("end,G", "edge(1)", "last", show=False, id="move.last"),
    ]
    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    class Moved(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, of: LineList, row: Any) -> None:
            super().__init__()
            self.of = of
            self.row = row

        @property
        def control(self) -> LineList:
            """The list."""
            return self.of

        def can_replace(self, message: Message) -> bool:
            """Only the newest place matters."""
            return isinstance(message, LineList.Moved) and message.of is self.of

    def __init__(
        self,
        columns: Sequence[Column] = (),
        *,
        key: Callable[[Any], Any] = id,
        draw: Callable[[Any, int], Line] | None = None,
        quiet: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.quiet = quiet
        self.head: ListHead | None = None
        self.columns = columns
        self.key = key
        self.draw = draw
        self.rows: Sequence[Any] = ()
        self.empty: list[Line] = []
        self._shape: tuple[int, list[tuple[Column, int]]] = (-1, [])

    # ---- rows

    @property
    def row(self) -> Any:
        """The row under the cursor, None when there is none."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[Any], *, keep: bool = True) -> None:
        """Replace the rows.

        Args:
            rows: the new ones.
            keep: leave the cursor on the row with the same key, if it is still there.
        """
        before = self.row
        wanted = self.key(before) if keep and before is not None else None
        self.rows = rows
        self.resized()
        at = self.find(wanted) if wanted is not None else 0
        if at is None:
            at = self.cursor
        at = max(0, min(at, len(rows) - 1))
        if at == self.cursor:
            self._reveal()
        self.set_reactive(LineList.cursor, at)
        self._reveal()
        self.refresh()
        if self.row is not before or before is None:
            self.post_message(self.Moved(self, self.row))

    def find(self, key: Any) -> int | None:
        """Where the row with a key is."""
        # Where it was is where it mostly still is.
        if 0 <= self.cursor < len(self.rows) and self.key(self.rows[self.cursor]) == key:
            return self.cursor
        return next((i for i, row in enumerate(self.rows) if self.key(row) == key), None)

    def select(self, key: Any) -> bool:
        """Put the cursor on the row with a key; tells whether there is one."""
        at = self.find(key)
        if at is not None:
            self.cursor = at
        return at is not None

    # ---- drawing

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns."""
        self.columns = columns
        self._shape = (-1, [])
        self.refresh()
        if self.head is not None:
            self.head.refresh()

    def shape(self, width: int) -> list[tuple[Column, int]]:
        """The columns that have room, each with its cells."""
        if self._shape[0] != width:
            self._shape = (width, fitting(self.columns, width - MARK))
        return self._shape[1]

    def count(self) -> int:
        """Rows, or the lines that say why there are none."""
        return len(self.rows) or len(self.empty)

    def is_cursor(self, y: int) -> bool:
        """Whether the cursor is on a line."""
        return y == self.cursor and bool(self.rows) and (self.has_focus or not self.quiet)

    def line(self, y: int, width: int) -> Line:
        """One row with the cursor's sign in front."""
        if not self.rows:
            return self.empty[y]
        row = self.rows[y]
        mark = ("> ", "strong") if self.is_cursor(y) else ("  ", "")
        if self.draw is not None:
            return [mark, *self.draw(row, width - MARK)]
        return [mark, *row_of(self.shape(width), row)]

    def say(self, empty: list[Line]) -> None:
        """What to show while there are no rows."""
        if empty != self.empty:
            self.empty = empty
            if not self.rows:
                self.resized()
                self.refresh()

    # ---- moving

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Paint the two lines that changed and tell the room."""
        if not self.rows:
            return
        top = self.scroll_offset.y
        for y in (old, new):
            self.refresh(Region(0, y - top, self.size.width, 1))
        self._reveal()
        self.post_message(self.Moved(self, self.rows[new]))

    def _reveal(self) -> None:
        height = self.scrollable_content_region.height
        if not self.rows or height <= 0:
            return
        top = self.scroll_offset.y
        target = min(max(top, self.cursor - height + 1), self.cursor)
        if target != top:
            self.scroll_to(y=target, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        super().on_resize()
        self._reveal()

    def watch_show_vertical_scrollbar(self) -> None:
        """The scroll bar takes a cell, so columns and headings move."""
        self.refresh()
        if self.head is not None:
            self.head.refresh()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows; a list without rows scrolls nothing."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the cursor by what is on the screen."""
        self.cursor += by * max(1, self.size.height - 1)

    def action_edge(self, to: int) -> None:
        """Go to the first or the last row."""
        self.cursor = 0 if to < 0 else len(self.rows) - 1

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse clicked."""
        if self.rows:
            self.cursor = event.y + self.scroll_offset.y
