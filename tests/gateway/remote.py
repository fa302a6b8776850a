"""Remote servers for tests: how one is installed, and real ones started on a port of their own."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from mcptui.entry import Checked, Choices, Entry, Kind, OAuth, Remote, Secret, ToolPin, Trust
from mcptui.store.rows import Installed
from tests.tools import tools

FIXTURES = Path(__file__).parent.parent / "fixtures"
_LISTENS = re.compile(rb"(?:port |127\.0\.0\.1:|localhost:)(\d{2,5})")


def remote(
    name: str,
    url: str,
    *,
    transport: str = "streamable-http",
    headers: tuple[tuple[str, str], ...] = (),
    secrets: tuple[Secret, ...] = (),
    oauth: OAuth | None = None,
    pins: tuple[ToolPin, ...] = (),
) -> Installed:
    """An installed remote server."""
    entry = Entry(
        id=name, title=name, description="A remote server for tests", publisher="tests",
        category="utilities", licence="Apache-2.0", kind=Kind.REMOTE, homepage="", source="",
        remote=Remote(url, transport, headers), secrets=secrets, oauth=oauth,
        checked=Checked(on="2026-11-23"), tools=pins,
    )  # fmt: skip
    return Installed(name, entry, Choices(), Trust.UNSIGNED, "test", "", 1.0, 1.0)


@contextmanager
def process(command: list[str], **environ: str) -> Generator[int]:
    """A server process that says on which port it listens; gives the port."""
    world = {"PATH": "/usr/bin:/bin", **environ}
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT, env=world
    )
    assert server.stdout is not None
    said: list[bytes] = []
    reader = threading.Thread(target=_read, args=(server.stdout, said), daemon=True)
    reader.start()
    try:
        yield _port(server, said)
    finally:
        server.kill()
        server.wait()
        reader.join(5)
        server.stdout.close()


def _read(stream: IO[bytes], said: list[bytes]) -> None:
    said.extend(iter(stream.readline, b""))


def _port(server: subprocess.Popen[bytes], said: list[bytes]) -> int:
    deadline = time.monotonic() + 60
    while True:
        for line in list(said):
            if found := _LISTENS.search(line):
                return int(found[1])
        assert server.poll() is None and time.monotonic() < deadline, said
        time.sleep(0.02)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def everything(mode: str) -> Generator[str]:
    """npm server-everything over "streamableHttp" or "sse"; gives its address."""
    found = tools()
    script = found.modules / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    command = [str(found.node), str(script), mode]
    path = "sse" if mode == "sse" else "mcp"
    with ExitStack() as stack:
        port = 0
        while not port:  # it takes no port 0, and another process may be faster
            with contextlib.suppress(AssertionError):
                port = stack.enter_context(process(command, PORT=str(_free_port())))
        yield f"http://127.0.0.1:{port}/{path}"


@contextmanager
def fastmcp(era: str = "dual") -> Generator[str]:
    """A fastmcp server over streamable HTTP; gives its address."""
    script = str(FIXTURES / "http_server_fastmcp.py")
    with process([str(tools().python), script, era]) as port:
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def faulty(*arguments: str) -> Generator[str]:
    """Our own server that does as it is told in the address; gives its address."""
    script = str(FIXTURES / "http_server.py")
    with process([sys.executable, script, *arguments]) as port:
        yield f"http://127.0.0.1:{port}"
