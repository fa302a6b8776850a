"""`y`: which text to copy, one letter each."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import everywhere, keys
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.draw import Line, fit
from mcptui.tui.widgets.line_list import LineList

Offer = tuple[str, str, Callable[[], str]]


class CopySheet(Sheet[None]):
    """Offers texts; a letter, or enter, copies one."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("menu")

    def __init__(self, offers: list[Offer]) -> None:
        super().__init__("Copy")
        self.offers = offers
        self.list = LineList(key=lambda offer: offer[0], draw=_draw, classes="picks")

    def parts(self) -> list[Widget]:
        """The offers."""
        return [self.list]

    def on_mount(self) -> None:
        """Take the keys."""
        self.list.styles.height = len(self.offers)
        self.list.show(self.offers)
        self.list.focus()

    def on_key(self, event: events.Key) -> None:
        """A letter copies at once."""
        for offer in self.offers:
            if event.key == offer[0]:
                event.stop()
                event.prevent_default()
                self._copy(offer)

    def action_go(self) -> None:
        """Copy what is under the cursor."""
        if self.list.row is not None:
            self._copy(self.list.row)

    def _copy(self, offer: Offer) -> None:
        self.dismiss(None)
        everywhere.copy(self.front, offer[2](), offer[1])


def _draw(offer: Offer, width: int) -> Line:
    try:
        preview = offer[2]().replace("\n", " ")
    except (KeyError, ValueError):
        preview = ""
    return [
        (f"{offer[0]}  ", "key"),
        (fit(offer[1], 18), ""),
        ("  " + fit(preview, max(0, width - 23)), "dim"),
    ]
