"""One HTTP request and the ways to answer it: in one piece, or piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mcptui.gateway.http_words import Refusal, head

if TYPE_CHECKING:
    from mcptui.gateway.http_wire import Connection

_LAST_CHUNK = b"0\r\n\r\n"


class Leavable(Protocol):
    """What is told when a client leaves before its answer is complete."""

    def gone(self) -> None:
        """The client left."""


class Handler(Protocol):
    """What stands behind the connections."""

    def admit(self, request: Request) -> Refusal | None:
        """Its head came; a refusal is answered and the body is thrown away."""

    def serve(self, request: Request) -> None:
        """All of it came, and every request before it on this connection is answered."""

    def gone(self, request: Request) -> None:
        """The client left before the response was complete."""


class Request:
    """One request, and the way to answer it.

    Args:
        connection: it came on; None once the response is complete or the client is gone.
    """

    __slots__ = (
        "body", "connection", "doubled", "exchange", "fed", "headers", "kept", "method", "old",
        "parts", "refusal", "stay", "streaming", "url",
    )  # fmt: skip

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self.method = b""
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.doubled: set[bytes] = set()
        self.body = b""
        self.parts: list[bytes] = []
        self.kept = 0
        self.fed = 0
        self.refusal: Refusal | None = None
        self.old = False
        self.stay = True
        self.streaming = False
        self.exchange: Leavable | None = None

    def header(self, name: bytes) -> str:
        """A header's value, "" when there is none; lines of one name are joined."""
        return self.headers.get(name, b"").decode("latin-1")

    def reply(self, status: int, body: bytes, headers: bytes = b"", *, close: bool = False) -> None:
        """Answer in one piece."""
        connection = self.connection
        if connection is None:
            return
        self.stay = self.stay and not close
        start = head(status, len(body), headers, stay=self.stay, old=self.old)
        connection.write(start, b"" if self.method == b"HEAD" else body)
        connection.done(self)

    def begin(self, headers: bytes) -> None:
        """Begin an answer of unknown length."""
        connection = self.connection
        if connection is None:
            return
        self.streaming = True
        self.stay = self.stay and not self.old
        connection.write(head(200, None, headers, stay=self.stay, old=self.old), b"")

    def write(self, piece: bytes) -> None:
        """Send one piece of an answer that began."""
        connection = self.connection
        if connection is None:
            return
        if self.old:
            connection.write(piece, b"")
        else:
            connection.write(b"%x\r\n%b\r\n" % (len(piece), piece), b"")

    def end(self) -> None:
        """The answer that began is complete."""
        connection = self.connection
        if connection is None:
            return
        if not self.old:
            connection.write(_LAST_CHUNK, b"")
        connection.done(self)

    @property
    def unread(self) -> int:
        """Bytes of the connection that wait to be taken by the client."""
        return 0 if self.connection is None else self.connection.unread()
