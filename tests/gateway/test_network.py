"""The whole way of a host: refused by a real gateway, seen on the screen, allowed with one key.

The gateway runs as a process of its own in the lab's network, its server in a real container.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcptui.actions.network import allow_host, learn_hosts, lock_hosts, reach
from mcptui.actions.problems import problems
from mcptui.actions.undo import undo
from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine
from mcptui.store.rows import ContactRow
from mcptui.tui.feed import Feed
from tests.fixtures.images import fixture_image
from tests.gateway.conftest import until
from tests.gateway.local import installed
from tests.gateway.talk import Talk
from tests.lab import Lab, lab
from tests.tui.driving import at_screen, drive
from tests.tui.frames import frame

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@dataclass(slots=True)
class Desk:
    """A home with one server and a client of it.

    Args:
        home: the home.
        talk: the client.
        place: the network it lives in.
        engine: the engine.
    """

    home: Home
    talk: Talk
    place: Lab
    engine: Engine

    def page(self, host: str, *, aware: bool = True) -> str:
        """Have the server get a page."""
        given = {"url": f"https://{host}/", "trusted": self.place.trusted.read_text()}
        return self.talk.text("prober__fetch", {**given, "aware": aware})

    def contact(self, host: str, *, allowed: bool) -> ContactRow:
        """The row of a place, as soon as it is written."""
        found: list[ContactRow] = []

        def look() -> bool:
            rows = self.home.store.contacts("prober")
            found[:] = [one for one in rows if (one.host, one.allowed) == (host, allowed)]
            return bool(found)

        until(look)
        return found[0]

    def followed(self, host: str, *, allowed: bool) -> None:
        """Wait until the gateway keeps to what was chosen; it looks ten times a second."""
        until(lambda: self.page(host).startswith("http ") == allowed)

    def containers(self) -> list[str]:
        """Those of this home."""
        return self.engine.containers({owner.HOME: str(self.home.paths.state)})


@pytest.fixture
def desk(home: Home, engine: Engine, scratch_environ: dict[str, str], place: Lab) -> Iterator[Desk]:
    image = fixture_image(engine, "python")
    row = replace(installed("prober", "/srv/prober.py"), image_id=image)
    chosen = replace(row.choices, hosts=("db.example.com:5432/tcp",))
    home.store.put_install(replace(row, choices=chosen))
    home.store.remember("tui.welcomed", True)
    place.forget()
    command = [sys.executable, "-m", "mcptui", "gateway", "run", "--client", "tests"]
    environ = {**scratch_environ, "PYTHONPATH": str(ROOT)}
    talk = place.host.do(lambda: Talk(command, environ))
    talk.hello()
    yield Desk(home, talk, place, engine)
    talk.close()


def test_a_refusal_is_seen_and_one_key_lets_the_next_try_through(desk: Desk) -> None:
    assert desk.page("api.example.com").startswith("refused: ")
    refused = desk.contact("api.example.com", allowed=False)
    assert (refused.port, refused.times, refused.reason) == (443, 1, "it is not on the list")
    assert [one.host for one in problems(desk.home) if one.host] == ["api.example.com"]
    before = desk.containers()

    async def story() -> None:
        async with at_screen(Feed(desk.home), "calls") as seat:
            await seat.press("exclamation_mark")
            assert "prober was refused api.example.com" in seat.said
            assert "✗ api.example.com: it is not on the list" in frame(seat.app)
            assert "▲    api.example.com" in frame(seat.app)
            await seat.press("space")
            assert "[x]  api.example.com" in frame(seat.app)
            await asyncio.to_thread(desk.followed, "api.example.com", allowed=True)
            assert await asyncio.to_thread(desk.page, "api.example.com", aware=False) == "http api"
            assert [one for one in problems(desk.home) if one.host] == []
            await seat.press("z")
            assert "[ ]  api.example.com" in frame(seat.app)
            await asyncio.to_thread(desk.followed, "api.example.com", allowed=False)

    drive(story())
    let_in = desk.contact("api.example.com", allowed=True)
    assert let_in.times >= 2
    assert let_in.bytes_in > 1_000 < let_in.bytes_out * 3
    assert desk.containers() == before, "the server was never restarted"
    row = desk.home.store.installed("prober")
    assert row is not None
    assert row.choices.hosts == ("db.example.com:5432/tcp",)


def test_what_it_uses_is_learned_and_locked(desk: Desk) -> None:
    assert desk.page("api.example.com").startswith("refused: ")
    learn_hosts(desk.home, "prober")
    desk.followed("api.example.com", allowed=True)
    assert desk.page("deep.wild.example.com", aware=False) == "http other"
    # Also while it learns only public hosts by TLS are let through.
    for host in ("private.example.com", "metadata.example.com", "inside.example.com"):
        assert desk.page(host).startswith("refused: ")
    desk.contact("deep.wild.example.com", allowed=True)
    told = lock_hosts(desk.home, "prober")
    assert "locked to 3 hosts, 2 of them learned" in told
    row = desk.home.store.installed("prober")
    assert row is not None
    assert row.choices.network == "listed"
    assert set(row.choices.hosts) == {
        "db.example.com:5432/tcp", "api.example.com", "deep.wild.example.com",
    }  # fmt: skip
    desk.followed("other.example.com", allowed=False)
    assert desk.page("api.example.com") == "http api"
    assert undo(desk.home) == "taken back: lock the hosts of prober"
    desk.followed("other.example.com", allowed=True)


def test_a_tunnel_that_is_not_allowed_any_more_is_cut(desk: Desk) -> None:
    said = {"host": "db.example.com", "port": 5432}
    assert desk.talk.text("prober__banner", said).startswith("tcp api")
    allow_host(desk.home, "prober", "db.example.com:5432/tcp", on=False)
    until(lambda: desk.talk.text("prober__banner", said).startswith("refused: "))
    assert reach(desk.home, "prober").mode == "none"


def test_the_first_host_of_all_makes_its_way(desk: Desk) -> None:
    """A server that reached nothing is started anew with its first host; nobody has to do that."""
    allow_host(desk.home, "prober", "db.example.com:5432/tcp", on=False)
    until(lambda: "127.0.0.1" not in desk.talk.text("prober__settings").partition("resolv")[2])
    allow_host(desk.home, "prober", "api.example.com")
    until(lambda: desk.page("api.example.com") == "http api")
    assert [row.place for row in reach(desk.home, "prober").rows if row.allowed] == [
        "api.example.com"
    ]


def test_a_name_that_leads_into_the_users_network_needs_the_users_word(desk: Desk) -> None:
    """Allowed by name alone it stays refused; one more key says that it is meant."""
    allow_host(desk.home, "prober", "db.corp.example:8001/tcp")
    said = {"host": "db.corp.example", "port": 8001}

    def refused() -> bool:
        assert not desk.talk.text("prober__banner", said).startswith("tcp")
        return any(one.host == said["host"] for one in desk.home.store.contacts("prober"))

    until(refused)
    desk.contact("db.corp.example", allowed=False)
    row = next(one for one in reach(desk.home, "prober").rows if one.host == "db.corp.example")
    assert (row.place, row.allowed) == ("db.corp.example:8001/tcp private", False)
    assert "which is not public" in row.reason
    allow_host(desk.home, "prober", row.place)
    until(lambda: desk.talk.text("prober__banner", said).startswith("tcp all"))
