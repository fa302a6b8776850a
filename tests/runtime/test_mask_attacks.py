"""A hostile server wants what is covered in its folder, on a real engine; and the user helps."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.runtime import container
from mcptui.runtime.engine import Engine
from mcptui.runtime.masks import Watch
from mcptui.runtime.plan import ContainerPlan
from tests.runtime.conftest import run
from tests.runtime.talk import planned, start, talking
from tests.runtime.test_mount_attacks import PUPPET, ROUTES, done

pytestmark = pytest.mark.engine
SECRET = "hunter2"

ATTACK = """
import ctypes, os, shutil, socket
told = {}
library = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def tried(name, attempt):
    try:
        told[name] = repr(attempt())
    except Exception as error:
        told[name] = f"refused: {error}"
at = "/picked/notes/"
def read(path):
    with open(path, "rb") as file:
        return file.read()
tried("read", lambda: read(at + ".env"))
tried("read deep", lambda: read(at + "deep/.env.local"))
tried("read in folder", lambda: os.listdir(at + ".aws"))
tried("read by its other name", lambda: read(at + "deep/copy.txt"))
tried("read by a link", lambda: read(at + "link"))
tried("rename", lambda: (os.rename(at + ".env", at + "moved"), read(at + "moved")))
tried("rename over", lambda: (open(at + "own", "w").write("x"), os.rename(at + "own", at + ".env")))
tried("exchange", lambda: checked(library.renameat2(
    -100, (at + ".env").encode(), -100, (at + "a.txt").encode(), 2)))
tried("remove", lambda: os.remove(at + ".env"))
tried("hard link", lambda: (os.link(at + ".env", at + "linked"), read(at + "linked")))
tried("symlink", lambda: (os.symlink(".env", at + "sym"), read(at + "sym")))
folder = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
def by_descriptor(name, flags=os.O_RDONLY):
    held = os.open(name, flags, dir_fd=folder)
    return os.read(held, 100)
tried("openat", lambda: by_descriptor(".env"))
tried("openat of a folder", lambda: os.read(os.open(".env.local", os.O_RDONLY, dir_fd=os.open(
    "deep", os.O_RDONLY, dir_fd=folder)), 100))
def renamed_above():
    os.rename(at + "deep", at + "deeper")
    try:
        return read(at + "deeper/.env.local")
    finally:
        os.rename(at + "deeper", at + "deep")
tried("rename above", renamed_above)
tried("remove the tree", lambda: shutil.rmtree(at + "deep"))
tried("copy the tree", lambda: read(shutil.copytree(at, "/tmp/copy", symlinks=True) + "/.env"))
tried("write", lambda: open(at + ".env", "w"))
tried("mode", lambda: os.chmod(at + ".env", 0o777))
tried("unmount", lambda: checked(library.umount2((at + ".env").encode(), 2)))
tried("by handle", lambda: checked(library.open_by_handle_at(folder, b"x" * 128, 0)))
tried("by proc", lambda: read("/proc/self/cwd/../picked/notes/.env"))
tried("by root", lambda: read("/proc/1/root/picked/notes/.env"))
tried("namespace", lambda: checked(library.unshare(0x10020000)))
def connected():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(at + "engine")
        return one.recv(100)
