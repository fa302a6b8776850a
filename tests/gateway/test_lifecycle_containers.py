"""Many gateways, clients that come and go, and death at any moment: nothing stays behind.

Everything here is real: `mcptui gateway run`, containers, SIGKILL.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine
from mcptui.store import Store
from tests.gateway.conftest import rows, until
from tests.gateway.local import remembered
from tests.gateway.talk import Talk
from tests.leftovers import left
from tests.own_server import peer_image_id
from tests.world import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.slow]
COMMAND = [sys.executable, "-m", "mcptui", "gateway", "run"]
Open = Callable[..., Talk]


@pytest.fixture(scope="session")
def image() -> str:
    """An image of the engine with the peer in it."""
    return peer_image_id()


@pytest.fixture
def gateway(store: Store, scratch_environ: dict[str, str], image: str) -> Iterator[Open]:
    """Starts real gateways in front of two containers; those that live are closed at the end."""
    for name in ("one", "two"):
        store.put_install(replace(remembered(store, name, "/srv/peer.py"), image_id=image))
    talks: list[Talk] = []

    def start(*options: str) -> Talk:
        talks.append(Talk([*COMMAND, *options], {**scratch_environ, "PYTHONPATH": str(ROOT)}))
        return talks[-1]

    yield start
    for talk in talks:
        if talk.process.poll() is None:
            talk.close()


def kill(talk: Talk) -> None:
    """End a gateway as the kernel would, and close our ends of its pipes."""
    os.kill(talk.process.pid, signal.SIGKILL)
    talk.process.wait()
    talk.close()


def clean_after_the_next_start(gateway: Open, engine: Engine, home: Home) -> None:
    """What the killed left is gone once anything of ours has started."""
    talk = gateway()
    talk.hello()
    until(lambda: not left(engine, home, talk.process.pid), 60)
    assert talk.close() == 0
    assert left(engine, home) == []


def test_a_client_that_reconnects_for_ever_leaves_nothing(
    gateway: Open, store: Store, engine: Engine, home: Home
) -> None:
    made = 0
    for turn in range(50):
        talk = gateway()
        if turn % 5 != 4:  # some do not even say hello
            talk.hello()
        if turn % 5 == 1:
            assert talk.text("one__echo", {"text": str(turn)}) == str(turn)
            made += 1
        if turn % 5 == 3:
            talk.start("tools/call", {"name": "one__hang", "arguments": {}})
            until(lambda made=made: len(store.calls()) > made)
            made += 1
        if turn % 2:
            kill(talk)
        else:
            assert talk.close() == 0
    clean_after_the_next_start(gateway, engine, home)
    calls = store.calls()
    assert len(calls) == made
    assert {row.outcome for row in calls} <= {"ok", "cancelled", "lost"}


def test_ten_gateways_at_once_and_half_of_them_killed(
    gateway: Open, store: Store, engine: Engine, home: Home
) -> None:
    talks = [gateway() for _ in range(10)]
    for talk in talks:
        talk.hello()
    asked = [
        (talk, talk.start("tools/call", {"name": f"{server}__echo", "arguments": {"text": "x"}}))
        for talk in talks
        for server in ("one", "two")
    ]
    for talk, number in asked:
        assert talk.wait(number, 120)["result"]["content"][0]["text"] == "x"
    assert len(engine.containers({owner.HOME: str(home.paths.state)})) == 20
    rows(store, 20)  # what was answered in the moment of a SIGKILL may not be written yet
    for talk in talks[:5]:
        kill(talk)
    for talk in talks[5:]:
        assert talk.close() == 0
    clean_after_the_next_start(gateway, engine, home)
    assert [row.outcome for row in store.calls()] == ["ok"] * 20


def test_death_at_any_point_of_a_start_leaves_no_container(
    gateway: Open, engine: Engine, home: Home
) -> None:
    chance = random.Random(4)  # noqa: S311 no secret
    for _ in range(12):
        talk = gateway()
        talk.hello()
        for server in ("one", "two"):
            talk.start("tools/call", {"name": f"{server}__echo", "arguments": {}})
        time.sleep(chance.uniform(0.0, 1.2))
        kill(talk)
    clean_after_the_next_start(gateway, engine, home)


def test_servers_that_come_and_go_cost_their_gateway_nothing(gateway: Open, store: Store) -> None:
    talk = gateway()
    talk.hello()

    def used() -> tuple[int, int]:
        folder = Path(f"/proc/{talk.process.pid}")
        return len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))

    def turn() -> None:
        assert talk.text("one__echo", {"text": "x"}) == "x"
        store.wish("stop", "one")
        until(lambda: [row.state for row in store.states() if row.server == "one"] == ["stopped"])

    for _ in range(4):
        turn()
    before = used()
    for _ in range(12):
        turn()
    until(lambda: used()[0] <= before[0] + 4 and used()[1] <= before[1] + 2, 20)


def test_all_gateways_together_have_a_limit(gateway: Open, home: Home) -> None:
    home.paths.config.mkdir(parents=True)
    home.paths.settings.write_text("[gateway]\ncontainers_all = 2\nroom = 1.5\n")
    first, second = gateway(), gateway()
    first.hello()
    second.hello()
    for server in ("one", "two"):
        assert first.text(f"{server}__echo", {"text": "a"}) == "a"
    refused = second.call("one__echo")
    assert refused["isError"] is True
    assert "2 servers of all your clients run already" in refused["content"][0]["text"]
    assert first.close() == 0
    assert second.text("one__echo", {"text": "b"}) == "b"
