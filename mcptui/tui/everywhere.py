"""What works in every room: facts and counts, problems, undo, copying, the palette, leaving."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError
from mcptui.tui.keys import ROOMS
from mcptui.tui.widgets.draw import Span

if TYPE_CHECKING:
    from mcptui.actions.problems import Problem
    from mcptui.tui.app import McptuiApp

LOOK_AGAIN = 30.0
"""Seconds between two looks at the engine."""
COUNT_AGAIN = 2.0
"""Seconds from a change to the counts of the first row."""


def look_around(app: McptuiApp) -> None:
    """Fill the first row, and look at the engine again now and then."""
    _facts(app)
    count(app)
    app.set_interval(LOOK_AGAIN, lambda: _facts(app))
    app.pool.ask(
        app, "place", lambda: app.feed.recall("place", {}), lambda place: _return(app, place)
    )
    app.pool.ask(
        app,
        "welcomed",
        lambda: app.feed.recall("welcomed", False),
        lambda done: _welcome(app, done),
    )


def _return(app: McptuiApp, place: dict[str, str]) -> None:
    """Go back to where somebody was last time, unless they are on their way elsewhere."""
    room, row = place.get("room", ""), place.get("row", "")
    if room in {one.id for one in ROOMS} and app.room == app.first_room and not app.went:
        app.call_later(app.go, room, row)


def _keep_place(app: McptuiApp) -> None:
    """Remember the room and the row under the cursor. Filters are not: they would hide things."""
    here = app.here
    row = here.list.row
    key = here.key(row) if row is not None else ""
    place = {"room": app.room, "row": key if isinstance(key, str) else ""}
    # On this thread, for a moment: afterwards there is nobody to do it.
    with contextlib.suppress(McptuiError):
        app.feed.remember("place", place)


def _welcome(app: McptuiApp, welcomed: bool) -> None:
    """Show the three steps to who is here for the first time."""
    if welcomed:
        return
    from mcptui.tui.widgets.welcome import Steps, Welcome

    shown = Welcome()
    app.screen_stack[0].mount(shown, before="#body")

    def question() -> Steps:
        feed = app.feed
        engine = catalog = ""
        with contextlib.suppress(McptuiError):
            engine = feed.engine()
        with contextlib.suppress(McptuiError):
            facts = feed.catalog_facts()
            catalog = f"{facts.count:,} servers, signed, {facts.age_text}"
        rows = [row for row in feed.clients() if row.state != "not installed"]
        connected = any(row.state == "connected" for row in rows)
        return Steps(engine, catalog, tuple(row.name for row in rows), connected)

    app.pool.ask(app, "welcome", question, shown.tell)


def welcomed(app: McptuiApp) -> bool:
    """Take the three steps away for ever; tells whether they were there."""
    from mcptui.tui.widgets.welcome import Welcome

    found = app.screen_stack[0].query(Welcome)
    if not found:
        return False
    found.remove()
    app.pool.ask(app, "welcomed", lambda: app.feed.remember("welcomed", True), lambda _: None)
    return True


def _facts(app: McptuiApp) -> None:
    def question() -> list[Span]:
        facts: list[Span] = []
        try:
            app.feed.engine()
            facts.append(("engine ✓", "good"))
        except McptuiError:
            facts.append(("engine ✗", "bad"))
        try:
            found = app.feed.catalog_facts()
            state = (
                "▲ stale" if found.stale else f"✓ {short_age(app.feed.now() - found.published_at)}"
            )
            facts.append((f"catalog {state}", "warn" if found.stale else "good"))
        except McptuiError:
            facts.append(("catalog ✗", "bad"))
        return facts

    app.pool.ask(app, "facts", question, lambda facts: app.top.update(facts=facts))


def short_age(seconds: float) -> str:
    """An age in three or four characters."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "new"


def count_soon(app: McptuiApp) -> None:
    """Count within seconds: clients' files are read for it, so not at each call that comes."""
    if not app.counting:
        app.counting = True
        app.set_timer(COUNT_AGAIN, lambda: count(app))


def count(app: McptuiApp) -> None:
    """Count servers, clients and problems for the first row."""
    app.counting = False

    def question() -> tuple[dict[str, int], list[Problem]]:
        clients = [row for row in app.feed.clients() if row.state == "connected"]
        counts = {"servers": len(app.feed.installed()), "clients": len(clients)}
        return counts, list(app.feed.problems())

    def then(found: tuple[dict[str, int], list[Problem]]) -> None:
        problems: dict[str, int] = {}
        for one in found[1]:
            problems[one.room] = problems.get(one.room, 0) + 1
        app.top.update(counts=found[0], problems=problems)

    app.pool.ask(app, "counts", question, then)


def next_problem(app: McptuiApp) -> None:
    """Go to the next thing that needs a person, one after the other."""

    async def go(problem: Problem) -> None:
        await app.go(problem.room, problem.name, "network" if problem.host else "")
        app.say(problem.text, "warn")

    def then(problems: Sequence[Problem]) -> None:
        if not problems:
            app.say("Nothing needs you")
            return
        app.problem_at = (app.problem_at + 1) % len(problems)
        app.call_later(go, problems[app.problem_at])

    app.pool.ask(app, "problem", app.feed.problems, then)


def undo(app: McptuiApp) -> None:
    """Take the last change back and say which it was."""

    def then(words: str | None) -> None:
        app.say(words or "Nothing to take back", "" if words else "warn")
        app.here.refresh_rows()
        count(app)

    app.pool.ask(app, "undo", app.feed.undo, then)


def copy_menu(app: McptuiApp, offers: list[tuple[str, str, Callable[[], str]]]) -> None:
    """Ask which text to copy, or copy the only one there is."""
    from mcptui.tui.sheets.menu import CopySheet

    app.push_screen(CopySheet(offers))


def copy(app: McptuiApp, text: str, what: str) -> None:
    """Copy a text and say how it went."""
    from mcptui.tui.clipboard import put

    def then(how: str) -> None:
        if not how:
            app.copy_to_clipboard(text)
        app.say(f"Copied {what} ({len(text):,} characters, {how or 'by the terminal'})")

    app.pool.ask(app, "copy", lambda: put(text, app.feed.home.environ), then)


def palette(app: McptuiApp) -> None:
    """Open the list of all actions."""
    from mcptui.tui.sheets.palette import PaletteSheet

    app.push_screen(PaletteSheet())


def show_keys(app: McptuiApp) -> None:
    """Open the list of the keys that work here."""
    from mcptui.tui.sheets.keys import KeysSheet, live

    room = app.here
    app.push_screen(KeysSheet(room, live(app.screen, room)))


def leave(app: McptuiApp) -> None:
    """Quit, after a question when something would be broken off."""
    running = [job for job in app.jobs if job.running]
    if not running:
        _keep_place(app)
        app.exit()
        return
    from mcptui.tui.sheets.confirm import ConfirmSheet

    def answered(yes: bool | None) -> None:
        if yes:
            for job in running:
                job.cancel()
            for job in running:
                job.join(5)
            app.exit()

    text = f"{running[0].name} still runs. Break it off and quit?"
    app.push_screen(ConfirmSheet("Quit", [text, "What was begun is cleaned up."], "Quit"), answered)
