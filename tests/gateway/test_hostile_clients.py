"""Clients over stdio that flood, do not read, leave, or say what makes no sense."""

from __future__ import annotations

import json
import time
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.hostile import do, hostile, known, memory, steady
from tests.gateway.local import installed
from tests.gateway.talk import MODERN_META

MIB = 1 << 20


def test_ten_thousand_requests_at_once_are_each_answered_and_recorded(
    start: Start, store: Store
) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    do(talk, ["answer", "up"])
    before = memory(talk)
    line = (
        '{"jsonrpc":"2.0","id":"f%d","method":"tools/call",'
        '"params":{"name":"bad__echo","arguments":{"text":"%d"}}}'
    )
    talk.write("\n".join(line % (n, n) for n in range(10_000)).encode())
    until(lambda: len(talk.raw) > 10_000, 60)
    answers = [json.loads(raw) for raw in talk.raw if b'"id":"f' in raw]
    assert len({answer["id"] for answer in answers}) == len(answers) == 10_000
    assert memory(talk) - before < 80 * MIB
    until(lambda: sum(store.call_counts().values()) == 10_001, 60)
    # The end of a call may be in the next batch.
    until(lambda: {key[-1] for key in store.call_counts()} <= {"ok", "refused"}, 20)


def test_a_client_that_never_reads_costs_bounded_memory_and_ends_in_time(
    start: Start, store: Store
) -> None:
    talk = start(known(store), installed("good"), undelivered=16 * MIB)
    talk.hello()
    do(talk, ["answer", "up"])
    before = memory(talk)
    other = start()
    other.hello()
    with talk.unread():
        for _ in range(60):
            big = {"name": "bad__do", "arguments": {"steps": [["answer", "x" * 1000]] * 1}}
            talk.start("tools/call", big)
            talk.start("tools/call", {"name": "good__big", "arguments": {"size": MIB}})
        until(lambda: sum(row.outcome != "open" for row in store.calls(limit=500)) >= 121, 30)
        assert other.text("good__echo", {"text": "hi"}) == "hi"
        assert memory(talk) - before < 60 * MIB
        outcomes = {(row.tool, row.outcome) for row in store.calls(limit=500)}
        assert ("big", "error") in outcomes and ("big", "ok") in outcomes
    until(lambda: talk.text("good__echo", {"text": "read again"}) == "read again")


def test_a_client_that_leaves_in_a_call_leaves_no_open_row(start: Start, store: Store) -> None:
    talk = start(known(store))
    talk.hello()
    do(talk, ["answer", "up"])
    talk.start("tools/call", {"name": "bad__hang"})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "open"])
    assert talk.process.stdout is not None
    began = time.monotonic()
    assert talk.close() == 0 and time.monotonic() - began < 5
    assert [row.outcome for row in store.calls()] == ["ok", "cancelled"]


def test_ids_of_every_kind(start: Start) -> None:
    talk = start(installed("good"))
    talk.hello()
    for good in (0, -5, 2**53, "", "x" * 200, "é\u202e😀", '"\\', "5"):
        talk.send(id=good, method="ping")
        assert talk.next(lambda m, good=good: m.get("id") == good)["result"] == {}
    talk.write(b'{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}')
    talk.next(lambda m: m.get("id") == "\ud83d")
    odd: list[Any] = [None, 1.5, 2**53 + 1, 1e300, True, [], {}, "y" * 500]
    for bad in odd:
        talk.send(id=bad, method="ping")
        assert talk.next(lambda m: "error" in m)["error"]["code"] == -32600, bad
    # One id may come again once its request is over; 5 and "5" are two.
    for number in (5, "5", 5):
        talk.send(id=number, method="tools/call", params={"name": "good__echo"})
        assert "result" in talk.wait(number)


def test_what_makes_no_sense_is_answered_or_passed_over(start: Start) -> None:
    talk = start(installed("good"))
    talk.hello()
    lines: list[Any] = [
        {"id": "mcptui-1", "result": {}}, {"id": 7, "error": {"code": 1, "message": "x"}},
        {"method": "notifications/cancelled", "params": {"requestId": "never"}},
        {"method": "notifications/cancelled", "params": {"requestId": None}},
        {"method": "notifications/cancelled", "params": [1]},
        {"method": "notifications/cancelled"},
        {"method": "notifications/progress", "params": {"progressToken": 1}},
        {"method": "notifications/nobody-knows"}, {"method": "notifications/initialized"},
        {"method": "notifications/roots/list_changed", "params": 5},
    ]  # fmt: skip
    for line in lines:
        talk.send(**line)
    assert steady(talk, 3) < 5
    assert not [m for m in talk.kept if "error" in m]
    for method in ("nobody/knows", "x" * 10_000, "\u202e", "tools/call/../x"):
        assert talk.ask(method)["error"]["code"] == -32601
    wrong: list[Any] = [5, "x", [], {"name": {}}, {"name": "good__echo", "_meta": 5},
                   {"name": "good__echo", "Arguments": {}, "arguments": {}}]  # fmt: skip
    for params in wrong:
        number = next(talk.numbers)
        talk.send(id=number, method="tools/call", params=params)
        assert talk.wait(number)["error"]["code"] == -32602, params
    assert talk.hello("2024-11-05")["protocolVersion"] == "2024-11-05"
    assert talk.hello()["protocolVersion"] == "2025-11-25"
    assert steady(talk, 3) < 5


