"""`catalog build`, `catalog check`, `catalog lock`: what maintainers of the catalog need."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.home import Home


def build(home: Home, given: Namespace, out: Out) -> int:
    """Make the signed catalog from its sources."""
    from mcptui.actions.publish_catalog import publish_catalog

    keys = Path(given.keys) if given.keys else None
    version = asyncio.run(out.steps(publish_catalog(home, Path(given.folder), keys)))
    if out.as_json:
        out.data({"version": version})
    return 0


def lock(home: Home, given: Namespace, out: Out) -> int:
    """Lock a package with all it needs, by exact version and hash."""
    from mcptui.actions.lock_package import lock as make
    from mcptui.errors import UsageError

    name, _, version = given.package.rpartition("@")
    if not name:
        fix = "Write NAME@VERSION: a lock begins with one exact version"
        raise UsageError(f"{given.package}: no version", fix=fix)
    cache = home.paths.private(home.paths.cache)
    text = asyncio.run(make(given.registry, name, version, cache=cache, environ=dict(home.environ)))
    if given.output:
        Path(given.output).write_text(text, "utf-8")
        out.say(f"written to {given.output}")
    if out.as_json:
        out.data({"registry": given.registry, "package": given.package, "lock": text})
    elif not given.output:
        out.raw(text)
    return 0


def check(home: Home, given: Namespace, out: Out) -> int:
    """Run entries in their locked containers and write what was seen beside them."""
    from mcptui.actions.check_entry import Result, check_entry

    checked: list[dict[str, Any]] = []
    for name in given.files:
        result: Result = asyncio.run(out.steps(check_entry(home, Path(name))))
        checked.append({"file": name, "image": result.image, "tools": len(result.said.tools)})
        for tool, answer in result.calls:
            out.say(f"  {tool}: {answer}")
    if out.as_json:
        out.data(checked)
    return 0
