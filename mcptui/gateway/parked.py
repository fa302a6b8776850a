"""Calls whose modern client was sent away to fetch answers, until it comes back with them.

A legacy server asks in the middle of a call; a modern client can only be asked by answering it.
So the call stays open towards the server while the client holds a token of ours. A token is good
for one return, for the same request, in the conversation it was given in; whatever the server does
meanwhile, the end of the call included, waits for that return.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any

from mcptui.gateway.call import Call
from mcptui.gateway.surrogates import show
from mcptui.gateway.wire import Part, encode, fields, joined, text

MOST_PARKED = 64
"""Calls of one client that may wait for its return."""
STATE_PREFIX = f"mcptui.{os.urandom(6).hex()}."
"""Begins the request states of this process; others belong to servers, another mcptui's too."""


class WrongRequest(Exception):
    """A token that was given for another request."""


@dataclass(slots=True)
class Parked:
    """A call that waits for its client.

    Args:
        call: the call, still open at its server, or over with one of the next three.
        until: when it is given up, monotonic seconds.
        result, error: the server's answer, when it came meanwhile.
        words: why there will be none.
        again: the server ended the call; it is made anew when the client comes back.
    """

    call: Call
    until: float
    result: Part = b""
    error: Part = b""
    words: str = ""
    again: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing is open at the server any more."""
        return bool(self.result or self.error or self.words or self.again)


class Parking:
    """The parked calls of one client.

    Args:
        seconds: how long a client may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._parked: dict[str, Parked] = {}

    @property
    def full(self) -> bool:
        """Whether no more calls may be parked."""
        return len(self._parked) >= MOST_PARKED

    def park(self, call: Call, *, again: bool = False) -> bytes:
        """The result that sends a client away with all open questions of a call."""
        call.state = STATE_PREFIX + os.urandom(18).hex()
        self._parked[call.state] = Parked(call, time.monotonic() + self._seconds, again=again)
        questions: dict[str, Part] = {}
        for question in call.asks:
            questions[question.key] = joined(
                {"method": encode(question.method), "params": question.params}
            )
        return b'{"resultType":"input_required","inputRequests":%b,"requestState":%b}' % (
            joined(questions),
            encode(call.state),
        )

    def unpark(self, call: Call) -> tuple[Parked, dict[str, Part]] | None:
        """The parked call a request comes back to, with its answers; None when it is not ours.

        Raises:
            MALFORMED: the answers are not what they should be.
            KeyError: the state is unknown, used or too old.
            WrongRequest: it was given for another request.
        """
        state = call.members.get("requestState")
        if state is None:
            return None
        name = text(state)
        if not name.startswith(STATE_PREFIX):
            return None
        answers = fields(call.members.get("inputResponses", b"{}"))
        for answer in answers.values():
            fields(answer)  # an answer is an object, or the whole return is refused
        found = self._parked[name]
        if not _same(found.call, call):
            raise WrongRequest
        del self._parked[name]
        found.call.state = ""
        return found, answers

    def of(self, call: Call) -> Parked | None:
        """Where a call is parked."""
        return self._parked.get(call.state)

    def late(self, now: float) -> list[Parked]:
        """Take out the calls whose clients never came back."""
        states = [state for state, parked in self._parked.items() if parked.until < now]
        return [self._parked.pop(state) for state in states]

    def clear(self) -> list[Parked]:
        """Take out all."""
        left = list(self._parked.values())
        self._parked.clear()
        return left


def _same(first: Call, second: Call) -> bool:
    """Whether two requests ask for the same thing."""
    if (first.server, first.name, first.method) != (second.server, second.name, second.method):
        return False
    return _read(first.given) == _read(second.given)


def _read(given: Part) -> Any:
    value = bytes(given)
    try:
        return json.loads(show(value))  # the order of keys and the spaces may differ
    except (ValueError, RecursionError):
        return value
