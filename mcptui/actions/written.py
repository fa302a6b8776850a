"""What a server wrote, run by run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.actions.found import installed

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.written import WrittenRow

WHERE = {
    "folder": "",
    "volume": "in its volume",
    "memory": "gone with the run",
    "image": "gone with the run",
}
"""What a kind of place means for a person."""


def written_of(home: Home, name: str) -> list[WrittenRow]:
    """The last runs of a server that left something, the newest first; paths as they are.

    Raises:
        UsageError: no such server.
    """
    installed(home, name)
    return home.store.written(name)
