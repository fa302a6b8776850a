"""`catalog build`, `catalog check`, `catalog lock`: what maintainers of the catalog need."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

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
