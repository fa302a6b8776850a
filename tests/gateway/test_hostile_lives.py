"""Servers that do not start, do not end, die or fall silent: the gateway lives on and says why."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.hostile import do, hostile, known, log, order, steady
from tests.gateway.local import installed


def test_a_server_that_exits_at_once_without_an_error(start: Start, store: Store) -> None:
    talk = start(known(store, start=[["exit", 0]]), installed("good"), backoff=0.1)
    talk.hello()
    for _ in range(3):
        assert "exit code 0" in do(talk, ["answer", "never"])
    assert "not started again" in do(talk, ["answer", "never"])
    assert steady(talk, 5) < 5
    assert [row.outcome for row in rows(store, 4)[:4]] == ["error"] * 4


def test_a_crash_loop_is_not_fed_by_a_client_that_calls_in_a_loop(
    start: Start, store: Store
) -> None:
    talk = start(known(store, tools_list=[["exit", 9]]), installed("good"), backoff=0.2)
    talk.hello()
    numbers = [talk.start("tools/call", order(["answer", "x"])) for _ in range(200)]
    texts = [talk.wait(number)["result"]["content"][0]["text"] for number in numbers]
    assert all("exit code 9" in text for text in texts)
    while "not started again" not in do(talk, ["answer", "x"]):
        pass
    began = time.monotonic()
    for _ in range(100):
        assert "not started again" in do(talk, ["answer", "x"])
    assert time.monotonic() - began < 10
    assert steady(talk, 5) < 5


def test_a_server_that_crashes_in_calls_and_answers_others_is_not_given_up(
    start: Start, store: Store
) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    for turn in range(5):
        assert do(talk, ["answer", str(turn)]) == str(turn)
        assert "in the middle of this call" in do(talk, ["exit", 1])
    assert do(talk, ["answer", "still"]) == "still"


def test_open_calls_of_a_server_that_dies_all_fail_with_the_reason(
    start: Start, store: Store
) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    do(talk, ["answer", "up"])
    numbers = [talk.start("tools/call", {"name": "bad__hang"}) for _ in range(50)]
    number = talk.start("tools/call", order(["exit", 5]))
    for one in (*numbers, number):
        assert "exit code 5" in talk.wait(one)["result"]["content"][0]["text"]
    found = rows(store, 52)
    assert [row.outcome for row in found] == ["ok"] + ["error"] * 51
    assert all(row.reason for row in found[1:])


def test_a_child_that_keeps_stdout_open_hides_no_death(start: Start, store: Store) -> None:
    talk = start(known(store), installed("good"))
    talk.hello()
    began = time.monotonic()
    text = do(talk, ["fork", 30], ["exit", 6])
    assert "exit code 6" in text and time.monotonic() - began < 15
    assert do(talk, ["answer", "new one"]) == "new one"


def test_a_server_that_never_answers_its_lists_is_down(start: Start, store: Store) -> None:
    talk = start(hostile(tools_list=[]), installed("good"), question=0.8)
    talk.hello()
    assert "could not be listed" in do(talk, ["answer", "x"])
    assert steady(talk, 5) < 5


def test_a_server_that_answers_the_handshake_with_nonsense_is_down(
    start: Start, store: Store
) -> None:
    answers = {
        "null": '{"jsonrpc":"2.0","id":$ID,"result":null}',
        "list": '{"jsonrpc":"2.0","id":$ID,"result":[]}',
        "version": '{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":["x"]}}',
        "future": '{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":"2099-01-01"}}',
        "error": '{"jsonrpc":"2.0","id":$ID,"error":{"code":"no","message":7}}',
        "garbage": '{"jsonrpc":"2.0","id":$ID,"result":{',
        "odd": '{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":"2025-06-18",'
        '"capabilities":[1],"serverInfo":"x","instructions":{"a":1}}}',
    }
    servers = [known(store, name, initialize=[["line", said]]) for name, said in answers.items()]
    talk = start(*servers, installed("good"))
    talk.hello()
    for name in answers:
        answer = talk.ask("tools/call", order(["answer", "fine"], server=name))["result"]
        if name == "odd":
            assert answer["content"][0]["text"] == "fine"
        else:
            assert answer["isError"] is True, name
    assert steady(talk, 5) < 5


def test_two_servers_of_the_same_tools_and_resources(start: Start, store: Store) -> None:
    talk = start(installed("one"), installed("two"))
    talk.hello()
    for name in ("one", "two"):
        assert talk.text(f"{name}__echo", {"text": name}) == name
    tools = [tool["name"] for tool in talk.ask("tools/list")["result"]["tools"]]
    assert len(tools) == len(set(tools)) and {"one__echo", "two__echo"} <= set(tools)
    until(lambda: len(talk.ask("resources/list")["result"]["resources"]) == 1)
    assert talk.ask("resources/read", {"uri": "test://one"})["result"]["contents"]


def test_a_server_locked_to_the_era_of_its_first_client_serves_both(start: Start) -> None:
    talk = start(installed("old", "--era", "legacy"), installed("new", "--era", "modern"))
    talk.hello()
    for turn in range(6):
        for name in ("old", "new"):
            text = f"{name}{turn}"
            assert talk.text(f"{name}__echo", {"text": text}, modern=turn % 2 == 0) == text


def test_a_hung_call_does_not_keep_the_gateway(start: Start, store: Store) -> None:
    talk = start(known(store, start=[["stubborn"]]), known(store, "mute", initialize=[]))
    talk.hello()
    do(talk, ["answer", "up"])
    for name in ("bad__hang", "mute__hang"):
        talk.start("tools/call", {"name": name})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "open", "open"])
    began = time.monotonic()
    talk.process.send_signal(signal.SIGTERM)
    assert talk.process.wait(10) == 0 and time.monotonic() - began < 5
    assert [row.outcome for row in store.calls()] == ["ok", "cancelled", "cancelled"]


def test_a_cancel_goes_up_in_the_servers_own_numbers(start: Start, store: Store) -> None:
    talk = start(known(store), installed("good"), call=1.5)
    talk.hello()
    talk.send(id="my own", method="tools/call", params={"name": "bad__hang"})
    text = talk.wait("my own")["result"]["content"][0]["text"]
    assert "did not answer within" in text
    talk.send(id="second", method="tools/call", params={"name": "bad__hang"})
    talk.send(method="notifications/cancelled", params={"requestId": "second"})
    until(lambda: len(json.loads(talk.text("bad__count"))["cancels"]) == 2)
    assert all(isinstance(n, int) for n in json.loads(talk.text("bad__count"))["cancels"])
    assert [row.outcome for row in rows(store, 3)][:2] == ["timed out", "cancelled"]


def test_stubborn_servers_of_a_killed_gateway_lose_their_pipes(start: Start, store: Store) -> None:
    # What is left in containers is for the reaper: see test_hostile_containers.
    talk = start(known(store), installed("good"))
    talk.hello()
    do(talk, ["answer", "up"])
    children = [
        int(pid)
        for task in Path(f"/proc/{talk.process.pid}/task").glob("*/children")
        for pid in task.read_text().split()
    ]
    assert children
    os.kill(talk.process.pid, signal.SIGKILL)
    talk.process.wait()
    until(lambda: not any(_alive(pid) for pid in children))
    assert log(store) is not None


def _alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
