"""`clients`, `connect` and `disconnect`: the exact change is shown before it is written."""

from __future__ import annotations

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
        ("id", "client", "state", "servers", "runs outside mcptui", "config"),
        [
            (
                row.id,
                row.name,
                f"{MARKS.get(row.state, '▲')} {row.state}",
                row.servers,
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
        shown = verbs.preview(home, name, connect=True, replace=given.replace)
        _tell(out, shown)
        written = not given.dry_run and agreed(out, f"Write this to {shown.path}?", given.yes)
        text = "nothing was changed"
        if written:
            text = verbs.connect(home, name, replace=given.replace, force=given.force)
        done.append({"client": name, "path": shown.path, "diff": shown.diff, "done": text})
        if not out.as_json and not given.dry_run:
            out.say(text)
    if out.as_json:
        out.data(done)
    return 0


def _tell(out: Out, shown: Preview) -> None:
    if not out.as_json:
        out.text(str(shown.path))
        for line in shown.diff:
            out.text(f"  {line}")


def disconnect(home: Home, given: Namespace, out: Out) -> int:
    """Take mcptui out of clients' configs."""
    from mcptui.actions.connect import disconnect as take_out

    done = [{"client": name, "done": take_out(home, name)} for name in given.clients]
    if out.as_json:
        out.data(done)
    else:
        for one in done:
            out.say(one["done"])
    return 0
