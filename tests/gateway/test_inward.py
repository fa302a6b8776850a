"""Servers that listen on HTTP inside locked-down containers: reached, and by nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.entry import Http, Variable
from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine
from mcptui.store import Store
from mcptui.store.rows import Installed
from tests.fixtures.images import fixture_image
from tests.gateway.conftest import rows, until
from tests.gateway.local import installed
from tests.gateway.talk import Talk

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]
PORT = 8080
EVERYWHERE = "0.0.0.0"  # noqa: S104 of a container that has lo alone


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image with the server in it."""
    home = Home.real({**os.environ, "MCPTUI_HOME": str(tmp_path_factory.mktemp("images"))})
    return fixture_image(home.engine(), "python")


def listening(image: str, *options: str, name: str = "one", http: Http | None = None) -> Installed:
    """The server in a container."""
    made = installed(name, "/srv/inward_server.py", *options)
    return replace(made, image_id=image, entry=replace(made.entry, http=http or Http(PORT)))


class Gateways:
    """Starts the real command; closes what was started."""

    def __init__(self, store: Store, environ: dict[str, str]) -> None:
        self._store = store
        self._environ = {**environ, "PYTHONPATH": str(ROOT)}
        self.talks: list[Talk] = []

    def start(self, *servers: Installed) -> Talk:
        for server in servers:
            self._store.put_install(server)
        command = [sys.executable, "-m", "mcptui", "gateway", "run"]
        self.talks.append(Talk(command, self._environ))
        self.talks[-1].hello()
        return self.talks[-1]


@pytest.fixture
def gateways(store: Store, scratch_environ: dict[str, str]) -> Iterator[Gateways]:
    """The real command."""
    made = Gateways(store, scratch_environ)
    yield made
    for talk in made.talks:
        talk.close()


def log(store: Store) -> str:
    """All of the server's log."""
    return "\n".join(line.text for line in store.log("one"))


@pytest.mark.parametrize(
    "options",
    [(), ("--bind", EVERYWHERE), ("--bind", "::"), ("--delay", "2")],
    ids=["loopback", "everywhere", "both", "late"],
)  # fmt: skip
def test_it_is_reached_wherever_it_listens(
    gateways: Gateways, store: Store, image: str, options: tuple[str, ...]
) -> None:
    talk = gateways.start(listening(image, *options))
    for modern in (False, True):
        assert talk.text("one__echo", {"text": "grüße"}, modern=modern) == "grüße"
    headers = json.loads(talk.text("one__head"))
    assert headers["Host"] == f"localhost:{PORT}"
    assert "Authorization" not in headers and "Cookie" not in headers
    assert set(json.loads(talk.text("one__connections"))) <= {
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
    }
    until(lambda: "this is a log line on stdout" in log(store) and "asked: " in log(store))


def test_its_container_has_no_network_all_the_same(
    gateways: Gateways, store: Store, image: str, engine: Engine, home: Home
) -> None:
    talk = gateways.start(listening(image, "--bind", EVERYWHERE))
    told = json.loads(talk.text("one__network"))
    assert len(told) >= 4
    interfaces = told.pop("interfaces", None) or told.pop("devices", None)
    assert {name: gain for name, gain in told.items() if gain} == {}, interfaces
    for attack in ("sockets", "first_process", "namespaces", "raw_sockets", "forbidden_calls"):
        told = json.loads(talk.text(f"one__{attack}"))
        assert {name: gain for name, gain in told.items() if gain} == {}, attack
    (container,) = engine.containers({owner.HOME: str(home.paths.state)})
    found = engine.inspect(container)
    assert found["HostConfig"]["NetworkMode"] == "none"
    assert not found["HostConfig"].get("PortBindings") and not found["NetworkSettings"]["Ports"]
    devices = Path(f"/proc/{found['State']['Pid']}/net/dev").read_text().splitlines()[2:]
    assert [line.partition(":")[0].strip() for line in devices] in (["lo"], ["lo", "sit0"])


