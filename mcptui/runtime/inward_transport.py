"""HTTP over sockets that somebody else connects: how a server inside a container is spoken with.

httpx and httpcore do the HTTP; only where a connection comes from is ours.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from mcptui.runtime.inward import Dial

CONNECTIONS = 128
IDLE_SECONDS = 3.0
"""An unused connection is closed after this, before servers do it (5 s is usual)."""


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # What waits for the other side to take it must not keep us: the request is over.
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("there is no TLS inside a container")

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: has it ended?
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(info)


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                found = await self._dial()
                try:
                    reader, writer = await asyncio.open_connection(sock=found, limit=1 << 18)
                except BaseException:
                    found.close()
                    raise
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("it takes no connection") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _Stream(reader, writer)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("not over this")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def transport_over(dial: Dial) -> httpx.AsyncHTTPTransport:
    """An HTTP transport whose connections all come from `dial`, whatever host is asked."""
    made = httpx.AsyncHTTPTransport(verify=False, trust_env=False)  # noqa: S501 there is no TLS
    # httpx has no parameter for it, httpcore does; closing the pool that was made costs nothing.
    made._pool = httpcore.AsyncConnectionPool(  # pyright: ignore[reportPrivateUsage]
        max_connections=CONNECTIONS,
        max_keepalive_connections=8,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=_Backend(dial),
    )
    return made
