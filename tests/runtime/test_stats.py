"""What containers take: from the engine's counters of both kinds of control groups, and live."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import pytest

from mcptui.runtime.engine import Engine
from mcptui.runtime.stats import Meter, Usage, sample_of
from tests.runtime.conftest import run
from tests.runtime.talk import SERVERS, planned, talking

V1 = {
    "read": "2026-11-23T20:00:00.5Z",
    "memory_stats": {"usage": 300, "limit": 1000, "stats": {"total_inactive_file": 100}},
    "cpu_stats": {"cpu_usage": {"total_usage": 5_000_000_000}},
    "pids_stats": {"current": 4},
}
V2 = {**V1, "memory_stats": {"usage": 300, "limit": 1000, "stats": {"inactive_file": 120}}}


def test_both_kinds_of_control_groups() -> None:
    first, second = sample_of(V1), sample_of(V2)
    assert first is not None
    assert second is not None
    assert (first.memory, second.memory) == (200, 180)
    assert (first.cpu, first.limit, first.pids) == (5_000_000_000, 1000, 4)
    assert math.isclose(first.at % 60, 0.5)


def test_a_container_that_ended_has_no_numbers() -> None:
    assert sample_of({"read": "0001-01-01T00:00:00Z", "memory_stats": {}}) is None
    assert sample_of({"memory_stats": None, "cpu_stats": None}) is None


def test_rates_need_two_looks() -> None:
    seconds = iter(range(1, 100))

    def read(name: str) -> Mapping[str, Any] | None:
        if name == "gone":
            return None
        now = next(seconds)
        usage = {"total_usage": now * 500_000_000}
        return {**V1, "read": f"2026-11-23T20:00:{now:02}Z", "cpu_stats": {"cpu_usage": usage}}

    meter = Meter(read)
    assert meter.usage(["a", "gone"]) == {"a": Usage(0.5, 200, 1000, 4)}
    assert meter.usage(["a"]) == {"a": Usage(0.5, 200, 1000, 4)}
    assert meter.usage([]) == {}


@pytest.mark.engine
def test_live_numbers(engine: Engine, images: dict[str, str]) -> None:
    async def work() -> None:
        async with (
            talking(engine, planned(engine, images["python"], SERVERS["python"], "--flood")) as one,
            talking(engine, planned(engine, images["node"], SERVERS["node"])) as two,
        ):
            await asyncio.gather(one.call("echo"), two.call("echo"))
            ids = [talk.container.container_id for talk in (one, two)]
            told = await asyncio.to_thread(engine.stats, [*ids, "0" * 64])
            assert list(told) == ids
            assert told[ids[0]].cpu > 0.02
            assert told[ids[0]].cpu > told[ids[1]].cpu
            assert 1 << 20 < told[ids[0]].memory < told[ids[1]].memory < 256 << 20
            assert {usage.limit for usage in told.values()} == {256 << 20}

    run(work())
