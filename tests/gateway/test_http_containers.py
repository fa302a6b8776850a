"""Containers of the real engine behind the HTTP front: one for each client, gone with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine
from mcptui.store import Store
from tests.gateway.conftest import Serve, rows, until
from tests.gateway.http_talk import HttpGateway, HttpTalk
from tests.gateway.local import remembered
from tests.gateway.talk import META
from tests.leftovers import left
from tests.own_server import peer_image_id

pytestmark = pytest.mark.engine
ERAS = ("legacy", "modern")
PATIENCE = 60.0


@pytest.fixture(scope="session")
def image() -> str:
    """An image of the engine with the peer in it."""
    return peer_image_id()


@pytest.fixture(autouse=True)
def servers(store: Store, image: str) -> None:
    """A server of each era is installed."""
    for era in ERAS:
        server = remembered(store, era, "/srv/peer.py", "--era", era)
        store.put_install(replace(server, image_id=image))


@pytest.fixture
def gateway(scratch_environ: dict[str, str]) -> Iterator[HttpGateway]:
    """The real command."""
    with ExitStack() as stack:
        made = HttpGateway(scratch_environ, "--no-token", real=True)
        stack.callback(made.close)
        yield made


class Running:
    """The containers of this test's gateways, as the engine knows them."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self.engine = engine
        self.mark = {owner.HOME: str(home.paths.state)}

    def now(self) -> set[str]:
        """All that there are."""
        return set(self.engine.containers(self.mark))


@pytest.fixture
def running(engine: Engine, home: Home) -> Running:
    """The containers of this test."""
    return Running(engine, home)


def session(gateway: HttpGateway) -> HttpTalk:
    """A client with a session of its own."""
    talk = HttpTalk(gateway)
    talk.hello()
    return talk


def modern(gateway: HttpGateway, client: str, name: str, text: str) -> str:
    """The text that a modern client's call gives."""
    meta = {META + "clientInfo": {"name": client, "version": "1"}}
    params = {"name": name, "arguments": {"text": text}}
    answer = HttpTalk(gateway).modern("tools/call", params, meta=meta).answer
    said: str = answer["result"]["content"][0]["text"]
    return said


@pytest.mark.slow
def test_each_client_of_either_era_has_containers_of_its_own(
    gateway: HttpGateway, running: Running, store: Store, engine: Engine, home: Home
) -> None:
    one, two = session(gateway), session(gateway)
    for era in ERAS:
        name = f"{era}__echo"
        assert one.text(name, {"text": "one"}) == "one"
        first = running.now()
        assert two.text(name, {"text": "two"}) == "two"
        assert one.text(name, {"text": "again"}) == "again"
        assert len(running.now() - first) == 1
    assert len(running.now()) == 4
    for client in ("three", "four", "three"):
        for era in ERAS:
            assert modern(gateway, client, f"{era}__echo", client) == client
    everything = running.now()
    assert len(everything) == 8
    assert [row.outcome for row in rows(store, 12, PATIENCE)] == ["ok"] * 12

    before = two.legacy("tools/call", {"name": "legacy__die", "arguments": {}}).answer
    assert before["result"]["isError"] is True
    until(lambda: len(running.now() & everything) == 7, PATIENCE)
    assert one.text("legacy__echo", {"text": "untouched"}) == "untouched"
    assert modern(gateway, "three", "legacy__echo", "untouched") == "untouched"
    assert two.text("legacy__echo", {"text": "anew"}) == "anew"

    assert two.request("DELETE").status == 204
    until(lambda: len(running.now()) == 6, PATIENCE)
    assert running.now() < everything, "only the containers of the one that left are gone"
    assert one.text("modern__echo", {"text": "still"}) == "still"
    assert gateway.close() == 0
    until(lambda: left(engine, home) == [], PATIENCE)


def test_an_abandoned_session_and_a_client_that_is_gone_leave_no_container(
    serve: Serve, running: Running, store: Store
) -> None:
    gateway = serve(words=["engine=1", "http.session_idle=6", "http.group_idle=6"])
    listening = session(gateway)
    assert listening.request("GET").stream
    assert listening.text("legacy__echo", {"text": "a"}) == "a"
    (kept,) = running.now()
    abandoned = session(gateway)
    assert abandoned.text("legacy__echo", {"text": "b"}) == "b"
    assert modern(gateway, "gone", "legacy__echo", "c") == "c"
    until(lambda: running.now() == {kept}, PATIENCE)
    assert abandoned.legacy("ping").status == 404
    assert listening.text("legacy__echo", {"text": "still"}) == "still"
    assert running.now() == {kept}
    assert modern(gateway, "gone", "legacy__echo", "back") == "back"
    assert [row.outcome for row in rows(store, 5, PATIENCE)] == ["ok"] * 5


@pytest.mark.slow
def test_containers_of_a_killed_front_are_gone_after_the_next_start(
    scratch_environ: dict[str, str], running: Running, gateway: HttpGateway
) -> None:
    assert modern(gateway, "one", "modern__echo", "x") == "x"
    assert session(gateway).text("legacy__echo", {"text": "y"}) == "y"
    owned = running.now()
    assert len(owned) == 2
    os.kill(gateway.process.pid, 9)
    gateway.process.wait()
    again = HttpGateway(scratch_environ, "--no-token", real=True)
    try:
        until(lambda: not owned & running.now(), 2 * PATIENCE)
        assert modern(again, "one", "modern__echo", "z") == "z"
    finally:
        again.close()
