"""Asks for one line of text, such as where to write a file."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import keys
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import wrap
from mcptui.tui.widgets.filter import FilterBar


class AskSheet(Sheet[str]):
    """Gives the line, or None for esc.

    Args:
        title, words: what is asked, and what it is for.
        default: stands in the line at first.
        masked: the line shows dots; for secrets.
    """

    own_keys = False
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("ask")

    def __init__(self, title: str, words: str, default: str, *, masked: bool = False) -> None:
        super().__init__(title)
        self.page = Detail(
            lambda width: wrap(f"{words} · enter does it, esc cancels", width), classes="page"
        )
        self.line = FilterBar(sign=" > ")
        self.default = default
        self.masked = masked

    def parts(self) -> list[Widget]:
        """The question and the line."""
        return [self.page, self.line]

    def on_mount(self) -> None:
        """Take the keys."""
        self.page.styles.height = 2
        self.page.can_focus = False
        self.line.mask(self.masked)
        self.line.set_text(self.default)
        self.line.start()

    @on(FilterBar.Changed)
    def changed(self, event: FilterBar.Changed) -> None:
        """Typed text concerns nobody yet."""
        event.stop()

    @on(FilterBar.Left)
    def left(self, event: FilterBar.Left) -> None:
        """Enter gives it, esc does not."""
        event.stop()
        if event.key == "enter":
            self.action_go()
        elif event.key == "escape":
            self.action_close()

    def action_go(self) -> None:
        """Give the line."""
        text = self.line.text
        if self.masked:
            self.line.set_text("")  # it must not outlive its sheet
        self.dismiss(text)
