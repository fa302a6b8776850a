"""The state database under the faults it will meet."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, TryAgain
from mcptui.store import Store
from mcptui.store import database as database_module
from mcptui.store.database import set_aside
from mcptui.store.rows import CallEnd, CallStart


def start(key: str, gateway: str = "g") -> CallStart:
    return CallStart(key, gateway, 1.0, "c", "1", 7, "time", "now", "tools/call", "{}", 2)


def test_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.db"
    old = os.umask(0)
    try:
        Store.open(path).close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_damaged_file_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is no database" * 400)
    with pytest.raises(McptuiError, match="damaged") as caught:
        Store.open(path)
    assert "doctor" in caught.value.fix
    kept = set_aside(path, clock=lambda: 12.0)
    assert kept.read_bytes() == b"this is no database" * 400
    Store.open(path).close()


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version=99")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(McptuiError, match="newer"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.record([start("first")])
    pages = store.read("PRAGMA page_count")[0][0]
    store.connection.execute(f"PRAGMA max_page_count={pages}")
    big = replace(start("second"), request="x" * 200_000)
    with pytest.raises(TryAgain, match="could not be written"):
        store.record([big])
    assert [call.key for call in store.calls()] == ["first"]
    store.close()


def test_a_busy_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    Store.open(path).close()
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    store = Store.open(path)
    with pytest.raises(TryAgain, match="busy"):
        store.remember("a", 1)
    holder.execute("ROLLBACK")
    store.remember("a", 1)
    assert store.recall("a") == 1
    holder.close()
    store.close()


def _open_and_write(path: str, number: int) -> None:
    store = Store.open(Path(path))
    for index in range(40):
        store.record([start(f"{number}-{index}"), CallEnd(f"{number}-{index}", "ok", 1.0)])
    store.close()


def test_many_processes_open_a_new_database_at_once_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_open_and_write, args=(str(path), n)) for n in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = Store.open(path)
    assert len(store.calls(limit=1000)) == 200
    assert {call.outcome for call in store.calls(limit=1000)} == {"ok"}
    store.close()


_KILLED = """
import sys
from pathlib import Path
from mcptui.store import Store
from mcptui.store.rows import CallStart
store = Store.open(Path(sys.argv[1]))
for n in range(1_000_000):
    store.record([CallStart(str(n), "g", 1.0, "c", "1", 7, "s", "t", "tools/call", "{}", 2)])
    if n == 20:
        print("going", flush=True)
"""


def test_kill_nine_in_the_middle_of_writing_leaves_a_whole_database(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"going\n"
    time.sleep(0.2)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    store = Store.open(path)
    assert store.read("PRAGMA integrity_check")[0][0] == "ok"
    calls = store.calls(limit=1_000_000)
    assert [call.key for call in calls] == [str(n) for n in range(len(calls))]
    assert store.lose_gateways(["g"]) == len(calls) > 20
    store.close()


def test_changes_of_others_are_noticed_and_own_ones_are_not(tmp_path: Path) -> None:
    ours, theirs = Store.open(tmp_path / "state.db"), Store.open(tmp_path / "state.db")
    ours.changed()
    assert not ours.changed()
    theirs.remember("x", 1)
    assert ours.changed()
    assert not ours.changed()
    ours.close()
    theirs.close()
