"""What servers wrote, run by run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mcptui.store.database import Database

RUNS_KEPT = 20
"""Runs of one server; those in which nothing was written are not kept."""


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """What one run of a server left.

    Args:
        server: whose.
        began, ended: unix seconds.
        files: path, bytes (-1 where nobody knows) and "folder", "volume", "memory" or "image".
        more: there was more than that.
    """

    server: str
    began: float
    ended: float
    files: tuple[tuple[str, int, str], ...]
    more: bool = False


class WrittenStore(Database):
    """The last runs of each server in which it wrote."""

    def put_written(self, row: WrittenRow) -> None:
        """Keep a run, in place of the oldest one of that server."""
        values = (row.server, row.began, row.ended, json.dumps(row.files), row.more)
        with self.transaction() as db:
            db.execute(
                "INSERT INTO written(server, began, ended, files, more) VALUES(?,?,?,?,?)", values
            )
            db.execute(
                "DELETE FROM written WHERE server = ? AND id <= (SELECT id FROM written"
                " WHERE server = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (row.server, row.server, RUNS_KEPT),
            )

    def written(self, server: str) -> list[WrittenRow]:
        """The last runs of a server that left something, the newest first."""
        rows = self.read("SELECT * FROM written WHERE server = ? ORDER BY id DESC", (server,))
        return [
            WrittenRow(
                row["server"],
                row["began"],
                row["ended"],
                tuple((str(path), int(size), str(where)) for path, size, where in files),
                bool(row["more"]),
            )
            for row in rows
            if (files := json.loads(row["files"])) is not None
        ]
