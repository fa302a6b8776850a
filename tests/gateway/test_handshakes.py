"""Every handshake version, both eras on one pipe, and servers of either era behind them."""

from __future__ import annotations

from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed
from tests.gateway.talk import META, MODERN_META

ERAS = ("legacy", "modern", "dual")


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_each_older_version_is_agreed_to(start: Start, version: str) -> None:
    talk = start(installed("one"))
    said = talk.hello(version)
    assert said["protocolVersion"] == version
    assert said["serverInfo"]["name"] == "mcptui"
    assert talk.text("one__echo", {"text": "hi"}) == "hi"
    assert talk.ask("ping")["result"] == {}


def test_an_unknown_older_version_gets_our_latest(start: Start) -> None:
    assert start().hello("2030-01-01")["protocolVersion"] == "2025-11-25"


def test_discover_and_its_errors(start: Start) -> None:
    talk = start(installed("one"))
    said = talk.ask("server/discover", modern=True)["result"]
    assert said["resultType"] == "complete"
    assert said["supportedVersions"] == ["2026-07-28"]
    assert said["ttlMs"] == 0 and said["cacheScope"] == "private"
    assert said["_meta"][META + "serverInfo"]["name"] == "mcptui"
    old = {"_meta": {META + "protocolVersion": "2099-01-01"}}
    refused = talk.ask("server/discover", old, modern=True)["error"]
    assert refused["code"] == -32022
    assert refused["data"] == {"supported": ["2026-07-28"], "requested": "2099-01-01"}
    half = {"_meta": {META + "clientInfo": MODERN_META[META + "clientInfo"]}}
    assert talk.ask("tools/list", half)["error"]["code"] == -32602
    assert talk.ask("tools/list")["error"]["code"] == -32602
    for gone in ("ping", "logging/setLevel", "resources/subscribe", "nonsense"):
        assert talk.ask(gone, modern=True)["error"]["code"] == -32601


