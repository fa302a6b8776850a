"""A page beside or instead of a list: lines made for a width, made again when it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from mcptui.tui.widgets.draw import Line
from mcptui.tui.widgets.line_view import LineView

Build = Callable[[int], list[Line]]
"""Makes the lines for a width in cells."""


class Detail(LineView):
    """A page that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_by(1)", "down", show=False),
        Binding("up,k", "scroll_by(-1)", "up", show=False),
        Binding("g,home", "scroll_home", "first line", show=False),
        Binding("G,end", "scroll_end", "last line", show=False),
    ]

    def __init__(self, build: Build | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._build: Build = build or (lambda _width: [])
        self._made: tuple[int, list[Line]] = (-1, [])

    def show(self, build: Build, *, top: bool = True) -> None:
        """Replace the page.

        Args:
            build: makes its lines.
            top: begin at its first line again.
        """
        self._build = build
        self._made = (-1, [])
        self.resized()
        if top:
            self.scroll_to(0, 0, animate=False, immediate=True, force=True)
        self.refresh()

    def lines(self) -> list[Line]:
        """The lines for the width there is."""
        width = self.inner
        if self._made[0] != width:
            self._made = (width, self._build(width) if width else [])
        return self._made[1]

    def count(self) -> int:
        """Lines of the page."""
        return len(self.lines())

    def line(self, y: int, width: int) -> Line:
        """One line of the page."""
        return self.lines()[y]

    def on_resize(self) -> None:
        """Make the lines again."""
        super().on_resize()
        self.refresh()

    def action_scroll_by(self, lines: int) -> None:
        """Scroll."""
        top = max(0, min(self.scroll_offset.y + lines, self.max_scroll_y))
        self.scroll_to(y=top, animate=False, immediate=True)
