"""What a person lets one server take of the machine, where that is not what its entry says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcptui.fields import Table

BOUNDS: dict[str, tuple[float, float, str]] = {
    "memory": (16, 65_536, "MiB"),
    "cpus": (0.05, 64, "cores"),
    "pids": (16, 4096, "processes and threads"),
    "shm": (1, 8192, "MiB"),
}
"""The least and the most of each limit, and in what it is counted."""


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """Each is None where the entry's own holds.

    Args:
        memory: MiB, swap included.
        cpus: cores.
        pids: processes and threads.
        shm: MiB of shared memory.
        gpu: it may use the graphics processors.
    """

    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    shm: int | None = None
    gpu: bool | None = None

    @property
    def fixed(self) -> OwnLimits:
        """What of it a container has for life; the rest can be changed while it runs."""
        return OwnLimits(shm=self.shm, gpu=self.gpu)


def own_limits(table: Table) -> OwnLimits:
    """Read a person's limits.

    Raises:
        UsageError: one is unknown or out of bounds.
    """
    found: dict[str, float] = {}
    for name, (least, most, _) in BOUNDS.items():
        if not table.has(name):
            continue
        if name == "cpus":
            found[name] = table.number(name, least, least, most)
        else:
            found[name] = table.whole(name, int(least), int(least), int(most))
    gpu = table.flag("gpu") if table.has("gpu") else None
    table.done()
    whole = {name: int(value) for name, value in found.items() if name != "cpus"}
    return OwnLimits(**whole, cpus=found.get("cpus"), gpu=gpu)
