"""A hostile server in a real container attacks each control and loses.

Inside, the server tells what each attempt gave it; outside, we look whether that is true and
whether the host changed.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import Relaxation, Resources
from mcptui.runtime.engine import Engine
from tests.runtime.conftest import run
from tests.runtime.talk import Talk, planned, talking

pytestmark = pytest.mark.engine
ATTACKER = "/srv/attacker.py"
ROUTES = ("socket", "stdin")
HOST_SETTINGS = ("kernel/core_pattern", "kernel/hostname", "net/ipv4/ip_forward", "kernel/pid_max")


async def attacked(talk: Talk, attack: str) -> dict[str, str]:
    """What an attack's attempts gave."""
    return dict(json.loads(await talk.call(attack)))


def won(told: dict[str, str]) -> dict[str, str]:
    """The attempts that were not refused."""
    return {name: gain for name, gain in told.items() if gain}


def settings() -> dict[str, str]:
    """What of the host's kernel an attacker would like to change."""
    return {name: Path("/proc/sys", name).read_text() for name in HOST_SETTINGS}


REFUSED = (
    "write_root", "exec_tmp", "become_root", "raw_sockets", "namespaces", "kernel_settings",
    "first_process", "mounting", "forbidden_calls",
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("attack", REFUSED)
def test_refused(engine: Engine, python_image: str, route: str, attack: str) -> None:
    async def work() -> None:
        before = settings()
        async with talking(engine, planned(engine, python_image, ATTACKER), route) as talk:
            told = await attacked(talk, attack)
            assert len(told) >= 4
            assert won(told) == {}
            assert settings() == before
            changes: list[dict[str, Any]] = (
                engine.client.api.diff(talk.container.container_id) or []
            )
            # What the engine makes for its mounts, and nothing else.
            assert {one["Path"] for one in changes} <= {"/run", "/run/mcptui", "/run/mcptui-shim"}
            assert engine.state(talk.container.container_id)["Running"], "the first process lives"

    run(work())


def test_from_outside_it_is_locked(engine: Engine, python_image: str) -> None:
    """The kernel's own view of the process, from the host."""

    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER)) as talk:
            await talk.ask("tools/list")
            inspected = engine.inspect(talk.container.container_id)
            first = inspected["State"]["Pid"]
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            assert len(children) == 1
            for pid in (str(first), *children):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
                assert facts["Uid"].split() == ["65532"] * 4
                assert facts["Gid"].split() == ["65532"] * 4
                assert {facts[f"Cap{one}"] for one in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {
                    "0" * 16
                }
                assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
                for kind in ("net", "mnt", "pid", "ipc", "uts"):
                    theirs = Path(f"/proc/{pid}/ns/{kind}").readlink()
                    assert theirs != Path(f"/proc/self/ns/{kind}").readlink()
            host = inspected["HostConfig"]
            assert host["LogConfig"]["Type"] == "none"
            assert not inspected["LogPath"]
            assert host["Privileged"] is False
            assert host["Binds"] is None
            assert all(not mount["RW"] for mount in inspected["Mounts"])

    run(work())


def test_the_filter_is_ours_and_the_engines(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER)) as talk:
            await talk.ask("tools/list")
            first = engine.inspect(talk.container.container_id)["State"]["Pid"]
            server = Path(f"/proc/{first}/task/{first}/children").read_text().split()[0]
            counts: list[int] = []
            for pid in (str(first), server):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                counts += [
                    int(one.split()[1]) for one in lines if one.startswith("Seccomp_filters")
                ]
            assert counts[1] == counts[0] + 1

    run(work())


@pytest.mark.parametrize("route", ROUTES)
def test_a_fork_bomb_fizzles(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, ATTACKER, resources=Resources(pids=40))
        async with talking(engine, made, route) as talk:
            told = await attacked(talk, "fork_bomb")
            assert 30 < int(told["processes"]) < 40
            usage = engine.stats([talk.container.container_id])
            assert usage[talk.container.container_id].pids < 10
            assert await attacked(talk, "first_process"), "it still serves"

    run(work())


@pytest.mark.parametrize("route", ROUTES)
def test_a_gibibyte_is_the_end(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER), route) as talk:
            with pytest.raises(ConnectionError, match="out of memory: it wanted more than 256 MiB"):
                await talk.call("eat_memory")
            assert talk.deaths[0].oom

    run(work())


def test_what_can_be_written_is_small(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, ATTACKER, resources=Resources(tmp=16))
        async with talking(engine, made) as talk:
            told = await attacked(talk, "fill_tmp")
            assert int(told["/tmp"]) <= 16
            assert int(told["/dev/shm"]) <= 64

    run(work())


def test_the_processor_is_shared(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, ATTACKER, resources=Resources(cpus=0.25))
        async with talking(engine, made) as talk:
            # Two processes want two seconds each; half a second a quarter core gives, and change.
            assert float((await attacked(talk, "burn"))["seconds"]) < 1.2

    run(work())


@pytest.mark.parametrize("route", ROUTES)
def test_no_socket_of_the_host(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER), route) as talk:
            assert won(await attacked(talk, "sockets")) == {}

    run(work())


