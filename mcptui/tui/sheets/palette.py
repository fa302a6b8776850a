"""`:` every action on every object; those that cannot be done now say why."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError
from mcptui.tui import everywhere, looks
from mcptui.tui.keys import ROOMS
from mcptui.tui.sheets.pick import Pick, PickSheet
from mcptui.tui.widgets.draw import Column
from mcptui.tui.widgets.filter import FilterBar

if TYPE_CHECKING:
    from mcptui.actions.connect import ClientRow
    from mcptui.actions.servers import ServerRow
    from mcptui.catalog.load import CatalogRow
    from mcptui.tui.app import McptuiApp

MOST_FOUND = 30
"""Servers of the catalog that are offered for installing."""


class PaletteSheet(PickSheet):
    """The palette itself: the fixed rows at once, objects as soon as they are known."""

    def __init__(self) -> None:
        columns = [
            Column("do", 24, _text, grow=1),
            Column("where", 10, lambda pick: (pick.where, "dim"), drop=1),
            Column("key", 5, lambda pick: (pick.key, "key"), right=True),
        ]
        super().__init__("All actions", columns, [])
        self.fixed: list[Pick] = []

    def on_mount(self) -> None:
        """Show what is known, ask for the rest."""
        self.picks = self.fixed = list(_fixed(self.front))
        super().on_mount()
        feed = self.front.feed

        def question() -> list[Pick]:
            found: list[Pick] = []
            for ask in (lambda: _servers(self.front, feed.servers()),
                        lambda: _clients(self.front, feed.clients())):  # fmt: skip
                try:
                    found += ask()
                except McptuiError:
                    continue
            return found

        def then(found: list[Pick]) -> None:
            self.picks = self.fixed = [*found, *self.fixed]
            self.apply(self.filter.text)

        self.front.pool.ask(self, "objects", question, then)

    def changed(self, event: FilterBar.Changed) -> None:
        """Narrow, and look into the catalog, too."""
        event.stop()
        self.apply(event.text)
        words = event.text.removeprefix("install").strip()
        if len(words) < 2:
            self.picks = self.fixed
            return
        feed = self.front.feed

        def then(rows: list[CatalogRow]) -> None:
            self.picks = [*self.fixed, *_catalog(self.front, rows[:MOST_FOUND])]
            self.apply(self.filter.text)

        self.front.pool.ask(self, "search", lambda: feed.search(words), then)

    def found(self, text: str) -> list[Pick]:
        """As any list of picks; without words the objects of the room come first."""
        hits = super().found(text)
        if not text.strip():
            here = self.front.room.title()
            hits.sort(key=lambda pick: (bool(pick.why_not), not pick.where.endswith(here)))
        return hits


def _text(pick: Pick) -> tuple[str, str]:
    return (f"{pick.text} – {pick.why_not}", "off") if pick.why_not else (pick.text, "")


def _room(room: str) -> str:
    return next(f"{at} {one.title}" for at, one in enumerate(ROOMS, 1) if one.id == room)


def _fixed(app: McptuiApp) -> Iterable[Pick]:
    for at, room in enumerate(ROOMS, 1):
        yield Pick(
            f"go to {room.title}", "everywhere", str(at), "", partial(app.action_room, room.id)
        )
    go = app.go
    yield Pick(
        "connect all clients", _room("clients"), "C", "", partial(go, "clients", "", "connect_all")
    )
    yield Pick("export calls", _room("calls"), "e", "", partial(go, "calls", "", "export"))
    yield Pick("follow calls", _room("calls"), "f", "", partial(go, "calls", "", "follow"))
    yield Pick("run the doctor", _room("doctor"), "r", "", partial(go, "doctor", "", "again"))
    yield Pick("stop all servers", _room("servers"), "", "", partial(go, "servers", "", "stop_all"))
    yield Pick("undo the last change", "everywhere", "z", "", partial(everywhere.undo, app))
    yield Pick("next problem", "everywhere", "!", "", partial(everywhere.next_problem, app))
    for theme in looks.THEMES:
        yield Pick(f"theme {theme}", "everywhere", "", "", partial(setattr, app, "theme", theme))
    yield Pick("quit", "everywhere", "q", "", partial(everywhere.leave, app))


def _servers(app: McptuiApp, rows: list[ServerRow]) -> list[Pick]:
    found: list[Pick] = []
    where = _room("servers")
    for row in rows:
        on = row.state != "off"
        runs = row.state in ("running", "starting")
        verbs = (
            (f"switch {'off' if on else 'on'}", "space", "switch", ""),
            ("stop" if runs else "start", "s", "start_stop", "" if on else "it is switched off"),
            ("restart", "R", "restart", "" if runs else "it does not run"),
            ("update", "u", "update", ""),
            ("remove", "d", "remove", ""),
            ("logs of", "l", "logs", ""),
        )
        for verb, key, action, why in verbs:
            run = partial(app.go, "servers", row.name, action)
            found.append(Pick(f"{verb} {row.name}", where, key, why, run))
    return found


def _clients(app: McptuiApp, rows: list[ClientRow]) -> list[Pick]:
    found: list[Pick] = []
    for row in rows:
        verb = "disconnect" if row.state == "connected" else "connect"
        why = "not installed on this machine" if row.state == "not installed" else ""
        run = partial(app.go, "clients", row.id, "connect")
        found.append(Pick(f"{verb} {row.name}", _room("clients"), "c", why, run))
    return found


def _catalog(app: McptuiApp, rows: list[CatalogRow]) -> list[Pick]:
    return [
        Pick(
            f"install {row.id}",
            _room("catalog"),
            "i",
            "",
            partial(app.go, "catalog", row.id, "install"),
        )
        for row in rows
    ]
