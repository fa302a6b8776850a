"""Limits on a real engine: they hold, they can be changed while a server runs, and it is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from mcptui.entry import Choices, Mount
from mcptui.errors import McptuiError
from mcptui.own_limits import OwnLimits
from mcptui.runtime.engine import Engine
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import MIB, ContainerPlan, plan
from tests.runtime.conftest import run
from tests.runtime.talk import entry, start, talking

pytestmark = pytest.mark.engine


def plan_of(engine: Engine, image: str, limits: OwnLimits) -> ContainerPlan:
    made = entry("/srv/puppet.py", mounts=(Mount("x", "/x", "", required=False),))
    return plan(made, Choices(limits=limits), engine.image_facts(image), Owner.current("test"))


def test_what_a_person_says_counts_more_than_the_entry(engine: Engine, python_image: str) -> None:
    own = OwnLimits(memory=96, cpus=0.3, pids=20, shm=2)

    async def work() -> None:
        made = plan_of(engine, python_image, own)
        assert (made.memory, made.cpus, made.pids, made.shm) == (96 * MIB, 0.3, 20, 2 * MIB)
        assert "--shm-size" in made.docker_arguments()
        async with talking(engine, made) as talk:
            code = """
import os
told = {"shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize, "threads": 0}
import threading, time
try:
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
        told["threads"] += 1
except RuntimeError:
    pass
"""
            told = json.loads(await talk.call("run", code=code))
            assert told["shm"] == 2 * MIB
            assert 5 < told["threads"] < 20
            with pytest.raises(ConnectionError, match="it wanted more than 96 MiB"):
                await talk.call("run", code="told = len(bytearray(200 << 20))")

    run(work())


def test_a_running_server_gets_other_limits(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        async with talking(engine, plan_of(engine, python_image, OwnLimits(memory=64))) as talk:
            more = {"Memory": 400 * MIB, "MemorySwap": 400 * MIB, "PidsLimit": 30}
            await asyncio.to_thread(engine.update, talk.container.container_id, more)
            fits = "told = len(bytearray(200 << 20))"
            assert json.loads(await talk.call("run", code=fits)) == 200 << 20
            with pytest.raises(ConnectionError, match="it wanted more than 400 MiB"):
                await talk.call("run", code="told = len(bytearray(900 << 20))")

    run(work())


def test_being_held_back_is_seen(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        async with talking(engine, plan_of(engine, python_image, OwnLimits(cpus=0.1))) as talk:
            name = talk.container.container_id
            spin = "import time\nend = time.time() + 1.5\nwhile time.time() < end: pass"
            await talk.call("run", code="pass")
            await asyncio.sleep(0.2)
            idle = (await asyncio.to_thread(engine.stats, [name]))[name]
            busy = talk.post("tools/call", name="run", arguments={"code": spin})
            await asyncio.sleep(0.8)
            used = (await asyncio.to_thread(engine.stats, [name]))[name]
            await busy
            assert idle.held < 0.3
            assert used.held > 0.6
            assert used.cpu < 0.2

    run(work())


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has what is refused here")
def test_graphics_processors_are_asked_for(engine: Engine, python_image: str) -> None:
    made = plan_of(engine, python_image, OwnLimits(gpu=True))
    assert made.warnings == ("it may use the graphics processors, and their drivers with them",)
    assert made.create_body()["HostConfig"]["DeviceRequests"][0]["Count"] == -1
    with pytest.raises(McptuiError) as caught:
        run(start(engine, made))
    assert "gpu" in caught.value.why
    assert engine.containers(made.labels) == []
