"""The database file: connections, schema, transactions, and its faults told in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Self

from mcptui.errors import McptuiError, TryAgain

BUSY_SECONDS = 10.0
SCHEMA_VERSION = 3
SCHEMA = """
CREATE TABLE installs(
  name TEXT PRIMARY KEY, entry TEXT NOT NULL, choices TEXT NOT NULL, trust TEXT NOT NULL,
  origin TEXT NOT NULL, image_id TEXT NOT NULL, installed_at REAL NOT NULL, updated_at REAL NOT NULL
) STRICT;
CREATE TABLE definitions(server TEXT PRIMARY KEY, said TEXT NOT NULL, seen_at REAL NOT NULL) STRICT;
CREATE TABLE tool_states(
  server TEXT NOT NULL, tool TEXT NOT NULL, approved_hash TEXT NOT NULL, seen_hash TEXT NOT NULL,
  seen_definition TEXT, PRIMARY KEY(server, tool)
) STRICT, WITHOUT ROWID;
CREATE TABLE gateways(
  id TEXT PRIMARY KEY, pid INTEGER NOT NULL, pid_start TEXT NOT NULL, client_name TEXT NOT NULL,
  client_version TEXT NOT NULL, client_pid INTEGER NOT NULL, started_at REAL NOT NULL,
  beat_at REAL NOT NULL, stopped_at REAL
) STRICT;
CREATE TABLE states(
  gateway TEXT NOT NULL, server TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  container TEXT NOT NULL, since REAL NOT NULL, restarts INTEGER NOT NULL,
  PRIMARY KEY(gateway, server)
) STRICT, WITHOUT ROWID;
CREATE TABLE calls(
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
  gateway TEXT NOT NULL, at REAL NOT NULL, client_name TEXT NOT NULL, client_version TEXT NOT NULL,
  client_pid INTEGER NOT NULL, server TEXT NOT NULL, tool TEXT NOT NULL, method TEXT NOT NULL,
  outcome TEXT NOT NULL, ms REAL NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  reason TEXT NOT NULL, what TEXT NOT NULL, findings INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_seq ON calls(seq);
CREATE INDEX calls_at ON calls(at);
CREATE INDEX calls_open ON calls(gateway) WHERE outcome = 'open';
CREATE TABLE bodies(
  call INTEGER PRIMARY KEY REFERENCES calls(id) ON DELETE CASCADE,
  request TEXT NOT NULL, answer TEXT NOT NULL
) STRICT;
CREATE TABLE logs(
  id INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, gateway TEXT NOT NULL,
  at REAL NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX logs_server ON logs(server, id);
CREATE TABLE wishes(
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, server TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE receipts(
  client TEXT NOT NULL, path TEXT NOT NULL, at REAL NOT NULL, payload TEXT NOT NULL,
  PRIMARY KEY(client, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE undo(
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, label TEXT NOT NULL, kind TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE remembered(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
"""Version 1; each later one adds to it."""
LATER = {
    2: """
CREATE TABLE contacts(
  server TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, allowed INTEGER NOT NULL,
  first_at REAL NOT NULL, last_at REAL NOT NULL, times INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, reason TEXT NOT NULL, how TEXT NOT NULL,
  PRIMARY KEY(server, host, port, allowed)
) STRICT, WITHOUT ROWID;
""",
    3: """
CREATE TABLE written(
  id INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, began REAL NOT NULL,
  ended REAL NOT NULL, files TEXT NOT NULL, more INTEGER NOT NULL
) STRICT;
CREATE INDEX written_server ON written(server, id);
""",
}
"""What a version adds to the one before it."""


@contextlib.contextmanager
def told_in_words(path: Path) -> Generator[None]:
    """Turn SQLite's errors into ones that a person can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise TryAgain(
                "The state database is busy",
                f"another mcptui process held {path} for {BUSY_SECONDS:.0f} s",
                "Try again; `mcptui doctor` lists the processes that use it",
            ) from error
        if "disk is full" in text or "disk I/O" in text:
            raise TryAgain(
                "The state database could not be written",
                f"the disk of {path.parent} is full or failing; nothing was changed",
                "Free some space and try again",
            ) from error
        raise McptuiError(
            "The state database could not be used",
            f"{path}: {text}",
            "Check that the folder belongs to you and is writable",
        ) from error
    except sqlite3.DatabaseError as error:
        raise McptuiError(
            "The state database is damaged",
            f"{path}: {error}",
            "`mcptui doctor --fix database` keeps a copy beside it and starts a new one",
        ) from error


class Database:
    """One SQLite file, one connection per thread.

    Args:
        path: the file; its folder is made for this user alone.
        clock: unix seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.clock = clock
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> Self:
        """Open the database, made new if there is none.

        Raises:
            TryAgain: it is busy, or the disk is full.
            McptuiError: it is damaged, not ours, or from a newer mcptui.
        """
        database = cls(path, clock)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made here with its final mode: SQLite would follow the umask.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise McptuiError(
                "The state database could not be made",
                f"{path}: {error.strerror}",
                "Check that the folder belongs to you and the disk has space",
            ) from error
        with told_in_words(path):
            database._migrate()
        return database

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        # Asked before anything is written: a newer program's file stays as it is.
        if (version := connection.execute("PRAGMA user_version").fetchone()[0]) > SCHEMA_VERSION:
            connection.close()
            raise McptuiError(
                "The state database is from a newer mcptui",
                f"{self.path} has version {version}, this program knows {SCHEMA_VERSION}",
                "Update mcptui",
            )
        self._enter_wal(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        with self._guard:
            self._all.append(connection)
        return connection

    @staticmethod
    def _enter_wal(connection: sqlite3.Connection) -> None:
        # The switch to WAL fails at once when another process is switching: no busy timeout there.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            with told_in_words(self.path):
                found = self._local.connection = self._connect()
        return found

    def _migrate(self) -> None:
        if self.connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            return
        with self.transaction() as db:
            # Another process may have made the tables since we looked.
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for number, schema in ((1, SCHEMA), *LATER.items()):
                if version < number:
                    for statement in schema.split(";\n"):
                        db.execute(statement)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Write in one piece or not at all; waits for other writers up to BUSY_SECONDS."""
        connection = self.connection
        with told_in_words(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def read(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Run one query; sees the newest committed state, never waits for writers."""
        with told_in_words(self.path):
            return self.connection.execute(sql, parameters).fetchall()

    def data_version(self) -> int:
        """A number that moves when another connection has committed."""
        return int(self.read("PRAGMA data_version")[0][0])

    def changed(self) -> bool:
        """Whether another connection committed since this thread last asked."""
        now = self.data_version()
        before = getattr(self._local, "seen", None)
        self._local.seen = now
        return before is None or before != now

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._guard:
            connections, self._all = self._all, []
        for connection in connections:
            connection.close()
        self._local = threading.local()


def set_aside(path: Path, clock: Callable[[], float] = time.time) -> Path:
    """Move a damaged database out of the way, kept under a new name; returns that name."""
    kept = path.with_name(f"{path.name}.damaged-{int(clock())}")
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(kept.with_name(kept.name + suffix))
    return kept
