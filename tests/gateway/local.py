"""Servers as plain processes: the launcher seam without an engine, for tests of the protocol.

The real engine is behind the same seam in `test_containers.py`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from mcptui.entry import Checked, Choices, Entry, Image, Kind, ToolPin, Trust
from mcptui.runtime.channel import LINE_LIMIT, Death, Listener
from mcptui.runtime.lines import LineSplitter
from mcptui.store import Store
from mcptui.store.rows import Definitions, Installed

PEER = Path(__file__).parent.parent / "fixtures" / "peer.py"


class LocalRunning:
    """A process, as a started server."""

    def __init__(self, process: asyncio.subprocess.Process, listener: Listener, limit: int) -> None:
        self.process = process
        self.listener = listener
        self.limit = limit
        self.started_at = time.time()
        self.container_id = f"local-{process.pid}"
        self.readers = asyncio.gather(self._stdout(), self._stderr())
        self.readers.add_done_callback(lambda _: None)
        self.watcher = asyncio.ensure_future(self._wait())

    @property
    def channel(self) -> LocalRunning:
        return self

    def send(self, line: bytes) -> None:
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(line + b"\n")

    @property
    def waiting(self) -> int:
        stdin = self.process.stdin
        return 0 if stdin is None else stdin.transport.get_write_buffer_size()

    async def drain(self) -> None:
        if self.process.stdin is not None:
            await self.process.stdin.drain()

    def close_input(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    async def _stdout(self) -> None:
        lines = LineSplitter(self.listener.on_line, self.listener.on_overlong, self.limit)
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(1 << 16):
            lines.feed(chunk)

    async def _stderr(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.listener.on_stderr(line.decode("utf-8", "replace").rstrip("\n"))

    async def _wait(self) -> None:
        code = await self.process.wait()
        await self.readers
        self.listener.on_exit(Death(code, False, f"it ended with exit code {code}", time.time()))

    async def stop(self, grace: float = 2.0) -> None:
        self.close_input()
        for end in (lambda: None, self.process.terminate, self.process.kill):
            if self.process.returncode is None:
                end()
                await asyncio.wait({self.watcher}, timeout=grace)
        await asyncio.wait({self.watcher}, timeout=grace)

    def kill_now(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


class Launcher:
    """Starts `peer.py` with the arguments of the entry's command; counts what it does."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.limit = limit
        self.started: list[str] = []
        self.running: list[LocalRunning] = []

    async def __call__(self, installed: Installed, listener: Listener) -> LocalRunning:
        self.started.append(installed.name)
        process = await asyncio.create_subprocess_exec(
            *command_of(installed), stdin=-1, stdout=-1, stderr=-1, env=dict(os.environ)
        )
        running = LocalRunning(process, listener, self.limit)
        self.running.append(running)
        return running


def command_of(installed: Installed) -> list[str]:
    """What starts the server here: arguments for the peer, or a whole command."""
    arguments = list(installed.entry.command)
    if arguments and arguments[0].startswith("/"):
        return arguments
    return [sys.executable, str(PEER), *arguments]


def installed(
    name: str, *arguments: str, pins: tuple[ToolPin, ...] = (), choices: Choices | None = None
) -> Installed:
    """An installed server that is the peer with some options."""
    entry = Entry(
        id=name, title=name, description="A peer for tests", publisher="tests",
        category="utilities", licence="Apache-2.0", kind=Kind.IMAGE,
        homepage="https://example.com", source="https://example.com",
        image=Image("", "sha256:" + "0" * 64, local=True),
        checked=Checked(on="2026-11-23"), command=arguments, tools=pins,
    )  # fmt: skip
    return Installed(name, entry, choices or Choices(), Trust.UNSIGNED, "test", "", 1.0, 1.0)


def remembered(store: Store, name: str, *arguments: str) -> Installed:
    """The same, of a server that ran before: no gateway starts it just to learn what it has."""
    from tests.fixtures.peer import TOOLS

    store.put_definitions(Definitions(name, "legacy", "2025-11-25", {"tools": {}}, tools=TOOLS))
    return installed(name, *arguments)
