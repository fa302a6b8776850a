"""The seam between one client's conversation and the wire it arrives on.

A session says what it answers and on whose behalf it speaks; the front knows how that reaches the
client: one pipe for everything, or one HTTP response per request. Everything happens on the event
loop's thread.
"""

from __future__ import annotations

from typing import Protocol

from mcptui.gateway.wire import Part


class Front(Protocol):
    """What a session needs of its client's wire."""

    @property
    def overfull(self) -> bool:
        """The client does not read what it gets: what it can do without is left out."""
        ...

    @property
    def undelivered(self) -> int:
        """Bytes the client has not taken yet."""
        ...

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """The one answer to a request; of `result` and `error` one is empty.

        Args:
            identity: the request's id as the session knows it, `null` where it had none.
        """

    def send(self, line: bytes, about: bytes = b"") -> None:
        """A notification to the client or a question; never blocks.

        Args:
            line: one message, without its newline.
            about: the id of the request on whose behalf it is sent, empty when there is none.
        """

    def shown_id(self, identity: bytes) -> bytes:
        """A request's id as the client wrote it: a front may give sessions ids of its own."""
        ...
