"""Whom servers talked to over the network, and what was refused them.

One row for each server, host, port and verdict: first and last time, how often, how many bytes. A
server cannot fill the disk with names: of the refused ones the newest are kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import fields

from mcptui.store.database import Database
from mcptui.store.rows import ContactRow, ContactSeen

MOST_REFUSED = 500
"""Refused places that are kept of one server."""
MOST_ALLOWED = 5_000
"""Places it talked to; only a network for any host comes near."""
_COLUMNS = ", ".join(field.name for field in fields(ContactRow))
_PUT = """INSERT INTO contacts VALUES(?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
    times = times + excluded.times, bytes_out = bytes_out + excluded.bytes_out,
    bytes_in = bytes_in + excluded.bytes_in, reason = excluded.reason, how = excluded.how"""
_PRUNE = """DELETE FROM contacts WHERE server = ? AND allowed = ? AND (host, port) IN (
  SELECT host, port FROM contacts WHERE server = ? AND allowed = ?
  ORDER BY last_at DESC, host, port LIMIT -1 OFFSET ?)"""


def _contact(row: sqlite3.Row) -> ContactRow:
    return ContactRow(
        row["server"], row["host"], row["port"], bool(row["allowed"]), row["first_at"],
        row["last_at"], row["times"], row["bytes_out"], row["bytes_in"], row["reason"], row["how"],
    )  # fmt: skip


class ContactStore(Database):
    """The network's log, summed up."""

    def record_contacts(self, seen: Sequence[ContactSeen]) -> None:
        """Add what was seen; rows of the same place are summed up."""
        if not seen:
            return
        with self.transaction() as db:
            db.executemany(
                _PUT,
                [
                    (
                        one.server, one.host[:300], one.port, one.allowed, one.at, one.at,
                        one.times, one.bytes_out, one.bytes_in, one.reason[:300], one.how,
                    )
                    for one in seen
                ],
            )  # fmt: skip
            for server, allowed in {(one.server, one.allowed) for one in seen}:
                most = MOST_ALLOWED if allowed else MOST_REFUSED
                db.execute(_PRUNE, (server, allowed, server, allowed, most))

    def contacts(self, server: str = "") -> list[ContactRow]:
        """The places of one server, or of all; what was tried last comes first."""
        where, given = ("WHERE server = ?", (server,)) if server else ("", ())
        rows = self.read(
            f"SELECT {_COLUMNS} FROM contacts {where} ORDER BY last_at DESC, host, port",  # noqa: S608 our names
            given,
        )
        return [_contact(row) for row in rows]

    def refused_since(self, server: str, at: float) -> list[ContactRow]:
        """The places a server was refused after a time, the newest first."""
        rows = self.read(
            f"SELECT {_COLUMNS} FROM contacts WHERE server = ? AND allowed = 0 AND last_at > ? "  # noqa: S608 our names
            "ORDER BY last_at DESC, host, port",
            (server, at),
        )
        return [_contact(row) for row in rows]