@pytest.mark.parametrize("route", ROUTES)
def test_no_file_of_the_host(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER), route) as talk:
            told = await attacked(talk, "host_files")
            mounts = {
                name
                for name in told.pop("mounts").split()
                if not name.startswith(("/proc", "/sys", "/dev"))
            }
            usual = {"/", "/tmp", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}
            ours = {"/run/mcptui-shim"} | ({"/run/mcptui"} if route == "socket" else set[str]())
            assert mounts == usual | ours
            assert won(told) == {}

    run(work())


@pytest.mark.parametrize("route", ROUTES)
def test_no_network_at_all(engine: Engine, python_image: str, route: str) -> None:
    """Not to this host's services, TCP, UDP or abstract, nor to anything else."""

    async def work() -> None:
        async with talking(engine, planned(engine, python_image, ATTACKER), route) as talk:
            with socket.socket(socket.AF_UNIX) as abstract:
                abstract.bind("\0mcptui-test-" + os.urandom(4).hex())
                abstract.listen()
                told = await attacked(talk, "network")
            assert told.pop("interfaces") == "lo"
            assert len(told) >= 15
            assert won(told) == {}
            first = engine.inspect(talk.container.container_id)["State"]["Pid"]
            devices = Path(f"/proc/{first}/net/dev").read_text().splitlines()[2:]
            assert [line.split(":")[0].strip() for line in devices] == ["lo"]
            assert Path(f"/proc/{first}/net/route").read_text().count("\n") == 1

    run(work())


def test_hosts_open_nothing_else(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, ATTACKER, hosts=("a.example/http", "b.example"))
        async with talking(engine, made) as talk:
            first = engine.inspect(talk.container.container_id)["State"]["Pid"]
            devices = Path(f"/proc/{first}/net/dev").read_text().splitlines()[2:]
            assert [line.split(":")[0].strip() for line in devices] == ["lo"]
            for attack in REFUSED:
                assert won(await attacked(talk, attack)) == {}, attack
            told = await attacked(talk, "network")
            assert told.pop("interfaces") == "lo"
            assert won(told) == {}
            assert won(await attacked(talk, "sockets")) == {}
            told = await attacked(talk, "host_files")
            told.pop("mounts")
            assert won(told) == {}
            assert await attacked(talk, "first_process"), "it still serves"

    run(work())


def test_an_image_that_asks_for_more(engine: Engine, python_image: str) -> None:
    """Its volume would be writable, unbounded and on disk; its health check would run unseen."""
    recipe = (
        f"FROM {python_image}\nLABEL mcptui.test=1\nVOLUME /unbounded\n"
        'HEALTHCHECK --interval=1s CMD ["/usr/bin/python3", "-c", "open(\'/tmp/ran\', \'w\')"]\n'
    )
    answers = engine.client.api.build(fileobj=io.BytesIO(recipe.encode()), rm=True, decode=True)
    image = next(one["aux"]["ID"] for one in answers if "aux" in one)

    async def work() -> None:
        async with talking(engine, planned(engine, image, ATTACKER)) as talk:
            assert won(await attacked(talk, "write_root")).keys() == {"/unbounded/.written"}
            inspected = engine.inspect(talk.container.container_id)
            assert {one["Type"] for one in inspected["Mounts"]} == {"bind", "tmpfs"}
            first = inspected["State"]["Pid"]
            lines = Path(f"/proc/{first}/mounts").read_text().splitlines()
            options = next(line.split() for line in lines if " /unbounded " in line)
            assert options[2] == "tmpfs"
            assert {"noexec", "nosuid", "nodev", "size=65536k"} <= set(options[3].split(","))
            await asyncio.sleep(2.5)
            assert not Path(f"/proc/{first}/root/tmp/ran").exists()
            assert "Health" not in engine.state(talk.container.container_id)

    try:
        run(work())
    finally:
        engine.remove_image(image)


def test_a_picked_folder_is_read_only(engine: Engine, python_image: str, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "note.txt").write_text("mine")
    (tmp_path / "other.txt").write_text("not given")

    async def look(writable: bool) -> dict[str, str]:
        picked = {"notes": ((str(folder), writable),)}
        made = planned(engine, python_image, ATTACKER, mounts=picked)
        async with talking(engine, made) as talk:
            return await attacked(talk, "picked")

    told = run(look(False))
    assert told == {"read note.txt": "mine", "write": "", "change": "", "above": told["above"]}
    assert "other.txt" not in told["above"]
    assert (folder / "note.txt").read_text() == "mine"
    folder.chmod(0o777)
    told = run(look(True))
    assert told["write"]
    assert (folder / "new").read_text() == "x"


def test_a_relaxation_relaxes_one_thing(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        relaxes = (
            Relaxation("noexec_tmp", "it compiles"),
            Relaxation("read_only", "it writes beside itself"),
        )
        made = planned(engine, python_image, ATTACKER, relaxes=relaxes)
        assert made.warnings == (
            "noexec_tmp is relaxed: it compiles",
            "read_only is relaxed: it writes beside itself",
        )
        async with talking(engine, made) as talk:
            told = won(await attacked(talk, "exec_tmp"))
            assert set(told) == {"map /tmp", "exec /tmp"}
            # The image still belongs to root; only its folders for everybody can be written.
            assert set(won(await attacked(talk, "write_root"))) <= {"/var/tmp/.written"}
            for attack in ("become_root", "mounting", "raw_sockets"):
                assert won(await attacked(talk, attack)) == {}

    run(work())
