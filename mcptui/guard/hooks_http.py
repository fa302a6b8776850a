"""Hooks that are HTTP addresses: one POST, one answer, no redirects, no proxy, all bounded."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from mcptui.guard.interceptors import ANSWER_BYTES, HookFailure, Interceptor

if TYPE_CHECKING:
    import httpx

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}


class HttpHooks:
    """Asks hooks over HTTP; each question has a connection of its own."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def _opened(self) -> httpx.AsyncClient:
        async with self._making:
            if self._client is None:
                # The library and the certificates take a while: no other call waits for them.
                self._client = await asyncio.to_thread(_client)
            return self._client

    async def run(self, hook: Interceptor, told: bytes) -> bytes:
        """Ask a hook; gives the body of its answer.

        Raises:
            HookFailure: it could not be asked, took too long, said too much or failed.
        """
        try:
            async with asyncio.timeout(hook.timeout):
                return await self._ask(await self._opened(), hook, told)
        except TimeoutError:
            raise HookFailure(f"it did not answer within {hook.timeout:g} s") from None

    async def _ask(self, client: httpx.AsyncClient, hook: Interceptor, told: bytes) -> bytes:
        import httpx

        try:
            async with client.stream("POST", hook.url, content=told, headers=_HEADERS) as answer:
                if answer.status_code not in (200, 204):
                    raise HookFailure(f"it answered with the status {answer.status_code}")
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise HookFailure("its answer is compressed, which was not asked for")
                body = bytearray()
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        raise HookFailure(f"its answer is larger than {ANSWER_BYTES} bytes")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise HookFailure(f"it could not be asked: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close what was opened."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _client() -> httpx.AsyncClient:
    library = importlib.import_module("httpx")
    limits = library.Limits(max_connections=32, max_keepalive_connections=0)
    client: httpx.AsyncClient = library.AsyncClient(
        follow_redirects=False, trust_env=False, timeout=None, limits=limits
    )
    return client