def test_both_eras_interleaved_line_by_line(start: Start) -> None:
    talk = start(installed("good"), installed("new", "--era", "modern"))
    talk.hello()
    numbers: dict[int, str] = {}
    for turn in range(60):
        params: dict[str, Any] = {
            "name": ("good__echo", "new__echo")[turn // 2 % 2], "arguments": {"text": str(turn)},
        }  # fmt: skip
        number = talk.start("tools/call", params, modern=turn % 2 == 0)
        numbers[number] = str(turn)
    for number, text in numbers.items():
        result = talk.wait(number)["result"]
        assert result["content"][0]["text"] == text
        assert ("resultType" in result) is (int(text) % 2 == 0)


def test_a_message_of_a_hundred_megabytes_is_refused_under_its_own_id(
    start: Start,
) -> None:
    talk = start(installed("good"))
    talk.hello()
    before = memory(talk)
    head = b'{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"good__echo","x":"'
    talk.write(head + b"x" * (100 * MIB) + b'"}}')
    error = talk.wait("big")["error"]
    assert error["code"] == -32600 and "over the limit of 64 MiB" in error["message"]
    assert memory(talk) - before < 3 * 64 * MIB
    assert steady(talk, 3) < 5


def test_bytes_that_are_no_text_never_reach_a_server(start: Start) -> None:
    talk = start(hostile(), installed("good"))
    talk.hello()
    do(talk, ["answer", "up"])
    for data in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"):
        talk.write(
            b'{"jsonrpc":"2.0","id":"b","method":"tools/call","params":'
            b'{"name":"bad__echo","arguments":{"text":"%b"}}}' % data
        )
        assert talk.next(lambda m: "error" in m)["error"]["code"] == -32700
    assert do(talk, ["answer", "still"]) == "still"


def test_batches_that_are_abused(start: Start) -> None:
    talk = start(installed("good"))
    talk.hello("2025-03-26")
    ping = '{"jsonrpc":"2.0","id":"n%d","method":"ping"}'
    talk.write(("[" + ",".join(ping % n for n in range(100)) + "]").encode())
    for number in range(100):
        assert talk.wait(f"n{number}")["result"] == {}
    many = "[" + ",".join(ping % n for n in range(500)) + "]"
    for bad in ("[]", "[1]", "[[]]", "[" * 5000 + "]" * 5000, many, "[" + "0," * MIB + "0]"):
        before = len(talk.raw)
        talk.write(bad.encode())
        assert talk.next(lambda m: "error" in m)["error"]["code"] in (-32600, -32700), bad[:50]
        assert len(talk.raw) - before <= 101
        talk.kept.clear()
    assert memory(talk) < 250 * MIB
    assert steady(talk, 3) < 5


def test_floods_of_notifications_and_listens_stay_bounded(start: Start) -> None:
    talk = start(installed("good"))
    talk.hello()
    before = memory(talk)
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "x"}}
    talk.write("\n".join([json.dumps(note)] * 50_000).encode())
    assert steady(talk, 3) < 20
    listen = {"notifications": {"toolsListChanged": True}, "_meta": MODERN_META}
    for number in range(3000):
        talk.send(id=f"l{number}", method="subscriptions/listen", params=listen)
    assert steady(talk, 3) < 20
    assert memory(talk) - before < 60 * MIB
    assert any("error" in m for m in talk.kept if str(m.get("id", "")).startswith("l"))


def test_a_client_row_says_what_became_of_every_call(start: Start, store: Store) -> None:
    talk = start(known(store), call=4)
    talk.hello()
    do(talk, ["answer", "good"])
    talk.ask("tools/call", {"name": "bad__hang"})
    talk.ask("tools/call", {"name": "none__such"})
    talk.ask("tools/call", {"name": "bad__do", "arguments": {"steps": [["exit", 2]]}})
    found = [(row.outcome, bool(row.reason)) for row in rows(store, 4)]
    assert found == [("ok", False), ("timed out", True), ("error", True), ("error", True)]
