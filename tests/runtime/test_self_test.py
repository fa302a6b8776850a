"""An engine that gives containers a network, in the face of what we ask: no server starts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from mcptui.actions.findings import check_engine
from mcptui.errors import NotTrusted
from mcptui.home import Home
from mcptui.runtime import self_test
from mcptui.runtime.engine import Engine
from mcptui.runtime.plan import ContainerPlan
from mcptui.runtime.self_test import SERVER, last_word, must_be_cut_off
from tests.runtime.conftest import run
from tests.runtime.talk import SERVERS, limited, planned, start, talking

pytestmark = pytest.mark.engine


class Faulty(Engine):
    """The real engine; containers get another network than they were asked for."""

    mode = ""
    version = ""
    created: list[str]
    ids: set[str]

    @classmethod
    def like(cls, engine: Engine) -> Faulty:
        made = cls(engine.endpoint, folder=engine.folder)
        made.created, made.ids = [], set()
        return made

    def left(self) -> set[str]:
        """Which of its test containers are still there; other workers make some as well."""
        return self.ids & set(self.containers({"mcptui.server": SERVER}))

    def identity(self) -> str:
        return f"faulty {self.version}"

    def create(self, body: Mapping[str, Any]) -> str:
        self.created.append(str(body["Labels"]["mcptui.server"]))
        host = dict(body["HostConfig"])
        if self.mode:
            host["NetworkMode"] = self.mode
        made = super().create({**body, "HostConfig": host})
        self.ids.add(made)
        return made


@pytest.fixture
def faulty(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """An engine that nothing is known of."""
    monkeypatch.setattr(self_test, "_PASSED", {})
    return Faulty.like(engine)


def test_a_sound_engine_is_tested_once_a_version(faulty: Faulty, python_image: str) -> None:
    made = planned(faulty, python_image, SERVERS["python"])

    async def work() -> None:
        assert last_word(faulty) is None
        for version in ("1", "1", "2"):
            faulty.version = version
            async with talking(faulty, made) as talk:
                assert await talk.call("echo", text="hello") == "hello"
            assert last_word(faulty) == ""

    run(work())
    assert faulty.created == [SERVER, made.server, made.server, SERVER, made.server]
    # The next process knows, when the memory is kept.
    again = Faulty.like(faulty)
    again.version, again.tested = "2", dict(faulty.tested)
    run(must_be_cut_off(again, made))
    assert again.created == []
    assert not faulty.left()


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        (
            "bridge",
            ("the network device eth0", "a way to the engine's bridge", "a way to the Inter"),
        ),
        ("host", ("a way to this machine's loopback", "abstract unix sockets", "this machine at")),
    ],
)
def test_no_server_starts_on_a_broken_engine(
    faulty: Faulty, python_image: str, mode: str, found: tuple[str, ...]
) -> None:
    made = planned(faulty, python_image, SERVERS["python"])
    faulty.mode = mode

    async def refused() -> NotTrusted:
        with pytest.raises(NotTrusted) as told:
            await start(faulty, made)
        return told.value

    for _ in range(2):
        error = run(refused())
        assert error.what == self_test.WHAT
        assert all(words in error.why for words in found)
        assert error.fix
        assert (last_word(faulty) or "?") in error.why
    assert faulty.created == [SERVER, SERVER], "no server was created"
    assert not faulty.left()

    async def mended() -> None:
        async with talking(faulty, made) as talk:
            assert await talk.call("echo", text="hello") == "hello"

    faulty.mode = ""
    run(mended())
    assert last_word(faulty) == ""


def test_the_test_takes_nothing_of_the_servers_lock(faulty: Faulty, python_image: str) -> None:
    """A server with relaxations is tested for like any other."""
    relaxed = limited(
        planned(faulty, python_image, SERVERS["python"]), tmp_exec=True, read_only=False
    )
    run(must_be_cut_off(faulty, relaxed))
    assert last_word(faulty) == ""


def test_an_unknown_is_no_pass(faulty: Faulty, python_image: str) -> None:
    """A test container that tells nothing, or not everything, has found no closed way."""
    made = planned(faulty, python_image, SERVERS["python"])
    real = self_test._test_plan  # pyright: ignore[reportPrivateUsage]

    async def said(*words: str) -> str:
        def other(plan: ContainerPlan, command: tuple[str, ...]) -> ContainerPlan:
            return limited(real(plan, command), command=("/usr/bin/python3", "-c", *words))

        with pytest.MonkeyPatch.context() as patch, pytest.raises(NotTrusted) as told:
            patch.setattr(self_test, "_test_plan", other)
            await must_be_cut_off(faulty, made)
        return told.value.why

    assert "no list of network devices" in run(said("pass"))
    assert "no list of network devices (it breaks)" in run(
        said("import sys; sys.exit('it breaks')")
    )
    assert "a way to the Internet" in run(said("print('device lo up')"))
    assert "device tap0" in run(said("print('device lo up'); print('device tap0 up')"))


def test_idle_devices_of_the_kernel_are_no_network() -> None:
    ears = self_test._Ears()  # pyright: ignore[reportPrivateUsage]
    ears.lines = ["device lo up", "device tunl0 down", "device sit0 down"]
    assert list(self_test._judged(ears, [])) == []  # pyright: ignore[reportPrivateUsage]
    ears.lines[1] = "device tunl0 up"
    assert list(self_test._judged(ears, [])) == ["the network device tunl0"]  # pyright: ignore[reportPrivateUsage]


def test_the_doctor_tells(home: Home, faulty: Faulty, python_image: str) -> None:
    made = planned(faulty, python_image, SERVERS["python"])
    doctors = Home(home.paths, environ=home.environ, find_engine=lambda _: faulty)
    assert [one.state for one in check_engine(doctors)] == ["ok"]
    assert "isolation is tested before the first server" in check_engine(doctors)[0].detail
    faulty.mode = "bridge"
    with pytest.raises(NotTrusted):
        run(must_be_cut_off(faulty, made))
    first = check_engine(doctors)[0]
    assert (first.state, first.title) == ("bad", self_test.WHAT)
    assert "no server starts" in first.detail
    assert "eth0" in first.detail
    assert first.fix_text == self_test.FIX
    faulty.mode = ""
    run(must_be_cut_off(faulty, made))
    assert [one.state for one in check_engine(doctors)] == ["ok"]
    assert "isolation tested" in check_engine(doctors)[0].detail
    doctors.close()


def test_many_starts_at_once_are_all_tested(faulty: Faulty, python_image: str) -> None:
    made = [planned(faulty, python_image, SERVERS["python"]) for _ in range(3)]
    faulty.mode = "bridge"

    async def work() -> list[object]:
        starts = (start(faulty, one) for one in made)
        return list(await asyncio.gather(*starts, return_exceptions=True))

    assert [type(one) for one in run(work())] == [NotTrusted] * 3
    assert set(faulty.created) == {SERVER}
