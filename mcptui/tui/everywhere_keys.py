"""The actions behind the keys of `everywhere.py`, as a part of the program's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from mcptui.tui import everywhere

if TYPE_CHECKING:
    from mcptui.tui.app import McptuiApp


class EverywhereKeys:
    """One method per key."""

    @property
    def _program(self) -> McptuiApp:
        return cast("McptuiApp", self)

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
