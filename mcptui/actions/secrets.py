"""The stored secrets as a list shows them: who may have each, who lacks one; never a value.

Nothing here decrypts or asks for the keyring, so that lists can be drawn at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.access.granted import USED, by_sign_in, stored_names
from mcptui.actions.found import installed
from mcptui.errors import UsageError

if TYPE_CHECKING:
    from mcptui.entry import Secret
    from mcptui.home import Home
    from mcptui.store.rows import Installed


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One stored secret.

    Args:
        servers: installed servers that get it.
        wanted_by: installed servers whose entry declares it and that were not granted it.
        created, changed: Unix seconds.
        used: Unix seconds when it was last given to a server, 0 for never.
    """

    name: str
    servers: tuple[str, ...]
    wanted_by: tuple[str, ...]
    created: float
    changed: float
    used: float


@dataclass(frozen=True, slots=True)
class ServerSecret:
    """A secret that an installed server declares.

    Args:
        stored: under which name it is stored and meant for this server, "" when it is not.
        granted: the server gets it.
    """

    server: str
    secret: Secret
    stored: str
    granted: bool


def secrets(home: Home) -> list[StoredSecret]:
    """Every stored secret, by name.

    Raises:
        McptuiError: the vault's file cannot be read.
    """
    rows = home.store.installs()
    used = home.store.recalled(USED)
    found: list[StoredSecret] = []
    for one in home.vault().names():
        having = {row.name for row in rows if one.servers.get(row.name) == row.installed_at}
        wanting = {row.name for row in rows if _declares(row, one.name)} - having
        found.append(
            StoredSecret(
                one.name,
                tuple(sorted(having)),
                tuple(sorted(wanting)),
                one.created,
                one.changed,
                float(used.get(USED + one.name, 0.0)),
            )
        )
    return found


def server_secrets(home: Home) -> list[ServerSecret]:
    """What the installed servers declare, and whether they get it.

    Raises:
        McptuiError: the vault's file cannot be read.
    """
    rows = [row for row in home.store.installs() if row.entry.secrets]
    held = {one.name: one for one in home.vault().names()} if rows else {}
    found: list[ServerSecret] = []
    for row in rows:
        for secret in row.entry.secrets:
            names = [name for name in stored_names(secret, row.name) if name in held]
            if not names and by_sign_in(row.entry, secret):
                continue  # nobody types it: the sign-in gives it
            granted = [n for n in names if held[n].servers.get(row.name) == row.installed_at]
            stored = next(iter(granted or names), "")
            found.append(ServerSecret(row.name, secret, stored, bool(granted)))
    return found


def takers(home: Home, name: str) -> tuple[str, ...]:
    """The installed servers that declare a secret of this name."""
    return tuple(sorted(row.name for row in home.store.installs() if _declares(row, name)))


def taker(home: Home, server: str, name: str) -> Installed:
    """An installed server that declares a secret.

    Raises:
        UsageError: there is no such server, or it does not declare it.
    """
    row = installed(home, server)
    if not _declares(row, name):
        known = ", ".join(secret.name for secret in row.entry.secrets) or "none"
        raise UsageError(f"{server} does not declare the secret {name}", f"it declares: {known}")
    return row


def _declares(row: Installed, name: str) -> bool:
    return any(name in stored_names(secret, row.name) for secret in row.entry.secrets)
