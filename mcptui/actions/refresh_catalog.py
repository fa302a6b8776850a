"""Refresh the catalog: fetch a newer one, verify it, put it in use; or keep the old one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.errors import NotTrusted, UsageError
from mcptui.progress import Step, StepState

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.trust.tuf_copy import Copy, Place

ADDRESS = "MCPTUI_CATALOG_URL"
"""The variable that names where the catalog is refreshed from."""


async def refresh_catalog(
    home: Home, source: str = "", *, place: Place | None = None
) -> AsyncIterator[Step]:
    """Fetch the newest catalog; afterwards `home.catalog()` gives it.

    Args:
        home: the user's mcptui.
        source: an https address or a folder; when "", MCPTUI_CATALOG_URL or the last source.
        place: where copies lie; the home's own when None.

    Yields:
        The last step's result is the catalog's version, an int.

    Raises:
        UsageError: no source is known, or it is neither https nor a folder.
        NotTrusted: what is offered does not hold; the old catalog stays in use.
        TryAgain: the source is out of reach, or another refresh is running.
    """
    from mcptui.trust.tuf_copy import Place

    place = place or Place.of(home.paths)
    named = source or home.environ.get(ADDRESS) or _last(place)
    if not named:
        raise UsageError(
            "No address to refresh the catalog from is known",
            "the catalog that came with mcptui is in use and does not expire",
            f"Name one: --from https://…, --from FOLDER, or {ADDRESS}",
        )
    yield Step("refresh", f"Asking {named}")
    copy = await asyncio.to_thread(_refresh, home, place, named)
    home.forget_catalog()
    yield Step(
        "refresh",
        f"Asking {named}",
        StepState.DONE,
        detail=f"version {copy.version}, signatures and hash hold",
        result=copy.version,
    )


def _last(place: Place) -> str:
    from mcptui.trust.tuf_copy import pointer

    try:
        found = pointer(place)
    except NotTrusted:
        return ""
    return "" if found is None else found.source


def _refresh(home: Home, place: Place, named: str) -> Copy:
    from mcptui.catalog.load import open_catalog
    from mcptui.trust.tuf_fetch import FolderFetcher, HttpsFetcher
    from mcptui.trust.tuf_update import refresh

    def accept(copy: Copy) -> None:
        open_catalog(copy, home.clock).close()

    if "://" not in named:
        folder = Path(named).expanduser().absolute()
        if not (folder / "metadata").is_dir():
            raise UsageError(f"{named} holds no signed catalog", fix="Name a folder or https://…")
        return refresh(place, FolderFetcher(folder), home.clock, accept)
    fetcher = HttpsFetcher(named)
    try:
        return refresh(place, fetcher, home.clock, accept)
    finally:
        fetcher.close()
