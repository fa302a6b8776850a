"""The first run, told in three steps above the room; esc takes it away for ever.

It takes no key away from the room: everything can be used while it stands there.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, fit


@dataclass(frozen=True, slots=True)
class Steps:
    """What the three steps found; a None is not known yet.

    Args:
        engine: its name and version, "" when none answers.
        catalog: how many servers, signed by whom, how old; "" when it cannot be trusted.
        clients: names of the clients found.
        connected: one of them is connected.
    """

    engine: str | None = None
    catalog: str | None = None
    clients: tuple[str, ...] | None = None
    connected: bool = False


class Welcome(Detail):
    """The three steps."""

    def __init__(self) -> None:
        super().__init__(self._page, id="welcome")
        self.can_focus = False
        self.steps = Steps()

    def tell(self, steps: Steps) -> None:
        """Show what is known now."""
        self.steps = steps
        self.show(self._page)

    def _page(self, width: int) -> list[Line]:
        steps = self.steps
        wide = width >= 100
        intro = "Welcome. mcptui runs MCP servers in locked containers and shows every call."
        names = ", ".join(steps.clients or ())
        lines: list[Line] = [
            [(f" {intro}", "strong")],
            [],
            _step(1, steps.engine, "Container engine", steps.engine or "", "none answers: 6 helps"),
            _step(
                2, steps.catalog, "Signed catalog", steps.catalog or "", "not trusted: 6 says why"
            ),
            _step(
                3,
                steps.clients,
                "Clients found",
                names,
                "none: start Claude, Cursor or VS Code once",
            ),
            [],
        ]
        hint: Line = [
            (" /", "key"),
            ("git ", ""),
            ("enter i", "key"),
            (" installs a server · ", "dim"),
        ]
        hint += [("4", "key"), (" connects clients · ", "dim")]
        hint += [("?", "key"), (" all keys · ", "dim")] if wide else []
        return [*lines, [*hint, ("esc", "key"), (" hides this for ever", "dim")]]


def _step(number: int, known: object, title: str, text: str, trouble: str) -> Line:
    if known is None:
        return [(" ○ ", "dim"), (f"{number}  {fit(title, 18)}", ""), (" looking…", "dim")]
    if not known:
        return [(" ✗ ", "bad"), (f"{number}  {fit(title, 18)}", ""), (f" {trouble}", "warn")]
    return [(" ✓ ", "good"), (f"{number}  {fit(title, 18)}", ""), (f" {text}", "dim")]
