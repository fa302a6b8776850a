"""Look around in the catalog: all of it, what a query finds, and one server's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcptui.catalog.load import CatalogFacts, CatalogRow
    from mcptui.entry import Entry
    from mcptui.home import Home


def catalog_rows(home: Home) -> list[CatalogRow]:
    """Every server of the catalog, light rows.

    Raises:
        NotTrusted: the catalog's signature or hash does not hold.
    """
    return list(home.catalog().rows())


def search(home: Home, text: str, limit: int | None = None) -> list[CatalogRow]:
    """What a query finds, best first; everything for an empty one.

    Raises:
        NotTrusted: the catalog's signature or hash does not hold.
    """
    found = home.catalog().search(text) if text.strip() else home.catalog().rows()
    return list(found if limit is None else found[:limit])


def entry_facts(home: Home, name: str) -> Entry:
    """The whole entry of one server.

    Raises:
        McptuiError: the catalog has no such server; offers near names.
        NotTrusted: the catalog's signature or hash does not hold.
    """
    return home.catalog().entry(name)


def catalog_facts(home: Home) -> CatalogFacts:
    """Version, age, source and signers of the catalog.

    Raises:
        NotTrusted: the catalog's signature or hash does not hold.
    """
    return home.catalog().facts
