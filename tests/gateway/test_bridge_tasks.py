"""Tasks and other extensions: routed to who made them, judged and recorded, given to who can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.bridge import ABLE, content, meta, modern, peer, told
from tests.gateway.conftest import Start, rows, until
from tests.gateway.talk import META, Talk

TASKS = META + "tasks"
OURS: dict[str, Any] = {"extensions": {TASKS: {}, "com.example/other": {}, META + "ui": {}}}
LATER: dict[str, Any] = {"name": "one__later", "arguments": {}}


def learned(talk: Talk) -> None:
    """Let the server say what it has."""
    talk.call("one__echo", modern=True)


def test_a_modern_task_is_polled_watched_and_recorded(start: Start, store: Store) -> None:
    talk = start(peer("one", "modern", "--extension", TASKS), peer("two", "modern"))
    learned(talk)
    said = talk.ask("server/discover", modern=True)["result"]["capabilities"]
    assert TASKS in said["extensions"]
    made = modern(talk, LATER, able=OURS)["result"]
    assert (made["resultType"], made["status"]) == ("task", "working")
    task = {"taskId": made["taskId"]}
    wanted = {"notifications": {"taskIds": [made["taskId"], "somebody-elses"]}}
    number = talk.start("subscriptions/listen", {**wanted, **meta(**OURS)}, modern=True)
    ack = talk.notification("notifications/subscriptions/acknowledged")["params"]
    assert ack["notifications"] == {"taskIds": [made["taskId"]]}
    assert modern(talk, task, "tasks/get", OURS)["result"]["status"] == "working"
    done = modern(talk, task, "tasks/get", OURS)["result"]
    assert done["result"]["content"][0]["text"] == "came later"
    listens = [r for r in told(talk, modern=True)["requests"] if r[0] == "subscriptions/listen"]
    assert listens[-1][1]["notifications"]["taskIds"] == [made["taskId"]]
    state = {**done, "_meta": {META + "subscriptionId": "$LISTEN"}}
    state.pop("resultType")
    note = {"method": "notifications/tasks", "params": state}
    other = {"method": "notifications/tasks", "params": {**state, "taskId": "somebody-elses"}}
    modern(talk, {"name": "one__say", "arguments": {"messages": [other, note]}}, able=OURS)
    heard = talk.notification("notifications/tasks")["params"]
    assert heard["_meta"] == {META + "subscriptionId": number}
    assert heard["result"] == done["result"] and heard["taskId"] == made["taskId"]
    until(lambda: len([r for r in store.calls() if r.method == "tasks/get"]) == 2)
    row = next(r for r in rows(store, 4) if r.method == "tasks/get")
    assert (row.server, row.tool, row.outcome) == ("one", "later", "ok")
    body = store.call_body(row.id)
    assert body is not None and "came later" in body.answer
    for method in ("tasks/update", "tasks/cancel"):
        answer = modern(talk, {**task, "inputResponses": {}}, method, OURS)
        assert answer["result"] == {"resultType": "complete"}
    for method in ("tasks/list", "tasks/result"):
        assert modern(talk, task, method, OURS)["error"]["code"] == -32601
    assert modern(talk, {"taskId": "x"}, "tasks/get", OURS)["error"]["code"] == -32602
    assert modern(start(), task, "tasks/get", OURS)["error"]["code"] == -32602


def test_a_task_is_no_answer_for_who_cannot_take_one(start: Start) -> None:
    talk = start(peer("one", "modern", "--extension", TASKS))
    talk.hello(extensions={TASKS: {}})
    assert "'task', which this client cannot take" in talk.text("one__later")
    assert "'task', which this client cannot take" in content(modern(talk, LATER))


def test_one_servers_task_cannot_be_taken_over_by_another(start: Start) -> None:
    talk = start(*(peer(name, "modern", "--extension", TASKS) for name in ("one", "two")))
    mine = {"id": "same"}
    assert modern(talk, {**LATER, "arguments": mine}, able=OURS)["result"]["taskId"] == "same"
    stolen = modern(talk, {"name": "two__later", "arguments": mine}, able=OURS)
    assert "an id that another server's task has" in content(stolen)
    modern(talk, {"taskId": "same"}, "tasks/cancel", OURS)
    assert [r for r in told(talk, "two", modern=True)["requests"] if r[0] == "tasks/cancel"] == []
    assert [r for r in told(talk, "one", modern=True)["requests"] if r[0] == "tasks/cancel"]


def test_legacy_tasks_pass_whole(start: Start, store: Store) -> None:
    talk = start(peer("one", "legacy", "--tasks"))
    talk.hello()
    talk.call("one__echo")
    until(lambda: "tasks" in talk.hello()["capabilities"])
    assert "tasks" not in talk.hello("2025-06-18")["capabilities"]
    talk.hello()
    tools = {tool["name"]: tool for tool in talk.ask("tools/list")["result"]["tools"]}
    assert tools["one__later"]["execution"] == {"taskSupport": "optional"}
    made = talk.ask("tools/call", {**LATER, "task": {"ttl": 5000}})["result"]["task"]
    assert (made["status"], made["ttl"]) == ("working", 5000)
    task = {"taskId": made["taskId"]}
    listed = talk.ask("tasks/list")["result"]["tasks"]
    assert [one["taskId"] for one in listed] == [made["taskId"]]
    assert talk.ask("tasks/get", task)["result"]["status"] == "working"
    result = talk.ask("tasks/result", task)["result"]
    assert result["content"][0]["text"] == f"result of {made['taskId']}"
    assert talk.ask("tasks/cancel", task)["result"]["status"] == "cancelled"
    status = {"method": "notifications/tasks/status", "params": task}
    talk.call("one__say", {"messages": [status]})
    assert talk.notification("notifications/tasks/status")["params"] == task
    row = next(r for r in rows(store, 4) if r.method == "tasks/result")
    assert (row.server, row.tool, row.outcome) == ("one", "later", "ok")
    assert modern(talk, task, "tasks/get")["error"]["code"] == -32602
    assert content(modern(talk, {**LATER, "task": {}})) == "at once"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_server_hears_of_the_extensions_it_has_alone(start: Start, era: str) -> None:
    talk = start(peer("one", era, "--extension", "com.example/other"))
    said: dict[str, Any] = {**ABLE, **OURS}
    modern(talk, {"name": "one__echo", "arguments": {}}, able=said)
    modern(talk, {"name": "one__die", "arguments": {}}, able=said)  # now it is known what it has
    answer = modern(talk, {"name": "one__told", "arguments": {}}, able=said)
    seen = json.loads(content(answer))
    able = seen["meta"].get(META + "clientCapabilities") or seen["client"]["capabilities"]
    assert able["extensions"] == {"com.example/other": {}}
    assert set(able) == {*ABLE, "extensions"}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_methods_of_an_extension_pass_where_it_is_clear_whose_they_are(
    start: Start, era: str
) -> None:
    talk = start(peer("one", era, "--extension", "com.example/things"), peer("two", era))
    talk.hello()
    learned(talk)
    asked = {"like": "\u202e\ufeff"}
    for as_modern in (False, True):
        answer = talk.ask("things/list", asked, modern=as_modern)
        assert answer["result"]["things"] == ["\u202e\ufeff"]
        for method in ("nonsense/list", "roots/list", "notifications/x"):
            assert talk.ask(method, {}, modern=as_modern)["error"]["code"] == -32601
    both = start(peer("two", era, "--extension", "com.example/things"))
    both.hello()
    both.call("two__echo")
    assert both.ask("things/list", asked)["error"]["code"] == -32601


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize(
    ("code", "to_legacy", "to_modern"),
    [
        (-32002, -32002, -32602), (-32602, -32602, -32602), (-32021, -32603, -32603),
        (-32020, -32603, -32603), (-32022, -32603, -32603), (-32001, -32001, -32001),
        (7, 7, 7), (-32603, -32603, -32603),
    ],
)  # fmt: skip
def test_codes_mean_the_same_on_both_sides(
    start: Start, era: str, code: int, to_legacy: int, to_modern: int
) -> None:
    talk = start(peer("one", era))
    talk.hello()
    error = {"code": code, "message": "because", "data": {"x": 1}}
    params: dict[str, Any] = {"name": "one__code", "arguments": {"error": error}}
    if era == "modern":  # within one era what speaks of the client passes
        to_modern = {-32021: -32021, -32002: -32002}.get(code, to_modern)
    else:
        to_legacy = code
    for as_modern, wanted in ((False, to_legacy), (True, to_modern)):
        answer = talk.ask("tools/call", params, modern=as_modern)["error"]
        assert answer == {**error, "code": wanted}, as_modern
