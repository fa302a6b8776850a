"""Installed servers, what they last said, and which tool texts are approved."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import asdict

from mcptui.entry import Trust
from mcptui.entry_read import choices_from_dict, choices_to_dict, entry_from_dict, entry_to_dict
from mcptui.errors import UsageError
from mcptui.store.database import Database
from mcptui.store.rows import Definitions, Installed, ToolState


def _installed(row: sqlite3.Row) -> Installed:
    return Installed(
        name=row["name"],
        entry=entry_from_dict(json.loads(row["entry"]), f"installed server {row['name']}"),
        choices=choices_from_dict(json.loads(row["choices"]), f"choices of {row['name']}"),
        trust=Trust(row["trust"]),
        origin=row["origin"],
        image_id=row["image_id"],
        installed_at=row["installed_at"],
        updated_at=row["updated_at"],
    )


class InstallStore(Database):
    """Which servers are installed and how."""

    def installs(self) -> list[Installed]:
        """All installed servers that can be read, by name; `names()` has the others as well."""
        found: list[Installed] = []
        for row in self.read("SELECT * FROM installs ORDER BY name"):
            # One entry of another release must not hide the rest.
            with contextlib.suppress(UsageError):
                found.append(_installed(row))
        return found

    def installed(self, name: str) -> Installed | None:
        """One installed server, None when there is none of that name."""
        rows = self.read("SELECT * FROM installs WHERE name = ?", (name,))
        return _installed(rows[0]) if rows else None

    def put_install(self, row: Installed) -> None:
        """Store a server, in place of an older one of the same name."""
        values = (
            row.name,
            json.dumps(entry_to_dict(row.entry)),
            json.dumps(choices_to_dict(row.choices)),
            row.trust.value,
            row.origin,
            row.image_id,
            row.installed_at,
            row.updated_at,
        )
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO installs VALUES(?,?,?,?,?,?,?,?)", values)

    def remove_install(self, name: str) -> None:
        """Forget a server with all that it said; its calls stay."""
        with self.transaction() as db:
            db.execute("DELETE FROM installs WHERE name = ?", (name,))
            for table in ("definitions", "tool_states", "states", "logs", "contacts", "written"):
                db.execute(f"DELETE FROM {table} WHERE server = ?", (name,))  # noqa: S608 our names

    def names(self) -> list[str]:
        """Names of all installed servers, also of one whose entry cannot be read."""
        return [row["name"] for row in self.read("SELECT name FROM installs ORDER BY name")]

    def mark(self) -> str:
        """A text that differs when a server, a choice or an approval differs: cheap to poll."""
        installs = self.read("SELECT name, updated_at, choices FROM installs ORDER BY name")
        states = self.read("SELECT server, tool, approved_hash FROM tool_states ORDER BY 1, 2")
        return repr([tuple(row) for row in (*installs, *states)])

    def definitions(self, server: str) -> Definitions | None:
        """What the server last said of itself."""
        rows = self.read("SELECT said FROM definitions WHERE server = ?", (server,))
        return Definitions(**json.loads(rows[0]["said"])) if rows else None

    def put_definitions(self, row: Definitions) -> None:
        """Remember what the server said."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO definitions VALUES(?,?,?)",
                (row.server, json.dumps(asdict(row)), row.seen_at),
            )

    def tool_states(self, server: str) -> list[ToolState]:
        """The tools whose text was approved or differs from what was."""
        rows = self.read("SELECT * FROM tool_states WHERE server = ? ORDER BY tool", (server,))
        return [
            ToolState(
                row["server"],
                row["tool"],
                row["approved_hash"],
                row["seen_hash"],
                json.loads(row["seen_definition"]) if row["seen_definition"] else None,
            )
            for row in rows
        ]

    def put_tool_states(self, states: list[ToolState]) -> None:
        """Store what was approved and seen of several tools at once."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO tool_states VALUES(?,?,?,?,?)",
                [
                    (
                        state.server,
                        state.tool,
                        state.approved_hash,
                        state.seen_hash,
                        json.dumps(state.seen_definition) if state.seen_definition else None,
                    )
                    for state in states
                ],
            )

    def put_tool_state(self, state: ToolState) -> None:
        """Store what was approved and seen of one tool."""
        self.put_tool_states([state])

    def approve_tool(self, server: str, tool: str) -> None:
        """Take the text the server shows now as the approved one."""
        with self.transaction() as db:
            db.execute(
                "UPDATE tool_states SET approved_hash = seen_hash WHERE server = ? AND tool = ?",
                (server, tool),
            )
