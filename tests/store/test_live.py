"""Gateways, states, wishes, logs, receipts and undo."""

from __future__ import annotations

from dataclasses import replace

from mcptui.store import Store
from mcptui.store.live import LOG_LINES_KEPT
from mcptui.store.memory import UNDO_KEPT
from mcptui.store.rows import GatewayRow, LogLine, Receipt, ServerState

GATEWAY = GatewayRow("g1", 10, "12345", "Cursor", "1", 9, 1.0, 1.0)


def test_a_stopped_gateway_takes_its_states_with_it(store: Store) -> None:
    store.put_gateway(GATEWAY)
    store.put_gateway(replace(GATEWAY, id="g2"))
    store.put_state(ServerState("g1", "time", "running", container="abc", since=2.0))
    store.put_state(ServerState("g2", "time", "down", "exit code 1", since=2.0, restarts=3))
    store.stop_gateway("g1")
    assert [row.id for row in store.gateways()] == ["g2"]
    assert [row.id for row in store.gateways(live=False)] == ["g1", "g2"]
    assert [(row.gateway, row.state, row.restarts) for row in store.states()] == [("g2", "down", 3)]


def test_wishes_come_in_order_and_grow_old(store: Store) -> None:
    first = store.wish("stop", "time")
    second = store.wish("switch", "time", {"tool": "now", "on": False})
    assert [wish.id for wish in store.wishes(after=0)] == [first, second]
    assert store.wishes(after=first)[0].payload == {"tool": "now", "on": False}
    assert store.last_wish() == second
    real = store.clock
    store.clock = lambda: real() + 3600
    third = store.wish("reload", "")
    assert [wish.id for wish in store.wishes(after=0)] == [third]


def test_a_log_keeps_the_newest_lines_of_each_server(store: Store) -> None:
    store.append_log([LogLine(0, "quiet", "g1", 1.0, "only line")])
    for start in range(0, LOG_LINES_KEPT + 500, 500):
        store.append_log(
            [LogLine(0, "loud", "g1", 1.0, f"line {n}") for n in range(start, start + 500)]
        )
    lines = store.log("loud", limit=LOG_LINES_KEPT * 2)
    assert len(lines) == LOG_LINES_KEPT
    assert lines[-1].text == f"line {LOG_LINES_KEPT + 499}"
    assert [line.text for line in store.log("quiet")] == ["only line"]
    assert store.log("loud", after=lines[-2].id) == lines[-1:]


def test_receipts_and_memory(store: Store) -> None:
    store.put_receipt(Receipt("cursor", "/a", 1.0, {"sha": "x"}))
    store.put_receipt(Receipt("cursor", "/a", 2.0, {"sha": "y"}))
    found = store.receipt("cursor", "/a")
    assert found is not None
    assert found.payload == {"sha": "y"}
    assert len(store.receipts()) == 1
    store.drop_receipt("cursor", "/a")
    assert store.receipt("cursor", "/a") is None
    assert store.recall("room", "catalog") == "catalog"
    store.remember("room", {"name": "calls", "cursor": 4})
    assert store.recall("room") == {"name": "calls", "cursor": 4}


def test_undo_is_a_bounded_stack(store: Store) -> None:
    assert store.last_undo() is None
    for number in range(UNDO_KEPT + 10):
        store.push_undo(f"change {number}", "switch", {"n": number})
    last = store.last_undo()
    assert last is not None
    assert last.label == f"change {UNDO_KEPT + 9}"
    store.undone(last.id)
    before = store.last_undo()
    assert before is not None
    assert before.payload == {"n": UNDO_KEPT + 8}
    assert store.read("SELECT count(*) FROM undo")[0][0] == UNDO_KEPT - 1
