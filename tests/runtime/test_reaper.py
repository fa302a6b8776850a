"""A gateway that is killed leaves nothing: its servers end themselves, the next start cleans up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.runtime.engine import Engine
from mcptui.runtime.owner import Owner, is_alive, process_start, this_machine
from mcptui.runtime.reaper import reap, sweep_folders
from tests.runtime.talk import SERVERS, planned

ROOT = Path(__file__).parents[2]


def killed_gateway(engine: Engine, image: str, route: str, *options: str) -> str:
    """Have a gateway start a server and die of kill -9; returns the container."""
    command = [
        sys.executable, "-m", "tests.runtime.launcher", image, str(engine.folder), route,
        SERVERS["python"], *options,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        container = gateway.stdout.readline().strip()
        assert len(container) == 64
        assert engine.state(container)["Running"]
        gateway.kill()
    return container


def ends_within(engine: Engine, container: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not engine.state(container).get("Running"):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.engine
@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_a_killed_gateway_is_end_of_file(engine: Engine, python_image: str, route: str) -> None:
    container = killed_gateway(engine, python_image, route)
    assert ends_within(engine, container, 10)
    reap(engine)  # or that of another test's gateway, which found it first
    assert engine.inspect(container) == {}
    assert list(engine.folder.glob("*-*")) == []


@pytest.mark.engine
def test_a_stubborn_server_does_not_outlive_its_gateway(engine: Engine, python_image: str) -> None:
    """It ignores end of file and SIGTERM; the shim ends it although nobody reaps."""
    container = killed_gateway(engine, python_image, "socket", "--stubborn")
    assert ends_within(engine, container, 15)
    assert engine.state(container)["ExitCode"] == 137
    engine.remove(container)


@pytest.mark.engine
def test_the_reaper_ends_what_still_runs(engine: Engine, python_image: str) -> None:
    container = killed_gateway(engine, python_image, "stdin", "--stubborn")
    reap(engine)
    assert engine.inspect(container) == {}


@pytest.mark.engine
def test_reapers_at_the_same_moment_all_return_to_a_clean_engine(
    engine: Engine, python_image: str
) -> None:
    """The engine refuses all but one of them; the others wait until that one is done."""
    container = killed_gateway(engine, python_image, "stdin", "--stubborn")

    def reaped(_: int) -> bool:
        reap(engine)
        return engine.inspect(container) == {}

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(reaped, range(4))) == [True] * 4


@pytest.mark.engine
def test_only_orphans_are_reaped(engine: Engine, python_image: str) -> None:
    """Those of the living stay, and so do those of another machine, whose living we cannot see."""
    plan = planned(engine, python_image, SERVERS["python"])
    me = Owner.current("session")
    owners = {
        "mine": me,
        "reused number": replace(me, pid_start="1"),
        "dead": replace(me, pid=2**22 + 1, pid_start="5"),
        "elsewhere": replace(me, pid=2**22 + 1, machine="another"),
    }
    made = {
        name: engine.create({**plan.create_body(), "Labels": owner.labels()})
        for name, owner in owners.items()
    }
    try:
        removed = set(reap(engine))
        assert removed & set(made.values()) == {made["reused number"], made["dead"]}
        left = [name for name, container in made.items() if engine.inspect(container)]
        assert left == ["mine", "elsewhere"]
    finally:
        for container in made.values():
            engine.remove(container)


def test_folders_of_the_dead_are_swept(tmp_path: Path) -> None:
    living = tmp_path / f"{os.getpid()}-{process_start(os.getpid())}-token"
    dead = tmp_path / f"{2**22 + 1}-77-token"
    reused = tmp_path / f"{os.getpid()}-1-token"
    other = tmp_path / "mcptui-shim-x86_64"
    for folder in (living, dead, reused, other):
        folder.mkdir()
    (dead / "stdio.sock").touch()
    sweep_folders(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {living.name, other.name}
    sweep_folders(tmp_path / "nowhere")


def test_a_process_is_told_by_number_and_start() -> None:
    start = process_start(os.getpid())
    assert start.isdecimal()
    assert is_alive(os.getpid(), start)
    assert is_alive(os.getpid(), "")
    assert not is_alive(os.getpid(), "1")
    assert not is_alive(2**22 + 1, "")
    assert process_start(2**22 + 1) == ""
    assert this_machine() == this_machine() != ""
    owner = Owner.current("s", "/state")
    assert owner.labels() == {
        "mcptui.owner.pid": str(os.getpid()),
        "mcptui.owner.start": start,
        "mcptui.owner.machine": this_machine(),
        "mcptui.session": "s",
        "mcptui.home": "/state",
    }
