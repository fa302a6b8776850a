"""What all sheets share: a box over the room, its own keys at the bottom, esc closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from mcptui.tui import looks
from mcptui.tui.jobs import Answered, front_of
from mcptui.tui.widgets.draw import Line
from mcptui.tui.widgets.filter import Title
from mcptui.tui.widgets.flash import Flash
from mcptui.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from mcptui.tui.app import McptuiApp

Gives = TypeVar("Gives")


class Sheet(ModalScreen[Gives], Generic[Gives]):
    """A box. A subclass gives `parts()` and its keys; `own_keys` shows those in a last row."""

    AUTO_FOCUS = None
    own_keys = True

    def __init__(self, title: str) -> None:
        super().__init__()
        self.head = Title([(title, "strong")], classes="sheet-title")

    def parts(self) -> list[Widget]:
        """The widgets between the title and the keys."""
        return []

    def compose(self) -> ComposeResult:
        """Title, parts, keys."""
        looks.fold(self, self.front.size)
        with Vertical(classes="box"):
            yield self.head
            yield from self.parts()
            if self.own_keys:
                yield KeyBar(classes="keys")
        yield Flash()

    @property
    def front(self) -> McptuiApp:
        """The program."""
        return front_of(self)

    @property
    def room_for_parts(self) -> int:
        """Lines that stay for the parts when title, keys and border have theirs."""
        return max(4, self.front.size.height - (6 if self.front.size.height >= 24 else 5))

    def show_title(self, left: Line, right: Line | None = None) -> None:
        """Replace the title."""
        self.head.show_both(left, right or [])

    def why_not(self, action: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that cannot work now is greyed, not hidden."""
        return None if self.why_not(action) else True

    @on(Answered)
    def answered(self, event: Answered) -> None:
        """Take an answer to a question of this sheet."""
        event.stop()
        self.front.take(event)

    def action_close(self) -> None:
        """Away with it."""
        self.dismiss(None)
