"""The database locked, full or deleted under a gateway: calls go on, what can be is kept."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.gateway.record import CROWDED_BODY, CROWDED_BYTES, Began, Ended, Scribe
from mcptui.guard.redact import LIMIT
from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.rows import GatewayRow
from tests.gateway.conftest import Start, until
from tests.gateway.hostile import known, steady
from tests.gateway.local import installed

WHO = ("a client", "1", 7)


def one(key: str, client: tuple[str, str, int] = WHO) -> list[Began | Ended]:
    return [
        Began(key, 1.0, client, "one", "echo", "tools/call", b"{}", 2),
        Ended(key, "ok", 1.0, "", b"{}", 2),
    ]


def row(gateway: str) -> GatewayRow:
    return GatewayRow(gateway, 1, "1", "c", "1", 1, 1.0, 1.0)


def test_a_database_locked_for_ten_seconds_costs_no_row(
    start: Start, store: Store, home: Home
) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    steady(talk, 5)
    until(lambda: len(store.calls()) == 5)
    lock = sqlite3.connect(home.paths.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    began, made = time.monotonic(), 5
    while time.monotonic() - began < 11.5:
        quick = steady(talk, 5)
        made += 5
        assert quick < 2
        time.sleep(0.3)
    lock.execute("ROLLBACK")
    lock.close()
    until(lambda: store.call_counts() and sum(store.call_counts().values()) == made, 30)
    until(lambda: {key[-1] for key in store.call_counts()} == {"ok"})


def test_a_write_that_only_has_to_wait_is_tried_again(store: Store, home: Home) -> None:
    """Not only calls: what a server's tools were found to be must not be forgotten either."""
    lock = sqlite3.connect(home.paths.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    home.store.connection.execute("PRAGMA busy_timeout=50")
    impatient = Home(home.paths, environ=home.environ)
    opened: list[Store] = []

    def open_store() -> Store:
        found = impatient.store
        found.connection.execute("PRAGMA busy_timeout=50")
        opened.append(found)
        return found

    scribe = Scribe(open_store, "g1")
    scribe.start()
    scribe.do(lambda store: store.put_gateway(row("g1")))
    for item in one("k1"):
        scribe.write(item)
    until(lambda: len(opened) >= 2)
    lock.execute("ROLLBACK")
    lock.close()
    until(lambda: [found.id for found in store.gateways()] == ["g1"])
    until(lambda: [call.key for call in store.calls()] == ["k1"])
    assert scribe.close(5)
    impatient.close()


def test_one_row_that_cannot_be_written_costs_no_other(store: Store) -> None:
    scribe = Scribe(lambda: store, "g1")
    for key, client in (("k1", WHO), ("k2", ("half \ud83d", "1", 7)), ("k3", WHO)):
        for item in one(key, client):
            scribe.write(item)
    scribe.start()
    assert scribe.close(10)
    assert {"k1", "k3"} <= {call.key for call in store.calls()}
    assert any("could not be kept" in call.reason for call in store.calls())


def test_a_flood_of_large_results_keeps_beginnings_and_every_row(store: Store) -> None:
    scribe = Scribe(lambda: store, "g1")
    rooms: list[int] = []
    for number in range(1400):
        rooms.append(scribe.room)
        scribe.write(Began(f"k{number}", 1.0, WHO, "one", "echo", "tools/call", b"", 0))
        scribe.write(Ended(f"k{number}", "ok", 1.0, "", b"x" * rooms[-1], LIMIT))
    assert rooms[0] == LIMIT and rooms[-1] == CROWDED_BODY
    assert rooms.count(LIMIT) <= CROWDED_BYTES // LIMIT + 1
    scribe.start()
    until(lambda: scribe.room == LIMIT)
    assert scribe.close(20)
    rows = store.calls(limit=5000)
    assert {row.key for row in rows} == {f"k{number}" for number in range(1400)}
    assert {row.bytes_out for row in rows} == {LIMIT}


def test_a_database_deleted_under_a_gateway_stops_no_call(
    start: Start, store: Store, home: Home
) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    steady(talk, 5)
    until(lambda: len(store.calls()) == 5)
    for suffix in ("", "-wal", "-shm"):
        home.paths.database.with_name(home.paths.database.name + suffix).unlink(missing_ok=True)
    steady(talk, 20)
    time.sleep(1)
    steady(talk, 20)
    assert talk.close() == 0


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 1 MiB."""
    with tempfile.TemporaryDirectory(prefix="mcptui-full-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", name]
        subprocess.run(mount, check=True, capture_output=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True, capture_output=True)


def test_a_full_disk_keeps_rows_until_there_is_room(small_disk: Path) -> None:
    from mcptui.store.database import Database

    store = Store.open(small_disk / "state.db")
    assert isinstance(store, Database)
    filler = small_disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, b"x" * 4096)
    os.close(descriptor)
    scribe = Scribe(lambda: store, "g1")
    scribe.start()
    scribe.do(lambda store: store.put_gateway(row("g1")))
    for number in range(300):
        for item in one(f"k{number}"):
            scribe.write(item)
    time.sleep(1.5)
    filler.unlink()
    until(lambda: len(store.calls(limit=1000)) >= 300, 30)
    assert not [call for call in store.calls(limit=1000) if call.method == "gap"]
    until(lambda: [found.id for found in store.gateways()] == ["g1"])
    assert scribe.close(5)
    store.close()
