"""Publish the catalog: sources → database → signed repository, for maintainers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError, UsageError
from mcptui.progress import Step, StepState
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home

KEYS = "MCPTUI_CATALOG_KEYS"
"""The variable that names the folder of keys."""


def _keys(home: Home, keys: Path | None) -> Path:
    named = keys or (Path(found) if (found := home.environ.get(KEYS)) else None)
    if named is None:
        raise UsageError(
            "No folder of keys was named",
            "a catalog is signed by its maintainers' keys, which are kept outside the repository",
            f"Name it: --keys FOLDER, or {KEYS}",
        )
    return named


async def publish_catalog(
    home: Home,
    sources: Path,
    keys: Path | None = None,
    output: Path | None = None,
    *,
    anchor: bytes | None = None,
) -> AsyncIterator[Step]:
    """Build the database of `sources`, sign it, and lay it into `output` as its next version.

    Args:
        home: gives the clock and the variable that names the keys.
        sources: the folder of `servers/`, `locks/` and `tools/`.
        keys: the folder of keys; MCPTUI_CATALOG_KEYS when None.
        output: the folder of the signed repository, `sources` itself when None.
        anchor: the root clients embed; the program's own when None.

    Yields:
        The last step's result is the version, an int.

    Raises:
        McptuiError: the sources are refused or a key is wrong; the repository is as before.
    """
    from mcptui.catalog.build import build
    from mcptui.trust.pins import tool_hash
    from mcptui.trust.tuf_copy import embedded_root
    from mcptui.trust.tuf_publish import load_signers, publish

    signers = load_signers(_keys(home, keys))
    yield Step("build", "Building the database")
    with tempfile.TemporaryDirectory(prefix="mcptui-catalog-") as scratch:
        file = Path(scratch) / "catalog.sqlite"
        built = await asyncio.to_thread(build, sources, file, tool_hash)
        detail = f"{plural(built.count, 'server')}, {built.length / 1e6:.1f} MB"
        yield Step("build", "Building the database", StepState.DONE, detail=detail)
        yield Step("sign", "Signing it")
        try:
            done = await asyncio.to_thread(
                publish,
                output or sources,
                file,
                signers,
                anchor or embedded_root(),
                home.clock(),
            )
        except OSError as error:
            raise McptuiError("The catalog cannot be written", str(error)) from error
    signature = done.signature
    news = "new database" if done.changed else "same database, signed anew"
    yield Step(
        "sign",
        "Signing it",
        StepState.DONE,
        detail=f"version {signature.version}, {news}",
        result=signature.version,
    )
