"""Six servers of the catalog answer through the gateway what they answer directly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mcptui.home import Home
from tests.gateway.talk import Talk
from tests.real.parity import (
    CASES,
    LISTS,
    Json,
    bare,
    direct,
    items,
    prefixed,
    with_folder,
)
from tests.world import install_server, make_home, world_environ

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(params=sorted(CASES))
def server(request: pytest.FixtureRequest) -> str:
    """Each of the servers."""
    name: str = request.param
    return name


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that servers are given; the same name each time, so that answers are the same."""
    made = tmp_path / "given" / "here"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def world(tmp_path: Path, server: str, place: Path) -> Iterator[Home]:
    """A home with the server installed from the signed catalog."""
    home = make_home(tmp_path)
    install_server(home, server, CASES[server].choices(place))
    yield home
    home.close()


def asked(talk: Talk, server: str, place: Path, *, gateway: bool, modern: bool) -> list[Json]:
    """The answers to everything this server is asked."""
    answers: list[Json] = []
    for method, params in CASES[server].asks:
        given = with_folder(params, place.name)
        said = talk.ask(method, prefixed(server, given) if gateway else given, modern=modern)
        assert "error" in said or ("resultType" in said["result"]) is modern, said
        answers.append({"asked": [method, given], **bare(said)})
    for path in [place / "made.txt", *place.glob("memory.jsonl")]:
        path.unlink(missing_ok=True)  # what one run leaves behind is not there for the next
    return answers


def lists(talk: Talk, server: str, *, gateway: bool, modern: bool) -> dict[str, list[Json]]:
    """All lists, in order, under the server's own names."""
    found: dict[str, list[Json]] = {}
    for method in LISTS:
        found[method] = items(talk, method, modern=modern)
        if gateway and method in ("tools/list", "prompts/list"):
            assert all(one["name"].startswith(f"{server}__") for one in found[method])
            found[method] = [
                {**one, "name": one["name"].removeprefix(f"{server}__")} for one in found[method]
            ]
    return found


def test_lists_and_answers_are_the_same_in_both_eras(world: Home, server: str, place: Path) -> None:
    command = [sys.executable, "-m", "mcptui", "gateway", "run"]
    environ = world_environ(world)
    with closing(Talk(direct(world, server), environ)) as talk:
        talk.hello()
        plain = lists(talk, server, gateway=False, modern=False)
        expected = asked(talk, server, place, gateway=False, modern=False)
    newer, newer_lists = expected, plain
    if CASES[server].modern:
        with closing(Talk(direct(world, server), environ)) as talk:
            newer_lists = lists(talk, server, gateway=False, modern=True)
            newer = asked(talk, server, place, gateway=False, modern=True)
    assert len(plain["tools/list"]) >= 1
    for modern, what, listed in ((False, expected, plain), (True, newer, newer_lists)):
        with closing(Talk(command, environ)) as talk:
            if not modern:
                talk.hello()
            got = asked(talk, server, place, gateway=True, modern=modern)
            assert got == what
            assert lists(talk, server, gateway=True, modern=modern) == listed
