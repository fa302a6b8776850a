"""The catalog as the rest of the program sees it: light rows, search, whole entries, facts.

Whoever opens one hands over a copy whose signatures and hash were just verified
(`trust/tuf_copy.py`); here the file is only read, `immutable`, and from any thread. A database
that cannot be read gives an error that says so, never a stack of SQLite's.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from mcptui.catalog.database import APPLICATION, FORMAT
from mcptui.catalog.search import Compare, Query, heading, parse, ranker, sift
from mcptui.entry import Entry
from mcptui.entry_read import entry_from_dict
from mcptui.errors import McptuiError, TryAgain
from mcptui.words import plural

FIELDS = {
    "trust": Compare.WORD, "kind": Compare.WORD, "net": Compare.TEXT, "network": Compare.TEXT,
    "needs": Compare.WORD, "category": Compare.WORD, "publisher": Compare.TEXT,
    "tools": Compare.NUMBER, "tool": Compare.TEXT, "checked": Compare.WORD, "id": Compare.TEXT,
    "title": Compare.TEXT,
}  # fmt: skip
"""The fields a catalog query may look into."""
_COLUMNS = (
    "id, title, description, publisher, category, kind, trust, needs, network, tools_count, checked"
)
_DAY = 86400.0
_KEPT_ENTRIES = 64


class VerifiedCopy(Protocol):
    """A copy of the catalog whose signatures and hash hold."""

    @property
    def database(self) -> Path: ...
    @property
    def source(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def root_version(self) -> int: ...
    @property
    def published_at(self) -> float: ...
    @property
    def checked_at(self) -> float: ...
    @property
    def expires(self) -> float: ...
    @property
    def signers(self) -> tuple[str, ...]: ...
    @property
    def warning(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """What lists show of an entry.

    Args:
        needs: "sign-in", "token" or "none".
        network: "none", "1 host", "3 hosts", "any" or "remote".
        checked: the furthest step that worked: "listed", "started", "built" or "no".
    """

    id: str
    title: str
    description: str
    publisher: str
    category: str
    kind: str
    trust: str
    needs: str
    network: str
    tools_count: int
    checked: str


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """What is known of the catalog in use.

    Args:
        version: rises with every publication.
        published_at, checked_at, expires: unix seconds.
        source: "shipped" with the program, or "refreshed" since.
        stale: a refreshed copy that has expired; new installs wait for a refresh.
        root_version: of the trust root in force.
        signers: short ids of the keys that vouch for it.
        count: how many servers it holds.
        age_text: how old it is, in words.
        warning: why another copy was not used, "" when there is nothing to say.
    """

    version: int
    published_at: float
    checked_at: float
    expires: float
    source: str
    stale: bool
    root_version: int
    signers: tuple[str, ...]
    count: int
    age_text: str
    warning: str = ""


def age_text(seconds: float) -> str:
    """Say how long ago something was, in words."""
    if seconds < -300:
        return "from the future: is this machine's clock right?"
    for size, name in ((365 * _DAY, "year"), (_DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{plural(count, name)} old"
    return "new"


class Catalog:
    """An open catalog; every method may be called from any thread."""

    def __init__(
        self, database: sqlite3.Connection, copy: VerifiedCopy, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._copy = copy
        self._clock = clock
        self._guard = threading.RLock()
        self._texts: list[str] = []
        self._heads: list[str] = []
        self._folded: list[str] = []
        self._columns: dict[str, list[object]] = {}
        self._last: tuple[Query, list[int]] = (Query(), [])
        self._entries: dict[str, Entry] = {}
        with self._guard:
            found = self._ask(f"SELECT {_COLUMNS} FROM entries ORDER BY place")  # noqa: S608
            self._rows = [CatalogRow(*row) for row in found]
        self._last = (Query(), list(range(len(self._rows))))

    def _ask(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(str(error)) from error

    @property
    def facts(self) -> CatalogFacts:
        """What is known of this catalog; age and staleness as of now."""
        copy, now = self._copy, self._clock()
        return CatalogFacts(
            version=copy.version,
            published_at=copy.published_at,
            checked_at=copy.checked_at,
            expires=copy.expires,
            source=copy.source,
            stale=copy.source == "refreshed" and now > copy.expires,
            root_version=copy.root_version,
            signers=copy.signers,
            count=len(self._rows),
            age_text=age_text(now - copy.published_at),
            warning=copy.warning,
        )

    def refuse_if_stale(self) -> None:
        """Say no to new installs from a refreshed copy that has expired.

        Raises:
            TryAgain: it is stale; installed servers are not affected.
        """
        facts = self.facts
        if facts.stale:
            days = max(1, int((self._clock() - facts.expires) // _DAY))
            raise TryAgain(
                "The catalog is stale, so nothing new is installed from it",
                f"its signature expired {plural(days, 'day')} ago",
                "Refresh it: mcptui catalog refresh",
            )

    def rows(self) -> list[CatalogRow]:
        """Every entry as a light row, by title."""
        return list(self._rows)

    def search(self, text: str, limit: int | None = None) -> list[CatalogRow]:
        """Find rows by the query language of `search.py`, best first.

        Words are looked for in id, title, description, publisher, category and tools' names,
        and, as beginnings of words, in tools' descriptions and the server's instructions.
        """
        query = parse(text, FIELDS)
        with self._guard:
            self._prepare()
            before, places = self._last
            # A longer word may be found deeper than a short one was looked for.
            if not (query.narrows(before) and all(map(_goes_deep, before.words))):
                places = range(len(self._rows))
            found = sift(query, places, self._texts, self._column, self._deep)
            self._last = (query, found)
            return [self._rows[place] for place in self._ranked(query, found)[:limit]]

    def _ranked(self, query: Query, found: list[int]) -> list[int]:
        if not query.words:
            return found
        heads, folded, rank = self._heads, self._folded, ranker(query.words)
        ranks = {place: rank(heads[place], folded[place]) for place in found}
        return sorted(found, key=ranks.__getitem__)

    def _column(self, name: str) -> Sequence[object]:
        if name not in self._columns:
            field = {"net": "network", "tools": "tools_count"}.get(name, name)
            self._columns[name] = [getattr(row, field) for row in self._rows]
        return self._columns[name]

    def _deep(self, word: str) -> frozenset[int]:
        if not _goes_deep(word):
            return frozenset()
        found = self._ask("SELECT rowid FROM deep WHERE deep MATCH ?", (f'"{word}"*',))
        return frozenset(place - 1 for (place,) in found)

    def _prepare(self) -> None:
        """Build what searching needs, once, when somebody first searches."""
        if self._texts or not self._rows:
            return
        names = [names for (names,) in self._ask("SELECT tools FROM entries ORDER BY place")]
        self._columns["tool"] = [tuple(text.split(" ")) for text in names]
        self._folded = [row.description.casefold() for row in self._rows]
        self._heads = [heading(row.id, row.title) for row in self._rows]
        self._texts = [
            "\n".join(
                (row.id, row.title, row.description, row.publisher, row.category, tools)
            ).casefold()
            for row, tools in zip(self._rows, names, strict=True)
        ]

    def entry(self, name: str) -> Entry:
        """Return the whole entry with this id.

        Raises:
            McptuiError: there is none; offers near names.
        """
        with self._guard:
            if name in self._entries:
                return self._entries[name]
            found = self._ask(
                "SELECT body FROM bodies JOIN entries USING (place) WHERE id = ?", (name,)
            )
            if not found:
                raise self._unknown(name)
            try:
                entry = entry_from_dict(json.loads(found[0][0]), f"catalog entry {name}")
            except ValueError as error:
                raise _unreadable(str(error)) from error
            if len(self._entries) >= _KEPT_ENTRIES:
                self._entries.pop(next(iter(self._entries)))
            self._entries[name] = entry
            return entry

    def _unknown(self, name: str) -> McptuiError:
        ids = [row.id for row in self._rows]
        titles = {row.title.casefold(): row.id for row in self._rows}
        near = difflib.get_close_matches(name.casefold()[:60], [*ids, *titles], 3, 0.6)
        near += [one for one in ids if name.casefold() in one and one not in near][:3]
        offered = ", ".join(dict.fromkeys(titles.get(one, one) for one in near))
        fix = f"Near names: {offered}" if offered else "Look around: mcptui catalog"
        return McptuiError(f"The catalog has no server named {name[:60]!r}", fix=fix)

    def __del__(self) -> None:
        # A refreshed catalog replaces this one while others may still hold it: the last one out.
        self._database.close()

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        with self._guard:
            self._database.close()


def _goes_deep(word: str) -> bool:
    return len(word) >= 3 and word.isalnum()


def _unreadable(why: str) -> McptuiError:
    return McptuiError(
        "The catalog's database cannot be read", why[:200], "Install or refresh it again"
    )


def open_catalog(copy: VerifiedCopy, clock: Callable[[], float] = time.time) -> Catalog:
    """Open the database of a verified copy.

    Args:
        copy: signatures and hash were checked just now.
        clock: unix seconds.

    Raises:
        McptuiError: it is no catalog, cannot be read, or needs a newer program.
    """
    address = f"file:{quote(str(copy.database))}?mode=ro&immutable=1"
    try:
        database = sqlite3.connect(address, uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unreadable(str(error)) from error
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise _unreadable("the file is not a catalog")
        if version > FORMAT:
            raise McptuiError(
                "The catalog was made for a newer mcptui",
                f"its format is {version}, this program reads {FORMAT}",
                "Update mcptui",
            )
        return Catalog(database, copy, clock)
    except sqlite3.Error as error:
        database.close()
        raise _unreadable(str(error)) from error
    except McptuiError:
        database.close()
        raise
