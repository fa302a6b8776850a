"""A client's side of a gateway, over two pipes or over HTTP; every answer finds its question."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.gateway.talk import MODERN_META

COMMAND = (sys.executable, "-m", "mcptui", "gateway", "run")
HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "soak-client", "version": "1"},
}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
LINE = 4 << 20
SECONDS = 150.0


class Gone(Exception):
    """The gateway or our end of it is gone; nobody will answer."""


class Wrong(Exception):
    """The gateway said something that nobody asked for."""


class StdioWire:
    """A gateway process of one's own.

    Args:
        environ: of the gateway.
        modern: how requests are made; a list shows both eras on one pipe.
    """

    def __init__(self, environ: Mapping[str, str], modern: bool | None) -> None:
        self._environ = environ
        self._modern = modern
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._told: dict[int, int] = {}
        self.wrong: list[str] = []
        self.pid = 0

    async def start(self) -> None:
        """Start the gateway and shake hands."""
        ours, theirs = os.pipe()
        self._lines = asyncio.StreamReader(limit=LINE)
        loop = asyncio.get_running_loop()
        self._ear, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._lines), os.fdopen(ours, "rb")
        )
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=-1, stdout=theirs, stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._environ),
        )  # fmt: skip
        os.close(theirs)
        self.pid = self._process.pid
        self._reader = asyncio.ensure_future(self._read())
        if self._modern is not True:
            await self._request("initialize", HELLO, modern=False)
            self._write({"method": "notifications/initialized"})
        else:
            await self._request("server/discover", {}, modern=True)

    async def _read(self) -> None:
        while line := await self._lines.readline():
            message: dict[str, Any] = json.loads(line)
            if "method" in message:
                self._notified(message)
                continue
            waiting = self._open.pop(message.get("id", 0), None)
            if waiting is None:
                self.wrong.append(f"an answer to nothing: {line[:200]!r}")
            elif not waiting.done():
                waiting.set_result(message)
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(Gone())
        self._open.clear()

    def _notified(self, message: dict[str, Any]) -> None:
        if message["method"] == "notifications/progress":
            token = message["params"]["progressToken"]
            if token not in self._open:
                self.wrong.append(f"progress of a call that is not open: {token}")
            self._told[token] = self._told.get(token, 0) + 1

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        if self._process.stdin.is_closing():
            raise Gone
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and give its answer.

        Raises:
            Gone: there will be none.
            TimeoutError: there is none for far too long.
        """
        number = next(self._numbers)
        modern = number % 2 == 0 if self._modern is None else self._modern
        return await self._request(method, params, modern=modern, number=number)

    async def _request(
        self, method: str, params: dict[str, Any], *, modern: bool, number: int = 0
    ) -> dict[str, Any]:
        number = number or next(self._numbers)
        meta: dict[str, Any] = dict(MODERN_META) if modern else {}
        slow = str(params.get("name", "")).endswith("__slow")
        if slow:
            meta["progressToken"] = number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        self._write(
            {
                "id": number,
                "method": method,
                "params": {**params, "_meta": meta} if meta else params,
            }
        )
        async with asyncio.timeout(SECONDS):
            said = await answer
        if slow and "result" in said and not said["result"].get("isError"):
            if self._told.pop(number, 0) != params["arguments"]["steps"]:
                self.wrong.append(f"progress of {number} was lost or doubled")
        return said

    def kill(self) -> None:
        """End the gateway as the kernel would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    async def close(self, *, rude: bool = False) -> int:
        """Hang up; rude means that answers on the way are not read either."""
        assert self._process.stdin is not None
        if rude:
            self._reader.cancel()
            for waiting in self._open.values():
                if not waiting.done():
                    waiting.set_exception(Gone())
            self._ear.close()
        self._process.stdin.close()
        async with asyncio.timeout(30):
            code = await self._process.wait()
        await asyncio.wait([self._reader])
        self._ear.close()
        return code


class HttpHouse:
    """A gateway that serves many clients over HTTP."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.pid = 0
        self.port = 0

    async def start(self) -> None:
        """Start it on a free port."""
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND, "--http", "127.0.0.1:0", "--no-token", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=-1, env=dict(self._environ),
        )  # fmt: skip
        self.pid = self._process.pid
        assert self._process.stderr is not None
        async with asyncio.timeout(60):
            while line := await self._process.stderr.readline():
                if found := re.search(rb"serving MCP at http://127.0.0.1:(\d+)", line):
                    self.port = int(found[1])
                    break
        assert self.port, "the HTTP gateway did not start"
        self._drain = asyncio.ensure_future(self._process.stderr.read())

    async def end(self, *, kill: bool) -> int:
        """End it by SIGKILL, or as a service manager does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL if kill else signal.SIGTERM)
        async with asyncio.timeout(30):
            code = await self._process.wait()
        await asyncio.wait([self._drain])
        return code


class HttpWire:
    """One client of an `HttpHouse`.

    Args:
        house: the gateway.
        modern: the era of its requests.
        threads: where requests wait.
    """

    def __init__(self, house: HttpHouse, modern: bool, threads: ThreadPoolExecutor) -> None:
        self._house = house
        self._modern = modern
        self._threads = threads
        self._numbers = itertools.count(1)
        self._session = ""
        self.wrong: list[str] = []
        self.pid = house.pid

    async def start(self) -> None:
        """Shake hands, where the era has it."""
        if not self._modern:
            await self.ask("initialize", HELLO)
            await self._post({"method": "notifications/initialized"}, {})

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and give its answer.

        Raises:
            Gone: there will be none.
        """
        number = next(self._numbers)
        headers = {"Mcp-Method": method} if self._modern else {}
        if self._modern:
            params = {**params, "_meta": MODERN_META}
            if method in NAMED:
                headers["Mcp-Name"] = str(params[NAMED[method]])
        message = {"id": number, "method": method, "params": params}
        for said in await self._post(message, headers):
            if "method" not in said:
                if said.get("id") != number:
                    self.wrong.append(f"an answer to nothing: {said}"[:200])
                return said
        raise Gone

    async def _post(self, message: dict[str, Any], more: dict[str, str]) -> list[dict[str, Any]]:
        version = "2026-07-28" if self._modern else HELLO["protocolVersion"]
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": version,
            "Connection": "close",
            **more,
        }
        if self._session:
            headers["Mcp-Session-Id"] = self._session
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._exchange, body, headers)

    def _exchange(self, body: bytes, headers: dict[str, str]) -> list[dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=SECONDS)
        try:
            connection.request("POST", "/mcp", body, headers)
            response = connection.getresponse()
            self._session = response.getheader("Mcp-Session-Id") or self._session
            data = response.read()
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error
        finally:
            connection.close()
        if response.status == 202:
            return []
        if (response.getheader("Content-Type") or "").startswith("text/event-stream"):
            lines = [line[5:].strip() for line in data.splitlines() if line.startswith(b"data:")]
            return [json.loads(line) for line in lines if line]
        if not data.strip():
            raise Gone
        return [json.loads(data)]

    def kill(self) -> None:
        """A client's own death: over HTTP its requests end with its connections."""

    async def close(self, *, rude: bool = False) -> int:
        """End the session; rude means without a word."""
        if self._session and not rude:
            with contextlib.suppress(OSError, http.client.HTTPException):
                await asyncio.get_running_loop().run_in_executor(self._threads, self._delete)
        return 0

    def _delete(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=30)
        try:
            connection.request("DELETE", "/mcp", headers={"Mcp-Session-Id": self._session})
            connection.getresponse().read()
        finally:
            connection.close()
