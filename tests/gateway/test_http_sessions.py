"""Older clients over HTTP: sessions, streams, coming back, questions, batches, the oldest ones."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Serve, until
from tests.gateway.http_talk import HELLO, Answer, HttpGateway, HttpTalk
from tests.gateway.local import installed


@pytest.fixture
def gateway(serve: Serve) -> HttpGateway:
    """A gateway with an older server and a modern one, no token."""
    return serve(installed("old"), installed("new", "--era", "modern"))


@pytest.fixture
def talk(gateway: HttpGateway) -> HttpTalk:
    """A client of it."""
    return HttpTalk(gateway)


class Listening:
    """The events of a response, read on a thread."""

    def __init__(self, answer: Answer) -> None:
        assert answer.status == 200, answer.body
        self.answer = answer
        self.events: list[dict[str, Any]] = []
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(
            OSError,
            ValueError,
            AttributeError,
            http.client.HTTPException,  # closed from outside
        ):
            for event in self.answer.events():
                self.events.append(event)
        self.ended = True

    def wait(self, method: str) -> dict[str, Any]:
        """The first message of a method."""
        until(lambda: any(event.get("method") == method for event in self.events))
        return next(event for event in self.events if event.get("method") == method)


def test_a_session_opens_works_and_ends(talk: HttpTalk) -> None:
    said = talk.hello()
    assert said["protocolVersion"] == "2025-11-25"
    assert len(talk.session) >= 43
    assert all("!" <= letter <= "~" for letter in talk.session)
    assert talk.text("old__echo", {"text": "hi"}) == "hi"
    assert talk.legacy("ping").answer["result"] == {}
    assert talk.request("DELETE").status == 204
    answer = talk.legacy("tools/list")
    assert (answer.status, answer.json["id"]) == (404, 2 + 1)
    assert talk.request("GET").status == 404
    assert talk.request("DELETE").status == 404


def test_versions_are_negotiated_and_kept(talk: HttpTalk) -> None:
    for asked, got in (("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"),
                       ("2025-06-18", "2025-06-18"), ("2099-01-01", "2025-11-25")):  # fmt: skip
        talk.session = ""
        assert talk.hello(asked)["protocolVersion"] == got
        assert talk.legacy("ping", headers={"MCP-Protocol-Version": ""}).status == 200
        answer = talk.legacy("ping", headers={"MCP-Protocol-Version": "1999-01-01"})
        assert answer.status == 400


def test_without_a_session_nothing_is_done(talk: HttpTalk) -> None:
    answer = talk.legacy("tools/list")
    assert answer.status == 400
    assert "initialize" in answer.json["error"]["message"]
    assert talk.legacy("tools/list", headers={"Mcp-Session-Id": "x" * 43}).status == 404
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert talk.post(note).status == 400


def test_sessions_belong_to_their_credential(serve: Serve) -> None:
    gateway = serve(installed("old"), token="right")
    talk = HttpTalk(gateway, "right")
    talk.hello()
    talk.token = ""
    assert talk.legacy("ping").status == 401
    talk.token = "wrong"
    assert talk.legacy("ping").status == 401


def test_the_stream_of_get_hears_of_changed_lists_and_is_one(talk: HttpTalk) -> None:
    talk.hello()
    talk.text("old__echo")
    listening = Listening(talk.request("GET"))
    assert talk.request("GET").status == 409
    talk.text("old__change", {"tool": "echo", "description": "new words"})
    listening.wait("notifications/tools/list_changed")
    assert talk.request("DELETE").status == 204
    until(lambda: listening.ended)


def test_what_is_said_before_the_stream_opens_is_kept(talk: HttpTalk) -> None:
    talk.hello()
    talk.text("old__change", {"tool": "echo", "description": "new words"})
    until(lambda: "new words" not in talk.legacy("tools/list").body.decode())
    Listening(talk.request("GET")).wait("notifications/tools/list_changed")


@pytest.mark.parametrize("server", ["old", "new"])
def test_a_server_asks_on_the_stream_of_the_request(talk: HttpTalk, server: str) -> None:
    talk.hello(elicitation={})
    unrelated = Listening(talk.request("GET"))
    asking = Listening(talk.legacy("tools/call", {"name": f"{server}__ask", "arguments": {}}))
    question = asking.wait("elicitation/create")
    assert f"[{server}]" in question["params"]["message"]
    reply: dict[str, Any] = {"action": "accept", "content": {"name": "Eve"}}
    answered = talk.post({"jsonrpc": "2.0", "id": question["id"], "result": reply})
    assert (answered.status, answered.body) == (202, b"")
    until(lambda: asking.ended)
    text = asking.events[-1]["result"]["content"][0]["text"]
    assert json.loads(text)["content"] == {"name": "Eve"}
    assert not any(event.get("method") == "elicitation/create" for event in unrelated.events)


def test_another_session_cannot_answer_a_question(talk: HttpTalk, gateway: HttpGateway) -> None:
    talk.hello(elicitation={})
    thief = HttpTalk(gateway)
    thief.hello(elicitation={})
    asking = Listening(talk.legacy("tools/call", {"name": "old__ask", "arguments": {}}))
    question = asking.wait("elicitation/create")
    stolen = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}
    assert thief.post(stolen).status == 202
    reply: dict[str, Any] = {"action": "accept", "content": {}}
    talk.post({"jsonrpc": "2.0", "id": question["id"], "result": reply})
    until(lambda: asking.ended)
    assert "accept" in asking.events[-1]["result"]["content"][0]["text"]


def test_a_long_answer_can_be_come_back_to(talk: HttpTalk, store: Store) -> None:
    talk.hello()
    talk.text("old__echo")
    connection = talk.connect()
    params: dict[str, Any] = {"name": "old__slow", "arguments": {"steps": 4, "pause": 0.5},
              "_meta": {"progressToken": 7}}  # fmt: skip
    answer = talk.legacy("tools/call", params, connection=connection)
    events = answer.events()
    assert next(events)["params"]["progress"] == 1
    assert len(answer.ids) == 2  # the first had no message: it is what makes coming back possible
    connection.close()  # which is no cancelling
    back = talk.request("GET", headers={"Last-Event-ID": answer.ids[-1]})
    messages = back.messages()
    assert [m["params"]["progress"] for m in messages[:-1]] == [2, 3, 4]
    assert messages[-1]["result"]["content"][0]["text"] == "slept"
    until(lambda: [row.outcome for row in store.calls() if row.tool == "slow"] == ["ok"])
    again = talk.request("GET", headers={"Last-Event-ID": back.ids[0]}).messages()
    assert [m["params"]["progress"] for m in again[:-1]] == [3, 4]


def test_an_answer_that_takes_long_becomes_a_stream_by_itself(talk: HttpTalk) -> None:
    talk.hello()
    talk.text("old__echo")
    connection = talk.connect()
    params: dict[str, Any] = {"name": "old__slow", "arguments": {"steps": 1, "pause": 4}}
    answer = talk.legacy("tools/call", params, connection=connection)
    assert answer.stream
    lines = [answer.response.readline() for _ in range(3)]
    assert [line.split()[0] for line in lines] == [b"id:", b"retry:", b"data:"]
    connection.close()
    back = talk.request("GET", headers={"Last-Event-ID": lines[0][4:].decode().strip()})
    assert back.answer["result"]["content"][0]["text"] == "slept"


def test_clients_before_that_get_no_empty_event(talk: HttpTalk) -> None:
    talk.hello("2025-06-18")
    talk.text("old__echo")
    params: dict[str, Any] = {
        "name": "old__slow",
        "arguments": {"steps": 1},
        "_meta": {"progressToken": 1},
    }
    answer = talk.legacy("tools/call", params)
    messages = answer.messages()
    assert len(answer.ids) == len(messages) == 2


@pytest.mark.parametrize("last", ["x", "1", "-1", "1-x", "9" * 50 + "-1"])
def test_an_event_id_that_is_none_is_refused(talk: HttpTalk, last: str) -> None:
    talk.hello()
    assert talk.request("GET", headers={"Last-Event-ID": last}).status == 400


def test_an_id_in_use_is_refused_and_free_again_afterwards(talk: HttpTalk) -> None:
    talk.hello()
    talk.text("old__echo")
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": "mine", "method": "tools/call",
               "params": {"name": "old__slow", "arguments": {"steps": 1, "pause": 1}}}  # fmt: skip
    results: list[Answer] = []

    def ask() -> None:
        results.append(talk.post(message))

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    answer = talk.post(message)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32600)
    thread.join()
    assert results[0].answer["result"]["content"][0]["text"] == "slept"
    assert talk.post(message).status == 200


def test_a_cancelled_request_gets_no_answer(talk: HttpTalk, store: Store) -> None:
    talk.hello()
    talk.text("old__echo")
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": "gone", "method": "tools/call",
               "params": {"name": "old__hang", "arguments": {}}}  # fmt: skip
    results: list[Answer] = []
    thread = threading.Thread(target=lambda: results.append(talk.post(message)))
    thread.start()
    until(lambda: any(row.tool == "hang" for row in store.calls()))
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "gone"}}
    assert talk.post(note).status == 202
    thread.join(10)
    assert results[0].messages() == []
    until(lambda: [r.outcome for r in store.calls() if r.tool == "hang"] == ["cancelled"])


def test_batches_are_for_one_version_only(talk: HttpTalk) -> None:
    batch: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
         "params": {"name": "old__echo", "arguments": {"text": "b"}}},
    ]  # fmt: skip
    talk.hello("2025-03-26")
    messages = talk.post(batch).messages()
    assert {m["id"]: m["result"].get("content", [{}])[0].get("text") for m in messages} == {
        1: None, 2: "b"
    }  # fmt: skip
    assert talk.post(batch[1:2]).status == 202
    twice = [batch[0], batch[0]]
    assert talk.post(twice).status == 400
    assert talk.post([batch[0]] * 101).status == 400
    talk.session = ""
    talk.hello("2025-06-18")
    answer = talk.post(batch)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32600)


def test_the_oldest_clients_are_told_where_to_go(talk: HttpTalk, gateway: HttpGateway) -> None:
    for method, path, status in (("GET", "/sse", 410), ("POST", "/messages?sessionId=1", 410),
                                 ("GET", "/mcp", 405)):  # fmt: skip
        answer = talk.request(method, path, b"{}" if method == "POST" else None)
        assert (answer.status, answer.json["url"]) == (status, gateway.url)
        assert "HTTP+SSE" in answer.json["message"]


def test_too_many_sessions_push_out_the_idle_ones_of_whom_has_most(serve: Serve) -> None:
    gateway = serve(installed("old"), words=["http.sessions=4"])
    quiet = HttpTalk(gateway)
    quiet.hello()
    for _ in range(6):
        params = {**HELLO, "clientInfo": {"name": "greedy", "version": "1"}}
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        assert quiet.post(message, {"Mcp-Session-Id": "", "MCP-Protocol-Version": ""}).status == 200
    assert quiet.legacy("ping").status == 200
    health = quiet.request("GET", "/health").json
    assert health["sessions"] == 4


def test_when_all_sessions_are_busy_a_new_one_is_refused(serve: Serve, store: Store) -> None:
    gateway = serve(installed("old"), words=["http.sessions=1"])
    busy = HttpTalk(gateway)
    busy.hello()
    thread = threading.Thread(
        target=lambda: busy.legacy("tools/call", {"name": "old__hang", "arguments": {}}).messages()
    )
    thread.start()
    until(lambda: any(row.tool == "hang" for row in store.calls()))
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
    answer = HttpTalk(gateway).post(message)
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert busy.request("DELETE").status == 204
    thread.join(10)
    assert HttpTalk(gateway).post(message).status == 200


def test_an_abandoned_session_ends_with_its_servers(serve: Serve, store: Store) -> None:
    gateway = serve(installed("old"), words=["http.session_idle=1"])
    talk = HttpTalk(gateway)
    talk.hello()
    talk.text("old__echo")
    until(lambda: [state.state for state in store.states()] == ["running"])
    until(lambda: [state.state for state in store.states()] == ["stopped"])
    assert talk.legacy("ping").status == 404
