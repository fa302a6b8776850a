"""What servers ask in the middle of calls, and how each client is asked.

Four ways. Legacy to legacy is relayed on the conversation the server belongs to. A modern
server's questions pass to a modern client in its answer, with the server named. A modern server
behind a legacy client gets its answers by asking that client and trying again. A legacy server in
front of a modern client has its call parked until the client comes back. Whom to ask is never
guessed: where it cannot be told, the server is refused.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.gateway.asks import MOST_ASKED, Asks
from mcptui.gateway.call import Call, Question
from mcptui.gateway.capable import Abilities
from mcptui.gateway.client import Client
from mcptui.gateway.desk import Desk
from mcptui.gateway.eras import asks_of, attributed, for_legacy, for_modern
from mcptui.gateway.link import Link
from mcptui.gateway.parked import Parked
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MALFORMED,
    URL_REQUIRED,
    Part,
    encode,
    error_body,
    fields,
    joined,
)

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub

ASKING = frozenset(("tools/call", "prompts/get", "resources/read"))
"""Methods a modern server may answer with questions."""


@dataclass(slots=True)
class _Unsure:
    """A question of which nobody can tell yet in which of several calls it is asked."""

    link: Link
    identity: bytes
    method: str
    params: Part
    until: float


def _asker(calls: list[Call]) -> Call | None:
    """The call of a modern client in which a server can be asking, None when it cannot be told.

    The client of a parked call is away and could not be asked. All calls of a link are of one
    client, and answers find their question by its id: a server that asks in two calls at once gets
    each answer where it belongs.
    """
    if len(calls) == 1:
        return calls[0]
    here = [call for call in calls if not call.state]
    return here[0] if len(here) == 1 else None


class Questions(Desk):
    """See the module.

    Args:
        hub: the servers and the book.
        front: its wire.
        client: who it is.
    """

    def __init__(self, hub: Hub, front: Front, client: Client) -> None:
        super().__init__(hub, front, client)
        self.asks = Asks(front, lambda: client.abilities, hub.limits.asked)
        self._unsure: list[_Unsure] = []
        self._keys = itertools.count(1)

    # A legacy server asks

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A legacy server asks the client something."""
        calls = link.calls()
        if not any(call.modern for call in calls):
            if calls or self.client.legacy:
                self._relay(link, calls[-1] if calls else None, identity, method, params)
            else:
                words = "No call is open, so there is nobody to ask"
                link.reply(identity, b"", error_body(INTERNAL_ERROR, words))
        elif (asker := _asker(calls)) is not None:
            self._park(link, asker, Question(identity, "", method, params))
        elif len(self._unsure) >= MOST_ASKED:
            words = "Too many questions are open"
            link.reply(identity, b"", error_body(INTERNAL_ERROR, words))
        else:  # it can be told as soon as the other calls have ended
            until = time.monotonic() + self.limits.question
            self._unsure.append(_Unsure(link, identity, method, params, until))

    def sweep_questions(self, now: float) -> None:
        """Ask what could not be asked before; refuse what waited too long."""
        waiting, self._unsure = self._unsure, []
        for one in waiting:
            calls = one.link.calls()
            if one.link.dead:
                continue
            if not calls or _asker(calls) is not None:
                self.asked(one.link, one.identity, one.method, one.params)
            elif one.until < now:
                words = f"Nobody can tell in which of {len(calls)} open calls this is asked"
                one.link.reply(one.identity, b"", error_body(INTERNAL_ERROR, words))
            else:
                self._unsure.append(one)

    def withdrawn(self, link: Link, identity: bytes) -> None:
        """A legacy server takes a question back."""
        self.asks.withdraw(link, identity, "the server took it back")
        self._unsure = [
            one for one in self._unsure if one.link is not link or one.identity != identity
        ]
        for call in link.calls():
            call.asks = [question for question in call.asks if question.identity != identity]

    def _relay(
        self, link: Link, carrier: Call | None, identity: bytes, method: str, params: Part
    ) -> None:
        if carrier is not None:
            carrier.soft_end = carrier.hard_end
        self.asks.ask(
            link, identity, method, params,
            lambda ok, bad: self._told(link, carrier, identity, method, ok, bad),
            carrier.identity if carrier is not None else b"",
        )  # fmt: skip

    def _told(
        self, link: Link, carrier: Call | None, identity: bytes, method: str, ok: Part, bad: Part
    ) -> None:
        """A client answered what a legacy server asked; interceptors look at answers as well."""
        if bad:
            link.reply(identity, ok, bad)
            return
        call = Call(
            b"null" if carrier is None else carrier.key.encode(),
            method if carrier is None else carrier.method,
            modern=False,
            members={} if carrier is None else dict(carrier.members),
            meta=None if carrier is None else carrier.meta,
            server=link.server,
            name="" if carrier is None else carrier.name,
            size=0,
            now=time.monotonic(),
            owner=self,
        )
        call.members["inputResponses"] = joined({method: ok or b"{}"})
        self.hub.guards.before(
            self,
            call,
            lambda call: link.reply(identity, self.replies_of(call).get(method, b"{}")),
            lambda _, verdict: link.reply(identity, b"", error_body(INTERNAL_ERROR, verdict.text)),
        )

    @staticmethod
    def replies_of(call: Call) -> dict[str, Part]:
        """What goes to a server that asked: the client's answers, as interceptors left them."""
        return fields(call.members.pop("inputResponses", b"{}"))

    # … in front of a modern client

    def _park(self, link: Link, call: Call, question: Question) -> None:
        abilities = Abilities.of((call.meta or {}).get(CAPABILITIES_KEY, b"{}"))
        why = abilities.refusal(question.method, question.params)
        if why is None and (call.rounds >= self.limits.rounds or len(call.asks) >= MOST_ASKED):
            why = INTERNAL_ERROR, "Too many questions in one call"
        if why is None and self.parking.full:
            why = INTERNAL_ERROR, "The client has too many open questions"
        try:
            context = abilities.context
            question.params = for_modern(question.method, question.params, context=context)
            if why is None and question.method == "elicitation/create":
                question.params = attributed(question.params, call.server)
        except MALFORMED:
            why = INVALID_PARAMS, "The params are not what they should be"
        if why is not None:
            link.reply(question.identity, b"", error_body(*why))
            return
        question.key = f"ask-{next(self._keys)}"
        call.asks.append(question)
        call.soft_end = call.hard_end
        if not call.state and len(call.asks) == 1:
            # Questions that come together are asked together.
            asyncio.get_running_loop().call_soon(self._send_away, call)

    def _send_away(self, call: Call) -> None:
        """Answer a modern client with what the server wants to know; the call waits."""
        if call.state or not call.asks:
            return
        if self.ledger.calls.get(call.identity) is not call:
            self._unasked(call, "The call is over")
            return
        if call.rounds >= self.limits.rounds:
            self._unasked(call, "The client was asked too often in one call")
            return
        call.rounds += 1
        del self.ledger.calls[call.identity]
        self.front.answer(call.identity, self.parking.park(call))

    @staticmethod
    def _unasked(call: Call, words: str) -> None:
        """Refuse the open questions of a call."""
        questions, call.asks = call.asks, []
        if call.link is not None and not call.link.dead:
            for question in questions:
                body = error_body(INTERNAL_ERROR, words)
                call.link.reply(question.identity, b"", body)

    def resume(self, parked: Parked, back: Call, answers: dict[str, Part]) -> None:
        """A modern client came back to its call."""
        call = parked.call
        call.identity, call.token, call.meta = back.identity, back.token, back.meta
        call.soft_end = time.monotonic() + self.limits.call
        self.ledger.calls[call.identity] = call
        link = call.link
        if parked.words or link is None:
            self.down(call, parked.words)
            return
        answered = [question for question in call.asks if question.key in answers]
        call.asks = [question for question in call.asks if question.key not in answers]

        def go(call: Call) -> None:
            said = self.replies_of(call)
            for question in answered:
                reply = said.get(question.key)
                missing = error_body(INTERNAL_ERROR, "An interceptor took the answer away")
                link.reply(question.identity, reply or b"", b"" if reply else missing)
            if parked.over:
                self._unasked(call, "The call is over")
                self.answered(call, parked.result, parked.error)
            else:
                self._send_away(call)

        call.members["inputResponses"] = joined(
            {question.key: answers[question.key] for question in answered}
        )
        self.hub.guards.before(self, call, go, self.given_up)

    # A modern server asks

    def ask_round(self, call: Call, link: Link, members: dict[str, Part]) -> None:
        """A modern server wants answers of a legacy client before it goes on.

        Raises:
            MALFORMED: what it wants is not what it should be.
        """
        if not self._may_ask(call, members):
            return
        urls: list[Part] = []
        for _, method, params in asks_of(members):
            why = self.client.abilities.refusal(method, params)
            if why is None:
                continue
            if method != "elicitation/create" or self.client.protocol < "2025-11-25":
                self.failed(call, f"it asks for what this client cannot give: {why[1]}")
                return
            asked = for_legacy(method, params, f"mcptui-{call.number}-{len(urls)}")
            if "url" in fields(asked):
                urls.append(attributed(asked, call.server))
            else:
                self.failed(call, f"it asks for what this client cannot give: {why[1]}")
                return
        if urls:
            self._want_urls(call, urls)
            return
        call.rounds += 1
        call.soft_end = call.hard_end
        self.asks.run_round(link, members, lambda extra: self._again(call, extra), call.identity)

    def _may_ask(self, call: Call, members: dict[str, Part]) -> bool:
        if call.method not in ASKING:
            self.failed(call, f"it asks back in {call.method}, where it may not")
        elif call.rounds >= self.limits.rounds:
            self.failed(call, f"it asked back more than {self.limits.rounds} times")
        elif not ({"inputRequests", "requestState"} & members.keys()):
            self.failed(call, "it asks back and does not say what")
        else:
            return True
        return False

    def _again(self, call: Call, extra: dict[str, Part] | None) -> None:
        link = call.link
        if self.ledger.calls.get(call.identity) is not call or link is None or link.dead:
            return
        if extra is None:
            self.failed(call, "the client did not answer what the server asked")
            return
        for key in ("inputResponses", "requestState"):
            call.members.pop(key, None)
        call.members.update(extra)
        call.soft_end = time.monotonic() + self.limits.call
        self.hub.guards.before(self, call, self._submit_again, self.refused)

    def _submit_again(self, call: Call) -> None:
        if call.link is None or call.link.dead:
            self.failed(call, call.link.dead if call.link is not None else "it is gone")
        else:
            call.link.submit(call)

    def _want_urls(self, call: Call, urls: list[Part]) -> None:
        """Tell a legacy client which addresses its user must open before it calls again."""
        body = b'{"code":%d,"message":%b,"data":{"elicitations":[%b]}}' % (
            URL_REQUIRED,
            encode(f"The server {call.server!r} wants its user to open an address first"),
            b",".join(bytes(url) for url in urls),
        )
        self.front.answer(call.identity, b"", body)
        self.ledger.finish(call, "error", "its user must open an address first", body)

    def relay_round(self, call: Call, result: Part) -> Part | None:
        """A modern server's questions for a modern client: the same, with the server named.

        Returns:
            what to answer; None when the call has failed.

        Raises:
            MALFORMED: what it wants is not what it should be.
        """
        members = fields(result)
        if not self._may_ask(call, members):
            return None
        abilities = Abilities.of((call.meta or {}).get(CAPABILITIES_KEY, b"{}"))
        named: dict[str, Part] = {}
        for key, method, params in asks_of(members):
            why = abilities.refusal(method, params)
            if why is not None:
                self.failed(call, f"it asks for what this client cannot give: {why[1]}")
                return None
            if method == "elicitation/create":
                request = fields(fields(members["inputRequests"])[key])
                request["params"] = attributed(params, call.server)
                named[key] = joined(request)
        if not named:
            return result
        members["inputRequests"] = joined({**fields(members["inputRequests"]), **named})
        return joined(members)
