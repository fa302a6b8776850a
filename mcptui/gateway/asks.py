"""What servers ask of legacy clients: elicitation, sampling and roots.

The open questions of older clients, who are asked by requests. A legacy server's are relayed; a
modern one gets its answers by asking that client and trying again. Newer clients are asked by
answering them: see `parked.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.gateway.eras import asks_of, attributed, for_legacy
from mcptui.gateway.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MALFORMED,
    Part,
    encode,
    error_body,
    joined,
    notification_line,
    request_line,
)

if TYPE_CHECKING:
    from mcptui.gateway.capable import Abilities
    from mcptui.gateway.front import Front
    from mcptui.gateway.link import Link

MOST_ASKED = 64
"""Questions a client may have open: a server that floods is refused, not the client drowned."""
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


class Asks:
    """The open questions of one client.

    Args:
        front: the client's wire.
        able: what the client can do, now.
        seconds: how long an answer may take.
    """

    def __init__(self, front: Front, able: Callable[[], Abilities], seconds: float) -> None:
        self._front = front
        self._able = able
        self._seconds = seconds
        self._last = 0
        self._asked: dict[bytes, Asked] = {}

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
        why = self._able().refusal(method, params)
        if len(self._asked) >= MOST_ASKED or self._front.overfull:
            reply(b"", error_body(INTERNAL_ERROR, "The client has too many open questions"))
            return
        if why is not None:
            reply(b"", error_body(*why))
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

    def sweep(self, now: float) -> None:
        """Give up on questions that took too long."""
        for own, asked in list(self._asked.items()):
            if asked.until < now:
                del self._asked[own]
                asked.reply(b"", error_body(INTERNAL_ERROR, "The client did not answer in time"))

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
            said = for_legacy(method, params, f"mcptui-{self._last + 1}")
            self.ask(link, b"", method, said, answer_to(key), about)
