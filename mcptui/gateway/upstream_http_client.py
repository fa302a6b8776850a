"""Requests to one remote server, and to nothing else.

Its address is checked, redirects stay on it, credentials go only to it, nothing is stored between
requests, and what comes back is bounded: a body is read piece by piece, never decompressed.
Whatever goes wrong is a `Trouble` in words for a person.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from mcptui import __version__
from mcptui.errors import McptuiError, TryAgain, UsageError
from mcptui.fields import server_url
from mcptui.gateway.credentials import Credentials
from mcptui.gateway.sse import TooLarge
from mcptui.store.rows import Installed
from mcptui.visible import visible

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT_SECONDS = 10.0
"""For the TCP connection and TLS together."""
WRITE_SECONDS = 30.0
"""A server that takes nothing of a request for so long is given up."""
IDLE_SECONDS = 3.0
"""An unused connection is closed after this, before servers do it (5 s is usual): a request that
meets the server's closing is lost, and must not be repeated."""
EXCERPT_SECONDS = 5.0
HOPS = 5
EXCERPT = 64 << 10
_KEPT_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
)


class Trouble(Exception):
    """A request did not get its answer; the words say why.

    Args:
        words: the reason, without a trailing dot.
        status: the HTTP status where there is one, else 0.
    """

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


class NeedsSignIn(Trouble):
    """The server does not know us, or does not let us."""


def checked_url(text: str) -> str:
    """The address of a server, once it is one that may be asked.

    Raises:
        UsageError: it may not; says why.
    """
    import httpx

    problem = server_url(text)
    if not problem:
        try:
            parsed = httpx.URL(text)
        except httpx.InvalidURL as error:
            problem = f"is no address: {error}"
        else:
            # Two readers must see the same host in it, or one checks what the other does not ask.
            if server_url(str(parsed)) or parsed.userinfo:
                problem = "cannot be read without doubt"
    if problem:
        raise UsageError(f"The server's address {problem}", visible(text, limit=200))
    return text


@lru_cache(1)
def _trusted() -> ssl.SSLContext:
    """The certificate authorities, loaded once for all servers."""
    import httpx

    return httpx.create_ssl_context()


def _transport(url: httpx.URL) -> httpx.AsyncBaseTransport:
    import urllib.request

    import httpx

    proxy = None  # plain http is for this machine only, and nobody stands in between
    if url.scheme == "https" and not urllib.request.proxy_bypass(url.host):
        proxy = urllib.request.getproxies().get("https")
    return httpx.AsyncHTTPTransport(
        verify=_trusted() if url.scheme == "https" else True,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=8, keepalive_expiry=IDLE_SECONDS
        ),
        proxy=proxy,
        socket_options=_KEPT_ALIVE,
    )


