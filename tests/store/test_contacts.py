"""What servers reached and were refused: summed up, bounded, forgotten with the server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mcptui.store import Store
from mcptui.store.contacts import MOST_REFUSED
from mcptui.store.database import SCHEMA, SCHEMA_VERSION
from mcptui.store.rows import ContactSeen


def seen(host: str, at: float, *, allowed: bool = True, server: str = "one") -> ContactSeen:
    return ContactSeen(server, host, 443, allowed, at, 1, 10, 20, "" if allowed else "why", "proxy")


def test_contacts_are_summed_up(store: Store) -> None:
    store.record_contacts([seen("a.example.com", 1.0), seen("a.example.com", 3.0)])
    store.record_contacts([seen("a.example.com", 2.0), seen("b.example.com", 5.0, allowed=False)])
    newest, oldest = store.contacts("one")
    assert (newest.host, newest.allowed, newest.reason) == ("b.example.com", False, "why")
    assert (oldest.times, oldest.bytes_out, oldest.bytes_in) == (3, 30, 60)
    assert (oldest.first_at, oldest.last_at) == (1.0, 3.0)
    assert [one.host for one in store.refused_since("one", 4.0)] == ["b.example.com"]
    assert store.refused_since("one", 5.0) == []


def test_a_server_cannot_fill_the_disk_with_names(store: Store) -> None:
    for start in range(0, MOST_REFUSED + 300, 100):
        store.record_contacts(
            [seen(f"{n}.example.com", float(n), allowed=False) for n in range(start, start + 100)]
        )
    store.record_contacts([seen("kept.example.com", 0.0, allowed=False, server="two")])
    rows = store.contacts("one")
    assert len(rows) == MOST_REFUSED
    assert rows[0].host == f"{MOST_REFUSED + 299}.example.com"
    assert len(store.contacts("two")) == 1


def test_a_database_of_the_release_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    old = sqlite3.connect(path, isolation_level=None)
    for statement in SCHEMA.split(";\n"):
        old.execute(statement)
    old.execute("INSERT INTO remembered VALUES('welcomed', 'true')")
    old.execute("PRAGMA user_version=1")
    old.close()
    found = Store.open(path)
    assert found.recall("welcomed") is True and found.contacts() == []
    found.record_contacts([seen("a.example.com", 1.0)])
    assert found.read("PRAGMA user_version")[0][0] == SCHEMA_VERSION > 1
    found.close()
    again = Store.open(path)
    assert [one.host for one in again.contacts()] == ["a.example.com"]
    again.close()
