"""What the screen's benchmarks start: the floor to compare with, and the real rooms on big data.

`python -m tests.bench.programs minimal | floor | catalog DATABASE | calls`
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App, ComposeResult
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from mcptui.home import Home


class Minimal(App[None]):
    """The least that Textual can put on a screen."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("ready")


class Floor(App[None]):
    """A bare input and a line that says what was typed: what a key costs at the least."""

    def compose(self) -> ComposeResult:
        """Input and status."""
        yield Input()
        yield Static("ready", id="status")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say it."""
        self.query_one("#status", Static).update(f"typed {event.value}", layout=False)


@dataclass(frozen=True, slots=True)
class UnsignedCopy:
    """A catalog's file without a repository around it: what is measured is the screen."""

    database: Path
    source: str = "shipped"
    version: int = 1
    root_version: int = 1
    published_at: float = 1_763_900_000.0
    checked_at: float = 1_763_900_000.0
    expires: float = 2_763_900_000.0
    signers: tuple[str, ...] = ("bench",)
    warning: str = ""


def with_catalog(database: Path) -> Home:
    """A real home whose catalog is a file of made-up entries."""
    from mcptui.catalog.load import open_catalog
    from mcptui.home import Home

    real = Home.real()
    return Home(
        real.paths,
        environ=real.environ,
        find_catalog=lambda _home: open_catalog(UnsignedCopy(database)),
    )


def main() -> None:
    """Run one of the programs."""
    match sys.argv[1:]:
        case ["minimal"]:
            Minimal().run()
        case ["floor"]:
            Floor().run()
        case ["catalog", database]:
            from mcptui.tui.app import McptuiApp
            from mcptui.tui.feed import Feed

            McptuiApp(Feed(with_catalog(Path(database)))).run()
        case ["calls"]:
            from mcptui.home import Home
            from mcptui.tui.app import McptuiApp
            from mcptui.tui.feed import Feed

            McptuiApp(Feed(Home.real()), room="calls").run()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
