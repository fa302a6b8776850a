"""What must be remembered to take a change back, and what a person last looked at."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from mcptui.store.database import Database
from mcptui.store.rows import Receipt, UndoRow

UNDO_KEPT = 50
"""Changes that can be taken back, newest first."""


def _receipt(row: sqlite3.Row) -> Receipt:
    return Receipt(row["client"], row["path"], row["at"], json.loads(row["payload"]))


class MemoryStore(Database):
    """Receipts, undo and the screens' memory."""

    def put_receipt(self, row: Receipt) -> None:
        """Store what was written into a client's file."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO receipts VALUES(?,?,?,?)",
                (row.client, row.path, row.at, json.dumps(row.payload)),
            )

    def receipt(self, client: str, path: str) -> Receipt | None:
        """What was written into one file of a client."""
        rows = self.read(
            "SELECT * FROM receipts WHERE client = ? AND path = ?",
            (client, path),
        )
        return _receipt(rows[0]) if rows else None

    def receipts(self) -> list[Receipt]:
        """All receipts."""
        return [_receipt(row) for row in self.read("SELECT * FROM receipts ORDER BY client")]

    def drop_receipt(self, client: str, path: str) -> None:
        """Forget one receipt."""
        with self.transaction() as db:
            db.execute("DELETE FROM receipts WHERE client = ? AND path = ?", (client, path))

    def push_undo(self, label: str, kind: str, payload: dict[str, Any]) -> int:
        """Remember a change that can be taken back; returns its id."""
        with self.transaction() as db:
            cursor = db.execute(
                "INSERT INTO undo(at, label, kind, payload) VALUES(?,?,?,?)",
                (self.clock(), label, kind, json.dumps(payload)),
            )
            added = int(cursor.lastrowid or 0)
            db.execute("DELETE FROM undo WHERE id <= ?", (added - UNDO_KEPT,))
            return added

    def last_undo(self) -> UndoRow | None:
        """The newest change that can be taken back."""
        rows = self.read("SELECT * FROM undo ORDER BY id DESC LIMIT 1")
        if not rows:
            return None
        row = rows[0]
        return UndoRow(row["id"], row["at"], row["label"], row["kind"], json.loads(row["payload"]))

    def undone(self, change: int) -> None:
        """Forget a change: it was taken back."""
        with self.transaction() as db:
            db.execute("DELETE FROM undo WHERE id = ?", (change,))

    def remember(self, key: str, value: Any) -> None:
        """Keep a small JSON value under a name."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO remembered VALUES(?,?)", (key, json.dumps(value)))

    def recall(self, key: str, default: Any = None) -> Any:
        """The value kept under a name."""
        rows = self.read("SELECT value FROM remembered WHERE key = ?", (key,))
        return json.loads(rows[0]["value"]) if rows else default

    def recalled(self, prefix: str) -> dict[str, Any]:
        """All values kept under names that begin with `prefix`, by name."""
        rows = self.read(
            "SELECT key, value FROM remembered WHERE substr(key, 1, ?) = ? ORDER BY key",
            (len(prefix), prefix),
        )
        return {row["key"]: json.loads(row["value"]) for row in rows}

    def forget(self, key: str) -> None:
        """Drop the value kept under a name."""
        with self.transaction() as db:
            db.execute("DELETE FROM remembered WHERE key = ?", (key,))
