"""`clients`, `connect` and `disconnect`: the exact change is shown before it is written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from mcptui.cli.ask import agreed
from mcptui.cli.output import Out
from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.clients.edit import Preview
    from mcptui.home import Home

MARKS = {"connected": "●", "found": "○", "not installed": "–"}


def clients(home: Home, given: Namespace, out: Out) -> int:
    """List MCP clients on this machine."""
    from mcptui.actions.connect import clients as rows_of

    rows = rows_of(home)
    if out.as_json:
        out.data(rows)
        return 0
    out.table(
        ("id", "client", "state", "servers", "profile or address", "runs outside mcptui", "config"),
        [
            (
                row.id,
                row.name,
                f"{MARKS.get(row.state, '▲')} {row.state}",
                row.servers,
                row.address or row.profile or "–",
                ", ".join(row.own_entries) or "–",
                row.path or "–",
            )
            for row in rows
        ],
    )
    for row in rows:
        if row.reason:
            out.say(f"{row.id}: {row.reason}")
    return 0


def connect(home: Home, given: Namespace, out: Out) -> int:
    """Show what changes in each client's config, ask, and write it."""
    from mcptui.actions import connect as verbs

    names = list(given.clients)
    if given.all:
        names += [row.id for row in verbs.clients(home) if row.state == verbs.FOUND]
    if not names and not given.all:
        raise UsageError("No client is named", fix="`mcptui clients` lists them")
    if not names and not out.as_json:
        out.say("no client is left to be connected")
    done: list[dict[str, Any]] = []
    for name in dict.fromkeys(names):
        how = {"replace": given.replace, "profile": given.profile, "http": given.http}
        shown = verbs.preview(home, name, connect=True, **how)
        write = partial(verbs.connect, home, name, force=given.force, **how)
        done.append(_agreed_to(out, given, name, shown, write))
    if given.http and not given.http.startswith("unix:") and done and not out.as_json:
        out.say("The file refers to the gateway's token; give the client the variable itself:")
        out.say('  export MCPTUI_TOKEN="$(mcptui gateway token --show)"')
    if out.as_json:
        out.data(done)
    return 0


def disconnect(home: Home, given: Namespace, out: Out) -> int:
    """Show what goes from each client's config, ask, and take it out."""
    from mcptui.actions import connect as verbs

    done: list[dict[str, Any]] = []
    for name in dict.fromkeys(given.clients):
        shown = verbs.preview(home, name, connect=False)
        done.append(_agreed_to(out, given, name, shown, partial(verbs.disconnect, home, name)))
    if out.as_json:
        out.data(done)
    return 0


def _agreed_to(
    out: Out, given: Namespace, name: str, shown: Preview, write: Callable[[], str]
) -> dict[str, Any]:
    """Show one change and make it if the person agrees; where nothing changes, nobody is asked."""
    if not out.as_json and shown.changes:
        out.text(str(shown.path))
        for line in shown.diff:
            out.text(f"  {line}")
    text = "nothing was changed"
    question = f"Write this to {shown.path}?"
    if not given.dry_run and (not shown.changes or agreed(out, question, given.yes)):
        text = write()
    if not out.as_json and (not given.dry_run or not shown.changes):
        out.say(text)
    return {"client": name, "path": shown.path, "diff": shown.diff, "done": text}
