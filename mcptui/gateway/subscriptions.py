"""What one server is asked to tell unasked, kept in step with what its clients want to hear.

An older server is asked resource by resource, and told when nobody listens any more. A newer one
tells nothing but on a stream that it was asked for: there is one stream, replaced when the wants
change and opened again, ever more slowly, when the server ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcptui.gateway.wire import (
    MALFORMED,
    METHOD_NOT_FOUND,
    SUBSCRIPTION_KEY,
    Part,
    decode_error,
    encode,
    fields,
    number_id,
)

if TYPE_CHECKING:
    from mcptui.gateway.link import Link

AGAIN_SECONDS = 0.5
AGAIN_AT_MOST = 60.0
"""Between the end of a stream and the next try; doubled each time until one is agreed to."""
_KINDS = ("tools", "prompts", "resources")


class Watch:
    """What one live server tells.

    Args:
        link: the server.
        note: takes a line for its log.
        resumed: called when a stream was lost and is there again: lists may have changed unseen.
    """

    def __init__(
        self, link: Link, note: Callable[[str], None], resumed: Callable[[], None]
    ) -> None:
        self._link = link
        self._note = note
        self._resumed = resumed
        self._uris: frozenset[str] = frozenset()
        self._tasks: frozenset[str] = frozenset()
        self._asked: dict[str, Any] | None = None
        self._told = 0
        self._coming = 0
        self._lost = 0
        self._refused = False

    def want(self, uris: frozenset[str], tasks: frozenset[str]) -> None:
        """Have the server tell of these resources and tasks, and of no others."""
        if self._link.dead or not self._link.ready:
            return
        before, self._uris, self._tasks = self._uris, uris, tasks
        if self._link.modern:
            if self._asked != self._wanted() and not self._refused:
                self._listen()
            return
        for uri in sorted(uris - before):
            self._ask("resources/subscribe", uri)
        for uri in sorted(before - uris):
            self._ask("resources/unsubscribe", uri)

    def _ask(self, method: str, uri: str) -> None:
        _, answer = self._link.begin(method, {"uri": encode(uri)})

        def done(answer: asyncio.Future[bytes]) -> None:
            fault = None if answer.cancelled() else answer.exception()
            if fault is not None and not self._link.dead:
                self._note(f"{method} was refused: {fault}")

        answer.add_done_callback(done)

    # Streams of modern servers

    def _wanted(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        for kind in _KINDS:
            offered = self._link.capabilities.get(kind)
            if isinstance(offered, dict) and offered.get("listChanged") is True:  # pyright: ignore[reportUnknownMemberType]
                wanted[f"{kind}ListChanged"] = True
        if self._uris:
            wanted["resourceSubscriptions"] = sorted(self._uris)
        if self._tasks:
            wanted["taskIds"] = sorted(self._tasks)
        return wanted

    def _listen(self) -> None:
        self._asked = wanted = self._wanted()
        if self._coming:
            self._link.close_stream(self._coming)
            self._coming = 0
        if not wanted:
            self._close()
            return
        params: dict[str, Part] = {"notifications": encode(wanted)}
        self._coming = self._link.open_stream("subscriptions/listen", params, self._ended)

    def _close(self) -> None:
        if self._told:
            self._link.close_stream(self._told)
            self._told = 0

    def acknowledged(self, params: Part) -> None:
        """A stream begins; the one before it is not needed any more."""
        if not self._coming or _stream(params) != self._coming:
            return
        self._close()
        self._told, self._coming = self._coming, 0
        if self._lost:
            self._lost = 0
            self._resumed()

    def takes(self, params: Part) -> bool:
        """Whether a notice belongs to the stream that counts: with two open it comes twice."""
        stream = _stream(params)
        return stream < 0 or stream == (self._told or self._coming)

    def torn(self, number: int) -> bool:
        """The server took a stream back; returns whether there was one."""
        if number not in (self._told, self._coming):
            return False
        self._link.drop_stream(number)
        self._ended(number, b"{}", b"")
        return True

    def _ended(self, number: int, result: Part, error: Part) -> None:
        if number == self._told:
            self._told = 0
        elif number == self._coming:
            self._coming = 0
        if self._told or self._coming or self._link.dead:
            return
        if error and _code(error) == METHOD_NOT_FOUND:
            self._refused = True
            self._note("it does not tell of changes: subscriptions/listen is not found")
            return
        self._lost += 1
        pause = min(AGAIN_SECONDS * 2.0 ** (self._lost - 1), AGAIN_AT_MOST)
        asyncio.get_running_loop().call_later(pause, self._try_again)

    def _try_again(self) -> None:
        if not (self._told or self._coming or self._link.dead):
            self._listen()


def _stream(params: Part) -> int:
    """The stream a notice came on, -1 when it does not say."""
    try:
        return number_id(fields(fields(params)["_meta"])[SUBSCRIPTION_KEY])
    except (*MALFORMED, KeyError):
        return -1


def _code(error: Part) -> int:
    try:
        return decode_error(error).code
    except MALFORMED:
        return 0
