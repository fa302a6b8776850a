"""What servers ask, in all four combinations of the eras, and what may not be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.bridge import (
    ABLE,
    ANN,
    FORM,
    ROOTS,
    SAMPLE,
    URL,
    content,
    modern,
    peer,
    told,
)
from tests.gateway.conftest import Start, rows, until
from tests.gateway.talk import Talk

SAID: dict[str, Any] = {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"}
FOUND: dict[str, Any] = {"roots": [{"uri": "file:///home/ann"}]}
BY_METHOD = {"elicitation/create": ANN, "sampling/createMessage": SAID, "roots/list": FOUND}


def call(asks: list[Any], tool: str = "questions", **more: Any) -> dict[str, Any]:
    return {"name": f"one__{tool}", "arguments": {"asks": asks, **more}}


def come_back(talk: Talk, params: dict[str, Any], answer: Any, *leave: str) -> Any:
    """Answer everything a result asks, but for some keys; gives the next answer."""
    result = answer["result"]
    assert result["resultType"] == "input_required", result
    replies = {
        key: BY_METHOD[ask["method"]]
        for key, ask in result["inputRequests"].items()
        if key not in leave
    }
    again = {**params, "inputResponses": replies, "requestState": result["requestState"]}
    return modern(talk, again)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_modern_client_gets_all_questions_of_one_moment_at_once(start: Start, era: str) -> None:
    talk = start(peer("one", era))
    params = call([FORM, SAMPLE, ROOTS])
    first = modern(talk, params)
    asks = first["result"]["inputRequests"]
    assert sorted(ask["method"] for ask in asks.values()) == sorted(BY_METHOD)
    form = next(ask for ask in asks.values() if ask["method"] == "elicitation/create")
    assert form["params"]["message"] == "[one] Name?"
    answers = json.loads(content(come_back(talk, params, first)))
    if era == "modern":
        assert answers["requestState"] == "s-\u200d\ufeff\u202e"
        assert list(answers["inputResponses"].values()) == [ANN, SAID, FOUND]
    else:
        assert answers == [ANN, SAID, FOUND]
        sampled = next(a for a in asks.values() if a["method"] == "sampling/createMessage")
        assert sampled["params"]["includeContext"] == "none"  # it was not declared


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_legacy_client_is_asked_one_by_one_for_either_era(start: Start, era: str) -> None:
    talk = start(peer("one", era))
    talk.hello(**ABLE)
    seen: list[Any] = []

    def reply(message: dict[str, Any]) -> Any:
        seen.append(message)
        return BY_METHOD[message["method"]]

    talk.answer = reply
    text = talk.text("one__questions", {"asks": [FORM, SAMPLE, ROOTS, URL]})
    answers = json.loads(text)
    said = answers if era == "legacy" else list(answers["inputResponses"].values())
    assert said == [ANN, SAID, FOUND, ANN]
    assert [message["params"].get("message") for message in seen] == [
        "[one] Name?", None, None, "[one] Sign in",
    ]  # fmt: skip
    assert seen[1]["params"]["includeContext"] == "thisServer"
    assert ("elicitationId" in seen[3]["params"]) is (era == "modern")
    assert len({message["id"] for message in seen}) == 4


def test_answers_left_out_are_asked_for_again_and_extra_ones_are_ignored(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    params = call([FORM, ROOTS])
    first = modern(talk, params)
    keys = list(first["result"]["inputRequests"])
    second = come_back(talk, params, first, keys[0])
    assert list(second["result"]["inputRequests"]) == keys[:1]
    assert second["result"]["requestState"] != first["result"]["requestState"]
    replies = {keys[0]: ANN, "unasked": FOUND}
    again = {**params, "inputResponses": replies,
             "requestState": second["result"]["requestState"]}  # fmt: skip
    assert json.loads(content(modern(talk, again))) == [ANN, FOUND]


def test_a_state_is_good_once_for_its_request_and_its_client(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    params = call([FORM])
    first = modern(talk, params)
    state = first["result"]["requestState"]
    for wrong in (
        {**call([ROOTS]), "requestState": state},
        {**call([FORM], tool="rounds", count=1), "requestState": state},
        {**params, "requestState": state[:-1] + ("0" if state[-1] != "0" else "1")},
        {**params, "requestState": state, "inputResponses": {"ask-1": "text"}},
        {**params, "requestState": "somebody-elses"},
    ):
        assert modern(talk, wrong)["error"]["code"] == -32602, wrong
    other = start()
    assert modern(other, {**params, "requestState": state})["error"]["code"] == -32602
    assert json.loads(content(come_back(talk, params, first))) == [ANN]
    assert come_back(talk, params, first)["error"]["code"] == -32602
    asked = [one for one in told(talk, modern=True)["requests"] if one[0] == "tools/call"]
    assert [one[1]["name"] for one in asked] == ["questions", "told"]


@pytest.mark.parametrize(("era", "modern_client"), [("legacy", True), ("modern", False)])
def test_rounds_have_an_end(start: Start, era: str, modern_client: bool) -> None:
    talk = start(peer("one", era), rounds=3)
    talk.hello(**ABLE)
    talk.answer = lambda message: ANN
    for count, good in ((3, True), (5, False)):
        params: dict[str, Any] = {"name": "one__rounds", "arguments": {"count": count}}
        if not modern_client:
            result = talk.ask("tools/call", params)["result"]
        else:
            answer = modern(talk, params)
            for _ in range(10):
                if answer["result"]["resultType"] == "complete":
                    break
                answer = come_back(talk, params, answer)
            result = answer["result"]
        text = result["content"][0]["text"]
        assert (text == "enough") is good, text
        assert good or "Too many questions" in text or "more than 3 times" in text


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("modern_client", [False, True])
@pytest.mark.parametrize(
    ("able", "ask", "words"),
    [
        ({}, FORM, "cannot be asked elicitation/create"),
        ({"elicitation": {"url": {}}}, FORM, "no elicitation of mode form"),
        ({"elicitation": {}, "roots": {}}, SAMPLE, "cannot be asked sampling/createMessage"),
        ({"sampling": {}}, ROOTS, "cannot be asked roots/list"),
        (
            {"sampling": {}},
            {**SAMPLE, "params": {**SAMPLE["params"], "tools": []}},
            "no tools in sampling",
        ),
        (ABLE, {"method": "nonsense/ask", "params": {}}, "cannot be asked nonsense/ask"),
    ],
)
def test_a_client_is_not_asked_what_it_did_not_declare(
    start: Start, era: str, modern_client: bool, able: Any, ask: Any, words: str
) -> None:
    talk = start(peer("one", era))
    if modern_client:
        text = content(modern(talk, call([ask]), able=able))
    else:
        talk.hello(**able)
        text = talk.text("one__questions", {"asks": [ask]})
    assert words in text, text


def test_what_a_server_does_while_its_client_is_away_waits_for_it(
    start: Start, store: Store
) -> None:
    talk = start(peer("one", "legacy"))
    params = {**call([FORM], early=1, progress=1)}
    token = {"_meta": {"progressToken": "t"}}
    first = modern(talk, {**params, **token})
    assert content(come_back(talk, params, first)) == "I went on without you"
    assert rows(store, 1)[0].outcome == "ok"
    assert come_back(talk, params, first)["error"]["code"] == -32602


def test_a_server_that_dies_while_its_client_is_away(start: Start, store: Store) -> None:
    talk = start(peer("one", "legacy"))
    params = call([FORM], die=1)
    first = modern(talk, params)
    until(lambda: [s for s in store.states() if s.state == "down"])
    back = come_back(talk, params, first)
    assert back["result"]["isError"] is True
    assert "ended in the middle of this call" in content(back)
    answers = [line for line in talk.raw if b'"id": 1,' in line or b'"id":1,' in line]
    assert len(answers) == 1
    assert rows(store, 1)[0].outcome == "error"
    assert content(modern(talk, {"name": "one__echo", "arguments": {"text": "on"}})) == "on"


def test_a_client_that_never_comes_back_ends_the_call_at_its_server(
    start: Start, store: Store
) -> None:
    talk = start(peer("one", "legacy"), asked=0.5)
    params = call([FORM])
    first = modern(talk, params)
    assert rows(store, 1)[0].outcome == "timed out"
    assert come_back(talk, params, first)["error"]["code"] == -32602
    until(lambda: any(n[0] == "notifications/cancelled" for n in told(talk, modern=True)["notes"]))


def test_questions_that_nobody_can_place_are_refused(start: Start) -> None:
    talk = start(peer("one", "legacy"), question=1.0)
    hang = talk.start("tools/call", {"name": "one__hang", "arguments": {}}, modern=True)
    answer = modern(talk, call([FORM]))
    assert "Nobody can tell in which of 2 open calls" in content(answer)
    talk.send(method="notifications/cancelled", params={"requestId": hang})
    over: dict[str, Any] = {"id": "$ID", "result": {"content": []}}
    messages: list[Any] = [over, {"id": "alone", **FORM}]
    modern(talk, {"name": "one__say", "arguments": {"messages": messages, "silent": 1}})
    until(lambda: "alone" in told(talk, modern=True)["answers"])
    answers = told(talk, modern=True)["answers"]
    assert "nobody to ask" in answers["alone"]["message"]


def test_a_question_waits_until_it_can_be_told_whose_it_is(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    slow = {"name": "one__slow", "arguments": {"steps": 8, "pause": 0.1}}
    number = talk.start("tools/call", slow, modern=True)
    params = call([FORM])
    first = modern(talk, params)
    assert talk.wait(number)["result"]["content"][0]["text"] == "slept"
    assert json.loads(content(come_back(talk, params, first))) == [ANN]


def test_a_server_takes_its_question_back(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    talk.hello(**ABLE)
    cancel = {"method": "notifications/cancelled", "params": {"requestId": "q"}}
    messages = [{"id": "q", **FORM}, cancel]
    talk.call("one__say", {"messages": messages})
    asked = talk.next(lambda m: m.get("method") == "elicitation/create")
    told_so = talk.notification("notifications/cancelled")
    assert told_so["params"]["requestId"] == asked["id"]
    talk.send(id=asked["id"], result=ANN)
    assert talk.text("one__echo", {"text": "on"}) == "on"
    assert "q" not in told(talk)["answers"]
