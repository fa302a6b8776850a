"""The real thing: `mcptui gateway run` in front of locked-down containers of the real engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

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
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image with the peer in it."""
    home = Home.real({**os.environ, "MCPTUI_HOME": str(tmp_path_factory.mktemp("images"))})
    return fixture_image(home.engine(), "python")


def contained(image: str, name: str, *arguments: str) -> Installed:
    """The peer in a container."""
    return replace(installed(name, "/srv/peer.py", *arguments), image_id=image)


@pytest.fixture
def talk(store: Store, scratch_environ: dict[str, str], image: str) -> Iterator[Talk]:
    """The real command with two servers installed."""
    store.put_install(contained(image, "one"))
    store.put_install(contained(image, "two", "--era", "modern"))
    command = [sys.executable, "-m", "mcptui", "gateway", "run", "--client", "tests"]
    environ = {**scratch_environ, "PYTHONPATH": str(ROOT)}
    talk = Talk(command, environ)
    yield talk
    talk.close()


def containers(engine: Engine, home: Home) -> list[str]:
    """Containers of this test's gateways."""
    return engine.containers({owner.HOME: str(home.paths.state)})


def test_calls_reach_containers_and_end_with_the_gateway(
    talk: Talk, store: Store, engine: Engine, home: Home
) -> None:
    talk.hello()
    for modern in (False, True):
        assert talk.text("one__echo", {"text": "hi"}, modern=modern) == "hi"
        assert talk.text("two__echo", {"text": "ho"}, modern=modern) == "ho"
    assert len(containers(engine, home)) == 2
    until(lambda: [row.state for row in store.states()] == ["running"] * 2)
    assert all(row.container for row in store.states())
    assert [row.outcome for row in rows(store, 4)] == ["ok"] * 4
    assert talk.close() == 0
    assert containers(engine, home) == []
    assert store.states() == []


def test_a_killed_gateway_leaves_no_container_after_the_next_start(
    talk: Talk, store: Store, engine: Engine, home: Home, scratch_environ: dict[str, str]
) -> None:
    talk.hello()
    talk.call("one__echo")
    talk.start("tools/call", {"name": "one__hang", "arguments": {}})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "open"])
    owned = set(containers(engine, home))
    os.kill(talk.process.pid, signal.SIGKILL)
    talk.process.wait()
    assert owned
    command = [sys.executable, "-m", "mcptui", "gateway", "run"]
    again = Talk(command, {**scratch_environ, "PYTHONPATH": str(ROOT)})
    try:
        again.hello()
        until(lambda: not owned & set(containers(engine, home)), 60)
        until(lambda: [row.outcome for row in store.calls()] == ["ok", "lost"], 20)
    finally:
        again.close()


def test_a_missing_image_is_a_server_that_is_down(talk: Talk, store: Store, image: str) -> None:
    gone = replace(contained(image, "gone"), image_id="sha256:" + "1" * 64)
    store.put_install(gone)
    talk.hello()
    until(lambda: "gone" in {state.server for state in store.states()}, 20)
    result = talk.call("gone__echo")
    assert result["isError"] is True and "down" in result["content"][0]["text"]
    assert talk.text("one__echo", {"text": "fine"}) == "fine"


def test_a_call_from_the_command_line_is_a_call(
    store: Store, scratch_environ: dict[str, str], image: str, engine: Engine, home: Home
) -> None:
    store.put_install(contained(image, "one"))
    command = [sys.executable, "-m", "mcptui", "tools", "call", "one__echo", "text=007", "--json"]
    environ = {**scratch_environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.run(
        [*command[:3], "gateway", "run"], env=environ, input=b"", capture_output=True, timeout=60
    )
    assert first.returncode == 0, first.stderr
    store.put_install(contained(image, "one"))
    talk = Talk([*command[:3], "gateway", "run"], environ)
    talk.hello()
    talk.call("one__echo")
    talk.close()
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b'"text": "007"' in done.stdout or b'"text":"007"' in done.stdout, done.stdout
    last = rows(store, 2)[-1]
    assert (last.client_name, last.tool, last.outcome) == ("mcptui", "echo", "ok")
    assert containers(engine, home) == []


def test_the_first_list_comes_fast_and_loads_no_engine(
    store: Store, scratch_environ: dict[str, str], image: str
) -> None:
    for number in range(10):
        store.put_install(contained(image, f"server{number}"))
    talk = Talk(
        [sys.executable, "-X", "importtime", "-m", "mcptui", "gateway", "run"],
        {**scratch_environ, "PYTHONPATH": str(ROOT)},
    )
    began = time.monotonic()
    talk.hello()
    talk.ask("tools/list")
    took = time.monotonic() - began
    talk.close()
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in talk.errors if b"|" in line}
    assert "mcptui.gateway.session" in loaded
    assert took < 10
    early = loaded & {"mcp", "httpx", "textual", "cryptography", "keyring", "authlib", "tuf"}
    assert early == set()
