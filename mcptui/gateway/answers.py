"""The way back: what servers answer and tell, in the form this client understands.

The owner of a client's links. Results of the client's own era pass as they are; the others are
translated. What servers ask is in `questions.py`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mcptui.gateway.call import Call, Question
from mcptui.gateway.capable import TASKS, Abilities, fitted, without_questions, without_roots
from mcptui.gateway.client import Client
from mcptui.gateway.eras import (
    attributed,
    error_to,
    for_modern,
    hop_error,
    kind_of,
    named_urls,
    to_legacy,
    to_modern,
    urls_of,
)
from mcptui.gateway.levels import heard, level_of
from mcptui.gateway.link import Link
from mcptui.gateway.parked import Parked
from mcptui.gateway.questions import ASKING, Questions
from mcptui.gateway.shared import end_calls
from mcptui.gateway.task_routes import TaskRoutes
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LACKS_CAPABILITY,
    LATEST_MODERN,
    LOG_LEVEL_KEY,
    MALFORMED,
    VERSION_KEY,
    Part,
    canonical_id,
    decode_error,
    encode,
    error_body,
    fields,
    joined,
    notification_line,
    number_id,
    text,
)

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub


_UNREAD = (
    "The client leaves too many answers unread, so this one was dropped. The server did its work."
)


class Answers(Questions):
    """See the module.

    Args:
        hub: the servers and the book.
        front: its wire.
        client: who it is.
    """

    def __init__(self, hub: Hub, front: Front, client: Client) -> None:
        super().__init__(hub, front, client)
        self.tasks = TaskRoutes()
        self._stamps: dict[Link, dict[str, Part]] = {}

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came."""
        if call.state:  # its client was sent away, and gets this when it comes back
            parked = self.parking.of(call)
            if parked is not None:
                parked.result, parked.error = bytes(result), bytes(error)
            return
        self.hub.guards.after(self, call, result, error, self._deliver)

    def _deliver(self, call: Call, result: Part, error: Part) -> None:
        link = call.link
        if not result:
            self._answer_error(call, error)
            return
        if bytes(memoryview(result)[:1]) != b"{":
            self.failed(call, "the server's answer is no object")
            return
        if self.front.overfull and self.front.undelivered > self.limits.undelivered:
            self.down(call, _UNREAD)
            return
        if link is not None and (link.modern or call.modern):
            try:
                said = self._translated(call, link, result)
            except MALFORMED as fault:
                self.failed(call, f"the server's answer is not what it should be: {fault}")
                return
            if said is None:
                return  # it is not over, or has failed
            result = said
        elif "task" in call.members and not self._task_made(call, result):
            return
        self.front.answer(call.identity, result)
        self.ledger.finish(call, "", "", result)

    def _translated(self, call: Call, link: Link, result: Part) -> Part | None:
        if not link.modern:
            return to_modern(result, call.method)
        kind = kind_of(result)
        if kind == "complete":
            if not call.modern:
                return to_legacy(fields(result))
            return self.task_named(call, result) if call.method == "tasks/get" else result
        if kind != "input_required":
            return self._extended(call, link, kind, result)
        if call.modern:
            return self.relay_round(call, result)
        self.ask_round(call, link, fields(result))
        return None

    def _extended(self, call: Call, link: Link, kind: str, result: Part) -> Part | None:
        """A result of a type that only an extension knows."""
        common: frozenset[str] = frozenset()
        if call.modern:
            said = Abilities.of((call.meta or {}).get(CAPABILITIES_KEY, b"{}"))
            common = said.extensions & link.extensions
        if kind == "task" and TASKS in common:
            members = fields(result)
            task = text(members.get("taskId", b'""'))
            if self.tasks.add(task, link, call.name, members.get("ttlMs", b"null")):
                return result
            self.failed(call, "it gave its task an id that another server's task has")
        elif kind != "task" and common - {TASKS}:
            return result
        else:
            self.failed(call, f"it answered with {kind[:40]!r}, which this client cannot take")
        return None

    def _task_made(self, call: Call, result: Part) -> bool:
        """Remember the task an older server made; returns whether the answer may pass."""
        try:
            made = fields(fields(result)["task"])
            task = text(made["taskId"])
        except (*MALFORMED, KeyError):
            return True  # a result of its own: the server made no task of it
        if call.link is not None and self.tasks.add(
            task, call.link, call.name, made.get("ttl", b"null")
        ):
            return True
        self.failed(call, "it gave its task an id that another server's task has")
        return False

    def _answer_error(self, call: Call, error: Part) -> None:
        link = call.link
        if not error:
            self.failed(call, "the server answered with neither a result nor an error")
            return
        try:
            decode_error(error)
        except MALFORMED:
            self.failed(call, "the server's error is not what it should be")
            return
        if link is not None and not link.modern and b"-32042" in bytes(error):
            if call.modern and (urls := urls_of(error)):
                self._open_urls(call, urls, error)
                return
            if not call.modern:
                error = named_urls(error, call.server)
        if link is not None and link.modern is not call.modern:
            error = error_to(error, call.method, modern=call.modern)
        elif call.modern:
            error = hop_error(error)
        self.front.answer(call.identity, b"", error)
        self.ledger.finish(call, "error", "the server answered with an error", error)

    def _open_urls(self, call: Call, urls: list[Part], error: Part) -> None:
        """An older server wants addresses opened before a call; a modern client is asked to."""
        able = Abilities.of((call.meta or {}).get(CAPABILITIES_KEY, b"{}")).url
        self.ledger.finish(call, "error", "its user must open an address first", error)
        if not able or call.method not in ASKING or self.parking.full:
            url: dict[str, dict[str, str]] = {"url": {}}
            needs = {"requiredCapabilities": {"elicitation": url}}
            words = f"The server {call.server!r} wants its user to open an address first"
            self.front.answer(call.identity, b"", error_body(LACKS_CAPABILITY, words, needs))
            return
        method = "elicitation/create"
        call.asks = [
            Question(b"", f"open-{number}", method,
                     attributed(for_modern(method, url, context=False), call.server))
            for number, url in enumerate(urls, 1)
        ]  # fmt: skip
        self.front.answer(call.identity, self.parking.park(call, again=True))

    # Told

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""
        call.soft_end = time.monotonic() + self.limits.call
        if not call.state and not self.front.overfull:
            line = notification_line("notifications/progress", joined(params))
            self.front.send(line, call.identity)

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""
        watch = link.watch
        if method == "notifications/message":
            self._log_message(link, params)
        elif method == "notifications/subscriptions/acknowledged":
            if watch is not None:
                watch.acknowledged(params)
        elif method.endswith("/list_changed"):
            if watch is None or watch.takes(params):
                self.hub.lists_changed(link)
        elif method == "notifications/cancelled":
            self._taken_back(link, params)
        elif self.front.overfull:
            return  # a client that does not read can do without
        elif method == "notifications/resources/updated":
            if watch is None or watch.takes(params):
                self.client.tell_updated(params, self.front)
        elif link.modern:
            if method == "notifications/tasks" and (watch is None or watch.takes(params)):
                self.task_told(link, params)
        elif self.client.legacy:
            self.front.send(notification_line(method, params))

    def _taken_back(self, link: Link, params: Part) -> None:
        try:
            raw = fields(params).get("requestId", b"null")
        except MALFORMED:
            return
        if link.watch is not None and link.watch.torn(number_id(raw)):
            return
        identity = canonical_id(raw)
        if identity is not None and not link.modern:
            self.withdrawn(link, identity)

    def task_named(self, call: Call, result: Part) -> Part | None:
        """A modern task's state for its client; see the session."""
        raise NotImplementedError

    def task_told(self, link: Link, params: Part) -> None:
        """A modern server tells how a task is; see the session."""
        raise NotImplementedError

    def _log_message(self, link: Link, params: Part) -> None:
        if self.front.overfull:
            return
        calls = link.calls()
        # Nothing in the message says whose it is: with two calls open it would be a guess.
        one = calls[0] if len(calls) == 1 else None
        if one is not None and one.modern:
            level = level_of((one.meta or {}).get(LOG_LEVEL_KEY))
            wanted = bool(level) and heard(params, level)
        else:
            own = self.client.log_level  # another one only while a modern call wants more
            wanted = self.client.legacy and (link.level == own or heard(params, own))
        if wanted:
            about = one.identity if one is not None else b""
            self.front.send(notification_line("notifications/message", params), about)
        else:
            self.stderr(link, bytes(memoryview(params)[:2000]).decode("utf-8", "replace"))

    # What servers are told of the client

    def stamp(self, link: Link) -> dict[str, Part]:
        """What every request of a legacy client says to a modern server."""
        found = self._stamps.get(link)
        if found is None:
            found = self._stamps[link] = {
                VERSION_KEY: encode(link.version or LATEST_MODERN),
                CLIENT_KEY: self.client.introduction,
                CAPABILITIES_KEY: self.capabilities_for(link, modern=True, known=link.extensions),
            }
            if self.client.log_level:
                found[LOG_LEVEL_KEY] = encode(self.client.log_level)
        return found

    def changed_itself(self) -> None:
        """The client said something new of itself."""
        self._stamps.clear()

    def capabilities_for(self, link: Link, *, modern: bool, known: frozenset[str] | None) -> bytes:
        """The client's capabilities as one server may know them.

        Args:
            link: the server.
            modern: the era in which it is told.
            known: ids of its extensions, None when nobody knows.
        """
        same = self.client.legacy is not modern
        told = fitted(self.client.capabilities, known, modern=modern, same_era=same)
        if modern:
            return told
        if link.shared:
            return without_questions(told)
        # A server of that era keeps the roots it got, and would use them for the other one.
        return without_roots(told) if self.client.several else told

    # Ends

    def unlink(self, link: Link) -> None:
        """A server is gone, and nothing may lead to it any more."""
        if self.links.get(link.server) is link:
            del self.links[link.server]
        self._stamps.pop(link, None)

    def ended(self, link: Link, reason: str) -> None:
        """A server is gone: its open calls fail with the reason, the next one starts it anew."""
        self.unlink(link)
        self.asks.withdraw(link, None, "the server is gone")
        end_calls(link, reason, self.hub.link_ended(link, reason))

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        self.asks.sweep(now)
        self.sweep_questions(now)
        self._give_up_parked("timed out", "the client did not come back", self.parking.late(now))
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

    def _give_up_parked(self, outcome: str, reason: str, parked: list[Parked]) -> None:
        for one in parked:
            if one.again:
                continue  # its row ended when its server did not take it
            if one.call.link is not None:
                one.call.link.cancel(one.call, reason)
            self.ledger.finish(one.call, outcome, one.words or reason, one.result or one.error)

    def close(self, reason: str) -> None:
        """The gateway ends: open calls are answered and recorded as cancelled."""
        for call in list(self.ledger.calls.values()):
            if call.link is not None:
                call.link.cancel(call, reason)
            self.down(call, f"This call was not finished: {reason}.", "cancelled")
        self._give_up_parked("cancelled", reason, self.parking.clear())
        self.client.end_listens(self.front)
