"""A database on this machine, reached by its MCP server of the catalog through the list alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.network import allow_host, reach
from mcptui.entry import Choices
from mcptui.errors import UsageError
from mcptui.home import Home
from tests.gateway.conftest import until
from tests.gateway.talk import Talk
from tests.tools import programs
from tests.world import ROOT, install_server, make_home, world_environ

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
HERE = "host.docker.internal"


@contextlib.contextmanager
def redis(folder: Path) -> Generator[int]:
    """A Redis of Debian's on the loopback alone; gives its port.

    Its package of tools has the server's program under another name, and starts nothing by itself
    when it is installed.
    """
    programs()
    program = shutil.which("redis-check-rdb")
    assert program is not None, "redis-tools could not be installed"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    words = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    process = subprocess.Popen(
        words, executable=program, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    """Whether Redis is there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as line:
        line.sendall(b"PING\r\n")
        return line.recv(100).startswith(b"+PONG")
    return False


@contextlib.contextmanager
def client(home: Home) -> Generator[Talk]:
    """A client of this home's gateway."""
    command = [sys.executable, "-m", "mcptui", "gateway", "run", "--client", "tests"]
    talk = Talk(command, {**os.environ, **world_environ(home), "PYTHONPATH": str(ROOT)})
    try:
        talk.hello()
        yield talk
    finally:
        talk.close()


def source(folder: Path) -> Path:
    """The entry as the catalog's sources have it, with its lock beside it."""
    for name in ("servers/redis.toml", "locks/redis.txt"):
        shutil.copy(ROOT / "catalog" / name, folder)
    return folder / "redis.toml"


def test_redis_is_reached_by_its_rule_and_by_no_other_way(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with redis(tmp_path) as port:
        rule = f"{HERE}:{port}/tcp private"
        parameters: dict[str, Any] = {"host": HERE, "port": port, "scheme": "redis"}
        server = source(tmp_path)
        # It wants hosts that nobody can list beforehand: until the user names one it is refused.
        with pytest.raises(UsageError, match="hosts: name those it may reach"):
            install_server(home, server, Choices(parameters=parameters))
        other = "db.example.org:6379/tcp"
        install_server(home, server, Choices(parameters=parameters, hosts=(other,)))
        with client(home) as talk:

            def call(tool: str, **given: Any) -> str:
                return talk.text(f"redis__{tool}", given)

            # The rule that is not there.
            assert "success" not in call("set", key="greeting", value="hello").lower()
            until(lambda: any(not one.allowed for one in home.store.contacts("redis")))
            refused = next(one for one in reach(home, "redis").rows if one.refused)
            assert (refused.host, refused.allowed, refused.new) == (HERE, False, True)
            assert "not on the list" in refused.reason
            # The rule without the word that means one's own machine is none.
            with pytest.raises(UsageError, match="none of the public internet"):
                allow_host(home, "redis", f"{HERE}:{port}/tcp")
            allow_host(home, "redis", rule)
            until(lambda: "success" in call("set", key="greeting", value="hello").lower())
            assert "hello" in call("get", key="greeting")
            with socket.create_connection(("127.0.0.1", port), 5) as line:
                line.sendall(b"GET greeting\r\n")
                assert b"hello" in line.recv(100)
            row = next(one for one in reach(home, "redis").rows if one.place == rule)
            assert row.allowed
            until(lambda: any(one.allowed and one.bytes_in for one in home.store.contacts("redis")))
            # Taken away, the open connection to the database is cut, and no other is let through.
            allow_host(home, "redis", rule, on=False)
            until(lambda: "hello" not in call("get", key="greeting"))
    home.close()
