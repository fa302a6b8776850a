"""Attacks on picked folders, on a real engine: each tries to have another thing mounted."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import json
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime import launch as launching
from mcptui.runtime.engine import Engine
from mcptui.runtime.plan import ContainerPlan
from tests.runtime.conftest import run
from tests.runtime.talk import Talk, planned, start, talking

pytestmark = pytest.mark.engine
PUPPET = "/srv/puppet.py"
ROUTES = ("socket", "stdin")
SWAPPED = "is not what was picked"
LOOK = "from pathlib import Path; told = Path('/picked/notes/note.txt').read_text()"


async def done(talk: Talk, code: str) -> Any:
    """What code in the server gives."""
    return json.loads(await talk.call("run", code=code))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder that is picked, `work/notes`, and `secret`, which is not."""
    for name, text in (("work/notes", "mine"), ("secret", "SECRET")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "note.txt").write_text(text)
    return tmp_path


def plan_of(engine: Engine, image: str, folder: Path, writable: bool = False) -> ContainerPlan:
    return planned(engine, image, PUPPET, mounts={"notes": ((str(folder), writable),)})


class Swapping(Engine):
    """An engine in front of which a folder is swapped when it is too late for any look."""

    swap: Callable[[], None]

    def start(self, container: str) -> None:
        mounts = self.inspect(container)["HostConfig"]["Mounts"] or ()
        if any(mount["Target"].startswith("/picked") for mount in mounts):
            self.swap()
        super().start(container)


def swapped(engine: Engine, folders: Path, *, above: bool = False) -> Swapping:
    """The engine, and a link in the picked folder's place the moment before the mount."""
    made = Swapping(engine.endpoint, engine.client.api.api_version, folder=engine.folder)

    def swap() -> None:
        place = folders / "work" if above else folders / "work" / "notes"
        target = folders / "secret"
        if above:
            (folders / "decoy").mkdir()
            (folders / "decoy" / "notes").symlink_to(target)
            target = folders / "decoy"
        if not place.is_symlink():
            place.rename(folders / "moved")
            place.symlink_to(target)

    made.swap = swap
    return made


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("above", [False, True])
def test_a_swap_between_look_and_mount_ends_the_container(
    engine: Engine, python_image: str, folders: Path, route: str, above: bool
) -> None:
    async def work() -> None:
        plan = plan_of(engine, python_image, folders / "work" / "notes")
        talk = await start(swapped(engine, folders, above=above), plan, route)
        with pytest.raises(ConnectionError, match=SWAPPED):
            await done(talk, LOOK)
        death = await talk.death()
        assert death.code == 125
        assert "/picked/notes" in death.words
        await talk.container.stop(0.1)

    run(work())


def test_without_the_check_the_swap_would_win(
    engine: Engine, python_image: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack is real: this is what the engine alone does."""

    def nothing(attempt: object) -> list[tuple[str, str]]:
        return []

    monkeypatch.setattr(launching._Attempt, "_mounted", nothing)  # pyright: ignore[reportPrivateUsage]

    async def work() -> None:
        plan = plan_of(engine, python_image, folders / "work" / "notes")
        async with talking(swapped(engine, folders), plan) as talk:
            assert await done(talk, LOOK) == "SECRET"

    run(work())


@contextmanager
def racing(one: Path, other: Path) -> Generator[itertools.count[int]]:
    """Two names change places as fast as the kernel can; gives a counter of the changes."""
    library = ctypes.CDLL(None, use_errno=True)
    at, exchange = -100, 2
    ended, count = threading.Event(), itertools.count()

    def turn() -> None:
        while not ended.is_set():
            library.renameat2(at, os.fsencode(one), at, os.fsencode(other), exchange)
            next(count)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield count
    finally:
        ended.set()
        thread.join()


def test_a_race_is_never_won(engine: Engine, python_image: str, folders: Path) -> None:
    """The folder and a link to another one change places all the time."""
    place, link = folders / "work" / "notes", folders / "link"
    link.symlink_to(folders / "secret")
    outcomes: list[str] = []

    async def once() -> str:
        try:
            talk = await start(engine, plan_of(engine, python_image, place))
        except (UsageError, McptuiError) as error:
            return "refused" if "link" in str(error) else str(error)
        try:
            return str(await done(talk, LOOK))
        except ConnectionError as error:
            return "ended" if SWAPPED in str(error) else str(error)
        finally:
            await talk.container.stop(0.1)

    async def work() -> None:
        with racing(place, link) as count:
            for _ in range(12):
                outcomes.append(await once())
                await asyncio.sleep(0)
        assert next(count) > 1000, "it did not race"

    run(work())
    assert set(outcomes) <= {"mine", "refused", "ended"}, outcomes
    assert len(set(outcomes)) > 1, outcomes


def test_odd_names_are_names(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """Nothing in a name is an option, a separator or another path to anybody on the way."""
    names = (
        "a,readonly=false:rw",
        "b\nc",
        "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
        "-v",
        "e=f g\"'`$(h)",
    )

    async def work() -> None:
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            folder.chmod(0o777)
            (folder / "note.txt").write_text(name)
            async with talking(engine, plan_of(engine, python_image, folder)) as talk:
                assert await done(talk, LOOK) == name
                assert "Read-only" in await done(talk, "open('/picked/notes/x', 'w')")

    run(work())


READ_ONLY = """
import ctypes, os
told = {}
def tried(name, attempt):
    try:
        told[name] = f"won: {attempt()}"
    except OSError as error:
        told[name] = error.strerror
at = "/picked/notes/"
tried("write", lambda: open(at + "note.txt", "w"))
tried("append", lambda: open(at + "note.txt", "a"))
tried("new", lambda: open(at + "new", "w"))
tried("remove", lambda: os.remove(at + "note.txt"))
tried("rename", lambda: os.rename(at + "note.txt", at + "other"))
tried("link", lambda: os.link(at + "note.txt", at + "other"))
tried("symlink", lambda: os.symlink("x", at + "other"))
tried("mode", lambda: os.chmod(at + "note.txt", 0o777))
tried("times", lambda: os.utime(at + "note.txt"))
tried("attribute", lambda: os.setxattr(at + "note.txt", "user.x", b"1"))
tried("truncate", lambda: os.truncate(at + "note.txt", 0))
tried("pipe", lambda: os.mkfifo(at + "pipe"))
fd = os.open(at + "note.txt", os.O_RDONLY)
tried("by descriptor", lambda: open(f"/proc/self/fd/{fd}", "w"))
library = ctypes.CDLL(None, use_errno=True)
def mount(flags):
    if library.mount(b"none", at.encode(), None, flags, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
tried("remount", lambda: mount(32 | 4096))
"""


def test_read_only_is_read_only(engine: Engine, python_image: str, folders: Path) -> None:
    """Also when everybody may write there by the file system's own rights."""
    place = folders / "work" / "notes"
    place.chmod(0o777)
    (place / "note.txt").chmod(0o666)

    async def work() -> None:
        async with talking(engine, plan_of(engine, python_image, place)) as talk:
            told = await done(talk, READ_ONLY)
        assert len(told) == 14
        assert not [name for name, how in told.items() if how.startswith("won")], told

    run(work())
    assert [one.name for one in place.iterdir()] == ["note.txt"]
    assert (place / "note.txt").read_text() == "mine"
