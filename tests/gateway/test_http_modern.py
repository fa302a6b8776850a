"""Modern clients over HTTP: headers, errors and their status, streams, leaving, many at once."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Serve, rows, until
from tests.gateway.http_talk import HttpGateway, HttpTalk
from tests.gateway.local import installed
from tests.gateway.talk import META

SUBSCRIPTION = META + "subscriptionId"


@pytest.fixture
def gateway(serve: Serve) -> HttpGateway:
    """A gateway with an older server and a modern one, no token."""
    return serve(installed("old"), installed("new", "--era", "modern"))


@pytest.fixture
def talk(gateway: HttpGateway) -> HttpTalk:
    """A client of it."""
    return HttpTalk(gateway)


def test_servers_of_both_eras_answer_in_one_piece(talk: HttpTalk) -> None:
    found = talk.modern("server/discover")
    assert (found.status, found.json["result"]["supportedVersions"]) == (200, ["2026-07-28"])
    for name in ("old__echo", "new__echo"):
        answer = talk.modern("tools/call", {"name": name, "arguments": {"text": "zwölf 🧡"}})
        assert answer.headers["content-type"] == "application/json"
        assert answer.json["result"]["content"][0]["text"] == "zwölf 🧡"
        assert answer.json["result"]["resultType"] == "complete"
        assert "mcp-session-id" not in answer.headers


def test_ids_are_the_clients_own_and_may_be_alike(talk: HttpTalk) -> None:
    answers: list[Any] = []

    def ask(text: str) -> None:
        connection = talk.connect()
        params = {"name": "old__slow", "arguments": {"steps": 2, "pause": 0.2}}
        talk.numbers = iter(lambda: "same", None)  # type: ignore[assignment]
        answers.append((text, talk.modern("tools/call", params, connection=connection).answer))

    threads = [threading.Thread(target=ask, args=(f"{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["id"] for _, answer in answers] == ["same"] * 4
    assert all(answer["result"]["content"][0]["text"] == "slept" for _, answer in answers)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"MCP-Protocol-Version": "2025-11-25"}, -32020),
        ({"MCP-Protocol-Version": ""}, -32020),
        ({"Mcp-Method": "tools/list"}, -32020),
        ({"Mcp-Method": ""}, -32020),
        ({"Mcp-Name": "old__fail"}, -32020),
        ({"Mcp-Name": ""}, -32020),
        ({"Mcp-Name": "=?base64?b2xkX19lY2h?="}, -32020),
    ],
)
def test_headers_that_do_not_say_what_the_body_says(
    talk: HttpTalk, headers: dict[str, str], code: int
) -> None:
    answer = talk.modern("tools/call", {"name": "old__echo", "arguments": {}}, headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert answer.json["id"] == 1


def test_a_name_may_come_in_base64(talk: HttpTalk) -> None:
    coded = f"=?base64?{base64.b64encode(b'old__echo').decode()}?="
    params = {"name": "old__echo", "arguments": {"text": "x"}}
    assert talk.modern("tools/call", params, {"Mcp-Name": coded}).status == 200


def test_errors_have_the_status_of_their_code(talk: HttpTalk) -> None:
    answer = talk.modern("tools/call", {"name": "none__such"})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    answer = talk.modern("nothing/known")
    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)
    for method in ("ping", "logging/setLevel", "resources/subscribe"):
        assert talk.modern(method).status == 404
    answer = talk.modern("tools/list", meta={META + "protocolVersion": "2031-01-01"})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
    assert answer.json["error"]["data"] == {"supported": ["2026-07-28"], "requested": "2031-01-01"}
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    told = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    answer = talk.post(message, told)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":3}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1e400,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":123456789012345678901234,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":' + b"[" * 5000 + b"}", -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0"}', -32600),
        (b"\xff\xfe", -32700),
    ],
)
def test_bodies_that_are_no_message(talk: HttpTalk, body: bytes, code: int) -> None:
    answer = talk.request("POST", body=body, headers={"MCP-Protocol-Version": "2026-07-28"})
    assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert answer.json["id"] is None


def test_a_body_with_line_breaks_reaches_a_server_of_lines(talk: HttpTalk) -> None:
    params: dict[str, Any] = {
        "name": "old__raw",
        "arguments": {"a": 12345678901234567890123, "b": "\ud83d"},
    }
    params["_meta"] = {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(message, indent=2).replace("\n", "\r\n").encode()
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    answer = talk.request("POST", body=body, headers={**headers, "Mcp-Name": "old__raw"})
    seen = answer.json["result"]["content"][0]["text"]
    assert '"a":12345678901234567890123,"b":"\\ud83d"' in seen.replace(": ", ":")


def test_progress_makes_the_answer_a_stream(talk: HttpTalk) -> None:
    params = {"name": "new__slow", "arguments": {"steps": 3}}
    answer = talk.modern("tools/call", params, meta={"progressToken": "mine"})
    messages = answer.messages()
    assert answer.stream
    assert answer.headers["x-accel-buffering"] == "no"
    told = [m["params"] for m in messages[:-1]]
    assert [(p["progressToken"], p["progress"]) for p in told] == [("mine", n) for n in (1, 2, 3)]
    assert messages[-1]["result"]["content"][0]["text"] == "slept"


def test_a_subscription_is_a_stream_that_begins_with_what_was_agreed(
    talk: HttpTalk, gateway: HttpGateway
) -> None:
    talk.text("old__echo", modern=True)
    listening = HttpTalk(gateway)
    answer = listening.modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    events = answer.events()
    first = next(events)
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"]["notifications"] == {"toolsListChanged": True}
    assert first["params"]["_meta"][SUBSCRIPTION] == 1
    talk.text("old__change", {"tool": "echo", "description": "new words"}, modern=True)
    changed = next(events)
    assert changed["method"] == "notifications/tools/list_changed"
    assert changed["params"]["_meta"][SUBSCRIPTION] == 1
    gateway.process.terminate()
    last = list(events)[-1]
    assert last["id"] == 1
    assert last["result"]["resultType"] == "complete"
    assert gateway.process.wait(8) == 0


def test_leaving_cancels_with_the_servers_own_id(talk: HttpTalk, store: Store) -> None:
    talk.text("old__echo", modern=True)
    connection = talk.connect()
    connection.request("POST", "/health")  # a connection of its own, with nothing before
    connection.getresponse().read()
    body: dict[str, Any] = {
        "jsonrpc": "2.0", "id": "c", "method": "tools/call",
        "params": {
            "name": "old__hang", "arguments": {},
            "_meta": {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {},
                      META + "clientInfo": {"name": "modern-client", "version": "9"}},
        },
    }  # fmt: skip
    body["params"]["_meta"][META + "clientCapabilities"] = {"elicitation": {}}
    headers = {
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "old__hang",
        "Accept": "*/*", "Content-Type": "application/json",
    }  # fmt: skip
    connection.request("POST", "/mcp", json.dumps(body), headers)
    until(lambda: any(row.tool == "hang" for row in store.calls()))
    connection.close()
    until(lambda: [r.outcome for r in store.calls() if r.tool == "hang"] == ["cancelled"])
    notes = json.loads(talk.text("old__seen", modern=True))["notes"]
    assert [note for note, _ in notes][-1] == "notifications/cancelled"
    assert rows(store, 3)


def test_a_modern_get_or_delete_is_told_that_there_is_nothing(talk: HttpTalk) -> None:
    for method in ("GET", "DELETE"):
        answer = talk.request(method, headers={"MCP-Protocol-Version": "2026-07-28"})
        assert answer.status == 405
        assert "POST" in answer.headers["allow"]


def test_a_question_comes_back_with_the_call_that_waits(talk: HttpTalk) -> None:
    for name in ("old__ask", "new__ask"):
        asked = talk.modern("tools/call", {"name": name, "arguments": {}}).json["result"]
        assert asked["resultType"] == "input_required"
        (key,) = asked["inputRequests"]
        again = {
            "name": name, "arguments": {}, "requestState": asked["requestState"],
            "inputResponses": {key: {"action": "accept", "content": {"name": "Eve"}}},
        }  # fmt: skip
        answer = talk.modern("tools/call", again).json["result"]
        assert json.loads(answer["content"][0]["text"])["content"] == {"name": "Eve"}
        other = talk.modern(
            "tools/call", again, meta={META + "clientInfo": {"name": "thief", "version": "1"}}
        )
        assert other.status == 400 or name == "new__ask"


def test_clients_of_both_eras_at_once(talk: HttpTalk, gateway: HttpGateway) -> None:
    older = HttpTalk(gateway)
    older.hello()
    for _ in range(3):
        assert talk.text("old__echo", {"text": "m"}, modern=True) == "m"
        assert older.text("old__echo", {"text": "l"}) == "l"
        assert older.text("new__echo", {"text": "l"}) == "l"
