"""Installing a server that somebody else runs: nothing is built, started or asked.

No engine is needed and no network: the entry says where the server is, and what the signed entry
pins of its tools holds from the first call on. What it does not pin is trusted as first seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.entry import Entry


def host_of(entry: Entry) -> str:
    """Where a remote server is, as a person reads it; "" for one that runs here."""
    if entry.remote is None:
        return ""
    parts = urlsplit(entry.remote.url)
    return visible(parts.netloc or entry.remote.url, limit=100)


def reaches(entry: Entry) -> str:
    """What a remote server can reach, in words."""
    return f"nothing here: it runs at {host_of(entry)} and gets what its tools are called with"


def pins_of(entry: Entry) -> str:
    """What is known of a remote server's tools before it was ever asked."""
    pinned = sum(1 for tool in entry.tools if tool.hash)
    if pinned:
        return f"{plural(pinned, 'tool')} pinned by the catalog"
    return "pinned as its first answer shows them"
