"""Servers of others, installed from the signed catalog, behind the gateway, in both eras."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.install import install
from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.conftest import until
from tests.gateway.talk import Talk

pytestmark = [pytest.mark.engine, pytest.mark.node, pytest.mark.slow]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def talk(home: Home, store: Store, scratch_environ: dict[str, str]) -> Iterator[Talk]:
    """The real command with `time` (modern, Python) and `everything` (older, Node)."""

    async def both() -> None:
        for name in ("time", "everything"):
            async for _ in install(home, name):
                pass

    asyncio.run(both())
    command = [sys.executable, "-m", "mcptui", "gateway", "run"]
    path = os.pathsep.join((str(ROOT), *filter(None, [scratch_environ.get("PYTHONPATH")])))
    talk = Talk(command, {**scratch_environ, "PYTHONPATH": path})
    yield talk
    talk.close()


def test_servers_of_both_eras_answer_clients_of_both(talk: Talk, store: Store) -> None:
    talk.hello()
    names = {tool["name"] for tool in talk.ask("tools/list")["result"]["tools"]}
    assert {"time__get_current_time", "everything__echo"} <= names
    for modern in (False, True):
        answer = talk.call("time__get_current_time", {"timezone": "UTC"}, modern=modern)
        assert answer["structuredContent"]["timezone"] == "UTC"
        assert ("resultType" in answer) is modern
        assert talk.text("everything__echo", {"message": "hi"}, modern=modern) == "Echo: hi"
    until(lambda: len(talk.ask("prompts/list")["result"]["prompts"]) >= 4, 30)
    eras = {name: store.definitions(name) for name in ("time", "everything")}
    assert [said.era for said in eras.values() if said is not None] == ["modern", "legacy"]


def test_progress_prompts_resources_and_completion_of_a_node_server(talk: Talk) -> None:
    talk.hello()
    talk.call("everything__echo", {"message": "start"})
    params: dict[str, Any] = {
        "name": "everything__trigger-long-running-operation",
        "arguments": {"duration": 1, "steps": 3},
        "_meta": {"progressToken": "mine"},
    }
    assert "completed" in talk.ask("tools/call", params)["result"]["content"][0]["text"]
    told = [m["params"] for m in talk.kept if m.get("method") == "notifications/progress"]
    assert [(p["progressToken"], p["progress"]) for p in told] == [("mine", n) for n in (1, 2, 3)]
    until(lambda: talk.ask("resources/list")["result"]["resources"], 30)
    uri = talk.ask("resources/list")["result"]["resources"][0]["uri"]
    assert talk.ask("resources/read", {"uri": uri})["result"]["contents"][0]["text"]
    prompt = talk.ask("prompts/get", {"name": "everything__simple-prompt"})["result"]
    assert prompt["messages"][0]["role"] == "user"
    reference = {"type": "ref/prompt", "name": "everything__completable-prompt"}
    argument = {"name": "department", "value": "E"}
    completed = talk.ask("completion/complete", {"ref": reference, "argument": argument})
    assert completed["result"]["completion"]["values"] == ["Engineering"]
