"""What a server wrote, on a real engine: told after its end, whoever would like to hide it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.entry import VOLUME, Choices, Mount, Relaxation
from mcptui.runtime.engine import Engine
from mcptui.runtime.launch import launch
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import ContainerPlan, plan
from mcptui.runtime.volumes import remove_volume, volumes_of
from mcptui.runtime.written import MOST, Run, Writings
from tests.runtime.conftest import run
from tests.runtime.talk import Talk, entry
from tests.runtime.test_mount_attacks import PUPPET, ROUTES, done

pytestmark = pytest.mark.engine

WRITE = """
import os, sys
open("/tmp/a", "w").write("12345")
os.makedirs("/tmp/deep/er")
open("/tmp/deep/er/b", "w").write("1")
open("/data/kept", "w").write("123")
open("/picked/new", "w").write("1234")
open("/picked/old", "a").write("more")
open("/var/tmp/layer", "w").write("x")
sys.stderr.write("an ordinary line\\n0123 99 /tmp/forged\\nno end")
sys.stderr.flush()
"""


def plan_of(engine: Engine, image: str, folder: Path) -> ContainerPlan:
    made = entry(
        PUPPET,
        name="writer",
        mounts=(Mount("data", "/data", "x"), Mount("picked", "/picked", "x")),
        relaxes=(Relaxation("read_only", "it writes beside itself"),),
    )
    choices = Choices(
        mounts={"data": ((VOLUME, True),), "picked": ((str(folder / "picked"), True),)}
    )
    owner = Owner.current("test", str(folder / "state"))
    return plan(made, choices, engine.image_facts(image), owner)


async def told_after(
    engine: Engine, made: ContainerPlan, route: str, code: str
) -> tuple[Run, Talk]:
    """Run code in a server, end it politely; gives what it wrote."""
    runs: list[Run] = []
    talk = Talk()
    routes = {engine.endpoint.url: route}
    talk.running = await launch(engine, made, talk, routes=routes, wrote=runs.append)
    assert await done(talk, code) is None
    await talk.container.stop(2)
    assert not engine.inspect(talk.container.container_id)
    (one,) = runs
    return one, talk


@pytest.mark.parametrize("route", ROUTES)
def test_everything_written_is_told(
    engine: Engine, python_image: str, tmp_path: Path, route: str
) -> None:
    folder = tmp_path / "picked"
    folder.mkdir()
    folder.chmod(0o777)
    for name in ("old", "untouched"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o666)
    for name in ("old", "untouched"):
        os.utime(folder / name, (1, 1))
    # The change of that time is itself one: the clock has to go on before the server begins.
    time.sleep(0.1)

    async def work() -> None:
        made = plan_of(engine, python_image, tmp_path)
        found, talk = await told_after(engine, made, route, WRITE)
        files = {(one.path, one.size, one.where) for one in found.files}
        assert files >= {
            ("/tmp/a", 5, "memory"),
            ("/tmp/deep/er/b", 1, "memory"),
            ("/data/kept", 3, "volume"),
            (str(folder / "new"), 4, "folder"),
            (str(folder / "old"), 5, "folder"),
            ("/var/tmp/layer", -1, "image"),
        }
        names = {one.path for one in found.files}
        assert not names & {str(folder / "untouched"), "/tmp/forged"}
        assert not found.more
        assert talk.log == ["an ordinary line", "0123 99 /tmp/forged", "no end"]
        again, _ = await told_after(engine, made, route, "pass")
        assert [one for one in again.files if one.where in ("volume", "folder")] == []

    try:
        run(work())
    finally:
        for kept in volumes_of(engine, str(tmp_path / "state")):
            remove_volume(engine, kept.name)


def test_it_is_bounded(engine: Engine, python_image: str, tmp_path: Path) -> None:
    async def work() -> None:
        made = entry(PUPPET, name="writer")
        owner = Owner.current("test", str(tmp_path))
        planned = plan(made, Choices(), engine.image_facts(python_image), owner)
        many = "for n in range(900): open(f'/tmp/{n}', 'w').close()"
        found, _ = await told_after(engine, planned, "socket", many)
        assert len(found.files) == MOST
        assert found.more

    run(work())


def test_a_word_nobody_knows_is_needed() -> None:
    writings = Writings(replace(PLAN, scratch=("/cache",)))
    (word, _), *_ = writings.places()
    assert [place for _, place in writings.places()] == ["/tmp", "/dev/shm", "/cache"]
    assert writings.heard("a line") == "a line"
    assert writings.heard(f"cut off{word} 5 /tmp/x y") == "cut off"
    assert writings.heard(f"{word} 0 ") == ""
    assert writings.heard(f"{word} x /tmp/x") == ""
    told = writings.run([])
    assert [(one.path, one.size) for one in told.files] == [("/tmp/x y", 5)]
    assert told.more


PLAN = ContainerPlan("a", "sha256:0", ("x",), {})
