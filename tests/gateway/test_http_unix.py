"""The HTTP front on a unix socket: its user's alone, one gateway at a time, gone at the end."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mcptui.errors import McptuiError
from mcptui.gateway.http_server import Address, open_socket
from mcptui.home import Home
from tests.gateway.http_talk import ROOT, HttpGateway, HttpTalk
from tests.gateway.remote import faulty, remote
from tests.real_keyring import without_keyring

NOBODY = 65534
_CONNECT = """
import socket, sys
made = socket.socket(socket.AF_UNIX)
try:
    made.connect(sys.argv[1])
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""


class UnixConnection(http.client.HTTPConnection):
    """A connection to a socket's path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class UnixTalk(HttpTalk):
    """A client of a gateway on a unix socket."""

    def __init__(self, gateway: HttpGateway, path: Path) -> None:
        super().__init__(gateway)
        self.path = path

    def connect(self) -> http.client.HTTPConnection:
        made = UnixConnection(self.path)
        made.connect()
        self.sockets.append(made.sock)
        return made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can reach, so that only what is inside is protected; short."""
    made = Path(tempfile.mkdtemp(prefix="mcptui-unix-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def environ(scratch_environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment without any vault."""
    return without_keyring(scratch_environ, tmp_path)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """Ends what a test began."""
    with ExitStack() as stack:
        yield stack


def start(environ: dict[str, str], path: Path) -> HttpGateway:
    """The real command on a socket."""
    return HttpGateway(environ, address=f"unix:{path}", real=True)


def refused(environ: dict[str, str], path: Path) -> str:
    """What the real command says when it cannot have a socket."""
    done = subprocess.run(
        [sys.executable, "-m", "mcptui", "gateway", "run", "--http", f"unix:{path}"],
        env={**environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def as_nobody(path: Path) -> str:
    """What another user gets who connects."""
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-S", "-c", _CONNECT, str(path)], cwd="/",
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"}, user=NOBODY, group=NOBODY, extra_groups=[],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_both_eras_without_a_token_or_a_vault(
    environ: dict[str, str], folder: Path, home: Home, ends: ExitStack
) -> None:
    base = ends.enter_context(faulty())
    home.store.put_install(remote("far", f"{base}/good"))
    path = folder / "private" / "gateway.sock"
    gateway = start(environ, path)
    ends.callback(gateway.close)
    assert gateway.url == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    older, modern = UnixTalk(gateway, path), UnixTalk(gateway, path)
    older.hello()
    assert older.text("far__echo", {"text": "older"}) == "older"
    assert modern.text("far__echo", {"text": "modern"}, modern=True) == "modern"
    assert modern.modern("tools/list", headers={"Host": "any.example"}).status == 200
    assert modern.modern("tools/list", headers={"Origin": "http://evil.example"}).status == 403
    assert gateway.close() == 0
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_cannot_connect(
    environ: dict[str, str], folder: Path, ends: ExitStack
) -> None:
    path = folder / "private" / "gateway.sock"
    gateway = start(environ, path)
    ends.callback(gateway.close)
    assert as_nobody(path) == "PermissionError"
    path.parent.chmod(0o755)
    assert as_nobody(path) == "PermissionError", "the socket itself is its user's alone"
    path.chmod(0o666)
    assert as_nobody(path) == "connected", "otherwise this test proves nothing"


def test_one_gateway_at_a_time_and_what_a_dead_one_left_is_replaced(
    environ: dict[str, str], folder: Path, ends: ExitStack
) -> None:
    path = folder / "private" / "gateway.sock"
    first = start(environ, path)
    ends.callback(first.close)
    assert "Another gateway listens" in refused(environ, path)
    assert UnixTalk(first, path).request("GET", "/health").json["ok"] is True
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert path.is_socket()
    second = start(environ, path)
    ends.callback(second.close)
    assert UnixTalk(second, path).request("GET", "/health").json["ok"] is True
    assert second.close() == 0
    assert not path.exists()


def test_what_is_not_ours_stays(environ: dict[str, str], folder: Path, ends: ExitStack) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    precious, pointer = private / "file", private / "link"
    precious.write_text("precious")
    pointer.symlink_to(precious)
    for path in (precious, pointer):
        assert "is no socket" in refused(environ, path)
    assert (precious.read_text(), pointer.is_symlink()) == ("precious", True)
    assert "open to others" in refused(environ, folder / "gateway.sock")
    path = private / "gateway.sock"
    gateway = start(environ, path)
    ends.callback(gateway.close)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        assert gateway.close() == 0
        assert path.is_socket(), "it is another's now"


def test_of_many_that_find_a_stale_socket_one_gets_it(folder: Path) -> None:
    path = folder / "private" / "gateway.sock"
    address = Address(path=path)
    path.parent.mkdir(mode=0o700)
    for _ in range(30):
        with socket.socket(socket.AF_UNIX) as stale:
            path.unlink(missing_ok=True)
            stale.bind(str(path))
        got: list[socket.socket] = []
        barrier = threading.Barrier(4)

        def race(got: list[socket.socket] = got, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                got.append(open_socket(address))
            except McptuiError as error:
                assert "Another gateway" in error.what

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        with got[0], socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
