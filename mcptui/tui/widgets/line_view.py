"""A scrolling view of lines made on demand: the base of every list, log and page.

Only the lines on the screen are ever made, so its cost does not depend on how many there are.
Text can be selected with the mouse in all of them. It never parses markup.
"""

from __future__ import annotations

from typing import Any, cast

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from mcptui.tui import looks
from mcptui.tui.widgets.draw import Line, size_of, text_of
from mcptui.visible import visible


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of spans, drawn when they come into view.

    A subclass gives `count()` and `line(y, width)` and calls `resized()` when the count changes.
    """

    ALLOW_SELECT = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._looks: dict[tuple[str, int], Style] = {}

    @property
    def allow_select(self) -> bool:
        """The text can always be selected."""
        return True

    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def line(self, y: int, width: int) -> Line:
        """The spans of one line."""
        raise NotImplementedError

    def is_cursor(self, y: int) -> bool:
        """Whether a line is where the cursor is."""
        return False

    @property
    def inner(self) -> int:
        """Cells of a line, the scroll bar's left out."""
        return self.scrollable_content_region.width

    def resized(self) -> None:
        """Tell how many lines there are now."""
        size = Size(self.inner, self.count())
        if size != self.virtual_size:
            if self.styles.auto_dimensions or (self.is_attached and self.screen.is_modal):
                self.virtual_size = size  # as high as its lines: what stands below has to move
                return
            # The reactive would lay out the whole screen anew and paint all of it; only the
            # scroll bar has to know. When it comes or goes there is a layout all the same.
            self.set_reactive(cast("Any", LineView.virtual_size), size)
            self._scroll_update(size)

    def on_resize(self) -> None:
        """Keep the width of the lines that of the view."""
        self.resized()

    def notify_style_update(self) -> None:
        """Forget the colours of the last theme."""
        super().notify_style_update()
        self._looks.clear()

    def look(self, name: str, cursor: bool = False) -> Style:
        """The colours of a named style, on the cursor's line or beside it."""
        where = (1 + self.has_focus) if cursor else 0
        style = self._looks.get((name, where))
        if style is None:
            made = looks.palette(cast("App[Any]", self.app))  # pyright: ignore[reportUnknownMemberType]
            style = self.rich_style + made.get(name, made[""])
            if where:
                style += made["cursor" if where == 2 else "cursor-off"]
            self._looks[name, where] = style
        return style

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor looks different with and without the keys."""
        super().watch_has_focus(_has_focus)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line of the view."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if not 0 <= index < self.count():
            return Strip.blank(width, self.rich_style)
        cursor = self.is_cursor(index)
        selection = self.text_selection
        span = selection.get_span(index) if selection is not None else None
        line = self.line(index, self.inner)
        segments = self._segments(line, cursor, span)
        strip = Strip(segments).adjust_cell_length(width, self.look("", cursor))
        return strip.apply_offsets(0, index)

    def _segments(self, line: Line, cursor: bool, span: tuple[int, int] | None) -> list[Segment]:
        if span is None:
            return [Segment(visible(text), self.look(name, cursor)) for text, name in line]
        chosen = self.screen.get_component_rich_style("screen--selection")
        start, end = span
        segments: list[Segment] = []
        at = 0
        for text, name in line:
            shown, style = visible(text), self.look(name, cursor)
            stop = len(shown) if end == -1 else min(max(end - at, 0), len(shown))
            begin = min(max(start - at, 0), stop)
            parts = ((shown[:begin], style), (shown[begin:stop], style + chosen))
            segments += [Segment(part, look) for part, look in parts if part]
            if shown[stop:]:
                segments.append(Segment(shown[stop:], style))
            at += len(shown)
        return segments

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text; only the lines inside are made."""
        last = self.count() - 1
        first = selection.start.y if selection.start else 0
        final = min(selection.end.y if selection.end else last, last)
        lines: list[str] = []
        for y in range(max(0, first), final + 1):
            if (span := selection.get_span(y)) is not None:
                text = visible(text_of(self.line(y, self.inner)))
                lines.append(text[span[0] : None if span[1] == -1 else span[1]].rstrip())
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()


class OneLine(LineView, can_focus=False):
    """A single line whose parts are given by its owner."""

    DEFAULT_CSS = """
    OneLine { height: 1; overflow: hidden; }
    """

    def __init__(self, spans: Line | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.spans: Line = spans or []

    def show(self, spans: Line) -> None:
        """Replace the line; nothing is painted when it is the same."""
        if spans != self.spans:
            self.spans = spans
            self.refresh()

    def count(self) -> int:
        """Always one."""
        return 1

    def line(self, y: int, width: int) -> Line:
        """The line itself, or what `fitted` makes of it."""
        return self.fitted(width)

    def fitted(self, width: int) -> Line:
        """The spans for a width."""
        return self.spans

    def cells(self) -> int:
        """Cells the spans take."""
        return size_of(self.spans)
