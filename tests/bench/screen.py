"""The screen: first frame, key to paint on big catalogs, and a flood of calls.

Each figure stands beside a floor that ran in the same minute: a minimal Textual app, or a bare
input. A key's time ends with the last byte that the terminal got for it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcptui.catalog.database import write
from mcptui.entry import Checked, Entry, Kind, Remote, ToolPin
from mcptui.store import Store
from mcptui.store.rows import CallEnd, CallStart
from tests.real.terminal import Terminal
from tests.world import ROOT, make_home, world_environ

QUIET_SECONDS = 0.12
"""No byte for this long: the paint is over."""


def run(*, quick: bool) -> list[str]:
    """Measure everything; `quick` takes a short cut of each part."""
    with tempfile.TemporaryDirectory(prefix="mcptui-bench-") as name:
        folder = Path(name)
        home = make_home(folder)
        home.store.remember("first-run", {"skipped": True})
        environ = world_environ(home) | {"PYTHONPATH": str(ROOT)}
        try:
            return [
                *first_frame(environ, 2 if quick else 9),
                *key_to_paint(folder, environ, (1_000,) if quick else (1_000, 20_000, 100_000)),
                *flood(home.store, environ, 2.0 if quick else 8.0),
                *row_after_answer(home.store, environ, 5 if quick else 40),
            ]
        finally:
            home.close()


def program(*arguments: str) -> list[str]:
    """The argument list of one of our programs."""
    return [sys.executable, "-m", "tests.bench.programs", *arguments]


def first_frame(environ: dict[str, str], rounds: int) -> list[str]:
    """From the start of the process to its first words on the screen."""
    times: dict[str, list[float]] = {"minimal Textual app": [], "mcptui": []}
    argv = {
        "minimal Textual app": (program("minimal"), "ready"),
        "mcptui": ([sys.executable, "-m", "mcptui"], "Catalog"),
    }
    for _ in range(rounds):
        for name, (arguments, words) in argv.items():
            begin = time.perf_counter()
            with Terminal(arguments, environ) as terminal:
                terminal.wait_for_bytes(words.encode())
                times[name].append(time.perf_counter() - begin)
    floor = statistics.median(times["minimal Textual app"])
    return [
        f"first frame: {name:24}{statistics.median(them) * 1e3:8.0f} ms"
        f"{statistics.median(them) / floor:7.2f}"
        for name, them in times.items()
    ]


def made_up(count: int) -> list[Entry]:
    """Entries as the catalog has them, with words to search for."""
    nouns = ("issue", "folder", "invoice", "cluster", "ticket", "page", "query", "metric")
    return [
        Entry(
            id=f"{nouns[n % 8]}-server-{n}",
            title=f"{nouns[n % 8].title()} server {n}",
            description=f"Read and change every {nouns[(n // 8) % 8]} of number {n}.",
            publisher=f"Publisher {n % 700}",
            category="data",
            licence="MIT",
            homepage="",
            source="",
            kind=Kind.REMOTE,
            checked=Checked("2026-11-23"),
            remote=Remote(f"https://example.org/{n}", "streamable-http"),
            tools=(ToolPin(f"get_{nouns[n % 8]}", "", ""),),
        )
        for n in range(count)
    ]


def _press_and_time(terminal: Terminal, keys: Sequence[str]) -> float:
    """Median milliseconds from a key to the last byte painted for it."""
    times: list[float] = []
    for key in keys:
        terminal.settle(QUIET_SECONDS)
        begin = time.perf_counter()
        terminal.send(key)
        times.append((terminal.settle(QUIET_SECONDS) - begin) * 1e3)
    return statistics.median(times)


def key_to_paint(folder: Path, environ: dict[str, str], sizes: Sequence[int]) -> list[str]:
    """Typing in the catalog's filter beside typing in a bare input."""
    typed = list("invoice number")
    with Terminal(program("floor"), environ) as terminal:
        terminal.wait_for("ready")
        floor = _press_and_time(terminal, typed)
    lines = [f"key to paint: bare input              {floor:8.1f} ms   1.00"]
    for size in sizes:
        database = folder / f"catalog-{size}.db"
        write(made_up(size), database)
        with Terminal(program("catalog", str(database)), environ) as terminal:
            terminal.wait_for(f"{size:,} of {size:,}", 60)
            terminal.press("/")
            terminal.wait_for("/")
            took = _press_and_time(terminal, typed)
            # The honest end: what was typed has been searched, not only echoed.
            terminal.wait_for(f"[0-9,]+ of {size:,}", 30)
        lines.append(f"key to paint: {size:>7,} servers          {took:8.1f} ms{took / floor:7.2f}")
    return lines


def flood(store: Store, environ: dict[str, str], seconds: float) -> list[str]:
    """Ten thousand calls a second into the Calls room: all arrive, at what cost."""
    per_batch, pause = 500, 0.05
    with Terminal(program("calls"), environ) as terminal:
        terminal.wait_for("3 Calls")
        terminal.settle(0.5)
        idle = _cpu_share(terminal, 3.0)
        begin, number = time.perf_counter(), 0
        used = _cpu(terminal.pid)
        while time.perf_counter() - begin < seconds:
            store.record(_batch(number, per_batch))
            number += per_batch
            ahead = begin + number / (per_batch / pause) - time.perf_counter()
            deadline = time.perf_counter() + max(0.0, ahead)
            terminal.settle_until(deadline)
        took = time.perf_counter() - begin
        share = (_cpu(terminal.pid) - used) / took
        terminal.wait_for(f"{number:,} calls", 30)
    return [
        f"calls: {number:,} at {number / took:,.0f}/s, all shown, {share:.2f} of a core",
        f"calls: idle {idle * 100:.2f} % of a core",
    ]


def row_after_answer(store: Store, environ: dict[str, str], calls: int) -> list[str]:
    """From a recorded answer to its words on the screen."""
    times: list[float] = []
    with Terminal(program("calls"), environ) as terminal:
        terminal.wait_for("3 Calls")
        for number in range(calls):
            terminal.settle(0.3 + (number % 7) * 0.015)
            what = f"mark-{number}-"
            start, end = _batch(10_000_000 + number, 1)
            begin = time.perf_counter()
            store.record(
                [replace(start, what=what) if isinstance(start, CallStart) else start, end]
            )
            terminal.wait_for(what, 10)
            times.append((time.perf_counter() - begin) * 1e3)
    times.sort()
    middle = statistics.median(times)
    return [f"calls: answer to screen, median {middle:.0f} ms, worst {times[-1]:.0f} ms"]


def _batch(start: int, count: int) -> list[CallStart | CallEnd]:
    batch: list[CallStart | CallEnd] = []
    now = time.time()
    for n in range(start, start + count):
        batch.append(
            CallStart(
                f"k{n}", "bench", now, "bench", "1", 1, "echo", "echo", "tools/call",
                '{"text":"x"}', 12, what=f"text={n}",
            )
        )  # fmt: skip
        batch.append(CallEnd(f"k{n}", "ok", 1.5, answer='{"text":"x"}', answer_bytes=12))
    return batch


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_share(terminal: Terminal, seconds: float) -> float:
    before = _cpu(terminal.pid)
    terminal.settle_until(time.perf_counter() + seconds)
    return (_cpu(terminal.pid) - before) / seconds
