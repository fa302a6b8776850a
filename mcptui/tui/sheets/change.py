"""A tool changed since it was approved: the difference, and three ways to decide.

esc keeps refusing it; nothing is ever approved by leaving.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import everywhere, keys
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, wrap
from mcptui.visible import hidden

if TYPE_CHECKING:
    from mcptui.actions.approve import Change
    from mcptui.tui.feed import Feed


class ChangeSheet(Sheet[bool]):
    """One change after the other."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("change")

    def __init__(self, feed: Feed, changes: list[Change]) -> None:
        super().__init__("")
        self.feed = feed
        self.changes = changes
        self.page = Detail(classes="page tall")

    @property
    def change(self) -> Change:
        """The one that is shown."""
        return self.changes[0]

    def parts(self) -> list[Widget]:
        """The difference."""
        return [self.page]

    def on_mount(self) -> None:
        """Show the first."""
        self.page.focus()
        self._show()

    def _show(self) -> None:
        one = self.change
        more = f"{len(self.changes)} to decide" if len(self.changes) > 1 else ""
        new = one.approved is None
        words = " is new" if new else " changed since you approved it"
        self.show_title([(f"{one.server}.{one.tool}", "strong"), (words, "warn")], [(more, "dim")])
        self.page.show(self._lines)
        self.page.styles.height = max(6, min(24, self.room_for_parts, self.page.count()))

    def on_resize(self) -> None:
        """As high as the text is."""
        self.call_after_refresh(self._show)

    def _lines(self, width: int) -> list[Line]:
        one = self.change
        page: list[Line] = [[]]
        for text in one.lines:
            style = {"+": "add", "-": "cut"}.get(text[:1], "")
            page += wrap(text, width, style)
        if not one.lines:
            page += wrap(json.dumps(one.seen or {}, indent=2, ensure_ascii=False), width)
        elif one.approved is None:
            page += [[], *wrap(str((one.seen or {}).get("description", "")), width)]
        count = hidden(json.dumps(one.seen or {}, ensure_ascii=False))
        if count:
            page += [[], [(f"▲ {count} hidden characters, shown here as signs", "warn")]]
        page += [[], [("Calls to this tool are refused until you decide.", "dim")]]
        return page

    def action_approve(self) -> None:
        """Take the new text."""
        one = self.change

        def then(words: str) -> None:
            self.front.say(words)
            self._next()

        self.front.pool.ask(self, "approve", lambda: self.feed.approve(one.server, one.tool), then)

    def _next(self) -> None:
        self.changes = self.changes[1:]
        if self.changes:
            self._show()
        else:
            self.dismiss(True)

    def action_report(self) -> None:
        """Copy what a maintainer needs to see."""
        one = self.change
        report = {
            "server": one.server,
            "tool": one.tool,
            "approved": one.approved,
            "seen": one.seen,
        }
        everywhere.copy(self.front, json.dumps(report, indent=2), "a report")
