"""From sources to the one database that is signed: read, refuse, write.

Signing is not done here (`trust/tuf_publish.py`): whoever reviews a catalog can rebuild the
database without any key and compare its hash with the signed one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mcptui.catalog.database import write
from mcptui.catalog.refusals import ToolHash, refusals
from mcptui.catalog.sources import read_sources
from mcptui.errors import McptuiError
from mcptui.words import plural

_SHOWN = 40


class NotPublished(McptuiError):
    """Sources that must not be published.

    Args:
        reasons: one line each, naming file and field.
    """

    def __init__(self, reasons: list[str]) -> None:
        count = len(reasons)
        shown = [f"  {reason}" for reason in reasons[:_SHOWN]]
        if count > _SHOWN:
            shown.append(f"  … and {count - _SHOWN} more")
        super().__init__(
            f"The catalog is not published: {plural(count, 'problem')}",
            "\n" + "\n".join(shown),
        )
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Built:
    """A database that was made: its file, how many entries it holds, its length and hash."""

    path: Path
    count: int
    length: int
    sha256: str


def build(folder: Path, database: Path, tool_hash: ToolHash) -> Built:
    """Make the database of a folder of sources.

    Args:
        folder: holds `servers/`, `locks/` and `tools/`.
        database: the file to write; must not exist yet.
        tool_hash: gives the pin of a tool's definition.

    Raises:
        NotPublished: the sources are refused; nothing was written.
        UsageError: there are no sources.
    """
    sources = read_sources(folder)
    if reasons := refusals(sources, tool_hash):
        raise NotPublished(reasons)
    count = write(sources.entries.values(), database)
    with database.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Built(database, count, database.stat().st_size, digest)
