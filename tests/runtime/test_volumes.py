"""Volumes on a real engine: kept from run to run, one server's alone, closed to all others."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import VOLUME, Choices, Image, Mount, Volume
from mcptui.runtime.engine import Engine
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import ContainerPlan, plan
from mcptui.runtime.volumes import remove_volume, volume_name, volumes_of
from tests.runtime.conftest import run
from tests.runtime.talk import entry, talking
from tests.runtime.test_mount_attacks import PUPPET, done

pytestmark = pytest.mark.engine


@pytest.fixture
def home(engine: Engine, tmp_path: Path) -> Generator[str]:
    """A state folder whose volumes are gone afterwards."""
    yield str(tmp_path / "state")
    for kept in volumes_of(engine, str(tmp_path / "state")):
        remove_volume(engine, kept.name)


def plan_of(engine: Engine, image: str, home: str, name: str, **parts: Any) -> ContainerPlan:
    made = entry(PUPPET, name=name, volumes=(Volume("data", "/data", "what it knows"),), **parts)
    owner = Owner.current("test", home)
    choices = Choices(mounts={one.name: ((VOLUME, True),) for one in made.mounts})
    return plan(made, choices, engine.image_facts(image), owner)


def test_data_stays_from_run_to_run(engine: Engine, python_image: str, home: str) -> None:
    write = "open('/data/note', 'w').write('kept'); open('/more/x', 'w').write('too'); told = 1"
    read = "told = open('/data/note').read() + open('/more/x').read()"

    async def work() -> None:
        more = (Mount("more", "/more", "what is picked"),)
        made = plan_of(engine, python_image, home, "keeper", mounts=more)
        assert made.needs == ()
        assert made.user == "65532:65532", "no folder of the user's is among them"
        for code, wanted in ((write, 1), (read, "kepttoo")):
            async with talking(engine, made) as talk:
                assert await done(talk, code) == wanted
        kept = volumes_of(engine, home, "keeper")
        assert [(one.server, one.label) for one in kept] == [("keeper", "data"), ("keeper", "more")]
        assert f"type=volume,source={kept[0].name},target=/data" in made.docker_arguments()

    run(work())


def test_nobody_else_gets_it(engine: Engine, python_image: str, home: str) -> None:
    """Another server, another home, and another server that takes the name later."""

    async def work() -> None:
        first = plan_of(engine, python_image, home, "keeper")
        async with talking(engine, first) as talk:
            await done(talk, "open('/data/note', 'w').write('mine')")
            others = [
                plan_of(engine, python_image, home, "other"),
                plan_of(engine, python_image, f"{home}/2", "keeper"),
            ]
            evil = entry(PUPPET, name="keeper", volumes=(Volume("data", "/data"),))
            evil = replace(evil, image=Image("", f"sha256:{'1' * 64}", local=True))
            owner = Owner.current("test", home)
            others.append(plan(evil, Choices(), engine.image_facts(python_image), owner))
            for other in others:
                async with talking(engine, other) as spy:
                    code = (
                        "import os; told = [os.listdir('/data'), os.path.exists('/var/lib/docker')]"
                    )
                    assert await done(spy, code) == [[], False]
        for kept in volumes_of(engine, f"{home}/2"):
            remove_volume(engine, kept.name)

    run(work())


def test_a_name_cannot_be_chosen_to_meet_anothers() -> None:
    one = entry(PUPPET, name="a")
    names = {
        volume_name("/h", "a", one, "x"),
        volume_name("/h", "a", replace(one, id="b"), "x"),
        volume_name("/h", "b", one, "x"),
        volume_name("/h2", "a", one, "x"),
        volume_name("/h", "a", one, "y"),
        volume_name("/h", "a", replace(one, image=Image("repo", "sha256:1")), "x"),
    }
    assert len(names) == 6
    renewed = replace(one, image=Image("repo", "sha256:2"))
    assert volume_name("/h", "a", renewed, "x") in names, "a newer version finds its data"
