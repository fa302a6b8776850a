"""One process of a server that several clients share, because its entry says it keeps no state.

Answers and progress go to the call they belong to, and so to its client. What belongs to no call
is told to everybody it concerns, or to nobody: such a server is told that its clients cannot be
asked anything, since nothing would say which of them it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.gateway.call import Call
from mcptui.gateway.link import Link
from mcptui.gateway.wire import (
    MALFORMED,
    METHOD_NOT_FOUND,
    Part,
    error_body,
    fields,
    number_id,
    text,
)

if TYPE_CHECKING:
    from mcptui.gateway.dispatch import Dispatch
    from mcptui.gateway.hub import Hub


class Shared:
    """The owner of a shared process.

    Args:
        hub: the servers and the clients.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came."""
        call.owner.answered(call, result, error)

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""
        call.owner.progressed(call, params)

    def failed(self, call: Call, reason: str) -> None:
        """A call cannot be answered any more."""
        call.owner.failed(call, reason)

    def down(self, call: Call, words: str) -> None:
        """A call is answered by us."""
        call.owner.down(call, words)

    def goes_on(self, call: Call, link: Link) -> None:
        """A call waited for its server."""
        call.owner.goes_on(call, link)

    def stamp(self, link: Link) -> dict[str, Part]:
        """What our own requests say of a client: nobody in particular."""
        return link.client_meta

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A server asks somebody: nobody can tell whom."""
        words = "This server is shared by several clients and cannot ask any of them"
        link.reply(identity, b"", error_body(METHOD_NOT_FOUND, words))

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""
        if method.endswith("/list_changed"):
            if link.watch is None or link.watch.takes(params):
                self._hub.lists_changed(link)
            return
        calls = link.calls()
        if method == "notifications/message":
            if len({id(call.owner) for call in calls}) == 1:
                calls[0].owner.notified(link, method, params)
            else:
                self.stderr(link, bytes(memoryview(params)[:2000]).decode("utf-8", "replace"))
        elif method == "notifications/subscriptions/acknowledged":
            if link.watch is not None:
                link.watch.acknowledged(params)
        elif method == "notifications/resources/updated":
            if link.watch is None or link.watch.takes(params):
                for session in self._of(link):
                    session.client.tell_updated(params, session.front)
        elif method == "notifications/tasks":
            for session in self._of(link):
                session.task_told(link, params)
        elif method == "notifications/tasks/status":
            self._status(link, method, params)
        elif method == "notifications/cancelled" and link.watch is not None:
            try:
                link.watch.torn(number_id(fields(params).get("requestId", b"")))
            except MALFORMED:
                return

    def _status(self, link: Link, method: str, params: Part) -> None:
        """An older server's word on a task goes to the client whose task it is."""
        try:
            task = text(fields(params)["taskId"])
        except (*MALFORMED, KeyError):
            return
        for session in self._of(link):
            if session.tasks.find(task) is not None:
                session.notified(link, method, params)

    def _of(self, link: Link) -> list[Dispatch]:
        return [one for one in self._hub.sessions if one.links.get(link.server) is link]

    def ended(self, link: Link, reason: str) -> None:
        """The server is gone."""
        for session in self._of(link):
            session.unlink(link)
        end_calls(link, reason, self._hub.link_ended(link, reason))

    def stderr(self, link: Link, text: str) -> None:
        """A line for the server's log."""
        self._hub.scribe.log(link.server, text)


def end_calls(link: Link, reason: str, advice: str) -> None:
    """Fail what a server that is gone had open, and what waited for it."""
    open_calls, waiting = link.calls(), link.waiting
    link.pending.clear()
    link.waiting = []
    for call in open_calls:
        call.owner.down(
            call,
            f"The server {link.server!r} ended in the middle of this call: {reason}. "
            f"It is not known how much of it was done. {advice}",
        )
    for call in waiting:
        call.owner.down(call, f"The server {link.server!r} is down: {reason}. {advice}")
