"""Addresses that a user must open before a call: -32042 of one era, elicitation of the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.bridge import ABLE, ANN, FORM, URL, content, modern, peer, told
from tests.gateway.conftest import Start

PARAMS: dict[str, Any] = {"name": "one__need_url", "arguments": {}}


def test_a_legacy_servers_address_is_asked_of_a_modern_client(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    first = modern(talk, PARAMS)["result"]
    assert first["resultType"] == "input_required"
    ((key, ask),) = first["inputRequests"].items()
    assert ask == {
        "method": "elicitation/create",
        "params": {"mode": "url", "url": "https://example.com/in", "message": "[one] Sign in"},
    }
    back = {**PARAMS, "requestState": first["requestState"], "inputResponses": {key: ANN}}
    assert content(modern(talk, back)) == "in"
    sent = [one[1] for one in told(talk, modern=True)["requests"] if one[0] == "tools/call"]
    assert all(not {"requestState", "inputResponses"} & one.keys() for one in sent)
    assert modern(talk, back)["error"]["code"] == -32602


def test_who_does_not_open_it_is_not_asked_for_ever(start: Start) -> None:
    talk = start(peer("one", "legacy"), rounds=2)
    never: dict[str, Any] = {**PARAMS, "arguments": {"never": True}}
    first = modern(talk, never)["result"]
    declined = {**never, "requestState": first["requestState"],
                "inputResponses": {"open-1": {"action": "decline"}}}  # fmt: skip
    answer = modern(talk, declined)
    assert answer["result"]["isError"] is True and "did not open" in content(answer)
    answer = modern(talk, never)
    for _ in range(3):
        if answer["result"]["resultType"] == "complete":
            break
        again = {**never, "requestState": answer["result"]["requestState"],
                 "inputResponses": {"open-1": ANN}}  # fmt: skip
        answer = modern(talk, again)
    assert "3 times" in content(answer)


def test_a_modern_client_without_that_mode_is_told_what_is_missing(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    error = modern(talk, PARAMS, able={"elicitation": {}})["error"]
    assert error["code"] == -32021
    assert error["data"] == {"requiredCapabilities": {"elicitation": {"url": {}}}}


def test_between_legacy_sides_the_error_passes_with_the_server_named(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    talk.hello(**ABLE)
    error = talk.ask("tools/call", PARAMS)["error"]
    assert error["code"] == -32042
    (asked,) = error["data"]["elicitations"]
    assert (asked["elicitationId"], asked["message"]) == ("e1", "[one] Sign in")
    done = {"method": "notifications/elicitation/complete", "params": {"elicitationId": "e1"}}
    talk.call("one__say", {"messages": [done]})
    told_so = talk.notification("notifications/elicitation/complete")
    assert told_so["params"] == {"elicitationId": "e1"}


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18"])
def test_a_modern_servers_address_is_an_error_for_who_cannot_be_asked(
    start: Start, version: str
) -> None:
    talk = start(peer("one", "modern"))
    talk.hello(version, elicitation={})
    params: dict[str, Any] = {"name": "one__questions", "arguments": {"asks": [URL]}}
    answer = talk.ask("tools/call", params)
    if version == "2025-06-18":
        assert "no elicitation of mode url" in content(answer)
        return
    assert answer["error"]["code"] == -32042
    (asked,) = answer["error"]["data"]["elicitations"]
    assert (asked["mode"], asked["url"]) == ("url", "https://example.com/in")
    assert asked["message"] == "[one] Sign in" and asked["elicitationId"]


def test_what_else_a_modern_server_may_not_ask(start: Start) -> None:
    talk = start(peer("one", "modern"))
    talk.hello(**ABLE)
    for result, words in (
        ({"resultType": "input_required"}, "does not say what"),
        ({"resultType": "input_required", "inputRequests": [FORM]}, "not what it should be"),
        ({"resultType": "perhaps"}, "'perhaps', which this client cannot take"),
        ({"resultType": 7}, "not what it should be"),
        ({"resultType": "task", "taskId": "t"}, "'task', which this client cannot take"),
    ):
        for as_modern in (False, True):
            params: dict[str, Any] = {"name": "one__verbatim", "arguments": {"result": result}}
            answer = modern(talk, params) if as_modern else talk.ask("tools/call", params)
            assert answer["result"]["isError"] is True, answer
            assert words in content(answer), (as_modern, content(answer))
