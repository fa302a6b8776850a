"""The catalog's file format: one SQLite database with a full-text index.

`write` gives the same bytes for the same entries with the same SQLite, so a reviewer can rebuild
what was signed. `entries` holds what lists show, `bodies` the whole entries as JSON, `deep` the
words of tools' names, descriptions and instructions.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from mcptui.entry import Entry, Kind
from mcptui.entry_read import entry_to_dict
from mcptui.words import plural

FORMAT = 1
"""Rises when an older program could not read the file any more."""
APPLICATION = 0x6D637075
"""Marks the file as a catalog ("mcpu"), for `file` and for the loader."""
_SCHEMA = """
CREATE TABLE entries (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    description TEXT NOT NULL, publisher TEXT NOT NULL, category TEXT NOT NULL,
    kind TEXT NOT NULL, trust TEXT NOT NULL, needs TEXT NOT NULL, network TEXT NOT NULL,
    tools_count INTEGER NOT NULL, checked TEXT NOT NULL, tools TEXT NOT NULL
) STRICT;
CREATE TABLE bodies (place INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE deep USING fts5(
    words, content='', detail=none, columnsize=0, prefix='3',
    tokenize="unicode61 remove_diacritics 2"
);
"""


def network(entry: Entry) -> str:
    """Say in a word or two what an entry can reach: "none", "2 hosts", "any" or "remote"."""
    if entry.kind is Kind.REMOTE:
        return "remote"
    if any(host.name == "*" for host in entry.hosts):
        return "any"
    count = len({host.name for host in entry.hosts})
    return plural(count, "host") if count else "none"


def checked(entry: Entry) -> str:
    """Name the furthest step that worked when the entry was checked."""
    steps = (
        (entry.checked.listed, "listed"),
        (entry.checked.started, "started"),
        (entry.checked.built, "built"),
    )
    return next((name for done, name in steps if done), "no")


def _row(place: int, entry: Entry) -> tuple[object, ...]:
    return (
        place,
        entry.id,
        entry.title,
        entry.description,
        entry.publisher,
        entry.category,
        entry.kind.value,
        "signed",
        entry.needs,
        network(entry),
        len(entry.tools),
        checked(entry),
        " ".join(tool.name for tool in entry.tools),
    )


def _words(entry: Entry) -> str:
    parts = [entry.instructions]
    for tool in entry.tools:
        text = (tool.definition or {}).get("description") or tool.description
        parts += [tool.name.replace("_", " "), str(text)]
    return "\n".join(parts).encode("utf-8", "replace").decode()


def write(entries: Iterable[Entry], path: Path) -> int:
    """Write a new database, sorted by title.

    Args:
        entries: each valid and with an id of its own.
        path: must not exist yet.

    Returns:
        How many entries it holds.
    """
    ordered = sorted(entries, key=lambda entry: (entry.title.casefold(), entry.id))
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA page_size = 4096")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {FORMAT}")
        database.execute("BEGIN")
        for statement in _SCHEMA.split(";\n"):
            database.execute(statement)
        for place, entry in enumerate(ordered, 1):
            marks = ",".join("?" * 13)
            database.execute(f"INSERT INTO entries VALUES ({marks})", _row(place, entry))  # noqa: S608
            body = json.dumps(entry_to_dict(entry), separators=(",", ":"))
            database.execute("INSERT INTO bodies VALUES (?, ?)", (place, body))
            database.execute(
                "INSERT INTO deep (rowid, words) VALUES (?, ?)", (place, _words(entry))
            )
        database.execute("INSERT INTO deep (deep) VALUES ('optimize')")
        database.execute("COMMIT")
        database.execute("VACUUM")
    finally:
        database.close()
    _settle(path)
    return len(ordered)


def _settle(path: Path) -> None:
    """Fix the header's change counters and writer's version, which say nothing about content."""
    with path.open("r+b") as file:
        file.seek(24)
        file.write((1).to_bytes(4, "big"))
        file.seek(92)
        file.write((1).to_bytes(4, "big") + (3_040_000).to_bytes(4, "big"))
