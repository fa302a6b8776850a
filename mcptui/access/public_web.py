"""Fetching what a server named, without being led into the user's network.

A host is resolved once, every one of its addresses must be public, and the connection goes to
exactly the address that was looked at: a name that changes its mind between the look and the
connect (DNS rebinding) gains nothing. Certificates are checked against the name. Answers are
bounded in size and time; redirects are followed by nobody who was not asked to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from mcptui.access.url_gate import UrlPolicy, UrlRefused, origin
from mcptui.addresses import public
from mcptui.errors import McptuiError, TryAgain
from mcptui.visible import visible

ANSWER_LIMIT = 256 << 10
"""Bytes of a metadata document or a token answer."""
SECONDS = 15.0
"""For one request, from the first packet to the last."""
HOPS = 3

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them.

    Raises:
        OSError: it has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class PublicTransport(httpx.AsyncBaseTransport):
    """Connects to checked addresses only; wraps httpx's own transport.

    Args:
        policy: what may be reached.
        bound: bytes of an answer, None for no bound (streams that are bounded elsewhere).
        keep: keep connections; only for one origin, since they are found by address.
        resolver: names to addresses.
        verify: TLS settings; tests give their own authority.
    """

    def __init__(
        self,
        policy: UrlPolicy,
        *,
        bound: int | None = ANSWER_LIMIT,
        keep: bool = False,
        resolver: Resolve = resolve,
        verify: object = True,
    ) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16 if keep else 0)
        # No proxy from the environment: it would resolve names on its own, after our look.
        self._inner = httpx.AsyncHTTPTransport(
            limits=limits,
            verify=verify,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            trust_env=False,
        )
        self._policy = policy
        self._bound = bound
        self._resolve = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to an address that was looked at.

        Raises:
            UrlRefused: the address is none that may be fetched.
        """
        self._policy.checked(str(request.url))
        host = request.url.host
        address = await self._address(host, request.url.port or 443)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        response = await self._inner.handle_async_request(request)
        if self._bound is not None and isinstance(response.stream, httpx.AsyncByteStream):
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                await response.aclose()
                raise McptuiError("The answer of a sign-in server is refused", "it came packed")
            response.stream = _Bounded(response.stream, self._bound)
        return response

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise TryAgain(
                f"{visible(host, limit=120)} was not found",
                visible(error.strerror or error, limit=120),
                "Look at the network, then try again",
            ) from error
        local = self._policy.loopback and host in ("localhost", "127.0.0.1", "::1")
        for address in found:
            good = ipaddress.ip_address(address).is_loopback if local else public(address)
            if not good:
                raise UrlRefused(
                    f"{visible(host, limit=120)} is not fetched",
                    f"its name leads to {visible(address, limit=60)}, which is no address of the "
                    "public internet",
                    "A server must not lead mcptui into your network; tell its publisher",
                )
        if local:  # a name may lead to both families while only one is listened on
            found.sort(key=lambda address: ":" in address)
        return found[0]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, left: int) -> None:
        self._inner = inner
        self._left = left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise McptuiError("The answer of a sign-in server is refused", "it is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class PublicWeb:
    """Single requests of sign-in.

    Args:
        policy: what may be reached.
        transport: how; one made from the policy unless given.
    """

    def __init__(
        self, policy: UrlPolicy, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.policy = policy
        self._client = httpx.AsyncClient(
            transport=transport or PublicTransport(policy),
            timeout=httpx.Timeout(SECONDS),
            follow_redirects=False,
            trust_env=False,
            # What is packed small could unpack to anything.
            headers={"Accept-Encoding": "identity", "User-Agent": "mcptui"},
        )

    async def get(self, url: str, what: str, **headers: str) -> httpx.Response:
        """Fetch a document; redirects are followed within the origin only, hop by hop.

        Raises:
            UrlRefused: the address, or one it redirects to, may not be fetched.
            TryAgain: there is no answer in time.
        """
        at = self.policy.checked(url, what)
        for _ in range(HOPS + 1):
            answer = await self._send("GET", at, what, {"Accept": "application/json", **headers})
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            there = self.policy.checked(str(answer.url.join(answer.headers.get("location", ""))))
            if origin(there) != origin(at):
                raise UrlRefused(
                    f"{what} is refused", f"{at} redirects to another machine, {there}"
                )
            at = there
        raise UrlRefused(f"{what} is refused", f"{at} redirects again and again")

    async def post(
        self, url: str, what: str, *, body: bytes, headers: dict[str, str]
    ) -> httpx.Response:
        """Send something that may hold secrets; never redirected.

        Raises:
            UrlRefused: the address may not be fetched.
            TryAgain: there is no answer in time.
        """
        return await self._send("POST", self.policy.checked(url, what), what, headers, body)

    async def _send(
        self, method: str, url: str, what: str, headers: dict[str, str], body: bytes | None = None
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._client.request(method, url, headers=headers, content=body)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = visible(error, limit=160) or type(error).__name__
            raise TryAgain(
                f"{what} could not be fetched from {visible(url.partition('?')[0], limit=160)}",
                why,
                "Look at the network, then try again",
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