def test_nobody_else_on_this_machine_reaches_it(
    gateways: Gateways, image: str, home: Home, engine: Engine
) -> None:
    port = 8000 + os.getpid() % 20000
    http = Http(port)
    talk = gateways.start(listening(image, "--bind", EVERYWHERE, "--port", str(port), http=http))
    assert talk.text("one__echo", {"text": "x"}) == "x"
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as knock:
            knock.settimeout(2)
            assert knock.connect_ex((host, port)) != 0
    # Nothing that a neighbour could connect to lies in the file system either.
    sockets = [path for path in home.paths.home.rglob("*") if path.is_socket()]
    assert sockets == []
    assert not [path for path in engine.folder.glob("*/*") if path.is_socket()]


def test_its_death_is_told_and_the_next_call_starts_it_again(
    gateways: Gateways, store: Store, image: str
) -> None:
    talk = gateways.start(listening(image))
    assert talk.text("one__echo", {"text": "a"}) == "a"
    result = talk.call("one__die")
    assert result["isError"]
    assert talk.text("one__echo", {"text": "b"}) == "b"
    until(lambda: "about to die" in log(store))
    assert [row.outcome for row in rows(store, 3)] == ["ok", "error", "ok"]


@pytest.mark.parametrize(
    ("options", "says"),
    [(("--dies",), "cannot read my configuration"), (("--port", "8081"), "does not listen on")],
    ids=["dies", "elsewhere"],
)
def test_one_that_never_listens_is_down_with_the_reason(
    gateways: Gateways, store: Store, image: str, engine: Engine, home: Home,
    options: tuple[str, ...], says: str,
) -> None:  # fmt: skip
    talk = gateways.start(listening(image, *options))
    number = talk.start("tools/call", {"name": "one__echo", "arguments": {}})
    result = talk.wait(number, 120)["result"]
    assert result["isError"] and says in result["content"][0]["text"], result
    until(lambda: engine.containers({owner.HOME: str(home.paths.state)}) == [], 30)


def test_one_that_ignores_sigterm_is_gone_in_time(
    gateways: Gateways, image: str, engine: Engine, home: Home
) -> None:
    talk = gateways.start(listening(image, "--stubborn"))
    assert talk.text("one__echo", {"text": "a"}) == "a"
    began = time.monotonic()
    talk.process.send_signal(signal.SIGTERM)
    assert talk.process.wait(10) == 0
    assert time.monotonic() - began < 5
    until(lambda: engine.containers({owner.HOME: str(home.paths.state)}) == [], 30)


def test_a_killed_gateway_ends_it(
    gateways: Gateways, image: str, engine: Engine, home: Home
) -> None:
    talk = gateways.start(listening(image))
    assert talk.text("one__echo", {"text": "a"}) == "a"
    talk.process.kill()
    talk.process.wait(10)

    def running() -> list[str]:
        found = engine.containers({owner.HOME: str(home.paths.state)})
        return [one for one in found if engine.state(one).get("Running")]

    until(lambda: running() == [], 30)


def test_many_calls_at_once(gateways: Gateways, image: str) -> None:
    talk = gateways.start(listening(image))
    talk.text("one__echo", {"text": "up"})
    numbers = {
        talk.start("tools/call", {"name": "one__echo", "arguments": {"text": str(n)}}): n
        for n in range(40)  # the server has a thread for each, and 64 processes in all
    }
    for number, n in numbers.items():
        assert talk.wait(number)["result"]["content"][0]["text"] == str(n)


@pytest.mark.node
@pytest.mark.slow
def test_a_server_of_others_listens_inside(gateways: Gateways, home: Home, store: Store) -> None:
    from mcptui.actions.install import install

    async def have() -> None:
        async for _ in install(home, "everything"):
            pass

    asyncio.run(have())
    row = store.installed("everything")
    assert row is not None
    entry = replace(
        row.entry, command=("streamableHttp",), env=(Variable("PORT", "3001"),), http=Http(3001)
    )
    talk = gateways.start(replace(row, entry=entry))
    for modern in (False, True):
        assert talk.text("everything__echo", {"message": "hi"}, modern=modern) == "Echo: hi"
