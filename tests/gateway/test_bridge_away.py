"""Modern clients that do not come back to a legacy server's question, or answer unasked."""

from __future__ import annotations

import json
from typing import Any

from tests.gateway.bridge import ANN, FORM, content, modern, peer
from tests.gateway.conftest import Start
from tests.gateway.talk import Talk

CALL: dict[str, Any] = {"name": "one__questions", "arguments": {"asks": [FORM]}}


def come_back(talk: Talk, answer: dict[str, Any]) -> dict[str, Any]:
    """Answer what a result asks."""
    asked = answer["result"]
    replies = dict.fromkeys(asked["inputRequests"], ANN)
    again = {**CALL, "inputResponses": replies, "requestState": asked["requestState"]}
    return modern(talk, again)


def test_a_client_that_walks_away_does_not_keep_other_calls_from_asking(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    left = modern(talk, CALL)
    for _ in range(3):
        assert json.loads(content(come_back(talk, modern(talk, CALL)))) == [ANN]
    # And the one who comes back late still has its call.
    assert json.loads(content(come_back(talk, left))) == [ANN]


def test_answers_to_nothing_are_no_error_and_the_server_asks(start: Start) -> None:
    talk = start(peer("one", "legacy"))
    unasked = modern(talk, {**CALL, "inputResponses": {"wrong": ANN}})
    assert unasked["result"]["resultType"] == "input_required"
    assert json.loads(content(come_back(talk, unasked))) == [ANN]
