"""`network`: what servers may reach, whom they talked to, what was refused them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.network import HostRow
    from mcptui.cli.output import Out
    from mcptui.home import Home

MODES = {
    "none": "no network",
    "listed": "its list, nothing else",
    "any": "▲ any public host, by TLS",
    "learn": "▲ learning: any public host, noted",
    "remote": "runs elsewhere",
}


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List the servers with what they reach."""
    from mcptui.actions.network import reach

    found = {row.name: reach(home, row.name) for row in home.store.installs()}
    if out.as_json:
        out.data([{"server": name, **_data(one.mode, one.rows)} for name, one in found.items()])
        return 0
    rows = [
        (
            name,
            MODES[one.mode],
            str(sum(row.allowed for row in one.rows)),
            str(sum(bool(row.refused) for row in one.rows)),
            f"▲ {one.new} new" if one.new else "",
        )
        for name, one in found.items()
    ]
    out.table(("server", "reaches", "hosts", "refused", ""), rows)
    return 0


def show(home: Home, given: Namespace, out: Out) -> int:
    """Show one server's hosts."""
    from mcptui.actions.network import reach, saw_hosts

    found = reach(home, given.server)
    if out.as_json:
        out.data({"server": given.server, **_data(found.mode, found.rows)})
        return 0
    out.text(f"{given.server}: {MODES[found.mode]}")
    out.table(
        ("host", "", "times", "refused", "out", "in", "last", "why"), [_row(r) for r in found.rows]
    )
    saw_hosts(home, given.server)
    return 0


def _row(row: HostRow) -> tuple[str, ...]:
    state = "allowed" if row.allowed else "✗ refused" if row.refused else "off"
    last = time.strftime("%d %b %H:%M:%S", time.localtime(row.at)) if row.at else "never"
    counts = (row.times, row.refused, row.bytes_out, row.bytes_in)
    return (row.place, state, *(f"{count:,}" for count in counts), last, row.reason)


def _data(mode: str, rows: tuple[HostRow, ...]) -> dict[str, object]:
    return {"reaches": mode, "hosts": list(rows)}


def allow(home: Home, given: Namespace, out: Out) -> int:
    """Allow hosts."""
    return _each(home, given, out, on=True)


def deny(home: Home, given: Namespace, out: Out) -> int:
    """Take hosts away."""
    return _each(home, given, out, on=False)


def _each(home: Home, given: Namespace, out: Out, *, on: bool) -> int:
    from mcptui.actions.network import allow_host

    return _done(out, [allow_host(home, given.server, text, on) for text in given.hosts])


def any_host(home: Home, given: Namespace, out: Out) -> int:
    """Let a server reach any public host."""
    from mcptui.actions.network import any_host as widen

    return _done(out, [widen(home, given.server)])


def learn(home: Home, given: Namespace, out: Out) -> int:
    """Let a server reach any public host and note them."""
    from mcptui.actions.network import learn_hosts

    return _done(out, [learn_hosts(home, given.server)])


def lock(home: Home, given: Namespace, out: Out) -> int:
    """Allow what a server used."""
    from mcptui.actions.network import lock_hosts

    return _done(out, [lock_hosts(home, given.server)])


def _done(out: Out, words: list[str]) -> int:
    if out.as_json:
        out.data({"done": words})
    for text in words if not out.as_json else ():
        out.say(text)
    return 0
