"""Every call that went through a gateway, even if the gateway died in the middle of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields

from mcptui.store.database import Database
from mcptui.store.rows import CallBody, CallEnd, CallRow, CallStart

_COLUMNS = ", ".join(field.name for field in fields(CallRow))
_INSERT = """INSERT INTO calls(key, seq, gateway, at, client_name, client_version,
  client_pid, server, tool, method, outcome, ms, bytes_in, bytes_out, reason, what, findings)
  VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT(key) DO UPDATE SET seq = excluded.seq, outcome = excluded.outcome, ms = excluded.ms,
    bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out, reason = excluded.reason,
    what = excluded.what, findings = excluded.findings"""
_INSERT_BODY = "INSERT OR REPLACE INTO bodies SELECT id, ?, ? FROM calls WHERE key = ?"
_FINISH = """UPDATE calls SET outcome = ?, ms = ?, reason = ?, bytes_out = ?, findings = ?, seq = ?
  WHERE key = ?"""
_NOTE = """UPDATE calls SET what = CASE what WHEN '' THEN ?1 ELSE what || ' · ' || ?1 END
  WHERE key = ?2"""
_FINISH_BODY = "UPDATE bodies SET answer = ? WHERE call = (SELECT id FROM calls WHERE key = ?)"
_RUNNING = CallEnd(key="", outcome="open", ms=0.0)


def _row(row: sqlite3.Row) -> CallRow:
    return CallRow(*row)


class CallStore(Database):
    """The record of calls."""

    def record(self, batch: Sequence[CallStart | CallEnd]) -> None:
        """Store starts and ends of calls in one transaction, in any mixture.

        A start and its end in one batch become one row at once; a second start of an open call
        takes the place of the first: something else was sent than what came.
        """
        ends = {item.key: item for item in batch if isinstance(item, CallEnd)}
        starts = [item for item in batch if isinstance(item, CallStart)]
        began = {item.key for item in starts}
        late = [end for key, end in ends.items() if key not in began]
        with self.transaction() as db:
            seq = self._next_seq(db)
            db.executemany(_INSERT, self._start_values(starts, ends, seq))
            db.executemany(
                _INSERT_BODY,
                [(s.request, ends[s.key].answer if s.key in ends else "", s.key) for s in starts],
            )
            after = seq + len(starts)
            db.executemany(
                _FINISH,
                [
                    (e.outcome, e.ms, e.reason, e.answer_bytes, e.findings, after + index, e.key)
                    for index, e in enumerate(late)
                ],
            )
            db.executemany(_FINISH_BODY, [(end.answer, end.key) for end in late if end.answer])
            db.executemany(_NOTE, [(end.note, key) for key, end in ends.items() if end.note])

    @staticmethod
    def _next_seq(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT coalesce(max(seq), 0) + 1 FROM calls").fetchone()[0])

    @staticmethod
    def _start_values(
        starts: Iterable[CallStart], ends: dict[str, CallEnd], seq: int
    ) -> list[tuple[object, ...]]:
        values: list[tuple[object, ...]] = []
        for index, start in enumerate(starts):
            end = ends.get(start.key, _RUNNING)
            values.append(
                (
                    start.key, seq + index, start.gateway, start.at, start.client_name,
                    start.client_version, start.client_pid, start.server, start.tool, start.method,
                    end.outcome, end.ms, start.request_bytes, end.answer_bytes, end.reason,
                    start.what, end.findings,
                )
            )  # fmt: skip
        return values

    def calls(self, after: int = 0, limit: int = 1000, *, newest: bool = False) -> list[CallRow]:
        """Calls by id, oldest first.

        Args:
            after: only calls with a larger id.
            limit: at most this many.
            newest: the last `limit` calls instead of the first ones.
        """
        order = "DESC" if newest else "ASC"
        rows = self.read(
            f"SELECT {_COLUMNS} FROM calls WHERE id > ? ORDER BY id {order} LIMIT ?",  # noqa: S608
            (after, limit),
        )
        found = [_row(row) for row in rows]
        return found[::-1] if newest else found

    def call_changes(self, since: int, limit: int = 20_000) -> tuple[list[CallRow], int]:
        """Calls that began or ended since a cursor, in the order in which it happened.

        Returns:
            The rows, and the cursor for the next question. Ask with 0 to start.
        """
        rows = self.read(
            f"SELECT {_COLUMNS}, seq FROM calls WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (since, limit),
        )
        cursor = int(rows[-1]["seq"]) if rows else since
        return [CallRow(*tuple(row)[:-1]) for row in rows], cursor

    def call_cursor(self) -> int:
        """The cursor of this moment, for `call_changes`."""
        return int(self.read("SELECT coalesce(max(seq), 0) FROM calls")[0][0])

    def call_body(self, call: int) -> CallBody | None:
        """The stored texts of one call."""
        rows = self.read("SELECT request, answer FROM bodies WHERE call = ?", (call,))
        return CallBody(rows[0]["request"], rows[0]["answer"]) if rows else None

    def call_counts(self, since: float = 0.0) -> dict[tuple[str, str, str], int]:
        """How many calls there were by (server, tool, outcome) since a time."""
        rows = self.read(
            "SELECT server, tool, outcome, count(*) FROM calls WHERE at >= ? GROUP BY 1, 2, 3",
            (since,),
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def lose_gateways(self, gateways: Iterable[str]) -> int:
        """Mark the open calls of dead gateways as lost; returns how many there were."""
        lost = 0
        with self.transaction() as db:
            for gateway in gateways:
                keys = db.execute(
                    "SELECT key FROM calls WHERE gateway = ? AND outcome = 'open'", (gateway,)
                ).fetchall()
                seq = self._next_seq(db)
                db.executemany(
                    "UPDATE calls SET outcome = 'lost', reason = ?, seq = ? WHERE key = ?",
                    [
                        ("the gateway died before the answer came", seq + index, row["key"])
                        for index, row in enumerate(keys)
                    ],
                )
                lost += len(keys)
        return lost

    def prune_calls(self, before: float) -> int:
        """Delete calls that began before a time; returns how many."""
        with self.transaction() as db:
            return db.execute("DELETE FROM calls WHERE at < ?", (before,)).rowcount
