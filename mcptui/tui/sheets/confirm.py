"""Asks before the few things that cannot be taken back by one key."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import keys
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, wrap


class ConfirmSheet(Sheet[bool]):
    """A question; gives True for enter, None for esc.

    Args:
        title: what would be done.
        lines: what that means.
        verb: what enter does, in one word.
        option: something that may be chosen with it, "" for nothing; `chosen` says whether it was.
    """

    own_keys = False
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("confirm")

    def __init__(self, title: str, lines: list[str], verb: str, option: str = "") -> None:
        super().__init__(title)
        self.verb = verb
        self.option = option
        self.chosen = False
        self.texts = lines
        self.page = Detail(lambda width: self._lines(lines, width), classes="page")

    def _lines(self, lines: list[str], width: int) -> list[Line]:
        page: list[Line] = [[]]
        for text in lines:
            page += wrap(text, width)
        if self.option:
            box = "[x]" if self.chosen else "[ ]"
            page += [[], [(f"{box} ", "good"), (self.option, ""), ("   space changes it", "dim")]]
        return [
            *page,
            [],
            [(f"enter {self.verb}", "key"), ("   esc leaves everything as it is", "dim")],
        ]

    def parts(self) -> list[Widget]:
        """The question."""
        return [self.page]

    def on_mount(self) -> None:
        """Take the keys."""
        self.page.focus()

    def on_resize(self) -> None:
        """As high as the text is."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.page.styles.height = min(self.room_for_parts, max(3, self.page.count()))

    def action_turn(self) -> None:
        """Choose the option, or not."""
        if self.option:
            self.chosen = not self.chosen
            self.page.show(lambda width: self._lines(self.texts, width))

    def action_go(self) -> None:
        """Yes."""
        self.dismiss(True)