class Site:
    """One remote server's address.

    Args:
        installed: whose.
        url: its endpoint.
        credentials: what lets us in.
        transport: how it is reached; None for the network.

    Raises:
        UsageError: the address may not be asked.
    """

    def __init__(
        self,
        installed: Installed,
        url: str,
        credentials: Credentials,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        import http.cookiejar

        import httpx

        self.installed = installed
        self.url = httpx.URL(checked_url(url))
        self.credentials = credentials
        nothing = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        self._client = httpx.AsyncClient(
            transport=transport or _transport(self.url),
            cookies=http.cookiejar.CookieJar(nothing),
            headers={"User-Agent": f"mcptui/{__version__}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(CONNECT_SECONDS, read=None, write=WRITE_SECONDS, pool=None),
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return origin_of(self.url)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def ask(
        self, method: str, headers: Mapping[str, str], body: bytes = b"", url: str = ""
    ) -> AsyncGenerator[httpx.Response]:
        """Send one request and give its answer's head; the body is still to be read.

        Args:
            method: the HTTP method.
            headers: besides those of the credentials.
            body: the request's body.
            url: another address of the same server, "" for its endpoint.

        Raises:
            NeedsSignIn: 401 or 403, and new credentials did not help.
            Trouble: no answer, or one that leads elsewhere.
        """
        import httpx

        try:
            response = await self._sent(method, headers, body, httpx.URL(url) if url else self.url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Trouble(reason(error)) from error
        except TryAgain as error:  # who renews tokens is out of reach: no sign-in mends that
            raise Trouble(str(error)) from error
        except McptuiError as error:
            raise NeedsSignIn(str(error)) from error
        try:
            yield response
        finally:
            await response.aclose()

    async def _sent(
        self, method: str, headers: Mapping[str, str], body: bytes, url: httpx.URL
    ) -> httpx.Response:
        retried = False
        for _ in range(HOPS + 1):
            own = await self.credentials.headers(self.installed, self.origin)
            request = self._client.build_request(
                method, url, headers={**headers, **own}, content=body or None
            )
            response = await self._client.send(request, stream=True)
            if response.status_code in (301, 302, 307, 308):
                url = await self._next(response)
            elif response.status_code in (401, 403):
                if retried or not await self._renewed(response):
                    return response
                retried = True
            else:
                return response
        raise Trouble(f"it redirects more than {HOPS} times")

    async def _next(self, response: httpx.Response) -> httpx.URL:
        await response.aclose()
        target = response.url.join(response.headers.get("location", ""))
        if origin_of(target) != self.origin or target.userinfo:
            shown = visible(origin_of(target), limit=120)
            raise Trouble(f"it redirects to {shown}, and mcptui follows no server elsewhere")
        return target

    async def _renewed(self, response: httpx.Response) -> bool:
        challenges = response.headers.get_list("www-authenticate")
        again = await self.credentials.refused(self.installed, response.status_code, challenges)
        if again:
            await response.aclose()
        return again


def origin_of(url: httpx.URL) -> str:
    """Scheme, host and port of an address."""
    port = url.port or {"https": 443, "http": 80}.get(url.scheme, 0)
    return f"{url.scheme}://{url.raw_host.decode('ascii', 'replace').lower()}:{port}"


async def chunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    """A body as it comes.

    Raises:
        Trouble: it breaks off, or is compressed.
    """
    import httpx

    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        shown = visible(coding, limit=40)
        raise Trouble(f"its answer is compressed ({shown}), though mcptui asked for it as it is")
    try:
        pieces = cast("AsyncGenerator[bytes]", response.aiter_raw())
        async with aclosing(pieces):
            async for chunk in pieces:
                yield chunk
    except (httpx.HTTPError, OSError) as error:
        raise Trouble(f"the connection broke: {reason(error)}") from error


async def body(response: httpx.Response, limit: int) -> bytes:
    """A whole body.

    Raises:
        TooLarge: it is over the limit; no more than that was read.
        Trouble: it breaks off, or is compressed.
    """
    told = response.headers.get("content-length", "")
    if told.isdigit() and len(told) < 20 and int(told) > limit:
        raise TooLarge(int(told))
    parts: list[bytes] = []
    size = 0
    async with aclosing(chunks(response)) as pieces:
        async for chunk in pieces:
            size += len(chunk)
            if size > limit:
                raise TooLarge(size)
            parts.append(chunk)
    return b"".join(parts)


async def excerpt(response: httpx.Response) -> bytes:
    """The begin of a body that only explains a refusal; empty when it does not come."""
    found = bytearray()
    try:
        async with asyncio.timeout(EXCERPT_SECONDS):
            async with aclosing(chunks(response)) as pieces:
                async for chunk in pieces:
                    found += chunk[: EXCERPT - len(found)]
                    if len(found) >= EXCERPT:
                        break
    except (TimeoutError, Trouble):
        pass
    return bytes(found)


def media_type(response: httpx.Response) -> str:
    """The type of a body, without its parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def reason(error: BaseException) -> str:
    """Why a request failed, in words that hold nothing of what was sent."""
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return f"it could not be reached within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.ConnectError):
        return f"it cannot be reached: {_told(error)}"
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" in str(error):
        return "it closed the connection without an answer"
    if isinstance(error, httpx.RemoteProtocolError):
        return f"what it sends is no HTTP: {_told(error)}"
    if isinstance(error, httpx.ReadError | httpx.WriteError):
        return "the connection broke"
    return _told(error) or type(error).__name__


def _told(error: BaseException) -> str:
    found: Any = error
    while found is not None and not str(found):
        found = found.__cause__ or found.__context__
    return visible(str(found or type(error).__name__), limit=200)
