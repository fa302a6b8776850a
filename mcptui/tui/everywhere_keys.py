"""What the program's class offers everywhere: telling, and the actions behind its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from mcptui.tui import everywhere
from mcptui.tui.jobs import Answered, told
from mcptui.tui.widgets.flash import Flash

if TYPE_CHECKING:
    from mcptui.tui.app import McptuiApp


class EverywhereKeys:
    """One method per key."""

    @property
    def _program(self) -> McptuiApp:
        return cast("McptuiApp", self)

    def take(self, event: Answered) -> None:
        """Hand an answer on, or say why there is none."""
        self._program.pool.open -= 1
        error = event.future.exception()
        if not event.fresh:
            return
        if error is not None:
            self.say(str(told(error)), "bad")
        else:
            event.then(event.future.result())

    def say(self, text: str, style: str = "") -> None:
        """Say one line above the keys for a few seconds."""
        program = self._program
        flash = program.screen.query(Flash)
        (flash.first() if flash else program.flash).say(text, style)

    def action_palette(self) -> None:
        """All actions × objects."""
        everywhere.palette(self._program)

    def action_keys(self) -> None:
        """The keys that work here."""
        everywhere.show_keys(self._program)

    def action_problem(self) -> None:
        """Go to the next thing that needs a person."""
        everywhere.next_problem(self._program)

    def action_undo(self) -> None:
        """Take the last change back."""
        everywhere.undo(self._program)

    def action_leave(self) -> None:
        """Quit; asks only while something is being installed."""
        everywhere.leave(self._program)

    def copy_menu(self, offers: list[tuple[str, str, Callable[[], str]]]) -> None:
        """Ask which of several texts to copy."""
        everywhere.copy_menu(self._program, offers)
