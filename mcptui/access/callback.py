"""The loopback address to which a browser brings the answer of a sign-in (RFC 8252 §7.3).

One address, one answer, five minutes: 127.0.0.1 only, a port of the system's choosing, a path
nobody can guess, a Host header that must be ours. The page that the browser gets is fixed text:
nothing of the request is shown in it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

from mcptui.access.discovery import CannotSignIn
from mcptui.errors import TryAgain
from mcptui.tasks import spawn
from mcptui.visible import visible

SECONDS = 300.0
_HEAD_LIMIT = 16 << 10
_HEAD_SECONDS = 10.0
_CONNECTIONS = 16
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mcptui</title>
<style>body{font:16px system-ui;margin:20vh auto;max-width:32em;text-align:center}</style>
<h1>%s</h1><p>%s</p></html>"""
_DONE = _PAGE % ("Signed in?", "mcptui has the answer. Go back to your terminal; close this page.")
_NOT_HERE = _PAGE % ("Nothing here", "This address takes the answer of one sign-in, once.")


class Callback:
    """A listening address.

    Args:
        path: the one path that counts.
        state: the answer must carry it.
    """

    def __init__(self, path: str, state: str) -> None:
        self.path = path
        self.state = state
        self.port = 0
        self._answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._open = 0

    @property
    def url(self) -> str:
        """The redirect address."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    async def answer(self, seconds: float = SECONDS) -> dict[str, str]:
        """Wait for the browser; the parameters it brings are still to be checked.

        Raises:
            TryAgain: it did not come in time.
        """
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._answer)
        except TimeoutError as error:
            raise TryAgain(
                "Nobody signed in", f"no answer came within {seconds / 60:.0f} minutes",
                "Start it again when you are at the browser",
            ) from error  # fmt: skip

    def paste(self, text: str) -> None:
        """Take the address that a browser elsewhere was sent to (sign-in over SSH).

        Raises:
            CannotSignIn: it is not the answer of this sign-in.
        """
        try:
            parts = urlsplit(text.strip()[:8192])
            taken = parts.path == self.path and self._take(parts.query)
        except ValueError:  # "[" and its like, or hundreds of fields
            taken = False
        if not taken:
            raise CannotSignIn(
                "That is not the address this sign-in waits for",
                f"it begins with {self.url}",
                "Copy the whole address from the browser's address line",
            )

    def _take(self, query: str) -> bool:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
        params = dict(pairs)
        if self._answer.done() or len(params) != len(pairs):
            return False
        # Without the right state it is not an answer to us: the real one may still come.
        if not hmac.compare_digest(params.get("state", "").encode(), self.state.encode()):
            return False
        self._answer.set_result(params)
        return True

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a browser's."""
        spawn(self._served(reader, writer), "sign-in callback")

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _CONNECTIONS:
                async with asyncio.timeout(_HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._reply(head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()

    def _reply(self, head: bytes) -> bytes:
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        target = rest.partition(" ")[0]
        hosts = [line[5:].strip() for line in lines[1:] if line[:5].lower() == "host:"]
        path, _, query = target.partition("?")
        good = (
            method == "GET"
            and hosts == [f"127.0.0.1:{self.port}"]
            and hmac.compare_digest(path.encode(), self.path.encode())
        )
        try:
            taken = good and self._take(query)
        except ValueError:
            taken = False
        page = (_DONE if taken else _NOT_HERE).encode()
        status = "200 OK" if taken else "404 Not Found"
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(page)}\r\nConnection: close\r\nCache-Control: no-store\r\n"
            "Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\r\n"
        ).encode() + page


@asynccontextmanager
async def listening(state: str, registered: str = "") -> AsyncGenerator[Callback]:
    """Listen for the time of one sign-in.

    Args:
        state: what the answer must carry.
        registered: a redirect address of an earlier registration: its port and path are taken
            again when nobody else has the port, since many servers compare exactly.

    Raises:
        TryAgain: no port can be had.
    """
    before = urlsplit(registered)
    callback = Callback(before.path or _fresh_path(), state)
    try:
        server = await _listener(callback, before.port or 0)
    except OSError:  # taken by another program, which must not get our answers
        callback.path = _fresh_path()
        try:
            server = await _listener(callback, 0)
        except OSError as error:
            raise TryAgain(
                "Sign-in cannot listen for the browser's answer", visible(error, limit=120)
            ) from error
    callback.port = server.sockets[0].getsockname()[1]
    try:
        yield callback
    finally:
        server.close()


def _fresh_path() -> str:
    return f"/callback/{os.urandom(12).hex()}"


async def _listener(callback: Callback, port: int) -> asyncio.Server:
    return await asyncio.start_server(callback.connected, "127.0.0.1", port, limit=_HEAD_LIMIT)
