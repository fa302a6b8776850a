"""Which secrets a server gets at its start: those its entry declares and its user granted.

A secret stored as `NAME@SERVER` is for that server alone and goes before the one of all,
`NAME`. The vault is not looked at for a server that declares none, so that such a server starts
without a keyring, and as fast as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError

if TYPE_CHECKING:
    from mcptui.entry import Entry, Secret
    from mcptui.home import Home
    from mcptui.store.rows import Installed

USED = "secret.used/"
"""Begins the names under which the store remembers when a secret was last given to a server."""


class NeedsSecret(McptuiError):
    """A server cannot be started before its user stores or grants a secret."""


def stored_names(secret: Secret, server: str) -> tuple[str, str]:
    """Under which names a server's secret may be stored, the one that goes first first."""
    return f"{secret.name}@{server}", secret.name


def secrets_of(home: Home) -> Callable[[Installed], Mapping[str, str]]:
    """What gives an installed server its secrets, by the names its entry has for them.

    It blocks, so it is called on a thread. It raises NeedsSecret when a required one is missing,
    and McptuiError when the vault cannot be opened.
    """

    def give(installed: Installed) -> Mapping[str, str]:
        return _given(home, installed) if installed.entry.secrets else {}

    return give


def _given(home: Home, installed: Installed) -> Mapping[str, str]:
    entry, server = installed.entry, installed.name
    wanted = tuple(name for secret in entry.secrets for name in stored_names(secret, server))
    held = home.vault().granted(wanted, server, installed.installed_at)
    values: dict[str, str] = {}
    for secret in entry.secrets:
        name = next((one for one in stored_names(secret, server) if one in held), "")
        if name:
            values[secret.name] = held[name]
            with contextlib.suppress(McptuiError):  # only told to a person
                home.store.remember(USED + name, home.clock())
        elif by_sign_in(entry, secret):
            values[secret.name] = _token(home, installed)
        elif secret.required:
            raise _needed(home, installed, secret)
    return values


def by_sign_in(entry: Entry, secret: Secret) -> bool:
    """Whether a container's secret is the token of a sign-in instead of a value somebody types."""
    oauth = entry.oauth
    return oauth is not None and bool(oauth.issuer) and oauth.secret == secret.env


def _token(home: Home, installed: Installed) -> str:
    """The token of a sign-in, renewed when it is about to end; a container keeps it to its end."""
    import asyncio

    from mcptui.access.tokens import tokens_of

    oauth = installed.entry.oauth
    issuer = oauth.issuer if oauth is not None else ""
    token = asyncio.run(tokens_of(home).bearer(installed.name, issuer))
    if token is None:
        raise NeedsSecret(
            f"{installed.name} needs sign-in",
            "its container takes a token, and nobody is signed in",
            f"`mcptui oauth authorize {installed.name}`, or a in the Access room",
        )
    return token


def _needed(home: Home, installed: Installed, secret: Secret) -> NeedsSecret:
    stored = {row.name for row in home.vault().names()}
    name = next((one for one in stored_names(secret, installed.name) if one in stored), "")
    what = f"{installed.name} needs the secret {secret.name} ({secret.env})"
    if name:
        why = "it is stored, but not granted to this server"
        return NeedsSecret(what, why, f"`mcptui secret grant {name} {installed.name}`")
    return NeedsSecret(what, "it is not stored here", f"`mcptui secret set {secret.name}`")
