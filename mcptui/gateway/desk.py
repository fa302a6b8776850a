"""One client's place in the gateway: its wire, its open calls and its links, and how a call ends
that no server answers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from mcptui.gateway.call import Call, tool_error
from mcptui.gateway.client import Client
from mcptui.gateway.credentials import SIGN_IN
from mcptui.gateway.ledger import Ledger
from mcptui.gateway.link import Link
from mcptui.gateway.parked import Parking
from mcptui.gateway.wire import INTERNAL_ERROR, Part, error_body
from mcptui.guard.switches import Verdict

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub

_numbers = itertools.count(1)


class Desk:
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
        self.parking = Parking(hub.limits.asked)
        self.links: dict[str, Link] = {}
        self.latest: dict[str, Link] = {}
        self.id = f"{hub.gateway}:s{next(_numbers)}"

    # What the classes above this one do

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A legacy server asks the client something."""
        raise NotImplementedError

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came."""
        raise NotImplementedError

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""
        raise NotImplementedError

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""
        raise NotImplementedError

    def ended(self, link: Link, reason: str) -> None:
        """A server is gone."""
        raise NotImplementedError

    def goes_on(self, call: Call, link: Link) -> None:
        """A call waited for its server, which is ready now."""
        raise NotImplementedError

    def stamp(self, link: Link) -> dict[str, Part]:
        """What every request of a legacy client says to a modern server."""
        raise NotImplementedError

    def stderr(self, link: Link, text: str) -> None:
        """A line for the server's log."""
        self.hub.scribe.log(link.server, text)

    # Answers of our own

    def failed(self, call: Call, reason: str) -> None:
        """A call cannot be answered by its server."""
        self.down(call, f"The server {call.server!r} did not answer this call: {reason}.")

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
        if call.state:  # its client is away, and is told when it comes back
            parked = self.parking.of(call)
            if parked is not None:
                parked.words = words
                return
        elif call.method == "tools/call":
            self.front.answer(call.identity, tool_error(words, modern=call.modern))
        else:
            self.front.answer(call.identity, b"", error_body(INTERNAL_ERROR, words))
        if outcome == "error" and SIGN_IN in words:
            outcome, reason = "sign in", reason or words[words.index(SIGN_IN) :]
        self.ledger.finish(call, outcome, reason or words, b"")
