"""Calls through our gateway beside no gateway and beside other gateways, over stdio and HTTP.

Every contestant stands in front of the same static server. Rounds are interleaved, so that a
noisy machine is noisy for all of them, and medians of the rounds are told. Each answer is checked;
who fails is named with the reason, and the others go on.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from mcptui.home import Home
from tests.bench import contestants
from tests.bench.contestants import Contestant
from tests.bench.talk import LARGE, SMALL

IN_FLIGHT = (8, 32)
Report = dict[str, dict[str, float | str]]


def measure(one: Contestant, calls: int, seconds: float) -> None:
    """Start a contestant, measure it once, end it; a failure is noted in it."""

    def note(what: str, value: float) -> None:
        one.values.setdefault(what, []).append(value)

    program = None
    try:
        program = one.start()
        tool = program.open()
        note("tools/list s", time.perf_counter() - program.started)
        program.latency(tool, SMALL, 1, seconds)
        note("first call s", time.perf_counter() - program.started)
        for kind, load in (("small", SMALL), ("100KB", LARGE)):
            program.latency(tool, load, 30, seconds)
            latency = program.latency(tool, load, calls, seconds)
            note(f"{kind} p50 ms", latency.p50)
            note(f"{kind} p99 ms", latency.p99)
            for in_flight in IN_FLIGHT:
                note(f"{kind} /s@{in_flight}", program.rate(tool, load, seconds, in_flight))
        note("MiB", program.memory())
    except (RuntimeError, OSError) as error:
        one.failed = str(error) or type(error).__name__
    finally:
        if program is not None:
            program.close()
        one.end()


def run(
    home: Home, scratch: Path, rounds: int, calls: int, seconds: float, only: tuple[str, ...] = ()
) -> dict[str, Report]:
    """Measure everybody over both transports; results by transport, contestant and measure.

    Args:
        home: has the servers.
        scratch: for files.
        rounds: how often everybody has a turn.
        calls: measured one by one.
        seconds: of each flood.
        only: beginnings of names; everybody when there is none.
    """
    found: dict[str, Report] = {}
    for transport, them in (
        ("stdio", contestants.over_stdio(home, scratch)),
        ("HTTP", contestants.over_http(home, scratch)),
    ):
        them = [one for one in them if not only or one.name.startswith(only)]
        for _ in range(rounds):
            for one in them:
                if not one.failed:
                    measure(one, calls, seconds)
        found[transport] = {one.name: _medians(one) for one in them}
    return found


def _medians(one: Contestant) -> dict[str, float | str]:
    if one.failed:
        return {"failed": one.failed}
    return {what: statistics.median(values) for what, values in one.values.items()}


def table(report: Report) -> list[str]:
    """One line a contestant; in brackets the ratio to the first one."""
    base = next(iter(report.values()))
    whole = [one for one in report.values() if "failed" not in one]
    measures = list(whole[0]) if whole else []
    width = max(len(name) for name in report) + 1
    lines = [f"{'':{width}}" + "".join(f"{what:>16}" for what in measures)]
    for name, one in report.items():
        if "failed" in one:
            lines.append(f"{name:{width}} FAILED: {one['failed']}")
            continue
        lines.append(f"{name:{width}}" + "".join(_cell(one, base, what) for what in measures))
    return lines


def _cell(one: dict[str, float | str], base: dict[str, float | str], what: str) -> str:
    value, first = one.get(what), base.get(what)
    if not isinstance(value, float):
        return f"{'–':>16}"
    shown = f"{value:,.0f}" if "/s" in what and "list" not in what else f"{value:.3f}"
    ratio = f" ({value / first:.2f})" if isinstance(first, float) and first else ""
    return f"{shown + ratio:>16}"
