"""Limits as a person sets them: stored, undone, given to what runs, bounded."""

from __future__ import annotations

import asyncio

import pytest

from mcptui.actions.limits import limits_of, set_limits
from mcptui.actions.servers import Usage, plan_of, servers
from mcptui.actions.undo import undo
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.own_limits import OwnLimits
from mcptui.runtime.plan import MIB
from tests.actions.conftest import put_in
from tests.own_server import Toml
from tests.runtime.talk import Talk

pytestmark = pytest.mark.engine


def texts(home: Home) -> dict[str, str]:
    return {one.name: one.text + (" own" if one.own else "") for one in limits_of(home, "peer")}


def test_limits_are_said_changed_and_taken_back(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    usual = {"memory": "256 MiB", "cpus": "1 cores", "pids": "64 processes and threads",
             "shm": "as the engine says", "gpu": "none"}  # fmt: skip
    assert texts(home) == usual
    said = set_limits(home, "peer", {"memory": 512, "cpus": 0.5, "shm": 8})
    assert said == (
        "peer: memory 512 MiB, cpus 0.5 cores, shm 8 MiB; "
        "what runs is ended, they hold from its next start"
    )
    assert texts(home) == {**usual, "memory": "512 MiB own", "cpus": "0.5 cores own",
                           "shm": "8 MiB own"}  # fmt: skip
    made = plan_of(home, "peer")
    assert (made.memory, made.cpus, made.shm) == (512 * MIB, 0.5, 8 * MIB)
    assert set_limits(home, "peer", {"shm": 8}) == "peer: its limits are these already"
    set_limits(home, "peer", {"cpus": None})
    assert texts(home)["cpus"] == usual["cpus"]
    undo(home)
    assert texts(home)["cpus"] == "0.5 cores own"
    undo(home)
    assert texts(home) == usual
    for wrong in ({"memory": 1}, {"memory": 1 << 20}, {"cpus": "2"}, {"pids": 1.5}, {"disk": 2},
                  {"gpu": "all"}):  # fmt: skip
        with pytest.raises(UsageError):
            set_limits(home, "peer", wrong)
    assert texts(home) == usual


def test_what_runs_gets_them_at_once(home: Home, toml: Toml) -> None:
    from mcptui.gateway.upstream_container import ContainerLauncher

    put_in(home, toml())
    row = home.store.installed("peer")
    assert row is not None

    async def work() -> None:
        talk = Talk()
        running = await ContainerLauncher(home, "test", 1 << 20)(row, talk)
        try:
            said = await asyncio.to_thread(
                set_limits, home, "peer", {"memory": 300, "pids": 99, "cpus": 0.2}
            )
            assert said.endswith("; they hold now, in 1 container")
            host = home.engine().inspect(running.container_id)["HostConfig"]
            assert (host["Memory"], host["MemorySwap"]) == (300 * MIB, 300 * MIB)
            assert (host["PidsLimit"], host["NanoCpus"]) == (99, 200_000_000)
        finally:
            await running.stop(0.1)

    asyncio.run(work())


def test_a_strain_is_told_in_words(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    (row,) = servers(home, {"peer": Usage(0.5, 1, 1, 256 * MIB, 0.8, 0.95)})
    assert row.strain == (
        "slowed down 80 % of the time: it wants more than 1 cores; "
        "its memory is 95 % full: at 256 MiB it is ended"
    )
    (row,) = servers(home, {"peer": Usage(0.5, 1, 1, 256 * MIB, 0.1, 0.5)})
    assert row.strain == ""
    assert OwnLimits(memory=1, cpus=2, pids=3, shm=4, gpu=True).fixed == OwnLimits(shm=4, gpu=True)
