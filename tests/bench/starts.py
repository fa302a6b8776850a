"""How soon the first answers come and how much memory ten live servers take."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.contestants import docker_run
from tests.bench.echo_image import build, write_entry
from tests.bench.talk import SMALL, Program
from tests.world import install_server, make_home, world_environ

GATEWAY = [sys.executable, "-m", "mcptui", "gateway", "run"]
LIVE = 10


def run(rounds: int, sizes: tuple[int, ...]) -> dict[str, float]:
    """Measure with so many servers installed, interleaved with `docker run`; medians by measure."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="mcptui-bench-") as folder:
        homes = {size: make_home(Path(folder) / str(size)) for size in sizes}
        try:
            for size, home in homes.items():
                image = build(home)
                for number in range(size):
                    entry = write_entry(Path(folder), f"echo{number}", image)
                    install_server(home, entry)
            for _ in range(rounds):
                for size, home in homes.items():
                    _ours(found, size, world_environ(home))
                _first(found, "docker run: first call s", Program(docker_run(), os.environ))
        finally:
            for home in homes.values():
                home.close()
    return {what: statistics.median(values) for what, values in found.items()}


def _first(found: dict[str, list[float]], what: str, program: Program) -> None:
    try:
        program.latency(program.open(), SMALL, 1, 1.0)
        found.setdefault(what, []).append(time.perf_counter() - program.started)
    finally:
        program.close()


def _ours(found: dict[str, list[float]], size: int, environ: dict[str, str]) -> None:
    program = Program(GATEWAY, environ)
    try:
        names = program.tools()
        ready = time.perf_counter() - program.started
        found.setdefault(f"mcptui: tools/list with {size} servers s", []).append(ready)
        if len(names) != size:
            raise RuntimeError(f"{len(names)} tools of {size} servers")
        if size == LIVE:
            for name in names:
                program.latency(name, SMALL, 1, 1.0)
            found.setdefault(f"mcptui: {size} live, MiB", []).append(program.memory())
    finally:
        program.close()
    if size:
        what = f"mcptui: first call with {size} installed s"
        _first(found, what, Program(GATEWAY, environ))
