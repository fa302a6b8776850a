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
from mcptui.runtime.lines import LineSplitter, LogLines
from mcptui.runtime.pipes import PipeChannel, PipeReader, wide_pipe
from mcptui.store import Store
from mcptui.store.rows import Definitions, Installed

PEER = Path(__file__).parent.parent / "fixtures" / "peer.py"


class LocalRunning:
    """A process, as a started server: behind the same pipes as a container's."""

    def __init__(
        self, process: asyncio.subprocess.Process, fds: list[int], listener: Listener, limit: int
    ) -> None:
        self.process = process
        self.listener = listener
        self.started_at = time.time()
        self.container_id = f"local-{process.pid}"
        loop = asyncio.get_running_loop()
        self.lines = LineSplitter(listener.on_line, listener.on_overlong, limit)
        self.log = LogLines(listener.on_stderr)
        self.silent = [asyncio.Event(), asyncio.Event()]
        self.channel = PipeChannel(loop, fds[0])
        PipeReader(loop, fds[1], self.lines.feed, self.silent[0].set)
        PipeReader(loop, fds[2], self.log.feed, self.silent[1].set)
        self.watcher = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        code = await self.process.wait()
        waits = [asyncio.ensure_future(event.wait()) for event in self.silent]
        await asyncio.wait(waits, timeout=2)
        for wait in waits:
            wait.cancel()
        self.lines.end()
        self.log.end()
        self.channel.close()
        self.listener.on_exit(Death(code, False, f"it ended with exit code {code}", time.time()))

    async def stop(self, grace: float = 2.0) -> None:
        self.channel.close_input()
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
        pipes = [wide_pipe(), wide_pipe(), os.pipe()]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        try:
            process = await asyncio.create_subprocess_exec(
                *command_of(installed), stdin=theirs[0], stdout=theirs[1], stderr=theirs[2]
            )
        finally:
            for fd in theirs:
                os.close(fd)
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        running = LocalRunning(process, ours, listener, self.limit)
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
