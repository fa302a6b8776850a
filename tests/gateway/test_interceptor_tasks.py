"""What comes through tasks passes interceptors like an answer that came at once."""

from __future__ import annotations

import json
from typing import Any

from mcptui.store import Store
from tests.gateway.bridge import meta, modern, peer
from tests.gateway.conftest import Start, until
from tests.gateway.talk import META
from tests.gateway.test_interceptors import Hooks, hooks

__all__ = ["hooks"]
TASKS = META + "tasks"
OURS: dict[str, Any] = {"extensions": {TASKS: {}}}
KEEP = "say(decision='deny') if 'came later' in json.dumps(told) else say()"


def test_a_result_that_comes_later_is_withheld_by_a_hook_of_its_tool(
    start: Start, hooks: Hooks, store: Store
) -> None:
    hooks.add("keep", "after", KEEP, tools=["later"])
    talk = start(peer("one", "modern", "--extension", TASKS))
    talk.call("one__echo", modern=True)
    made = modern(talk, {"name": "one__later", "arguments": {}}, able=OURS)["result"]
    task = {"taskId": made["taskId"]}
    wanted = {"notifications": {"taskIds": [made["taskId"]]}}
    talk.start("subscriptions/listen", {**wanted, **meta(**OURS)}, modern=True)
    talk.notification("notifications/subscriptions/acknowledged")
    assert modern(talk, task, "tasks/get", OURS)["result"]["status"] == "working"
    done = modern(talk, task, "tasks/get", OURS)
    assert "withheld" in done["error"]["message"], done
    told = hooks.told()[-1]
    assert (told["method"], told["name"], told["tool"]["name"]) == ("tasks/get", "later", "later")
    result = {"content": [{"type": "text", "text": "came later"}]}
    listened = {META + "subscriptionId": "$LISTEN"}
    state = {**made, "status": "completed", "result": result, "_meta": listened}
    state.pop("resultType")
    note = {"method": "notifications/tasks", "params": state}
    modern(talk, {"name": "one__say", "arguments": {"messages": [note]}}, able=OURS)
    until(lambda: len([row for row in store.calls() if row.outcome == "blocked"]) >= 2, 30)
    assert not any(b"came later" in line for line in talk.raw)
    assert not any(json.loads(line).get("id", 1) is None for line in talk.raw)


def test_a_hook_of_another_tool_leaves_tasks_alone(start: Start, hooks: Hooks) -> None:
    hooks.add("keep", "after", KEEP, tools=["echo"])
    talk = start(peer("one", "modern", "--extension", TASKS))
    made = modern(talk, {"name": "one__later", "arguments": {}}, able=OURS)["result"]
    done = [modern(talk, {"taskId": made["taskId"]}, "tasks/get", OURS) for _ in range(2)]
    assert done[1]["result"]["result"]["content"][0]["text"] == "came later"
    assert hooks.told() == []
