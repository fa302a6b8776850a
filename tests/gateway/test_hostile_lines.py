"""What a server writes that is no message, or not quite: one call fails, nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.hostile import RESULT, do, hostile, known, log, memory, order, steady
from tests.gateway.local import installed
from tests.gateway.talk import Talk


def opened(start: Start, **limits: Any) -> Talk:
    talk = start(hostile(), installed("good"), **limits)
    talk.hello()
    assert do(talk, ["answer", "ready"]) == "ready"
    return talk


TEXT = b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"%b"}]}}'
BAD = {
    "not UTF-8": b"\xff\xfe",
    "a UTF-8 encoded half character": b"\xed\xa0\x80",
    "a control character": b"a\x01b",
    "a line end in a string": b"a\rb",
    "a bad escape": b"\\x41",
}


def test_answers_that_are_no_json_fail_their_call_at_once(start: Start, store: Store) -> None:
    talk = opened(start)
    cases = [RESULT % value for value in ('x"}]},"a":NaN,"b":{"c":[{"d":"', '"}]},"a":')]
    cases += ['{"id":$ID,"result":{"a":Infinity}}', '{"jsonrpc":"2.0","id":"$ID","result":{"a":}}']
    for line in cases:
        assert "not valid JSON" in do(talk, ["line", line]), line
    for name, data in BAD.items():
        raw = (TEXT % (0, data)).replace(b'"id":0', b'"id":$').hex()
        # The id is not known here: the server puts it in by writing three pieces.
        head, _, tail = raw.partition(b"$".hex())
        steps = [["hex", head], ["put", "$ID"], ["hex", tail + "0a"]]
        assert "not valid JSON" in do(talk, *steps), name
    assert steady(talk, 5) < 5
    assert {row.outcome for row in rows(store, 14)} == {"ok", "error"}
    until(lambda: "not a message" in log(store))


ODD = [
    "\ufeff" + RESULT % "fine",
    RESULT % "fine" + "\r",
    " \t" + RESULT % "fine" + "  ",
    '{"id":"$ID","result":{"content":[{"type":"text","text":"fine"}]}}',
    '{"jsonrpc":"2.0","id":$ID.0,"result":{"content":[{"type":"text","text":"fine"}]}}',
    '{"jsonrpc":"2.0","id":999,"id":$ID,"result":{},"result":'
    '{"content":[{"type":"text","text":"fine"}]}}',
    '{"jsonrpc":"2.0","\\u0069d":$ID,"result":{"content":[{"type":"text","text":"fine"}]}}',
    '{"x":[{"id":1}],"result":{"content":[{"type":"text","text":"fine"}]},"id":$ID}',
]
SHAPES = [
    '"result":null', '"result":5', '"result":[]', '"error":null', '"error":"no"',
    '"error":[1]', '"error":{"code":"x"}', '"x":1', '"result":{},"error":{"code":1}',
    '"error":{"code":1e999,"message":"m"}',
]  # fmt: skip


def test_answers_that_are_odd_and_valid_pass(start: Start) -> None:
    talk = opened(start)
    for line in ODD:
        assert do(talk, ["line", line]) == "fine", line


def test_answers_of_the_wrong_shape_are_answers_all_the_same(start: Start) -> None:
    talk = opened(start)
    for part in SHAPES:
        line = f'{{"jsonrpc":"2.0","id":$ID,{part}}}'
        for modern in (False, True):
            answer = talk.ask("tools/call", order(["line", line]), modern=modern)
            assert isinstance(answer.get("result", answer.get("error")), dict), answer
            if "result" in answer and part != '"result":{},"error":{"code":1}':
                assert answer["result"]["isError"] is True, answer
    assert steady(talk, 3) < 5


def test_deep_answers_pass_or_fail_alone(start: Start) -> None:
    talk = opened(start)
    for depth in (100, 900, 1100, 5000, 200_000):
        deep = "[" * depth + "]" * depth
        line = f'{{"jsonrpc":"2.0","id":$ID,"result":{{"content":[],"x":{deep}}}}}'
        for modern in (False, True):
            params = order(["long", line, " ", 1, ""])
            answer = talk.wait(talk.start("tools/call", params, modern=modern), 30)["result"]
            assert answer.get("isError") or answer["x"] == json.loads(deep)
    assert steady(talk, 3) < 5


def test_a_line_end_inside_a_message_starts_no_other(start: Start) -> None:
    talk = opened(start)
    # A client that splits at carriage returns would take the middle for a question of ours.
    inner = '{"jsonrpc":"2.0","id":77,"method":"sampling/createMessage","params":{}}'
    line = f'{{"jsonrpc":"2.0","id":$ID,"result":{{"content":[],"x":\r{inner}\r}}}}'
    answer = talk.ask("tools/call", order(["line", line]))
    assert answer["result"]["x"] == json.loads(inner)
    # And a server that does would take it for a call that nobody has looked at.
    call = b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"die"}}'
    talk.write(
        b'{"jsonrpc":"2.0","id":"s","method":"tools/call","params":\r{"name":"bad__args",'
        b'"arguments":\r{"x":\r%b\r}}}' % call
    )
    seen = bytes.fromhex(talk.wait("s")["result"]["content"][0]["text"])
    assert call in seen and b"\r" not in seen
    assert not any(b"\r" in raw for raw in talk.raw)


def test_answers_nobody_asked_for_are_dropped(start: Start) -> None:
    talk = opened(start)
    steps: list[list[Any]] = [
        ["flood", '{"jsonrpc":"2.0","id":$N000,"result":{"stray":1}}', 2000],
        ["flood", '{"jsonrpc":"2.0","id":null,"result":{"stray":1}}', 200],
        ["flood", '{"jsonrpc":"2.0","id":-$N,"error":{"code":1,"message":"stray"}}', 200],
        ["line", RESULT % "first"],
        ["line", RESULT % "second"],
    ]
    assert do(talk, *steps) == "first"
    # An answer to the call that will come next, before it comes.
    stray = '{"jsonrpc":"2.0","id":%d,"result":{"stray":1}}'
    ahead = [["line", stray % number] for number in range(50, 150)]
    assert do(talk, *ahead, ["line", RESULT % "own"]) == "own"
    assert do(talk, ["answer", "next"]) == "next"
    assert not any(b"stray" in raw for raw in talk.raw)


def test_half_a_line_then_death_and_half_a_line_then_silence(start: Start, store: Store) -> None:
    talk = start(known(store), installed("good"), call=1.5)
    talk.hello()
    half = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"ty'
    text = do(talk, ["put", half], ["exit", 7])
    assert "not valid JSON" in text or "exit code 7" in text
    assert do(talk, ["answer", "again"]) == "again"
    assert "did not answer within" in do(talk, ["put", half])
    # What it writes next would be part of that line: its next answer is lost, the one after not.
    do(talk, ["line", ""], ["answer", "lost or not"])
    assert do(talk, ["answer", "there"]) == "there"


def test_a_reply_over_the_limit_costs_no_memory_and_no_other_call(
    start: Start, store: Store
) -> None:
    talk = opened(start, line=16 << 20)
    waiting = talk.start("tools/call", {"name": "bad__hang", "arguments": {}})
    before = memory(talk)
    head, tail = RESULT.split("%s")
    began = time.monotonic()
    number = talk.start("tools/call", order(["long", head, "x", 1 << 30, tail]))
    assert steady(talk, 20) < 5
    text = talk.wait(number, 120)["result"]["content"][0]["text"]
    assert "larger than the limit of 16 MiB" in text
    assert memory(talk) - before < 3 * (16 << 20)
    assert time.monotonic() - began < 100
    until(lambda: "was left out" in log(store))
    talk.send(method="notifications/cancelled", params={"requestId": waiting})
    assert do(talk, ["answer", "on"]) == "on"


def test_the_time_of_a_long_line_is_linear(start: Start) -> None:
    talk = opened(start)
    head, tail = RESULT.split("%s")

    def took(size: int) -> float:
        began = time.perf_counter()
        number = talk.start("tools/call", order(["long", head, "é", size, tail]))
        assert len(talk.wait(number, 120)["result"]["content"][0]["text"]) == size // 2
        return time.perf_counter() - began

    took(1 << 20)
    small, before = min(took(5 << 20) for _ in range(2)), memory(talk)
    assert took(50 << 20) < 30 * small + 1
    assert memory(talk) - before < 3 * (50 << 20)


def test_many_long_lines_at_once(start: Start) -> None:
    talk = opened(start)
    head, tail = RESULT.split("%s")
    before = memory(talk)
    numbers = [
        talk.start("tools/call", order(["long", head, "x", 10 << 20, tail])) for _ in range(8)
    ]
    for number in numbers:
        assert len(talk.wait(number, 120)["result"]["content"][0]["text"]) == 10 << 20
    assert memory(talk) - before < 3 * (80 << 20)
