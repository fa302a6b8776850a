"""When servers start and end: lazily or warm, stopped when idle, never too many, never twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed, remembered
from tests.gateway.talk import Talk


def state(store: Store, server: str) -> tuple[str, str]:
    """A server's state and the reason of it."""
    found = {row.server: row for row in store.states()}
    return (found[server].state, found[server].reason) if server in found else ("", "")


def servers_of(talk: Talk) -> list[str]:
    """The command lines of the servers a gateway has now."""
    found: list[str] = []
    for children in Path(f"/proc/{talk.process.pid}/task").glob("*/children"):
        for pid in children.read_text().split():
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"peer.py" in line:
                found.append(line.decode())
    return found


def lines(store: Store, server: str, words: str) -> int:
    """How often a server's log has some words."""
    return sum(words in line.text for line in store.log(server))


def test_an_idle_server_is_stopped_says_so_and_starts_with_the_next_call(
    start: Start, store: Store
) -> None:
    talk = start(installed("one"), idle=1)
    talk.hello()
    assert talk.text("one__echo", {"text": "a"}) == "a"
    until(lambda: state(store, "one") == ("stopped", "idle: nobody used it for 1 s"), 20)
    until(lambda: servers_of(talk) == [])
    assert talk.text("one__echo", {"text": "b"}) == "b"
    until(lambda: state(store, "one")[0] == "running")
    assert [row.restarts for row in store.states()] == [1]


def test_calls_and_calls_alone_keep_a_server(start: Start, store: Store) -> None:
    talk = start(installed("one"), idle=0.6)
    talk.hello()
    talk.call("one__echo")
    number = talk.start("tools/call", _call("one__slow", steps=30, pause=0.1))
    assert talk.wait(number)["result"]["content"][0]["text"] == "slept"
    assert lines(store, "one", "idle") == 0
    assert [row.restarts for row in store.states()] == [0]
    until(lambda: state(store, "one")[0] == "stopped", 20)


def test_a_server_that_waits_for_the_clients_word_is_not_idle(start: Start, store: Store) -> None:
    talk = start(installed("one"), idle=0.6)
    talk.hello(elicitation={})
    number = talk.start("tools/call", _call("one__ask"))
    question = talk.next(lambda m: m.get("method") == "elicitation/create")
    time.sleep(2)
    talk.send(id=question["id"], result={"action": "accept", "content": {"name": "Ada"}})
    assert "Ada" in talk.wait(number)["result"]["content"][0]["text"]
    # The same for a client of the modern era, whose question lies parked between two requests.
    asked = talk.ask("tools/call", _call("one__ask"), modern=True)["result"]
    time.sleep(2)
    again = {
        **_call("one__ask"),
        "requestState": asked["requestState"],
        "inputResponses": {key: {"action": "accept"} for key in asked["inputRequests"]},
    }
    assert "accept" in talk.ask("tools/call", again, modern=True)["result"]["content"][0]["text"]


def test_a_server_whose_resource_is_watched_is_not_idle(start: Start, store: Store) -> None:
    talk = start(installed("one"), idle=0.6)
    talk.hello()
    talk.call("one__echo")
    until(lambda: store.definitions("one") is not None)
    talk.notification("notifications/resources/list_changed")
    talk.ask("resources/subscribe", {"uri": "test://one"})
    talk.notification("notifications/resources/updated")
    time.sleep(2)
    assert state(store, "one")[0] == "running"
    talk.ask("resources/unsubscribe", {"uri": "test://one"})
    until(lambda: state(store, "one")[0] == "stopped", 20)


def test_idle_for_ever_where_it_is_set_so(start: Start, store: Store) -> None:
    talk = start(installed("one"), idle=0)
    talk.hello()
    talk.call("one__echo")
    time.sleep(2)
    assert state(store, "one")[0] == "running"


def test_the_least_recently_used_makes_room(start: Start, store: Store) -> None:
    names = ["one", "two", "three"]
    talk = start(*(remembered(store, name) for name in names), containers=2)
    talk.hello()
    for name in ("one", "two", "one", "three"):
        assert talk.text(f"{name}__echo", {"text": name}) == name
        assert len(servers_of(talk)) <= 2
    until(lambda: state(store, "two") == ("stopped", "idle: it made room for three"))
    until(lambda: [state(store, name)[0] for name in ("one", "three")] == ["running"] * 2)


