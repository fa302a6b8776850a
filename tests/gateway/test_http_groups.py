"""Bounds of who talks over HTTP: groups of modern clients pushed out or idle, events not kept."""

from __future__ import annotations

import contextlib
import http.client
import threading
from pathlib import Path
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Serve, until
from tests.gateway.http_talk import HttpGateway, HttpTalk
from tests.gateway.local import installed
from tests.gateway.talk import META

SLOW: dict[str, Any] = {"steps": 4, "pause": 0.5}


def client(number: int, **able: Any) -> dict[str, Any]:
    """The `_meta` of one of many clients."""
    info = {"name": f"client-{number}", "version": "1"}
    return {META + "clientInfo": info, META + "clientCapabilities": able}


def health(gateway: HttpGateway) -> dict[str, Any]:
    """What the gateway says of itself."""
    found: dict[str, Any] = HttpTalk(gateway).request("GET", "/health").json
    return found


def processes(gateway: HttpGateway) -> set[int]:
    """The servers of a gateway, by their process."""
    threads = Path(f"/proc/{gateway.process.pid}/task").iterdir()
    return {int(child) for one in threads for child in (one / "children").read_text().split()}


def test_the_client_that_came_longest_ago_makes_room(serve: Serve) -> None:
    gateway = serve(installed("s"), words=["http.groups=2"])
    talk = HttpTalk(gateway)
    echo = {"name": "s__echo", "arguments": {"text": "x"}}

    def call(number: int) -> None:
        answer = talk.modern("tools/call", echo, meta=client(number)).answer
        assert answer["result"]["content"][0]["text"] == "x"

    call(1)
    (first,) = processes(gateway)
    call(2)
    (second,) = processes(gateway) - {first}
    call(1)  # now the second is the one that came longest ago
    call(3)
    until(lambda: second not in processes(gateway), 30)
    assert first in processes(gateway)
    assert len(processes(gateway)) == 2
    assert health(gateway)["clients"] == 2
    call(2)  # comes back, to a new server
    until(lambda: first not in processes(gateway), 30)
    assert health(gateway)["clients"] == 2


def test_who_waits_for_an_answer_is_not_pushed_out(serve: Serve, store: Store) -> None:
    gateway = serve(installed("s"), words=["http.groups=1"])
    answers: list[Any] = []
    slow = {"name": "s__slow", "arguments": SLOW}
    busy = HttpTalk(gateway)
    thread = threading.Thread(
        target=lambda: answers.append(busy.modern("tools/call", slow, meta=client(1)).answer)
    )
    thread.start()
    until(lambda: any(row.tool == "slow" for row in store.calls()), 30)
    for number in (2, 3, 4):
        assert HttpTalk(gateway).modern("tools/list", meta=client(number)).status == 200
    thread.join(60)
    assert answers[0]["result"]["content"][0]["text"] == "slept"


def test_a_client_that_is_gone_loses_its_servers_and_one_that_waits_does_not(
    serve: Serve, store: Store
) -> None:
    gateway = serve(installed("s"), words=["http.group_idle=1"])
    talk, waiting = HttpTalk(gateway), HttpTalk(gateway)
    hang: dict[str, Any] = {"name": "s__hang", "arguments": {}}

    def wait() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # it leaves
            waiting.modern("tools/call", hang, meta=client(1))

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: any(row.tool == "hang" for row in store.calls()), 30)
    echo = {"name": "s__echo", "arguments": {"text": "x"}}
    assert "result" in talk.modern("tools/call", echo, meta=client(2)).answer
    until(lambda: health(gateway)["clients"] == 1, 30)
    until(lambda: len(processes(gateway)) == 1, 30)
    assert [row.outcome for row in store.calls() if row.tool == "hang"] == ["open"]
    waiting.close()
    thread.join(30)
    until(lambda: health(gateway)["clients"] == 0, 30)
    until(lambda: not processes(gateway), 30)
    until(lambda: [state.state for state in store.states()] == ["stopped"], 30)
    answer = talk.modern("tools/call", echo, meta=client(1)).answer
    assert answer["result"]["content"][0]["text"] == "x"


