"""One line above the keys that says what was done or what went wrong, and goes by itself."""

from __future__ import annotations

from textual.timer import Timer

from mcptui.tui.widgets.draw import Line, fit
from mcptui.tui.widgets.line_view import OneLine

SECONDS = 4.0
"""How long a short line stays; long ones stay longer."""
_SIGNS = {"": "✓", "good": "✓", "warn": "▲", "bad": "✗"}


class Flash(OneLine):
    """Says one thing at a time; nothing moves to make room for it."""

    def __init__(self) -> None:
        super().__init__(id="flash")
        self.text = ""
        self.kind = ""
        self._timer: Timer | None = None

    def say(self, text: str, kind: str = "") -> None:
        """Show a line.

        Args:
            text: outside text is welcome.
            kind: "", "warn" or "bad".
        """
        self.text, self.kind = text, kind
        self.add_class("-on")
        self.refresh()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SECONDS + len(text) / 30 + 2 * (kind == "bad"), self.quiet)

    def quiet(self) -> None:
        """Take the line away."""
        self.remove_class("-on")

    def fitted(self, width: int) -> Line:
        """Sign and words."""
        style = self.kind or "good"
        return [(f" {_SIGNS[self.kind]} ", style), (fit(self.text, width - 4), self.kind)]
