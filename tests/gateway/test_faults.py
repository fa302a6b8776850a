"""Servers and clients that misbehave: bounded cost, a clear word, no effect on the others."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed


def test_a_server_that_dies_in_a_call(start: Start, store: Store) -> None:
    talk = start(installed("one"), installed("two"))
    talk.hello()
    result = talk.call("one__die")
    assert result["isError"] is True
    text = result["content"][0]["text"]
    assert "ended in the middle of this call" in text and "exit code 3" in text
    assert talk.text("two__echo", {"text": "alive"}) == "alive"
    assert talk.text("one__echo", {"text": "again"}) == "again"
    died = rows(store, 3)[0]
    assert (died.outcome, died.tool) == ("error", "die")
    until(lambda: any("about to die" in line.text for line in store.log("one")))


def test_a_server_that_dies_at_start_is_down_and_says_why(start: Start, store: Store) -> None:
    talk = start(installed("bad", "--dies"), installed("good"))
    talk.hello()
    for _ in range(3):
        result = talk.call("bad__anything")
        assert result["isError"] is True and "exit code 4" in result["content"][0]["text"]
    last = talk.call("bad__anything")["content"][0]["text"]
    assert "failed 3 times in a row" in last and "mcptui restart bad" in last
    assert talk.text("good__echo", {"text": "fine"}) == "fine"
    until(lambda: [s for s in store.states() if s.server == "bad" and s.state == "down"])
    store.wish("restart", "bad")
    until(lambda: [s for s in store.states() if s.server == "bad" and s.restarts >= 3])


def test_a_server_that_never_answers_the_handshake(start: Start) -> None:
    talk = start(installed("one", "--era", "silent", "--no-handshake"), probe=0.2, start=0.6)
    talk.hello()
    assert "did not answer the handshake" in talk.text("one__echo")


def test_a_call_that_takes_too_long_is_given_up_and_taken_back(start: Start, store: Store) -> None:
    talk = start(installed("one"), call=0.5)
    talk.hello()
    talk.call("one__echo")
    result = talk.call("one__hang")
    assert result["isError"] is True and "did not answer within" in result["content"][0]["text"]
    until(lambda: "notifications/cancelled" in talk.text("one__seen"))
    assert rows(store, 2)[1].outcome == "timed out"


def test_cancelling_reaches_the_server_in_its_own_numbers(start: Start, store: Store) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    talk.send(id="mine", method="tools/call", params={"name": "one__hang", "arguments": {}})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "open"])
    talk.send(method="notifications/cancelled", params={"requestId": "mine", "reason": "bored"})
    notes = json.loads(talk.text("one__seen"))["notes"]
    cancelled = [params for method, params in notes if method == "notifications/cancelled"]
    assert [type(params["requestId"]) for params in cancelled] == [int]
    talk.silent()
    assert [row.outcome for row in rows(store, 3)] == ["ok", "cancelled", "ok"]


def test_progress_has_the_clients_token_and_ends_with_the_answer(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello()
    params: dict[str, Any] = {"name": "one__slow", "arguments": {}, "_meta": {"progressToken": "t"}}
    talk.ask("tools/call", params)
    told = [m["params"] for m in talk.kept if m.get("method") == "notifications/progress"]
    assert told == [{"progressToken": "t", "progress": step, "x-more": [1]} for step in (1, 2, 3)]
    talk.kept.clear()
    params = {"name": "one__late", "arguments": {}, "_meta": {"progressToken": 5}}
    talk.ask("tools/call", params)
    talk.silent()


def test_what_is_no_message_is_left_out_and_logged(start: Start, store: Store) -> None:
    talk = start(installed("one"))
    talk.hello()
    lines = (
        "Debug: starting", '{"jsonrpc":"2.0","id":null,"result":{}}', '{"half":', "[]", "5",
        "[" * 5000 + "]" * 5000, '{"jsonrpc":"2.0","id":99999,"result":{}}',
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77}}',
    )  # fmt: skip
    for line in lines:
        assert talk.text("one__line", {"line": line}) == "written"
    talk.kept = [m for m in talk.kept if "list_changed" not in m.get("method", "")]
    assert talk.kept == []
    until(lambda: any("Debug: starting" in line.text for line in store.log("one")))


def test_a_broken_answer_fails_its_call_at_once(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    number = talk.start("tools/call", {"name": "one__hang", "arguments": {}})
    for own in range(1, 12):
        talk.call("one__line", {"line": f'{{"jsonrpc":"2.0","id":{own},"result":{{"a":]}}'})
    assert "not valid JSON" in talk.wait(number)["result"]["content"][0]["text"]


def test_a_very_long_answer_passes_and_one_over_the_limit_is_told(start: Start) -> None:
    talk = start(installed("one"), line=4 << 20)
    talk.hello()
    assert len(talk.text("one__big", {"size": 3 << 20})) == 3 << 20
    assert "larger than the limit of 4 MiB" in talk.text("one__big", {"size": 5 << 20})
    assert talk.text("one__echo", {"text": "on"}) == "on"


def test_bad_messages_of_a_client(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello("2025-06-18")
    cases = {
        b"{": -32700,
        b"\xff\xfe": -32700,
        b"[1,2]": -32600,
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}': -32600,
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}': -32600,
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}': -32600,
        b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}': -32600,
        b'{"id":70,"method":"ping"}': -32600,
        b'{"jsonrpc":"2.0","id":71,"method":"tools/call","params":[]}': -32602,
        b'{"jsonrpc":"2.0","id":72,"method":"tools/call","params":{"name":5}}': -32602,
        b'{"jsonrpc":"2.0","id":73,"method":"tools/call","params":{}}': -32602,
        b'{"jsonrpc":"2.0","id":74,"method":"tools/list","params":{"cursor":"x"}}': -32602,
        b'{"jsonrpc":"2.0","id":75,"method":"tools/call","params":{"name":"none"}}': -32602,
        b'{"jsonrpc":"2.0","id":76,"method":' + b"[" * 5000 + b"]" * 5000 + b"}": -32600,
    }
    for line, code in cases.items():
        talk.write(line)
        answer = talk.next(lambda m: "error" in m)
        assert answer["error"]["code"] == code, line
    assert talk.ask("ping")["result"] == {}


def test_an_id_in_use_is_refused(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello()
    for _ in range(2):
        talk.send(id=500, method="tools/call", params={"name": "one__hang", "arguments": {}})
    assert talk.wait(500)["error"]["code"] == -32600


def test_a_batch_of_the_version_that_had_them(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello("2025-03-26")
    ping = '{"jsonrpc":"2.0","id":%d,"method":"ping"}'
    talk.write(f"[{ping % 40},{ping % 41}]".encode())
    assert talk.wait(40)["result"] == talk.wait(41)["result"] == {}


@pytest.mark.parametrize("end", ["TERM", "INT", "EOF"])
@pytest.mark.parametrize("hold", ["nothing", "call", "start"])
def test_the_end_takes_less_than_five_seconds(
    start: Start, store: Store, end: str, hold: str
) -> None:
    number = 0
    options = ("--era", "silent", "--no-handshake") if hold == "start" else ()
    talk = start(installed("one", "--stubborn", *options), call=60)
    talk.hello()
    if hold != "nothing":
        if hold == "call":
            talk.call("one__echo")
        number = talk.start("tools/call", {"name": "one__hang", "arguments": {}})
        until(lambda: any(row.outcome == "open" for row in store.calls()))
    began = time.monotonic()
    if end == "EOF":
        assert talk.process.stdin is not None
        talk.process.stdin.close()
    else:
        talk.process.send_signal(getattr(signal, f"SIG{end}"))
    assert talk.process.wait(10) == 0
    assert time.monotonic() - began < 5
    if hold != "nothing":
        assert "not finished" in talk.wait(number)["result"]["content"][0]["text"]
        assert rows(store, 1)[-1].outcome == "cancelled"
    assert store.gateways(live=True) == []
    assert store.states() == []


def test_a_kill_in_the_middle_leaves_the_open_call_and_the_next_start_says_lost(
    start: Start, store: Store
) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    talk.start("tools/call", {"name": "one__hang", "arguments": {"a": 1}})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "open"])
    os.kill(talk.process.pid, signal.SIGKILL)
    talk.process.wait()
    assert [row.outcome for row in store.calls()] == ["ok", "open"]
    start().hello()
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "lost"])
    body = store.call_body(store.calls()[1].id)
    assert body is not None and body.request == '{"a": 1}'


def test_stdout_carries_messages_and_nothing_else(start: Start) -> None:
    talk = start(installed("one", "--malformed"))
    talk.hello()
    talk.call("one__die")
    talk.call("one__echo")
    talk.ask("server/discover", modern=True)
    talk.close()
    assert talk.raw and all(json.loads(line)["jsonrpc"] == "2.0" for line in talk.raw)


def test_a_flood_of_calls_is_answered_one_by_one(start: Start, store: Store) -> None:
    talk = start(installed("one"), in_flight=50)
    talk.hello()
    talk.call("one__echo")
    numbers = [
        talk.start("tools/call", {"name": "one__echo", "arguments": {"text": str(n)}})
        for n in range(2000)
    ]
    texts = [talk.wait(number)["result"]["content"][0]["text"] for number in numbers]
    good = [text for n, text in enumerate(texts) if text == str(n)]
    assert len(good) + sum("open already" in text for text in texts) == 2000
    assert len(good) >= 50
    until(lambda: sum(store.call_counts().values()) == 2001, 20)


def test_a_client_that_does_not_read_is_not_read_either(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    numbers = [
        talk.start("tools/call", {"name": "one__big", "arguments": {"size": 200_000}})
        for _ in range(100)
    ]
    assert all(len(talk.wait(n)["result"]["content"][0]["text"]) == 200_000 for n in numbers)


def test_fifty_mebibytes_on_one_line_cost_three_times_that(start: Start) -> None:
    def peak() -> int:
        status = Path(f"/proc/{talk.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) << 10

    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    before, size = peak(), 50 << 20
    assert len(talk.text("one__big", {"size": size})) == size
    assert peak() - before < 3 * size