def test_a_listening_client_is_not_idle(serve: Serve) -> None:
    gateway = serve(installed("s"), words=["http.group_idle=1", "http.comment=1"])
    talk = HttpTalk(gateway)
    note = {"notifications": {"toolsListChanged": True}}
    events = talk.modern("subscriptions/listen", note, meta=client(1)).events()
    assert next(events)["method"] == "notifications/subscriptions/acknowledged"
    other = HttpTalk(gateway)
    for _ in range(3):
        echo = {"name": "s__slow", "arguments": {"steps": 2, "pause": 0.5}}
        assert "result" in other.modern("tools/call", echo, meta=client(2)).answer
    change = {"name": "s__change", "arguments": {"tool": "echo", "description": "new words"}}
    assert "result" in other.modern("tools/call", change, meta=client(2)).answer
    assert next(events)["method"] == "notifications/tools/list_changed"


def test_what_a_client_says_of_itself_is_bounded(serve: Serve) -> None:
    talk = HttpTalk(serve(installed("s")))
    answer = talk.modern("tools/list", meta=client(1, experimental={"x": {"y": "z" * (65 << 10)}}))
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert talk.modern("tools/list", meta=client(1)).status == 200


def left_in_the_middle(talk: HttpTalk) -> str:
    """Call something slow and leave after the first event; gives its id."""
    connection = talk.connect()
    params: dict[str, Any] = {
        "name": "s__slow",
        "arguments": {"steps": 8, "pause": 0.2},
        "_meta": {"progressToken": 1},
    }
    answer = talk.legacy("tools/call", params, connection=connection)
    assert next(answer.events())["params"]["progress"] == 1
    connection.close()
    return answer.ids[-1]


def slept(store: Store) -> bool:
    """Whether the slow call has ended."""
    return [row.outcome for row in store.calls() if row.tool == "slow"] == ["ok"]


def test_events_that_are_not_kept_are_left_out_and_the_answer_comes(
    serve: Serve, store: Store
) -> None:
    talk = HttpTalk(serve(installed("s"), words=["http.replay=3"]))
    talk.hello()
    talk.text("s__echo")
    last = left_in_the_middle(talk)
    until(lambda: slept(store), 30)
    messages = talk.request("GET", headers={"Last-Event-ID": last}).messages()
    assert [m["params"]["progress"] for m in messages[:-1]] == [7, 8]
    assert messages[-1]["result"]["content"][0]["text"] == "slept"


def test_who_comes_back_too_late_is_told_so(serve: Serve, store: Store) -> None:
    talk = HttpTalk(serve(installed("s"), words=["http.replay=2"]))
    talk.hello()
    talk.text("s__echo")
    last = left_in_the_middle(talk)
    until(lambda: slept(store), 30)
    params: dict[str, Any] = {
        "name": "s__slow",
        "arguments": {"steps": 3},
        "_meta": {"progressToken": 2},
    }
    other = talk.legacy("tools/call", params)  # its events push out those of the first
    assert other.answer["result"]["content"][0]["text"] == "slept"
    late = talk.request("GET", headers={"Last-Event-ID": last})
    assert late.status == 400
    assert "Last-Event-ID" in late.json["message"]
    whole = talk.request("GET", headers={"Last-Event-ID": other.ids[-1]})
    assert (whole.status, whole.messages()) == (200, [])
    assert talk.text("s__echo", {"text": "on"}) == "on"


def test_a_guessed_event_id_does_not_break_an_answer_in_one_piece(
    serve: Serve, store: Store
) -> None:
    gateway = serve(installed("s"), words=["http.patient=60"])
    talk = HttpTalk(gateway)
    talk.hello()
    talk.text("s__echo")
    answers: list[Any] = []
    slow = {"name": "s__slow", "arguments": SLOW}
    thread = threading.Thread(target=lambda: answers.append(talk.legacy("tools/call", slow)))
    thread.start()
    until(lambda: any(row.tool == "slow" for row in store.calls()), 30)
    for number in range(1, 8):
        status = talk.request("GET", headers={"Last-Event-ID": f"{number}-0"}).status
        assert status == 400, number
    thread.join(60)
    assert not answers[0].stream
    assert answers[0].json["result"]["content"][0]["text"] == "slept"
