"""The secrets of a server that is being installed: what is missing, what it gets, what is kept.

A value typed for an install is stored when the server has started with it, and not before. One
that is stored already is given only when the person says so: an entry that merely names it gets
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mcptui.access.granted import by_sign_in, stored_names
from mcptui.actions.planning import Missing

if TYPE_CHECKING:
    from mcptui.access.vault import SecretRow
    from mcptui.entry import Entry, Secret
    from mcptui.home import Home
    from mcptui.store.rows import Installed

Given = Mapping[str, str | None]
"""By the name in the entry: a new value, or None for the stored one."""
NOTHING: Given = {}


def missing_secrets(home: Home, entry: Entry, server: str, given: Given) -> Iterator[Missing]:
    """What a person has to type or grant before a server can start."""
    if not any(secret.required for secret in entry.secrets):
        return
    held = {row.name: row for row in home.vault().names()}
    since = _since(home, server)
    for secret in entry.secrets:
        stored = _stored(held, secret, server)
        if by_sign_in(entry, secret):
            continue  # signed in to when it is installed
        if not secret.required or given.get(secret.name) or _granted(held, secret, server, since):
            continue
        if stored and secret.name in given:
            continue
        text = f"the secret {secret.name} ({secret.env})"
        text += ", which is stored: say that it gets it" if stored else ""
        yield Missing("secret", secret.name, text, f"--secret {secret.name}")


def stored_secrets(home: Home, entry: Entry, server: str) -> frozenset[str]:
    """Which of an entry's secrets are stored already, by their names in the entry."""
    if not entry.secrets:
        return frozenset()
    held = {row.name: row for row in home.vault().names()}
    return frozenset(one.name for one in entry.secrets if _stored(held, one, server))


def make_ready(home: Home, given: Given) -> None:
    """See that what was typed can be kept, before anything is built.

    Raises:
        McptuiError: the vault cannot be opened or written; says why.
    """
    if any(given.values()):
        home.vault().open()


def values_for(home: Home, entry: Entry, server: str, given: Given) -> dict[str, str]:
    """What a server gets at its first start, by the names in its entry.

    Raises:
        McptuiError: the vault cannot be opened; says why.
    """
    values = {one.name: given[one.name] or "" for one in entry.secrets if given.get(one.name)}
    rest = [one for one in entry.secrets if one.name not in values]
    if not rest:
        return values
    vault, since = home.vault(), _since(home, server)
    agreed = [one for one in rest if one.name in given]
    held = {row.name: row for row in vault.names()}
    names = tuple(name for one in agreed if (name := _stored(held, one, server)))
    found = vault.granted(names) if names else {}
    if since:
        wanted = tuple(name for one in rest for name in stored_names(one, server))
        found = {**vault.granted(wanted, server, since), **found}
    for one in rest:
        name = next((name for name in stored_names(one, server) if name in found), "")
        if name:
            values[one.name] = found[name]
    return values


def keep_secrets(home: Home, row: Installed, given: Given) -> None:
    """Store what was typed and grant what was agreed to, for this very install.

    A value typed for a name that is stored already is kept for this server alone: what other
    servers use stays as it is.

    Raises:
        McptuiError: the vault cannot be written; says why.
    """
    vault = home.vault()
    for secret in row.entry.secrets:
        if secret.name not in given:
            continue
        held = {one.name: one for one in vault.names()}
        own, shared = stored_names(secret, row.name)
        if value := given[secret.name]:
            vault.put(own if shared in held else shared, value, {row.name: row.installed_at})
        elif name := _stored(held, secret, row.name):
            vault.grant(row.name, name, row.installed_at)


def _since(home: Home, server: str) -> float:
    row = home.store.installed(server)
    return row.installed_at if row is not None else 0.0


def _stored(held: Mapping[str, SecretRow], secret: Secret, server: str) -> str:
    return next((name for name in stored_names(secret, server) if name in held), "")


def _granted(held: Mapping[str, SecretRow], secret: Secret, server: str, since: float) -> bool:
    return bool(since) and any(
        name in held and held[name].servers.get(server) == since
        for name in stored_names(secret, server)
    )
