"""The way back: what servers answer, ask and tell, in the form this client understands.

The owner of a client's links. Results of the client's own era pass as they are; the others are
translated, and what a modern server wants to know is asked of a legacy client, and the reverse.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from mcptui.gateway.asks import NEEDS, Asks
from mcptui.gateway.call import Call, tool_error
from mcptui.gateway.client import Client
from mcptui.gateway.eras import error_to, kind_of, to_legacy, to_modern
from mcptui.gateway.ledger import Ledger
from mcptui.gateway.link import Link
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    INTERNAL_ERROR,
    LOG_LEVEL_KEY,
    MALFORMED,
    METHOD_NOT_FOUND,
    Part,
    canonical_id,
    error_body,
    error_line,
    fields,
    joined,
    notification_line,
)
from mcptui.guard.switches import Verdict

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub

_numbers = itertools.count(1)


class Answers:
    """See the module.

    Args:
        hub: the servers and the book.
        front: its wire.
        client: who it is.
    """

    def __init__(self, hub: Hub, front: Front, client: Client) -> None:
        self.hub = hub
        self.front = front
        self.client = client
        self.limits = hub.limits
        self.ledger = Ledger(hub, client)
        self.asks = Asks(front, lambda: client.able, hub.limits.asked)
        self.links: dict[str, Link] = {}
        self.id = f"{hub.gateway}:s{next(_numbers)}"
        self.latest: dict[str, Link] = {}

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came."""
        if call.state:  # its client was sent away and nobody waits for this
            self.asks.forget(call)
            self.ledger.finish(call, "ok" if result else "error", "", result or error)
            return
        self.hub.guards.after(self, call, result, error, self._deliver)

    def _deliver(self, call: Call, result: Part, error: Part) -> None:
        link = call.link
        if not result:
            self._answer_error(call, error)
            return
        if link is not None and link.modern is not call.modern:
            try:
                self._translate(call, link, result)
            except MALFORMED as fault:
                self.failed(call, f"the server's answer is not what it should be: {fault}")
            return
        self.front.answer(call.identity, result)
        self.ledger.finish(call, "", "", result)

    def _translate(self, call: Call, link: Link, result: Part) -> None:
        if call.modern:
            self.front.answer(call.identity, to_modern(result, call.method))
            self.ledger.finish(call, "", "", result)
            return
        members = fields(result)
        kind = kind_of(members)
        if kind == "complete":
            self.front.answer(call.identity, to_legacy(members))
            self.ledger.finish(call, "", "", result)
        elif kind == "input_required" and call.rounds < self.limits.rounds:
            self._ask_round(call, link, members)
        else:
            self.failed(call, f"the server answered {kind[:40]!r}, which this client cannot take")

    def _ask_round(self, call: Call, link: Link, members: dict[str, Part]) -> None:
        call.rounds += 1
        call.soft_end = call.hard_end

        def again(extra: dict[str, Part] | None) -> None:
            if self.ledger.calls.get(call.identity) is not call or link.dead:
                return
            if extra is None:
                self.failed(call, "the client did not answer what the server asked")
                return
            for key in ("inputResponses", "requestState"):
                call.members.pop(key, None)
            call.members.update(extra)
            call.soft_end = time.monotonic() + self.limits.call
            self.hub.guards.before(self, call, self._submit_again, self.refused)

        self.asks.run_round(link, members, again, call.identity)

    def _submit_again(self, call: Call) -> None:
        if call.link is None or call.link.dead:
            self.failed(call, call.link.dead if call.link is not None else "it is gone")
        else:
            call.link.submit(call)

    def _answer_error(self, call: Call, error: Part) -> None:
        link = call.link
        if not error:
            self.failed(call, "the server answered with neither a result nor an error")
            return
        if link is not None and link.modern is not call.modern:
            error = error_to(error, call.modern)
        self.front.answer(call.identity, b"", error)
        self.ledger.finish(call, "error", "the server answered with an error", error)

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""
        call.soft_end = time.monotonic() + self.limits.call
        if not call.state and not self.front.overfull:
            line = notification_line("notifications/progress", joined(params))
            self.front.send(line, call.identity)

    def failed(self, call: Call, reason: str) -> None:
        """A call cannot be answered by its server."""
        self.down(call, f"The server {call.server!r} did not answer this call: {reason}.")

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A legacy server asks the client something."""
        calls = link.calls()
        carrier = calls[-1] if calls else None
        if carrier is not None:
            carrier.soft_end = carrier.hard_end
        if carrier is None or not carrier.modern:
            self.asks.ask(
                link, identity, method, params,
                lambda ok, bad: self._told(link, carrier, identity, method, ok, bad),
                carrier.identity if carrier is not None else b"",
            )  # fmt: skip
        elif NEEDS.get(method) in self._abilities(carrier):
            carrier.asks.append((identity, method, params))
            if not carrier.state:
                self.send_away(carrier)
        else:
            link.send(error_line(identity, METHOD_NOT_FOUND, "The client cannot be asked this"))

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
        )
        call.members["inputResponses"] = joined({method: ok or b"{}"})
        self.hub.guards.before(
            self,
            call,
            lambda call: link.reply(identity, self.reply_of(call, method)),
            lambda _, verdict: link.reply(identity, b"", error_body(INTERNAL_ERROR, verdict.text)),
        )

    @staticmethod
    def reply_of(call: Call, method: str) -> Part:
        """What goes to a server that asked: the client's answer, as interceptors left it."""
        answers = fields(call.members.pop("inputResponses", b"{}"))
        return answers.get(method, b'{"action":"cancel"}')

    @staticmethod
    def _abilities(call: Call) -> frozenset[str]:
        try:
            return frozenset(fields((call.meta or {}).get(CAPABILITIES_KEY, b"{}")))
        except MALFORMED:
            return frozenset()

    def send_away(self, call: Call) -> None:
        """Answer a modern client with what the server wants to know; the call waits."""
        self.ledger.calls.pop(call.identity, None)
        self.front.answer(call.identity, self.asks.park(call))

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""
        if method == "notifications/message":
            self._log_message(link, params)
        elif method.endswith("/list_changed"):
            self.hub.lists_changed(link)
        elif method == "notifications/cancelled":
            try:
                identity = canonical_id(fields(params).get("requestId", b"null"))
            except MALFORMED:
                return
            if identity is not None:
                self.asks.withdraw(link, identity, "the server took it back")
        elif self.front.overfull:
            return  # a client that does not read can do without
        elif method == "notifications/resources/updated":
            self.client.tell_updated(params, self.front)
        elif self.client.legacy and not link.modern:
            self.front.send(notification_line(method, params))

    def _log_message(self, link: Link, params: Part) -> None:
        if self.front.overfull:
            return
        calls = link.calls()
        about = calls[0].identity if len(calls) == 1 else b""
        if self.client.legacy:
            self.front.send(notification_line("notifications/message", params), about)
            return
        # Nothing in the message says whose it is: with two calls open it would be a guess.
        if len(calls) == 1 and LOG_LEVEL_KEY in (calls[0].meta or {}):
            self.front.send(notification_line("notifications/message", params), about)
        else:
            self.stderr(link, bytes(memoryview(params)[:2000]).decode("utf-8", "replace"))

    def ended(self, link: Link, reason: str) -> None:
        """A server is gone: its open calls fail with the reason, the next one starts it anew."""
        if self.links.get(link.server) is link:
            del self.links[link.server]
        self.asks.withdraw(link, None, "the server is gone")
        open_calls, waiting = link.calls(), link.waiting
        link.pending.clear()
        link.waiting = []
        advice = self.hub.link_ended(link, reason)
        for call in open_calls:
            if call.state:
                self.asks.forget(call)
            self.down(
                call,
                f"The server {link.server!r} ended in the middle of this call: {reason}. "
                f"It is not known how much of it was done. {advice}",
            )
        for call in waiting:
            self.down(call, f"The server {link.server!r} is down: {reason}. {advice}")

    def stderr(self, link: Link, text: str) -> None:
        """A line for the server's log."""
        self.hub.scribe.log(link.server, text)

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        for call in self.asks.sweep(now):
            if call.link is not None:
                call.link.cancel(call, "the client did not come back")
            self.ledger.finish(call, "timed out", "the client did not come back", b"")
        late = [c for c in self.ledger.calls.values() if now > c.soft_end or now > c.hard_end]
        for call in late:
            if call.link is not None:
                call.link.cancel(call, "it took too long")
            seconds = now - call.began
            self.down(
                call,
                f"The server {call.server!r} did not answer within {seconds:.0f} s, so mcptui "
                "stopped waiting and told it so. It is not known how much was done.",
                "timed out",
            )

    def close(self, reason: str) -> None:
        """The gateway ends: open calls are answered and recorded as cancelled."""
        for call in list(self.ledger.calls.values()):
            if call.link is not None:
                call.link.cancel(call, reason)
            self.down(call, f"This call was not finished: {reason}.", "cancelled")
        self.client.end_listens(self.front)

    def given_up(self, call: Call, verdict: Verdict) -> None:
        """Answer a call that its server still works on and that may not go on."""
        if call.link is not None:
            call.link.cancel(call, verdict.reason)
        self.refused(call, verdict)

    def refused(self, call: Call, verdict: Verdict) -> None:
        """Answer a call that a verdict forbids."""
        self.down(call, verdict.text, verdict.outcome, verdict.reason)

    def down(self, call: Call, words: str, outcome: str = "error", reason: str = "") -> None:
        """Answer a call ourselves, in a form the model or its user can act on."""
        if not call.state:
            if call.method == "tools/call":
                self.front.answer(call.identity, tool_error(words, modern=call.modern))
            else:
                self.front.answer(call.identity, b"", error_body(INTERNAL_ERROR, words))
        self.ledger.finish(call, outcome, reason or words, b"")
