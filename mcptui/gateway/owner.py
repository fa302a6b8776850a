"""The seam between a live server and the client's side of the gateway: who is told what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mcptui.gateway.call import Call
    from mcptui.gateway.link import Link
    from mcptui.gateway.wire import Part


class Owner(Protocol):
    """What a link tells the client's side of the gateway."""

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came; one of the two is empty."""

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A legacy server asks the client something."""

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""

    def ended(self, link: Link, reason: str) -> None:
        """The server is gone; every open call of the link is still in `link.pending`."""

    def stderr(self, link: Link, text: str) -> None:
        """A line for the server's log."""

    def failed(self, call: Call, reason: str) -> None:
        """A call cannot be answered any more, though its server lives."""

    def down(self, call: Call, words: str) -> None:
        """A call is answered by us, with these words."""

    def goes_on(self, call: Call, link: Link) -> None:
        """A call waited for its server, which is ready now."""

    def stamp(self, link: Link) -> dict[str, Part]:
        """What a legacy client's requests say to a modern server."""
        ...
