"""What running containers take of the machine, read the cheap way on every kind of engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TURN = 0.1
"""Seconds for which the kernel shares out the processors; engines leave that as it is."""
_FIRST_LOOK = 0.25
"""Seconds between the two samples that a first look needs."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one container takes now.

    Args:
        cpu: cores in use, 0.5 is half a core.
        memory: bytes, caches that can be dropped left out.
        limit: bytes it may take.
        pids: processes and threads.
        held: how much of the time the kernel held it back because it had used up its share of
            the processors, 0 to 1.
    """

    cpu: float
    memory: int
    limit: int
    pids: int
    held: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The engine's counters of one container at one moment, `cpu` in nanoseconds, `held` in
    turns of the kernel's in which it was held back."""

    at: float
    cpu: int
    memory: int
    limit: int
    pids: int
    held: int = 0


class Meter:
    """Turns the engine's counters into rates; keeps each container's last sample.

    Args:
        read: gives the engine's raw statistics of one container, None when it is gone.
    """

    def __init__(self, read: Callable[[str], Mapping[str, Any] | None]) -> None:
        self._read = read
        self._last: dict[str, Sample] = {}
        self._guard = threading.Lock()

    def usage(self, ids: Iterable[str]) -> dict[str, Usage]:
        """Measure containers in one go; those that are gone are left out. Blocks.

        The rate is that since the container's last measurement; a first one takes a quarter
        of a second longer.
        """
        wanted = list(dict.fromkeys(ids))
        with self._guard:
            before = dict(self._last)
        now = self._samples(wanted)
        if new := [name for name in now if name not in before]:
            before.update({name: now[name] for name in new})
            time.sleep(_FIRST_LOOK)
            now.update(self._samples(new))
        with self._guard:
            self._last = now
        return {name: _rate(before[name], sample) for name, sample in now.items()}

    def _samples(self, ids: list[str]) -> dict[str, Sample]:
        if len(ids) < 3:
            read = [self._read(name) for name in ids]
        else:
            with ThreadPoolExecutor(min(len(ids), 8)) as pool:
                read = list(pool.map(self._read, ids))
        return {
            name: sample
            for name, told in zip(ids, read, strict=True)
            if told is not None and (sample := sample_of(told)) is not None
        }


def sample_of(told: Mapping[str, Any]) -> Sample | None:
    """Read the engine's answer, None when it has no numbers (the container ended)."""
    memory, cpus = _part(told, "memory_stats"), _part(told, "cpu_stats")
    cpu, throttling = _part(cpus, "cpu_usage"), _part(cpus, "throttling_data")
    if "usage" not in memory:
        return None
    details = _part(memory, "stats")
    # cgroup v1 names it total_inactive_file, v2 inactive_file; both count whole trees.
    cache = int(details.get("total_inactive_file", details.get("inactive_file", 0)))
    used = int(memory["usage"])
    return Sample(
        at=_time(str(told.get("read", ""))),
        cpu=int(cpu.get("total_usage", 0)),
        memory=used - cache if cache < used else used,
        limit=int(memory.get("limit", 0)),
        pids=int(_part(told, "pids_stats").get("current", 0)),
        held=int(throttling.get("throttled_periods", 0)),
    )


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] | None = told.get(name)
    return part or {}


def _time(text: str) -> float:
    """Seconds of the engine's clock, ours when it does not tell."""
    try:
        whole, _, rest = text.rstrip("Z").partition(".")
        return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{rest[:9] or 0}")
    except ValueError:
        return time.time()


def _rate(before: Sample, now: Sample) -> Usage:
    passed = now.at - before.at
    cores = (now.cpu - before.cpu) / 1e9 / passed if passed > 0.01 and now.cpu > before.cpu else 0.0
    held = (now.held - before.held) * _TURN / passed if passed > 0.01 else 0.0
    return Usage(cores, now.memory, now.limit, now.pids, min(1.0, max(0.0, held)))
