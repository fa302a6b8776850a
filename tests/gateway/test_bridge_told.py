"""What passes unasked between the eras: levels, log messages, subscriptions, cancellation."""

from __future__ import annotations

from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.bridge import ABLE, meta, modern, peer, told
from tests.gateway.conftest import Start, until
from tests.gateway.talk import META, Talk

LEVEL = META + "logLevel"
UPDATED = "notifications/resources/updated"


def requests_of(talk: Talk, method: str, **how: Any) -> list[Any]:
    """The params of what a server was asked so far."""
    return [one[1] for one in told(talk, **how)["requests"] if one[0] == method]


def say(talk: Talk, *messages: Any, **params: Any) -> dict[str, Any]:
    """Have the server send messages."""
    call = {"name": "one__say", "arguments": {"messages": messages}, **params}
    return modern(talk, call) if "_meta" in params else talk.ask("tools/call", call)


def message(level: str, data: str) -> dict[str, Any]:
    return {"method": "notifications/message", "params": {"level": level, "data": data}}


def test_a_modern_calls_level_reaches_a_legacy_server_for_that_call(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    loud = {"_meta": {LEVEL: "info"}}
    say(talk, message("debug", "too much"), message("info", "wanted"), **loud)
    assert talk.notification("notifications/message")["params"]["data"] == "info"  # the peer's
    assert talk.notification("notifications/message")["params"]["data"] == "wanted"
    say(talk, message("alert", "nobody asked"), _meta={})
    levels = [one["level"] for one in requests_of(talk, "logging/setLevel", modern=True)]
    assert levels == ["info", "emergency"]
    assert not any(m.get("method") == "notifications/message" for m in talk.kept)


def test_a_legacy_clients_level_is_told_to_either_server(start: Start) -> None:
    talk = start(peer("one", "legacy"), peer("two", "modern"))
    talk.hello()
    talk.call("two__echo")
    assert LEVEL not in told(talk, "two")["meta"]
    talk.ask("logging/setLevel", {"level": "warning"})
    assert told(talk, "two")["meta"][LEVEL] == "warning"
    say(talk, message("info", "quiet"), message("error", "loud"))
    texts = [talk.notification("notifications/message")["params"] for _ in range(3)]
    assert [text["data"] for text in texts] == ["warning", "quiet", "loud"]
    assert requests_of(talk, "logging/setLevel") == [{"level": "warning"}]


def test_with_two_calls_open_a_message_goes_to_no_modern_client(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    hang = talk.start("tools/call", {"name": "one__hang", "arguments": {}, **meta()}, modern=True)
    say(talk, message("error", "whose?"), _meta={LEVEL: "debug"})
    talk.send(method="notifications/cancelled", params={"requestId": hang})
    assert not any(b"whose?" in line for line in talk.raw if b"notifications/message" in line)


def updated(uri: str) -> dict[str, Any]:
    return {
        "method": UPDATED,
        "params": {"uri": uri, "_meta": {META + "subscriptionId": "$LISTEN"}},
    }


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_watched_resources_of_both_eras_clients_on_one_stream(start: Start, era: str) -> None:
    talk = start(peer("one", era))
    talk.hello(**ABLE)
    talk.notification("notifications/resources/list_changed")
    assert talk.ask("resources/subscribe", {"uri": "test://one"})["result"] == {}
    wanted = {"resourceSubscriptions": ["test://one", "test://by/1/data"]}
    number = talk.start("subscriptions/listen", {"notifications": wanted, **meta()}, modern=True)
    ack = talk.notification("notifications/subscriptions/acknowledged")["params"]
    assert ack["notifications"] == wanted

    def listened() -> bool:
        said = told(talk)
        if era == "legacy":
            return sorted(said["subscribed"]) == ["test://by/1/data", "test://one"]
        asked = [
            r[1]
            for r in said["requests"]
            if r[0] == "subscriptions/listen" and r[2] in said["listens"]
        ]
        return len(asked) == 1 and len(asked[0]["notifications"]["resourceSubscriptions"]) == 2

    until(listened)
    say(talk, updated("test://one"), updated("test://by/1/data/part"), updated("test://other"))
    heard = [talk.notification(UPDATED)["params"] for _ in range(3)]
    plain = [one for one in heard if "_meta" not in one]
    assert plain == [{"uri": "test://one"}] or [one["uri"] for one in plain] == ["test://one"]
    streamed = [one for one in heard if one.get("_meta", {}).get(META + "subscriptionId") == number]
    assert [one["uri"] for one in streamed] == ["test://one", "test://by/1/data/part"]
    talk.ask("resources/unsubscribe", {"uri": "test://one"})
    talk.send(method="notifications/cancelled", params={"requestId": number})
    if era == "legacy":
        until(lambda: told(talk)["subscribed"] == [])
    else:
        until(lambda: len(told(talk)["listens"]) == 1)
        last = requests_of(talk, "subscriptions/listen")[-1]["notifications"]
        assert "resourceSubscriptions" not in last


def test_a_stream_that_ends_is_opened_again_and_what_was_missed_is_looked_for(
    start: Start, store: Store
) -> None:
    talk = start(peer("one", "modern", "--quiet", "2"))
    talk.hello()
    assert talk.call("one__echo")
    until(lambda: len(told(talk)["listens"]) == 1)
    assert len(requests_of(talk, "subscriptions/listen")) == 3
    until(lambda: len(requests_of(talk, "tools/list")) >= 6)  # three pages, twice


def test_who_only_listens_hears_of_a_server_that_died_and_came_again(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    talk.hello()
    talk.notification("notifications/resources/list_changed")
    talk.ask("resources/subscribe", {"uri": "test://one"})
    until(lambda: told(talk)["subscribed"] == ["test://one"])
    talk.call("one__die")
    until(lambda: told(talk)["subscribed"] == ["test://one"])
    say(talk, updated("test://one"))
    assert talk.notification(UPDATED)["params"]["uri"] == "test://one"


def test_roots_that_changed_are_told_to_legacy_servers_alone(start: Start) -> None:
    talk = start(peer("one", "legacy"), peer("two", "modern"))
    talk.hello(roots={"listChanged": True})
    for server in ("one", "two"):
        talk.call(f"{server}__echo")
    talk.send(method="notifications/roots/list_changed")
    until(lambda: ["notifications/roots/list_changed", None] in told(talk)["notes"])
    said = told(talk, "two")
    assert said["notes"] == []
    assert said["meta"][META + "clientCapabilities"] == {"roots": {}}


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("as_modern", [False, True])
def test_nothing_comes_for_a_call_that_was_cancelled(
    start: Start, era: str, as_modern: bool
) -> None:
    talk = start(peer("one", era))
    talk.hello()
    talk.call("one__echo")
    late: dict[str, Any] = {"id": "$ID", "result": {"resultType": "complete", "content": []}}
    progress = {
        "method": "notifications/progress",
        "params": {"progressToken": "$ID", "progress": 1},
    }
    call: dict[str, Any] = {
        "name": "one__say",
        "arguments": {"messages": [progress, late, late], "pause": 0.4, "silent": 1},
        "_meta": {"progressToken": "mine"},
    }
    number = talk.start("tools/call", call, modern=as_modern)
    told_so = talk.notification("notifications/progress")
    assert told_so["params"] == {"progressToken": "mine", "progress": 1}
    talk.send(method="notifications/cancelled", params={"requestId": number})
    until(lambda: [n for n in told(talk)["notes"] if n[0] == "notifications/cancelled"])
    talk.call("one__slow", {"steps": 10, "pause": 0.1})
    assert not any(m.get("id") == number for m in talk.kept)
    cancelled = [n[1] for n in told(talk)["notes"] if n[0] == "notifications/cancelled"]
    said = [r for r in told(talk)["requests"] if r[1] and r[1].get("name") == "say"]
    assert [one["requestId"] for one in cancelled] == [said[0][2]]