tried("socket", connected)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with secrets and a socket in it, which everybody may change."""
    made = tmp_path / "project"
    for name, text in {
        ".env": SECRET, "deep/.env.local": SECRET, ".aws/credentials": SECRET, "a.txt": "plain",
        ".env.example": "A=",
    }.items():  # fmt: skip
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    os.link(made / ".env", made / "deep" / "copy.txt")
    (made / "link").symlink_to(".env")
    for folder in (made, made / "deep", made / ".aws"):
        folder.chmod(0o777)
    return made


def plan_of(engine: Engine, image: str, folder: Path, writable: bool = True) -> ContainerPlan:
    return planned(engine, image, PUPPET, mounts={"notes": ((str(folder), writable),)})


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("writable", [True, False])
def test_no_way_to_what_is_covered(
    engine: Engine,
    python_image: str,
    project: Path,
    route: str,
    writable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(container, "_LOOKS", 600)
    monkeypatch.chdir(project)

    async def work() -> None:
        with socket.socket(socket.AF_UNIX) as service:
            service.bind("engine")
            service.listen()
            (project / "engine").chmod(0o777)
            async with talking(
                engine, plan_of(engine, python_image, project, writable), route
            ) as talk:
                told = await done(talk, ATTACK)
                plain = await done(talk, "told = open('/picked/notes/a.txt').read()")
                example = await done(talk, "told = open('/picked/notes/.env.example').read()")
            service.setblocking(False)
            with pytest.raises(BlockingIOError):
                service.accept()
        assert len(told) >= 24
        assert SECRET not in str(told), told
        assert (told["read"], told["read in folder"]) == ("b''", "[]")
        for name in ("rename", "rename over", "exchange", "remove", "hard link", "remove the tree",
                     "write", "mode", "unmount", "by handle", "namespace", "socket"):  # fmt: skip
            assert told[name].startswith("refused"), (name, told[name])
        assert (plain, example) == ("plain", "A=")

    run(work())
    for name in (".env", "deep/.env.local", ".aws/credentials", "deep/copy.txt"):
        assert (project / name).read_text() == SECRET, "nothing is lost by being covered"


def test_the_user_can_show_one(engine: Engine, python_image: str, project: Path) -> None:
    shown = str(project / "deep" / ".env.local")

    async def work() -> None:
        plan = replace(plan_of(engine, python_image, project), unmasked=frozenset({shown}))
        async with talking(engine, plan) as talk:
            for name, text in (("deep/.env.local", SECRET), (".env", "")):
                assert await done(talk, f"told = open('/picked/notes/{name}').read()") == text

    run(work())


@pytest.mark.parametrize("how", ["replaced", "new", "by itself"])
def test_what_shows_while_it_runs_ends_it(
    engine: Engine, python_image: str, project: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor replaces a file: the cover goes with the old one, and the new one shows."""
    monkeypatch.setattr(container, "_LOOKS", 0.3)

    async def work() -> None:
        talk = await start(engine, plan_of(engine, python_image, project))
        await done(talk, "pass")
        if how == "replaced":
            (project / "new").write_text(SECRET)
            (project / "new").replace(project / ".env")
        elif how == "new":
            (project / "deep" / "id_rsa").write_text(SECRET)
        else:
            await done(talk, "open('/picked/notes/.env.mine', 'w').write('x')")
        death = await talk.death()
        assert "came into a folder of it and holds a secret" in death.words
        await talk.container.stop(0.1)
        # And from the next start on it is covered.
        async with talking(engine, plan_of(engine, python_image, project)) as again:
            code = """
import pathlib
told = [one.read_text() for one in pathlib.Path('/picked/notes').rglob('*') if one.is_file()
        and one.name in ('.env', 'id_rsa', '.env.mine')]"""
            assert set(await done(again, code)) == {""}

    run(work())


def test_a_cover_in_the_wrong_place_ends_the_container(
    engine: Engine, python_image: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the mount, the folder with the secret changes places with another."""
    monkeypatch.setattr(Watch, "look", str)  # the later look sees it as well

    class Swapping(Engine):
        def start(self, container: str) -> None:
            mounts = self.inspect(container)["HostConfig"]["Mounts"] or ()
            if any(mount["Target"].startswith("/picked") for mount in mounts):
                (project / "deep").rename(project / "hidden")
                (project / "deep").mkdir()
                (project / "deep" / ".env.local").symlink_to("/srv/cover")
                (project / "deep" / "copy.txt").touch()
            super().start(container)

    made = Swapping(engine.endpoint, engine.client.api.api_version, folder=engine.folder)

    async def work() -> None:
        talk = await start(made, plan_of(engine, python_image, project, False))
        death = await talk.death()
        assert death.code == 125
        assert "deep/.env.local is not what was picked" in death.words
        await talk.container.stop(0.1)

    run(work())
