"""A server that floods: bounded in memory and log, and a bystander's calls go on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Start, until
from tests.gateway.hostile import do, hostile, known, log, memory, order, steady, unhurt
from tests.gateway.local import installed
from tests.gateway.talk import Talk

MIB = 1 << 20


def opened(start: Start, **limits: Any) -> Talk:
    talk = start(hostile(), installed("good"), **limits)
    talk.hello(sampling={}, elicitation={})
    assert do(talk, ["answer", "ready"]) == "ready"
    return talk


def flooded(talk: Talk, line: str, seconds: float = 1.5) -> int:
    """Run one flood beside a bystander's calls; gives how many messages reached the client."""
    quiet = steady(talk, 20)
    before, seen = memory(talk), len(talk.raw)
    number = talk.start(
        "tools/call", order(["flood", line, 10**9, seconds], ["answer", "done"], token=1)
    )
    unhurt(quiet, steady(talk, 20))
    assert "result" in talk.wait(number)
    assert memory(talk) - before < 40 * MIB
    talk.kept.clear()
    return len(talk.raw) - seen


def test_floods_of_what_concerns_nobody_reach_nobody(start: Start) -> None:
    talk = opened(start)
    for line in (
        '{"jsonrpc":"2.0","id":$N000,"result":{}}',
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"$N"}}',
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"$N"}}',
        '{"jsonrpc":"2.0","id":"p-$N","method":"ping"}',
        "this is no message $N",
    ):
        assert flooded(talk, line, 0.7) < 100, line


def test_floods_of_what_a_client_may_hear_stay_bounded(start: Start, store: Store) -> None:
    talk = opened(start)
    for line in (
        '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":$N}}',
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TOKEN,'
        '"progress":$N}}',
        '{"jsonrpc":"2.0","method":"notifications/x-of-its-own","params":{"n":$N}}',
    ):
        flooded(talk, line, 0.7)


def test_a_flood_of_questions_asks_the_client_a_bounded_number(start: Start) -> None:
    talk = opened(start)
    questions: tuple[tuple[str, dict[str, Any]], ...] = (
        ("elicitation/create", {"message": "?", "requestedSchema": {"type": "object"}}),
        ("sampling/createMessage", {"messages": [], "maxTokens": 1}),
    )
    for method, params in questions:
        line = json.dumps({"jsonrpc": "2.0", "id": "q-$N", "method": method, "params": params})
        assert flooded(talk, line, 0.5) < 400
        # Those that were asked are taken back with their server, and not asked for ever.
        talk.call("bad__do", {"steps": [["exit", 0]]})
        assert do(talk, ["answer", "new"]) == "new"
        talk.kept.clear()


def test_questions_asked_and_taken_back_do_not_pile_up_before_a_deaf_client(
    start: Start,
) -> None:
    talk = opened(start)
    ask = json.dumps(
        {"jsonrpc": "2.0", "id": "q", "method": "elicitation/create",
         "params": {"message": "x" * 20_000, "requestedSchema": {"type": "object"}}}
    )  # fmt: skip
    back = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}'
    before = memory(talk)
    with talk.unread():
        talk.start("tools/call", order(["flood", f"{ask}\n{back}", 4000, 4]))
        time.sleep(4)
        assert memory(talk) - before < 60 * MIB
    assert steady(talk, 3) < 20


def test_a_server_that_asks_and_never_reads_gets_no_more_answers(start: Start) -> None:
    talk = opened(start)
    quiet, before = steady(talk, 20), memory(talk)
    ping = '{"jsonrpc":"2.0","id":"a-long-id-so-that-it-fills-the-pipe-$N","method":"ping"}'
    talk.start("tools/call", order(["deaf"], ["flood", ping, 300_000, 3], ["hear"]))
    time.sleep(0.5)
    unhurt(quiet, steady(talk, 20))
    assert memory(talk) - before < 60 * MIB
    # Calls it leaves unread pile up to a limit, and are refused from there on.
    assert do(talk, ["answer", "it reads again"]) == "it reads again"


def test_calls_that_a_server_leaves_unread_are_refused_beyond_a_limit(
    start: Start, store: Store
) -> None:
    talk = start(known(store), installed("good"), unread=4 * MIB)
    talk.hello()
    do(talk, ["deaf"], ["answer", "deaf from now on"])
    big = {"name": "bad__echo", "arguments": {"text": "x" * MIB}}
    numbers = [talk.start("tools/call", big) for _ in range(10)]
    until(lambda: any(b"does not read" in raw for raw in talk.raw))
    refused = [raw for raw in talk.raw if b"does not read" in raw]
    assert 1 <= len(refused) <= 5
    for number in numbers:
        talk.send(method="notifications/cancelled", params={"requestId": number})
    assert steady(talk, 5) < 5


def test_a_flood_of_log_lines_is_cut_and_slows_nothing(start: Start, store: Store) -> None:
    talk = opened(start)
    quiet, before = steady(talk, 30), memory(talk)
    number = talk.start("tools/call", order(["stderr", "noise " * 20, 2], ["answer", "done"]))
    unhurt(quiet, steady(talk, 30))
    talk.wait(number)
    assert memory(talk) - before < 30 * MIB
    talk.call("bad__do", {"steps": [["exit", 0]]})
    until(lambda: "the server writes too much" in log(store))
    assert len(log(store)) < 4 * MIB


def test_log_lines_of_any_bytes(start: Start, store: Store) -> None:
    talk = opened(start)
    code = "import os; os.write(2, b'\\xff\\x00\\x1b]52;c;x\\x07' + b'y' * 100000 + b'\\nnext\\n')"
    assert do(talk, ["run", code], ["answer", "ok"]) == "ok"
    until(lambda: "next" in log(store))
    assert len(log(store)) < 40_000


def test_progress_after_the_answer_and_twice_answered(start: Start) -> None:
    talk = opened(start)
    late = '{"jsonrpc":"2.0","method":"notifications/progress","params":%s}'
    late %= '{"progressToken":$TOKEN,"progress":%d}'
    steps = [["line", late % 1], ["answer", "a"], ["line", late % 2], ["answer", "b"]]
    assert talk.ask("tools/call", order(*steps, token="t"))["result"]["content"][0]["text"] == "a"
    assert do(talk, ["answer", "c"]) == "c"
    told = [m["params"] for m in talk.kept if m.get("method") == "notifications/progress"]
    assert [params["progress"] for params in told] == [1]
    assert not any(b'"b"' in raw for raw in talk.raw)


def test_a_storm_of_changed_lists_is_looked_at_now_and_then(start: Start) -> None:
    talk = opened(start)
    quiet = steady(talk, 20)
    line = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    number = talk.start("tools/call", order(["flood", line, 10**9, 2], ["answer", "done"]))
    unhurt(quiet, steady(talk, 20))
    talk.wait(number)
    counts = json.loads(talk.text("bad__count"))
    assert counts["tools/list"] < 15


def test_what_a_gateway_holds_comes_back(start: Start) -> None:
    talk = opened(start)
    folder = Path(f"/proc/{talk.process.pid}")

    def held() -> tuple[int, int]:
        return len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))

    before = held()
    for _ in range(5):
        talk.call("bad__do", {"steps": [["exit", 1]]})
        talk.call("good__die")
        talk.call("good__echo")
    until(lambda: held() <= (before[0] + 2, before[1] + 2))
