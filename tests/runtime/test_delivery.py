"""How secrets reach a server, and that they are nowhere else: variables and files, both routes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mcptui.runtime.engine import Engine
from mcptui.runtime.launch import ROUTES
from tests.runtime.conftest import run
from tests.runtime.talk import SERVERS, planned, talking

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("route", ROUTES)
def test_a_secret_is_nowhere_but_in_its_process(
    engine: Engine, python_image: str, route: str, tmp_path: Path
) -> None:
    secret = "canary-" + os.urandom(12).hex()

    async def work() -> None:
        made = planned(
            engine,
            python_image,
            SERVERS["python"],
            secrets={"TOKEN": secret, "EMPTY_NOT": "x=y\nz"},
        )
        assert secret not in repr(made)
        assert secret not in " ".join(made.docker_arguments())
        async with talking(engine, made, route) as talk:
            assert await talk.call("env", name="TOKEN") == secret
            assert await talk.call("env", name="EMPTY_NOT") == "x=y\nz"
            assert await talk.call("env", name="HOME") == "/tmp"
            container = talk.container.container_id
            assert secret not in json.dumps(engine.inspect(container))
            state = json.loads(await talk.call("self"))
            host = int(engine.inspect(container)["State"]["Pid"])
            assert state["pid"] != 1
            for name in ("environ", "cmdline"):
                assert secret.encode() not in Path(f"/proc/{host}/{name}").read_bytes()
            assert secret.encode() not in _memory(host), "the shim kept the secret"
            for path in tmp_path.rglob("*"):
                assert secret not in path.name

    run(work())


@pytest.mark.engine
@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_a_secret_can_be_a_file_in_memory(engine: Engine, python_image: str, route: str) -> None:
    """The variable holds a path; the value is in no variable, no layer and no `docker cp`."""
    secret = "canary-" + os.urandom(12).hex()

    async def work() -> None:
        made = planned(
            engine, python_image, SERVERS["python"], secrets={"TOKEN": secret}, as_files=True
        )
        assert secret not in repr(made)
        async with talking(engine, made, route) as talk:
            path = await talk.call("env", name="TOKEN")
            assert path == "/tmp/.secret-TOKEN"
            assert await talk.call("env", name="TOKEN", file=True) == secret
            container = talk.container.container_id
            assert secret not in json.dumps(engine.inspect(container))
            host = int(engine.inspect(container)["State"]["Pid"])
            assert secret.encode() not in _memory(host), "the shim kept the secret"
            with pytest.raises(Exception, match="(?i)could not find|no such"):
                engine.client.api.get_archive(container, path)

    run(work())


def _memory(pid: int) -> bytes:
    """All that a process holds in memory, read as root."""
    held = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, rights, *_ = line.split()
            if rights.startswith("r") and "[v" not in line:
                begin, end = (int(part, 16) for part in where.split("-"))
                memory.seek(begin)
                held += memory.read(end - begin)
    assert held
    return bytes(held)
