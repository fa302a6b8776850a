"""The data that servers keep in volumes of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home


@dataclass(frozen=True, slots=True)
class KeptData:
    """One volume.

    Args:
        name: the engine's name for it.
        server: whose it is.
        label: what that server's entry calls it.
        installed: the server is there.
    """

    name: str
    server: str
    label: str
    installed: bool


def volumes(home: Home) -> list[KeptData]:
    """All volumes of this home's servers, also of those that were removed without their data.

    Raises:
        TryAgain: no engine answers.
    """
    from mcptui.runtime.volumes import volumes_of

    names = set(home.store.names())
    return [
        KeptData(one.name, one.server, one.label, one.server in names)
        for one in volumes_of(home.engine(), str(home.paths.state))
    ]


def forget_volume(home: Home, name: str) -> str:
    """Remove the data of a server that is gone; returns what was done in words.

    Raises:
        UsageError: there is no such volume, or its server is installed.
        McptuiError: the engine did not remove it.
    """
    from mcptui.runtime.volumes import remove_volume

    found = next((one for one in volumes(home) if one.name == name), None)
    if found is None:
        raise UsageError(f"{visible(name, limit=80)} is no volume of a server")
    if found.installed:
        raise UsageError(f"{name} belongs to {found.server}", fix=f"`mcptui remove {found.server}`")
    remove_volume(home.engine(), name)
    return f"{name} is gone, with the data of {visible(found.server)}"
