"""Store secrets, forget them, and say which servers get them.

Running gateways learn of a change at once: a server that has the old value is stopped, and the
next call starts it with the new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcptui.access.vault import NoSecret, check_name
from mcptui.actions.secrets import taker

if TYPE_CHECKING:
    from mcptui.home import Home


__all__ = [
    "check_name",
    "forget_secret",
    "grant_secret",
    "granted_to",
    "put_secret",
    "revoke_secret",
]


def put_secret(home: Home, name: str, value: str, servers: Iterable[str] = ()) -> tuple[str, ...]:
    """Store a value; servers that had the old one get the new one.

    Args:
        home: where.
        name: as a server's entry declares it; `NAME@SERVER` is for that server alone.
        value: the secret.
        servers: installed servers that shall have it, besides.

    Returns:
        All servers that get it now.

    Raises:
        UsageError: name or value cannot be, or a server does not declare it.
        McptuiError: it cannot be stored; says why, and nothing was changed.
    """
    rows = [taker(home, server, name) for server in servers]
    home.vault().put(name, value, {row.name: row.installed_at for row in rows})
    having = granted_to(home, name)
    _tell(home, having)
    return having


def forget_secret(home: Home, name: str) -> tuple[str, ...]:
    """Forget a secret; returns the servers that had it.

    Raises:
        NoSecret: there is none of that name.
        McptuiError: the vault cannot be opened or written; says why.
    """
    having = granted_to(home, name)
    home.vault().remove(name)
    _tell(home, having)
    return having


def grant_secret(home: Home, name: str, server: str) -> None:
    """Let a server have a stored secret that it declares.

    Raises:
        UsageError: there is no such server, or it does not declare it.
        NoSecret: there is none of that name.
        McptuiError: the vault cannot be opened or written; says why.
    """
    row = taker(home, server, name)
    home.vault().grant(server, name, row.installed_at)
    _tell(home, (server,))


def revoke_secret(home: Home, name: str, server: str) -> None:
    """Take a secret from a server; raises as `grant_secret`, but for servers that are gone."""
    home.vault().revoke(server, name)
    _tell(home, (server,))


def granted_to(home: Home, name: str) -> tuple[str, ...]:
    """The installed servers that get a stored secret.

    Raises:
        NoSecret: there is none of that name.
    """
    for one in home.vault().names():
        if one.name == name:
            rows = home.store.installs()
            return tuple(
                sorted(row.name for row in rows if one.servers.get(row.name) == row.installed_at)
            )
    raise NoSecret(name)


def _tell(home: Home, servers: Iterable[str]) -> None:
    for server in servers:
        home.store.wish("stop", server)
