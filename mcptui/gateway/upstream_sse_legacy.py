"""Servers of the oldest HTTP transport (2024-11-05): one event stream, and an address to post to.

The stream's first event names the address; it must be on the same server. All answers come on the
stream, so its end is the end of the conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from mcptui.gateway.sse import Event, EventParser, TooLarge
from mcptui.gateway.upstream_http_client import (
    NeedsSignIn,
    Trouble,
    chunks,
    excerpt,
    media_type,
    origin_of,
)
from mcptui.gateway.upstream_http_exchange import EVENTS, JSON, Outgoing, Peer, flat
from mcptui.tasks import spawn
from mcptui.visible import visible

if TYPE_CHECKING:
    import httpx

ENDPOINT_SECONDS = 10.0
POST_SECONDS = 60.0


class LegacySse:
    """One conversation.

    Args:
        peer: the server.
        deliver: told every message that comes.
        ended: told why the stream ended, once.
        overlong: told the size of a message that was too large to take.
    """

    def __init__(
        self,
        peer: Peer,
        deliver: Callable[[bytes], None],
        ended: Callable[[str], None],
        overlong: Callable[[int], None],
    ) -> None:
        self._peer = peer
        self._deliver = deliver
        self._ended = ended
        self._overlong = overlong
        self._endpoint: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Whoever stopped waiting must not make the loop complain about an unread error.
        self._endpoint.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._address = ""
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the stream and learn where to post.

        Raises:
            Trouble: there is no such stream, or it leads elsewhere.
        """
        self.task = spawn(self._stream(), f"events of {self._peer.site.installed.name}")
        try:
            async with asyncio.timeout(ENDPOINT_SECONDS):
                self._address = await self._endpoint
        except TimeoutError as error:
            raise Trouble("its stream of events names no address to post to") from error
        finally:
            if not self._address:
                self.task.cancel()

    async def _stream(self) -> None:
        trouble = Trouble("its stream of events ended")
        try:
            await self._read()
        except TooLarge as error:
            self._overlong(error.size)
            trouble = Trouble(f"it sent a message of {error.size} bytes or more")
        except Trouble as error:
            trouble = error
        if self._endpoint.done():
            self._ended(trouble.words)
        else:
            self._endpoint.set_exception(trouble)

    async def _read(self) -> None:
        async with self._peer.site.ask("GET", {"Accept": EVENTS}) as response:
            if response.status_code in (401, 403):
                raise NeedsSignIn(f"it answered HTTP {response.status_code}", response.status_code)
            if response.status_code != 200 or media_type(response) != EVENTS:
                raise Trouble(f"it has no stream of events (HTTP {response.status_code})")

            def take(event: Event) -> None:
                self._take(event, response.url)

            parser = EventParser(take, self._peer.terms.limit)
            async with aclosing(chunks(response)) as pieces:
                async for chunk in pieces:
                    parser.feed(chunk)

    def _take(self, event: Event, base: httpx.URL) -> None:
        if event.kind == "message" and event.data:
            self._deliver(flat(event.data))
        elif event.kind == "endpoint" and not self._endpoint.done():
            address = base.join(event.data.decode("utf-8", "replace").strip())
            if origin_of(address) != self._peer.site.origin or address.userinfo:
                shown = visible(origin_of(address), limit=120)
                raise Trouble(f"it wants its messages posted to {shown}, another server")
            self._endpoint.set_result(str(address))

    async def post(self, sent: Outgoing) -> None:
        """Send one message; its answer comes on the stream.

        Raises:
            Trouble: the server did not take it.
        """
        headers = {"Content-Type": JSON, "Accept": "*/*"}
        try:
            async with (
                asyncio.timeout(POST_SECONDS),
                self._peer.site.ask("POST", headers, sent.line, self._address) as response,
            ):
                if response.status_code in (401, 403):
                    raise NeedsSignIn(
                        f"it answered HTTP {response.status_code}", response.status_code
                    )
                if response.status_code >= 300:
                    said = visible((await excerpt(response)).decode("utf-8", "replace"), limit=200)
                    raise Trouble(f"it answered HTTP {response.status_code}: {said}")
        except TimeoutError as error:
            raise Trouble(f"it did not take the message within {POST_SECONDS:.0f} s") from error
