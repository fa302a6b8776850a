"""The record of calls: search it, follow it, look into one, write it to a file.

The query language is the catalog's (words, "phrases", -word, field:value) with the fields
`server tool client is ms since in out`.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mcptui.catalog.search import Compare, parse
from mcptui.errors import McptuiError, UsageError
from mcptui.store.rows import CallBody, CallRow

if TYPE_CHECKING:
    from mcptui.home import Home

SCANNED = 50_000
"""How many of the newest calls a filter looks at."""
POLL_SECONDS = 0.1
"""How often a follower looks for news."""
FORMATS = ("jsonl", "csv")
FIELDS = {
    "server": Compare.WORD,
    "tool": Compare.TEXT,
    "client": Compare.WORD,
    "is": Compare.WORD,
    "ms": Compare.NUMBER,
    "in": Compare.NUMBER,
    "out": Compare.NUMBER,
    "since": Compare.AGE,
}
"""The fields of a query over calls."""
Matches = Callable[[CallRow], bool]


def matcher(query: str, clock: Callable[[], float]) -> Matches:
    """Understand a query once, to ask it of many calls; never fails.

    Args:
        query: words and field:value, "" for all.
        clock: unix seconds, asked at each call because `since:` moves on.
    """
    parsed = parse(query, FIELDS)
    if not parsed:
        return lambda _row: True

    def matches(row: CallRow) -> bool:
        def get(field: str) -> object:
            return _value(row, field, clock)

        return parsed.matches(get, text_of(row))

    return matches


def text_of(row: CallRow) -> str:
    """What a plain word of a query is looked for in."""
    parts = (row.server, row.tool, row.method, row.client_name, row.outcome, row.what, row.reason)
    return "\n".join(parts).casefold()


def _value(row: CallRow, field: str, clock: Callable[[], float]) -> object:
    if field == "is":
        return (row.outcome, "flagged") if row.findings else row.outcome
    if field == "since":
        return clock() - row.at
    names = {"client": "client_name", "in": "bytes_in", "out": "bytes_out"}
    return getattr(row, names.get(field, field))


def calls(home: Home, query: str = "", limit: int = 200) -> list[CallRow]:
    """The newest calls that match, oldest first.

    Args:
        home: whose calls.
        query: the filter.
        limit: at most this many.
    """
    if not query.strip():
        return home.store.calls(limit=limit, newest=True)
    matches = matcher(query, home.clock)
    found: list[CallRow] = []
    for row in reversed(home.store.calls(limit=SCANNED, newest=True)):
        if matches(row):
            found.append(row)
            if len(found) >= limit:
                break
    return found[::-1]


async def follow(home: Home, query: str = "") -> AsyncIterator[list[CallRow]]:
    """Calls that begin or end from now on, in batches, each at most 0.1 s old; never ends.

    A call comes twice when it takes longer than that: first with the outcome "open".
    """
    store, matches = home.store, matcher(query, home.clock)
    cursor = store.call_cursor()
    while True:
        if store.changed():
            rows, cursor = store.call_changes(cursor)
            if found := [row for row in rows if matches(row)]:
                yield found
            if rows:
                continue
        await asyncio.sleep(POLL_SECONDS)


def body(home: Home, call: int) -> tuple[CallRow, CallBody]:
    """One call with its request and answer, redacted and bounded.

    Raises:
        UsageError: no call has that number.
    """
    rows = home.store.calls(after=call - 1, limit=1)
    if not rows or rows[0].id != call:
        raise UsageError(f"No call has the number {call}", fix="`mcptui calls` lists them")
    return rows[0], home.store.call_body(call) or CallBody("", "")


def export(home: Home, query: str, path: Path, form: str = "") -> int:
    """Write matching calls to a file, all or nothing, readable by its owner only.

    Args:
        home: whose calls.
        query: the filter, "" for all.
        path: replaced when it exists.
        form: "jsonl" (with the bodies) or "csv"; told by the name's ending when "".

    Returns:
        How many calls were written.

    Raises:
        UsageError: the form is unknown.
        McptuiError: the file cannot be written.
    """
    form = form or {".json": "jsonl"}.get(path.suffix, path.suffix.removeprefix("."))
    if form not in FORMATS:
        fix = "End its name in .jsonl or .csv, or choose a format"
        raise UsageError(f"{path.name}: no format is chosen", fix=fix)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    kept = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as sink:
            rows = _all(home, query)
            count = _write_csv(sink, rows) if form == "csv" else _write_jsonl(home, sink, rows)
            sink.flush()
            os.fsync(sink.fileno())
        kept.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        kept.unlink(missing_ok=True)
    return count


def _unwritable(path: Path, error: OSError) -> McptuiError:
    return McptuiError(
        f"{path} could not be written",
        error.strerror or str(error),
        "Choose another folder, or free some space",
    )


def _all(home: Home, query: str) -> Iterator[CallRow]:
    matches, after = matcher(query, home.clock), 0
    while rows := home.store.calls(after=after, limit=2_000):
        yield from filter(matches, rows)
        after = rows[-1].id


def _write_jsonl(home: Home, sink: IO[str], rows: Iterable[CallRow]) -> int:
    count = 0
    for row in rows:
        texts = home.store.call_body(row.id) or CallBody("", "")
        sink.write(json.dumps({**asdict(row), **asdict(texts)}) + "\n")
        count += 1
    return count


def _write_csv(sink: IO[str], rows: Iterable[CallRow]) -> int:
    writer = csv.writer(sink)
    names = [one.name for one in fields(CallRow)]
    writer.writerow(names)
    count = 0
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
        count += 1
    return count


def _cell(value: Any) -> Any:
    """A spreadsheet would run a text that begins like a formula; a quote in front stops it."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
