"""`doctor` and `version`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcptui.cli.ask import agreed
from mcptui.cli.output import FINDINGS, Out

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.diagnose import Finding
    from mcptui.home import Home


def version(home: Home, given: Namespace, out: Out) -> int:
    """Print the version."""
    from mcptui import __version__

    if out.as_json:
        out.data({"version": __version__})
    else:
        out.text(f"mcptui {__version__}")
    return 0


def doctor(home: Home, given: Namespace, out: Out) -> int:
    """Check everything, and mend what was asked for."""
    if given.fix:
        return asyncio.run(_mend(home, given.fix, given.yes, out))
    return page(home, out)


def page(home: Home, out: Out) -> int:
    """Print the doctor's page; returns 1 when something is bad."""
    found = asyncio.run(_look(home, out))
    if out.as_json:
        out.data({"findings": found, "ok": not _bad(found)})
    return 1 if _bad(found) else 0


def _bad(found: list[Finding]) -> bool:
    return any(finding.state == "bad" for finding in found)


async def _look(home: Home, out: Out) -> list[Finding]:
    from mcptui.actions.diagnose import diagnose

    found: list[Finding] = []
    async for finding in diagnose(home):
        found.append(finding)
        if not out.as_json:
            _tell(out, finding)
    return found


def _tell(out: Out, finding: Finding) -> None:
    out.text(f"{FINDINGS[finding.state]} {finding.title}")
    if finding.detail:
        out.text(f"    {finding.detail}")
    if finding.fix_text:
        out.text(f"    → {finding.fix_text}")
    out.stdout.flush()


async def _mend(home: Home, name: str, yes: bool, out: Out) -> int:
    from mcptui.actions.diagnose import diagnose, fix

    names = [name]
    if name == "all":
        found = [finding async for finding in diagnose(home)]
        names = list(dict.fromkeys(finding.id for finding in found if finding.fixable))
        if not names and not out.as_json:
            out.say("nothing to mend from here")
    for one in names:
        if one == "engine" and not agreed(out, _ENGINE, yes):
            return 1
        await out.steps(fix(home, one))
    if out.as_json:
        out.data({"mended": names})
    return 0


_ENGINE = "Install and start a container engine where none answers?"