@pytest.mark.parametrize("era", ERAS)
def test_both_eras_on_one_pipe_reach_a_server_of_either(
    start: Start, store: Store, era: str
) -> None:
    talk = start(installed("one", "--era", era))
    talk.ask("server/discover", modern=True)
    talk.hello()
    for turn in range(3):
        old = talk.call("one__echo", {"text": f"old {turn}"})
        new = talk.call("one__echo", {"text": f"new {turn}"}, modern=True)
        assert old == {"content": [{"type": "text", "text": f"old {turn}"}]}
        assert new.pop("resultType") == "complete"
        assert new == {"content": [{"type": "text", "text": f"new {turn}"}]}
    until(lambda: store.definitions("one"))
    said = store.definitions("one")
    assert said is not None
    assert said.era == ("legacy" if era == "legacy" else "modern")
    names = [row.client_name for row in rows(store, 6)]
    assert names == ["legacy-client", "modern-client"] * 3


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("modern", [False, True])
def test_prompts_resources_templates_and_completion(start: Start, era: str, modern: bool) -> None:
    talk = start(installed("one", "--era", era))
    talk.hello()
    talk.notification("notifications/resources/list_changed")
    listed = talk.ask("prompts/list", modern=modern)["result"]
    assert listed["prompts"] == [{"name": "one__greet", "arguments": [{"name": "who"}]}]
    assert ("ttlMs" in listed) is modern
    got = talk.ask(
        "prompts/get", {"name": "one__greet", "arguments": {"who": "you"}}, modern=modern
    )
    assert got["result"]["messages"][0]["content"]["text"] == "Hello you"
    uris = talk.ask("resources/list", modern=modern)["result"]["resources"]
    assert [item["uri"] for item in uris] == ["test://one"]
    shapes = talk.ask("resources/templates/list", modern=modern)["result"]["resourceTemplates"]
    assert [item["uriTemplate"] for item in shapes] == ["test://by/{id}/data"]
    for uri in ("test://one", "test://by/7/data"):
        read = talk.ask("resources/read", {"uri": uri}, modern=modern)["result"]
        assert read["contents"][0]["text"] == f"content of {uri}"
        assert ("ttlMs" in read, "resultType" in read) == (modern, modern)
    missing = talk.ask("resources/read", {"uri": "test://by/missing"}, modern=modern)["error"]
    assert missing["code"] == (-32602 if modern or era != "legacy" else -32002)
    reference: dict[str, Any] = {"type": "ref/prompt", "name": "one__greet"}
    params = {"ref": reference, "argument": {"name": "who", "value": "y"}}
    completed = talk.ask("completion/complete", params, modern=modern)["result"]
    assert completed["completion"]["values"] == ["y!", "ref/prompt"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("modern", [False, True])
def test_a_server_asks_the_user_across_eras(start: Start, era: str, modern: bool) -> None:
    talk = start(installed("one", "--era", era))
    talk.hello(elicitation={"form": {}})
    answer = {"action": "accept", "content": {"name": "Ann"}}
    asked: list[Any] = []

    def reply(message: dict[str, Any]) -> Any:
        asked.append(message["params"]["message"])
        return answer

    talk.answer = reply
    params: dict[str, Any] = {"name": "one__ask", "arguments": {}}
    result = talk.ask("tools/call", params, modern=modern)["result"]
    if modern:
        assert result["resultType"] == "input_required"
        (key,) = result["inputRequests"]
        assert result["inputRequests"][key]["method"] == "elicitation/create"
        params |= {"inputResponses": {key: answer}, "requestState": result["requestState"]}
        result = talk.ask("tools/call", params, modern=True)["result"]
        assert asked == []
    else:
        assert asked == ["[one] Your name?"]
    assert '"name": "Ann"' in result["content"][0]["text"]


def test_a_client_that_cannot_be_asked_is_not(start: Start) -> None:
    talk = start(installed("one", "--era", "legacy"))
    talk.hello()
    assert "-32601" in talk.text("one__ask")


def test_a_request_state_that_nobody_gave_is_refused(start: Start) -> None:
    talk = start(installed("one", "--era", "legacy"))
    params: dict[str, Any] = {"name": "one__ask", "requestState": "mcptui.guess"}
    assert talk.ask("tools/call", params, modern=True)["error"]["code"] == -32602


def test_a_silent_server_is_given_both_openings(start: Start) -> None:
    talk = start(installed("one", "--era", "silent"), probe=0.3)
    talk.hello()
    assert talk.text("one__echo", {"text": "hi"}) == "hi"


def test_changed_lists_reach_modern_clients_only_where_they_listen(start: Start) -> None:
    talk = start(installed("one", "--era", "modern"))
    wanted = {"notifications": {"toolsListChanged": True}}
    number = talk.start("subscriptions/listen", wanted, modern=True)
    ack = talk.notification("notifications/subscriptions/acknowledged")["params"]
    assert ack["notifications"] == {"toolsListChanged": True}
    assert ack["_meta"] == {META + "subscriptionId": number}
    talk.ask("server/discover", modern=True)
    told = talk.notification("notifications/tools/list_changed")
    assert told["params"]["_meta"] == {META + "subscriptionId": number}
    talk.process.terminate()
    end = talk.wait(number)["result"]
    assert end == {"resultType": "complete", "_meta": {META + "subscriptionId": number}}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_watched_resources_are_told_of(start: Start, era: str) -> None:
    talk = start(installed("one", "--era", era))
    talk.hello()
    talk.notification("notifications/resources/list_changed")
    assert talk.ask("resources/subscribe", {"uri": "test://one"})["result"] == {}
    told = talk.notification("notifications/resources/updated")
    assert told["params"]["uri"] == "test://one"


def test_levels_and_log_messages(start: Start) -> None:
    talk = start(installed("one"))
    talk.hello()
    talk.call("one__echo")
    assert talk.ask("logging/setLevel", {"level": "debug"})["result"] == {}
    told = talk.notification("notifications/message")["params"]
    assert told == {"level": "info", "data": "debug"}
    assert talk.ask("logging/setLevel", {"level": "loud"})["error"]["code"] == -32602