def test_without_room_a_call_waits_a_bounded_time_and_is_refused_with_words(
    start: Start, store: Store
) -> None:
    talk = start(remembered(store, "one"), remembered(store, "two"), containers=1, room=1)
    talk.hello()
    talk.call("one__echo")
    busy = talk.start("tools/call", _call("one__slow", steps=40, pause=0.1))
    began = time.monotonic()
    result = talk.call("two__echo")
    assert result["isError"] is True and 0.9 < time.monotonic() - began < 8
    assert "in use" in result["content"][0]["text"]
    assert talk.wait(busy)["result"]["content"][0]["text"] == "slept"
    # It was no fault of the server's: it starts as soon as there is room, without a pause.
    for _ in range(2):
        assert talk.text("two__echo", {"text": "now"}) == "now"


def test_a_client_never_has_two_processes_of_a_server(start: Start, store: Store) -> None:
    talk = start(installed("one", "--stubborn"), stop=0.4)
    talk.hello()
    talk.call("one__echo")
    for turn in range(3):
        store.wish("stop", "one")
        deadline = time.monotonic() + 10
        number = 0
        while time.monotonic() < deadline:
            assert len(servers_of(talk)) <= 1
            if not number and state(store, "one")[0] == "stopped":
                number = talk.start("tools/call", _call("one__echo", text=str(turn)))
            if number and state(store, "one")[0] == "running":
                break
        answer = talk.wait(number)
        assert answer["result"]["content"][0]["text"] == str(turn)


def test_each_hop_has_its_own_limit(start: Start, store: Store) -> None:
    talk = start(installed("one", "--no-handshake", "--era", "silent"), start=1, probe=0.3)
    talk.hello()
    result = talk.call("one__echo")
    assert "did not answer the handshake within 1 s" in result["content"][0]["text"]
    other = start(remembered(store, "two"), call=0.8)
    other.hello()
    result = other.call("two__hang")
    assert result["isError"] is True and "did not answer within" in result["content"][0]["text"]
    assert [row.outcome for row in rows(store, 2) if row.tool == "hang"] == ["timed out"]


def test_what_may_have_had_effects_is_never_done_twice(start: Start, store: Store) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    result = talk.call("one__die")
    assert "not known how much of it was done" in result["content"][0]["text"]
    assert talk.text("one__echo", {"text": "again"}) == "again"
    until(lambda: lines(store, "one", "about to die") == 1)
    found = rows(store, 3)
    assert [(row.tool, row.outcome) for row in found] == [
        ("echo", "ok"), ("die", "error"), ("echo", "ok"),
    ]  # fmt: skip


def test_a_server_that_cannot_run_is_left_alone_after_a_few_tries(
    start: Start, store: Store
) -> None:
    talk = start(remembered(store, "one", "--dies"), backoff=0.3)
    talk.hello()
    began = time.monotonic()
    for _ in range(6):
        assert talk.call("one__echo")["isError"] is True
    assert time.monotonic() - began > 0.3
    until(lambda: lines(store, "one", "cannot find my configuration") >= 3)
    time.sleep(0.3)
    assert lines(store, "one", "cannot find my configuration") == 3
    assert "not started again" in talk.call("one__echo")["content"][0]["text"]
    store.wish("restart", "one")
    until(lambda: lines(store, "one", "cannot find my configuration") == 4)


def test_warm_servers_start_unasked_and_delay_no_answer(start: Start, store: Store) -> None:
    names = ["one", "two", "three", "four"]
    talk = start(*(remembered(store, name) for name in names), warm=1, warm_at_once=2)
    talk.hello()
    for _ in range(20):
        began = time.monotonic()
        talk.ask("tools/list")
        assert time.monotonic() - began < 2
    until(lambda: [state(store, name)[0] for name in names] == ["running"] * 4, 30)
    assert store.calls() == []


def test_a_client_that_reconnects_leaves_no_server_behind(start: Start, store: Store) -> None:
    for _ in range(3):
        talk = start(remembered(store, "one"))
        talk.hello()
        talk.call("one__echo")
        assert len(servers_of(talk)) == 1
        assert talk.close() == 0
    assert store.states() == [] and store.gateways(live=True) == []


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}
