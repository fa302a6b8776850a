"""The doctor: check everything mcptui needs, say what to do, and do it where that is possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from mcptui.actions.findings import CHECKS, Finding
from mcptui.errors import McptuiError, UsageError
from mcptui.progress import Step, StepState
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home

FIXES = ("engine", "catalog", "gateways", "database")
"""Findings that can be mended from here."""
__all__ = ["CHECKS", "FIXES", "Finding", "diagnose", "fix"]


async def diagnose(home: Home) -> AsyncIterator[Finding]:
    """Run every check at once; findings come in the order of the list, each as soon as it can."""
    tasks = [asyncio.to_thread(_run, home, name) for name in CHECKS]
    running = [asyncio.ensure_future(task) for task in tasks]
    try:
        for task in running:
            for finding in await task:
                yield finding
    finally:
        for task in running:
            task.cancel()


def _run(home: Home, name: str) -> list[Finding]:
    try:
        return CHECKS[name](home)
    except McptuiError as error:
        return [Finding(name, "bad", error.what, error.why, error.fix)]
    except Exception as error:  # noqa: BLE001 a broken check must not hide the other findings
        text = f"The check of {name} failed: {type(error).__name__}"
        return [Finding(name, "bad", text, str(error), "Please report this")]


async def fix(home: Home, name: str) -> AsyncIterator[Step]:
    """Mend one finding, step by step.

    Args:
        home: what to mend.
        name: one of FIXES.

    Raises:
        UsageError: nothing is known to mend that.
        McptuiError: it could not be mended; says why.
    """
    if name == "engine":
        async for step in _threaded(_engine(home)):
            yield step
    elif name == "database":
        yield await asyncio.to_thread(_database, home)
    elif name == "gateways":
        yield await asyncio.to_thread(_gateways, home)
    elif name == "catalog":
        from mcptui.actions.refresh_catalog import refresh_catalog

        async for step in refresh_catalog(home):
            yield step
    else:
        raise UsageError(f"{name!r} cannot be mended from here", fix=f"Known: {', '.join(FIXES)}")


async def _threaded(steps: Iterator[Step]) -> AsyncIterator[Step]:
    """Walk a slow iterator without stopping the loop."""
    while (step := await asyncio.to_thread(next, steps, None)) is not None:
        yield step


def _engine(home: Home) -> Iterator[Step]:
    from mcptui.bootstrap import World, set_up

    yield from set_up(World.real(home.environ), home.paths.state / "dockerd.log")
    home.forget_engine()
    facts = home.engine().facts()
    yield Step("answers", f"{facts.kind} {facts.version} answers", StepState.DONE)


def _database(home: Home) -> Step:
    from mcptui.store.database import set_aside

    try:
        home.store.installs()
        return Step("database", "the state database is sound", StepState.SKIPPED)
    except McptuiError as error:
        if "damaged" not in error.what:
            raise
    home.close()
    kept = set_aside(home.paths.database, home.clock)
    home.store.installs()
    return Step("database", "a new state database", StepState.DONE, detail=f"the old is {kept}")


def _gateways(home: Home) -> Step:
    from mcptui.actions.found import alive
    from mcptui.actions.run_server import sweep

    dead = [row.id for row in home.store.gateways(live=True) if not alive(row)]
    lost = home.store.lose_gateways(dead)
    for gateway in dead:
        home.store.stop_gateway(gateway)
    removed = sweep(home)
    detail = ", ".join(
        (plural(len(dead), "gateway"), plural(lost, "open call"), plural(removed, "container"))
    )
    return Step("gateways", "cleared away what died", StepState.DONE, detail=detail)
