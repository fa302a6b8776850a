"""What servers ask of clients: elicitation, sampling and roots, across both eras.

Four ways. Legacy to legacy is relayed. A modern server's questions to a modern client pass as
they are and never come here. A modern server behind a legacy client gets its answers by asking
that client one by one and trying again. A legacy server in front of a modern client has its call
parked: the client gets `input_required` with a token of ours and comes back with the answers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.gateway.call import Call
from mcptui.gateway.eras import asks_of, attributed
from mcptui.gateway.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MALFORMED,
    METHOD_NOT_FOUND,
    Part,
    encode,
    error_body,
    fields,
    joined,
    notification_line,
    request_line,
    text,
)

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.link import Link

NEEDS = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""What a client must be able to do to be asked something."""
MOST_ASKED = 64
"""Questions a client may have open: a server that floods is refused, not the client drowned."""
STATE_PREFIX = "mcptui."
"""Begins the request states that are ours; others belong to servers."""
_KEY = "ask"

Reply = Callable[[Part, Part], None]
"""Takes a result or an error; one of the two is empty."""


@dataclass(slots=True)
class Asked:
    """A question on its way to a legacy client."""

    link: Link
    identity: bytes
    about: bytes
    reply: Reply
    until: float


@dataclass(slots=True)
class Parked:
    """A call whose modern client was asked to come back."""

    call: Call
    until: float


class Asks:
    """The open questions of one client.

    Args:
        front: the client's wire.
        able: the client's capability names, now.
        seconds: how long an answer may take.
    """

    def __init__(self, front: Front, able: Callable[[], frozenset[str]], seconds: float) -> None:
        self._front = front
        self._able = able
        self._seconds = seconds
        self._last = 0
        self._asked: dict[bytes, Asked] = {}
        self._parked: dict[str, Parked] = {}

    def ask(
        self, link: Link, identity: bytes, method: str, params: Part, reply: Reply,
        about: bytes = b"",
    ) -> None:  # fmt: skip
        """Ask a legacy client.

        Args:
            link: the server that asks.
            identity: the server's id of the question.
            method, params: the question.
            reply: called exactly once, at once when the client cannot be asked.
            about: the client's request on whose behalf the server asks, empty when unknown.
        """
        need = NEEDS.get(method)
        if len(self._asked) >= MOST_ASKED:
            reply(b"", error_body(INTERNAL_ERROR, "The client has too many open questions"))
            return
        if need is None or need not in self._able():
            reply(b"", error_body(METHOD_NOT_FOUND, f"The client cannot be asked {method}"))
            return
        try:
            said = attributed(params, link.server) if method == "elicitation/create" else params
        except MALFORMED:
            reply(b"", error_body(INVALID_PARAMS, "The params are no object"))
            return
        self._last += 1
        own = b'"mcptui-%d"' % self._last
        until = time.monotonic() + self._seconds
        self._asked[own] = Asked(link, identity, about, reply, until)
        self._front.send(request_line(own, method, said), about)

    def open_with(self, link: Link) -> bool:
        """Whether a client still has to answer a question of this server."""
        return any(asked.link is link for asked in self._asked.values())

    def answered(self, identity: bytes, result: Part, error: Part) -> None:
        """A legacy client answered; answers to nothing are dropped."""
        asked = self._asked.pop(identity, None)
        if asked is not None:
            asked.reply(result, error)

    def withdraw(self, link: Link, identity: bytes | None, reason: str) -> None:
        """A server, or its end, took back one question or, without `identity`, all of them."""
        for own, asked in list(self._asked.items()):
            if asked.link is link and identity in (None, asked.identity):
                del self._asked[own]
                params = b'{"requestId":%b,"reason":%b}' % (own, encode(reason))
                self._front.send(notification_line("notifications/cancelled", params), asked.about)

    def sweep(self, now: float) -> list[Call]:
        """Give up on questions that took too long; returns calls whose client never came back."""
        for own, asked in list(self._asked.items()):
            if asked.until < now:
                del self._asked[own]
                asked.reply(b"", error_body(INTERNAL_ERROR, "The client did not answer in time"))
        late = [state for state, parked in self._parked.items() if parked.until < now]
        return [self._parked.pop(state).call for state in late]

    # A modern server behind a legacy client

    def run_round(
        self,
        link: Link,
        members: dict[str, Part],
        done: Callable[[dict[str, Part] | None], None],
        about: bytes = b"",
    ) -> None:
        """Put a modern server's questions to the legacy client, all at once.

        Args:
            link: the server that asks.
            members: its result of type `input_required`.
            done: called with the params to try again with, or with None when the client refused.
            about: the client's request that waits for the answers.

        Raises:
            MALFORMED: the questions are not what they should be.
        """
        questions = asks_of(members)
        state = members.get("requestState")
        answers: dict[str, Part] = {}
        left = len(questions)

        def finish() -> None:
            again: dict[str, Part] = {}
            if answers:
                again["inputResponses"] = joined(answers)
            if state is not None:
                again["requestState"] = state
            done(again)

        def answer_to(key: str) -> Reply:
            def reply(result: Part, error: Part) -> None:
                nonlocal left
                if left < 0:
                    return
                if error:
                    left = -1
                    done(None)
                    return
                answers[key] = result
                left -= 1
                if left == 0:
                    finish()

            return reply

        if not questions:
            finish()
        for key, method, params in questions:
            if left < 0:
                return  # one was refused at once: the others need not be asked
            self.ask(link, b"", method, params, answer_to(key), about)

    # A legacy server in front of a modern client

    def park(self, call: Call) -> bytes:
        """The result that sends a modern client away with the first open question of a call."""
        call.state = STATE_PREFIX + os.urandom(18).hex()
        self._parked[call.state] = Parked(call, time.monotonic() + self._seconds)
        _, method, params = call.asks[0]
        question = b'{"%b":{"method":%b,"params":%b}}' % (
            _KEY.encode(), encode(method), params or b"{}",
        )  # fmt: skip
        return b'{"resultType":"input_required","inputRequests":%b,"requestState":%b}' % (
            question,
            encode(call.state),
        )

    def unpark(self, members: dict[str, Part]) -> tuple[Call, Part] | None:
        """The parked call and the answer a modern client came back with; None when it is not ours.

        Raises:
            MALFORMED: the answers are not what they should be.
            KeyError: the state is unknown, used or too old.
        """
        state = members.get("requestState")
        if state is None:
            return None
        name = text(state)
        if not name.startswith(STATE_PREFIX):
            return None
        answers = fields(members.get("inputResponses", b"{}"))
        call = self._parked.pop(name).call
        call.state = ""
        return call, answers.get(_KEY, b'{"action":"cancel"}')

    def forget(self, call: Call) -> None:
        """A call is over: nobody may come back to it."""
        self._parked.pop(call.state, None)
        call.state = ""
