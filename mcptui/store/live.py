"""What lives now: gateways, the state of their servers, wishes to them, servers' logs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from mcptui.store.database import Database
from mcptui.store.rows import GatewayRow, LogLine, ServerState, Wish

LOG_LINES_KEPT = 2_000
"""Lines of log kept per server."""
WISH_SECONDS = 600
"""Wishes older than this are dropped; a gateway that did not see one in time never will."""


class LiveStore(Database):
    """Gateways and what they run."""

    def put_gateway(self, row: GatewayRow) -> None:
        """Store a gateway, in place of an older row of the same id."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO gateways VALUES(?,?,?,?,?,?,?,?,?)",
                (
                    row.id, row.pid, row.pid_start, row.client_name, row.client_version,
                    row.client_pid, row.started_at, row.beat_at, row.stopped_at,
                ),
            )  # fmt: skip

    def gateways(self, *, live: bool = True) -> list[GatewayRow]:
        """Gateways by start; `live` leaves out those that said they stopped."""
        where = "WHERE stopped_at IS NULL" if live else ""
        rows = self.read(f"SELECT * FROM gateways {where} ORDER BY started_at")  # noqa: S608
        return [GatewayRow(*row) for row in rows]

    def beat(self, gateway: str) -> None:
        """Say that a gateway is alive."""
        with self.transaction() as db:
            db.execute("UPDATE gateways SET beat_at = ? WHERE id = ?", (self.clock(), gateway))

    def stop_gateway(self, gateway: str) -> None:
        """Say that a gateway has stopped; the states of its servers go with it."""
        with self.transaction() as db:
            db.execute(
                "UPDATE gateways SET stopped_at = ? WHERE id = ? AND stopped_at IS NULL",
                (self.clock(), gateway),
            )
            db.execute("DELETE FROM states WHERE gateway = ?", (gateway,))

    def states(self) -> list[ServerState]:
        """The state of every server in every gateway."""
        return [ServerState(*row) for row in self.read("SELECT * FROM states ORDER BY server")]

    def put_state(self, row: ServerState) -> None:
        """Store the state of one server in one gateway."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO states VALUES(?,?,?,?,?,?,?)",
                (
                    row.gateway, row.server, row.state, row.reason, row.container,
                    row.since or self.clock(), row.restarts,
                ),
            )  # fmt: skip

    def wish(self, kind: str, server: str, payload: dict[str, Any] | None = None) -> int:
        """Ask every gateway to do something; returns the wish's id."""
        now = self.clock()
        with self.transaction() as db:
            db.execute("DELETE FROM wishes WHERE at < ?", (now - WISH_SECONDS,))
            cursor = db.execute(
                "INSERT INTO wishes(at, kind, server, payload) VALUES(?,?,?,?)",
                (now, kind, server, json.dumps(payload or {})),
            )
            return int(cursor.lastrowid or 0)

    def wishes(self, after: int) -> list[Wish]:
        """Wishes newer than an id."""
        rows = self.read("SELECT * FROM wishes WHERE id > ? ORDER BY id", (after,))
        return [
            Wish(row["id"], row["at"], row["kind"], row["server"], json.loads(row["payload"]))
            for row in rows
        ]

    def last_wish(self) -> int:
        """The id of the newest wish, 0 when there is none."""
        return int(self.read("SELECT coalesce(max(id), 0) FROM wishes")[0][0])

    def append_log(self, lines: Sequence[LogLine]) -> None:
        """Keep lines of servers' stderr, the newest LOG_LINES_KEPT of each server."""
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO logs(server, gateway, at, text) VALUES(?,?,?,?)",
                [(line.server, line.gateway, line.at, line.text) for line in lines],
            )
            for server in {line.server for line in lines}:
                self._trim_log(db, server)

    @staticmethod
    def _trim_log(db: sqlite3.Connection, server: str) -> None:
        db.execute(
            "DELETE FROM logs WHERE server = ? AND id <= (SELECT id FROM logs WHERE server = ?"
            " ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (server, server, LOG_LINES_KEPT),
        )

    def log(self, server: str, after: int = 0, limit: int = 1_000) -> list[LogLine]:
        """The last `limit` lines of a server's log with a larger id than `after`."""
        rows = self.read(
            "SELECT * FROM logs WHERE server = ? AND id > ? ORDER BY id DESC LIMIT ?",
            (server, after, limit),
        )
        return [LogLine(*row) for row in reversed(rows)]
