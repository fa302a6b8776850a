"""`calls`: list, follow, show and export what went through the gateways."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.cli.output import Out, size
from mcptui.cli.servers import clock
from mcptui.words import plural

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.home import Home
    from mcptui.store.rows import CallRow

SIGNS = {
    "ok": "✓",
    "open": "●",
    "error": "✗",
    "lost": "✗",
    "timed out": "✗",
    "cancelled": "–",
    "sign in": "▲",
}


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List calls, newest last; with --follow what comes, too."""
    from mcptui.actions.calls import calls

    query = " ".join(given.filter)
    rows = calls(home, query, given.limit or (20 if given.follow else 200))
    if given.follow:
        for row in rows:
            _show(out, row)
        asyncio.run(_follow(home, query, out))
    elif out.as_json:
        out.data(rows)
    elif rows:
        out.table(
            ("id", "time", "client", "tool", "result", "ms", "in", "out", "what"),
            [_cells(row) for row in rows],
        )
    else:
        out.say("No call matches" if query else "No calls yet: ask your agent something")
    return 0


async def _follow(home: Home, query: str, out: Out) -> None:
    from mcptui.actions.calls import follow

    async for rows in follow(home, query):
        for row in rows:
            _show(out, row)


def _show(out: Out, row: CallRow) -> None:
    if out.as_json:
        out.line(row)
    elif row.outcome != "open":
        number, at, client, tool, result, ms, in_, out_, what = _cells(row)
        out.text(f"{number:>6}  {at}  {client}  {tool}  {result}  {ms} ms  {in_} {out_}  {what}")
        out.stdout.flush()


def _cells(row: CallRow) -> tuple[object, ...]:
    tool = f"{row.server}.{row.tool}" if row.tool else f"{row.server} {row.method}"
    return (
        row.id,
        clock(row.at),
        row.client_name or "–",
        tool,
        f"{SIGNS.get(row.outcome, '✗')} {row.outcome}{' ▲ flagged' if row.findings else ''}",
        f"{row.ms:.0f}" if row.outcome != "open" else "–",
        size(row.bytes_in),
        size(row.bytes_out),
        " · ".join(part for part in (row.what, row.reason) if part),
    )


def show(home: Home, given: Namespace, out: Out) -> int:
    """Print one call with its request and answer."""
    from mcptui.actions.calls import body

    row, texts = body(home, given.id)
    if out.as_json:
        out.data({"call": row, "request": _read(texts.request), "answer": _read(texts.answer)})
        return 0
    head = ("id", "time", "client", "tool", "result", "ms", "in", "out", "what")
    for name, value in zip(head, _cells(row), strict=True):
        out.text(f"{name:8}{value}")
    for name, text in (("request", texts.request), ("answer", texts.answer)):
        out.text(f"\n{name}")
        value = _read(text)
        out.text(value if isinstance(value, str) else json.dumps(value, indent=2))
    return 0


def _read(text: str) -> object:
    """A stored body as JSON; as text where it was cut to size."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def export(home: Home, given: Namespace, out: Out) -> int:
    """Write matching calls to a file."""
    from mcptui.actions.calls import export as write

    path = Path(given.file).expanduser()
    count = write(home, " ".join(given.filter), path, given.format or "")
    if out.as_json:
        out.data({"file": path, "calls": count})
    else:
        out.say(f"{plural(count, 'call')} written to {path}")
    return 0
