"""Recording: prompt, batched, and never in the way of a call."""

from __future__ import annotations

import re
import sqlite3
import time
from dataclasses import replace

from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.rows import CallStart
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed
from tests.gateway.test_trust import pins


def test_a_call_is_visible_while_it_runs(start: Start, store: Store) -> None:
    talk = start(installed("one", pins=pins()))
    talk.hello()
    talk.call("one__echo")
    talk.start("tools/call", {"name": "one__hang", "arguments": {"why": "to be seen"}})
    began = time.monotonic()
    until(lambda: [row.tool for row in store.calls() if row.outcome == "open"] == ["hang"])
    assert time.monotonic() - began < 2
    body = store.call_body(store.calls()[-1].id)
    assert body is not None and body.request == '{"why": "to be seen"}'


def test_a_first_call_tells_how_long_it_waited_for_its_server(start: Start, store: Store) -> None:
    talk = start(installed("one", pins=pins()))
    talk.hello()
    for number in range(2):
        talk.call("one__echo", {"text": str(number)})
    first, second = rows(store, 2)
    told = re.fullmatch(r'text="?0"? · waited (\d+\.\d) s for its container to start', first.what)
    assert told is not None, first.what
    assert float(told[1]) * 1000 <= first.ms + 100
    assert (first.outcome, first.reason) == ("ok", "")
    assert "waited" not in second.what and second.outcome == "ok"


def test_calls_older_than_a_month_are_forgotten(start: Start, store: Store) -> None:
    day = 86_400.0
    old = CallStart(
        "old",
        "dead",
        time.time() - 31 * day,
        "Cursor",
        "1",
        7,
        "one",
        "echo",
        "tools/call",
        "{}",
        2,
    )
    store.record([old, replace(old, key="young", at=time.time() - 29 * day)])
    start(installed("one", pins=pins())).hello()
    until(lambda: [row.key for row in store.calls()] == ["young"])


def test_calls_go_on_while_the_database_is_locked_and_are_recorded_after(
    start: Start, store: Store, home: Home
) -> None:
    talk = start(installed("one", pins=pins()))
    talk.hello()
    talk.call("one__echo")
    rows(store, 1)
    lock = sqlite3.connect(home.paths.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        for number in range(20):
            assert talk.text("one__echo", {"text": str(number)}) == str(number)
        assert talk.ask("tools/list")["result"]["tools"]
        assert len(store.calls()) == 1
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert [row.outcome for row in rows(store, 21, 20)] == ["ok"] * 21


def test_a_damaged_database_leaves_a_gateway_that_answers(
    start: Start, home: Home, store: Store
) -> None:
    home.close()
    home.paths.database.write_bytes(b"this is no database" * 1000)
    for suffix in ("-wal", "-shm"):
        home.paths.database.with_name(home.paths.database.name + suffix).unlink(missing_ok=True)
    talk = start()
    assert talk.hello()["serverInfo"]["name"] == "mcptui"
    assert talk.ask("tools/list")["result"] == {"tools": []}
    assert talk.close() == 0
    assert any(b"damaged" in line for line in talk.errors)


def test_a_database_that_breaks_later_stops_no_call(start: Start, home: Home, store: Store) -> None:
    talk = start(installed("one", pins=pins()))
    talk.hello()
    talk.call("one__echo")
    with home.paths.database.open("r+b") as file:
        file.write(b"\0" * 200)
    for number in range(5):
        assert talk.text("one__echo", {"text": str(number)}) == str(number)
        time.sleep(0.1)
    assert talk.close() == 0


def test_prompts_resources_and_completions_are_rows_too(start: Start, store: Store) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.notification("notifications/resources/list_changed")
    talk.ask("prompts/get", {"name": "one__greet", "arguments": {"who": "me"}})
    talk.ask("resources/read", {"uri": "test://one"})
    reference = {"type": "ref/prompt", "name": "one__greet"}
    argument = {"name": "who", "value": "y"}
    talk.ask("completion/complete", {"ref": reference, "argument": argument})
    talk.ask("tools/call", {"name": "none__such"})
    found = [(row.method, row.server, row.tool, row.outcome) for row in rows(store, 4)]
    assert found == [
        ("prompts/get", "one", "greet", "ok"),
        ("resources/read", "one", "test://one", "ok"),
        ("completion/complete", "one", "greet", "ok"),
        ("tools/call", "", "none__such", "error"),
    ]
