"""The fixture of the conformance suite itself, over its own pipes, with nothing in between."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.talk import META, Talk

FIXTURE = Path(__file__).parents[1] / "fixtures" / "conformance_server.py"
ABLE: dict[str, Any] = {"elicitation": {}, "sampling": {}, "roots": {}}
Start = Callable[[str], Talk]


@pytest.fixture
def start(scratch_environ: dict[str, str]) -> Iterator[Start]:
    """Starts the fixture in an era."""
    talks: list[Talk] = []

    def go(era: str) -> Talk:
        talks.append(Talk([sys.executable, str(FIXTURE), "--era", era], scratch_environ))
        return talks[-1]

    yield go
    for talk in talks:
        assert talk.close() == 0


def pages(talk: Talk, method: str, key: str, *, modern: bool) -> list[str]:
    """The names in all pages of a list."""
    names: list[str] = []
    params: dict[str, Any] = {}
    while True:
        result = talk.ask(method, params, modern=modern)["result"]
        names.extend(item.get("name") for item in result[key])
        if "nextCursor" not in result:
            return names
        params = {"cursor": result["nextCursor"]}


def call_as(talk: Talk, meta: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """Call a tool as a client of the modern era that says this of itself."""
    answer = talk.ask("tools/call", {"name": name, "_meta": meta, **more}, modern=True)
    result: dict[str, Any] = answer["result"]
    return result


def answers(message: dict[str, Any]) -> dict[str, Any]:
    """A client's answers to the questions of a server."""
    return {
        "elicitation/create": {"action": "accept", "content": {"name": "Ada", "color": "red"}},
        "sampling/createMessage": {
            "role": "assistant",
            "content": {"type": "text", "text": "Paris"},
            "model": "m",
        },
        "roots/list": {"roots": [{"uri": "file:///a"}]},
    }[message["method"]]


@pytest.mark.parametrize("era", ["legacy", "dual"])
def test_the_older_era_asks_with_requests_of_its_own(start: Start, era: str) -> None:
    talk = start(era)
    talk.answer = answers
    assert talk.hello("2025-06-18", **ABLE)["protocolVersion"] == "2025-06-18"
    assert len(pages(talk, "tools/list", "tools", modern=False)) == 29
    assert len(pages(talk, "prompts/list", "prompts", modern=False)) == 6
    assert talk.text("test_sampling", {"prompt": "?"}) == "LLM response: Paris"
    assert talk.text("test_input_required_result_elicitation") == "Hello, Ada!"
    assert talk.text("test_input_required_result_multiple_inputs") == "Paris Ada"
    done = talk.text("test_input_required_result_multi_round")
    assert done == "Multi-round complete for Ada who likes red"
    assert talk.call("test_missing_capability")["content"][0]["text"] == "Success"
    assert talk.call("test_error_handling")["isError"] is True
    error = talk.ask("resources/read", {"uri": "test://no"})["error"]
    assert (error["code"], error["data"]) == (-32002, {"uri": "test://no"})


@pytest.mark.parametrize("era", ["modern", "dual"])
def test_the_modern_era_asks_in_its_result(start: Start, era: str) -> None:
    talk = start(era)
    said = talk.ask("server/discover", modern=True)["result"]
    assert said["supportedVersions"] == ["2026-07-28"]
    assert len(pages(talk, "tools/list", "tools", modern=True)) == 29
    able = {META + "clientCapabilities": ABLE}
    name = "test_input_required_result_multiple_inputs"
    asked = call_as(talk, able, name)
    assert asked["resultType"] == "input_required"
    given = {key: answers(one) for key, one in asked["inputRequests"].items()}
    more = {"inputResponses": given, "requestState": asked["requestState"]}
    assert call_as(talk, able, name, **more)["content"][0]["text"] == "Paris Ada"
    again = call_as(talk, able, name, inputResponses={"user_name": 1})
    assert again["resultType"] == "input_required"
    tampered: dict[str, Any] = {
        "name": "test_input_required_result_tampered_state",
        "requestState": asked["requestState"] + "-",
        "inputResponses": {"confirm": {"action": "accept"}},
    }
    assert talk.ask("tools/call", tampered, modern=True)["error"]["code"] == -32602
    error = talk.ask("tools/call", {"name": "test_missing_capability"}, modern=True)["error"]
    assert error["data"] == {"requiredCapabilities": {"sampling": {}}}


def test_a_listener_hears_what_it_asked_for_and_nothing_else(start: Start) -> None:
    talk = start("dual")
    wanted = {"notifications": {"toolsListChanged": True}}
    number = talk.start("subscriptions/listen", wanted, modern=True)
    first = talk.notification("notifications/subscriptions/acknowledged")
    assert first["params"]["_meta"] == {META + "subscriptionId": number}
    talk.call("test_trigger_prompt_change", modern=True)
    talk.call("test_trigger_tool_change", modern=True)
    told = talk.notification("notifications/tools/list_changed")
    assert told["params"]["_meta"] == {META + "subscriptionId": number}
    assert talk.kept == []
    assert len(pages(talk, "tools/list", "tools", modern=True)) == 28


def test_each_forced_era_refuses_the_other(start: Start) -> None:
    legacy = start("legacy")
    assert legacy.ask("server/discover", modern=True)["error"]["code"] == -32601
    modern = start("modern")
    refused = modern.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}})
    assert refused["error"]["data"]["supported"] == ["2026-07-28"]
    assert modern.ask("ping", modern=True)["error"]["code"] == -32601


def test_log_messages_come_when_they_were_asked_for(start: Start) -> None:
    talk = start("dual")
    talk.call("test_logging_tool", modern=True)
    assert talk.kept == []
    call_as(talk, {META + "logLevel": "info"}, "test_tool_with_logging")
    assert len(talk.kept) == 3
    talk.kept.clear()
    talk.hello()
    talk.ask("logging/setLevel", {"level": "error"})
    talk.call("test_tool_with_logging")
    assert talk.kept == []
