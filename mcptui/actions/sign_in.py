"""Signing in to remote servers, and out: the same for a key in the TUI and for `mcptui oauth`.

The tokens go to the vault; how each sign-in stands goes to the state database, where lists and
running gateways see it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcptui.access.standing import SignInState, Standing, granted, standing
from mcptui.actions.found import installed
from mcptui.errors import McptuiError, UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.access.device import DevicePrompt as DevicePrompt
    from mcptui.access.grant import Grant
    from mcptui.access.public_web import PublicWeb
    from mcptui.access.sign_in import Prompt as Prompt
    from mcptui.access.sign_in import Wanted
    from mcptui.access.url_gate import UrlPolicy
    from mcptui.home import Home
    from mcptui.store.rows import Installed


@dataclass(frozen=True, slots=True)
class SignInRow:
    """One server that people sign in to.

    Args:
        server: the installed server's name.
        state: see `SignInState`.
        provider: as the catalog calls it, "" when it does not say.
        issuer: who gave the tokens.
        url: where the tokens go.
        scopes: granted, separated by blanks.
        expires_at: of the access token, Unix seconds, 0 when unknown.
        renews: it is renewed by itself.
        since: Unix seconds of the sign-in.
        reason: why it needs one, "" when it does not.
    """

    server: str
    state: str
    provider: str
    issuer: str
    url: str
    scopes: str
    expires_at: float
    renews: bool
    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class Client:
    """A client id the user has from a publisher; empty when there is none."""

    id: str = ""
    secret: str = field(default="", repr=False)


def sign_ins(home: Home) -> list[SignInRow]:
    """Every installed server that has a sign-in or may want one; nothing is opened for it."""
    rows: list[SignInRow] = []
    for name in home.store.names():
        row = home.store.installed(name)
        if row is None or not signs_in_at(row):
            continue
        stands = standing(home.store, name)
        if row.entry.oauth is None and stands.state == SignInState.NONE:
            continue
        rows.append(_row(row, stands))
    return rows


def signs_in_at(row: Installed) -> str:
    """Where a server's tokens go or, of a container, come from; "" when nobody signs in to it."""
    if row.entry.remote is not None:
        return row.entry.remote.url
    oauth = row.entry.oauth
    return oauth.issuer if oauth is not None and oauth.secret else ""


def _row(row: Installed, stands: Standing) -> SignInRow:
    url = signs_in_at(row)
    provider = row.entry.oauth.provider if row.entry.oauth is not None else ""
    return SignInRow(
        row.name, stands.state, provider, stands.issuer, url, stands.scopes, stands.expires_at,
        stands.renews, stands.since, stands.reason,
    )  # fmt: skip


def open_page(home: Home, prompt: Prompt) -> str:
    """Open the sign-in page where there is a screen; returns why it did not open, "" if it did."""
    from mcptui.access.browser import can_open

    if not can_open(home.environ, home.platform):
        return "there is no screen here"
    try:
        home.open_url(prompt.url)
    except McptuiError as error:
        return str(error)
    return ""


async def authorize(
    home: Home,
    name: str,
    show: Callable[[Prompt], None],
    *,
    client: Client | None = None,
    scopes: str = "",
    web: Callable[[UrlPolicy], PublicWeb] | None = None,
) -> SignInRow:
    """Sign in to a server through a browser.

    Args:
        home: whose.
        name: an installed remote server.
        show: given what the browser must open; returns at once.
        client: the user's own client id, where a publisher wants one.
        scopes: asked for besides those the server names.
        web: how to fetch; for tests.

    Raises:
        UsageError: no such server, or it is no remote one.
        McptuiError: it did not work; says why and what to do.
    """
    from mcptui.access.sign_in import sign_in

    row, wanted, way = await _begun(home, name, client, scopes, web)
    try:
        grant = await sign_in(way, wanted, show, home.clock)
    finally:
        await way.close()
    await _kept(home, name, grant)
    return _row(row, granted(name, grant))


async def authorize_elsewhere(
    home: Home,
    name: str,
    show: Callable[[DevicePrompt], None],
    *,
    client: Client | None = None,
    scopes: str = "",
    web: Callable[[UrlPolicy], PublicWeb] | None = None,
) -> SignInRow:
    """Sign in with a code typed on another device; else as `authorize`."""
    from mcptui.access.device import sign_in_elsewhere

    row, wanted, way = await _begun(home, name, client, scopes, web)
    try:
        grant = await sign_in_elsewhere(way, wanted, show, home.clock)
    finally:
        await way.close()
    await _kept(home, name, grant)
    return _row(row, granted(name, grant))


async def revoke(home: Home, name: str) -> str:
    """Sign out: the issuer is told, the tokens are forgotten; returns what was done in words.

    Raises:
        UsageError: no such server, or nobody is signed in.
    """
    from mcptui.access.tokens import tokens_of

    installed(home, name)
    issuer = standing(home.store, name).issuer
    if not issuer:
        raise UsageError(f"You are not signed in to {name}", fix=f"`mcptui oauth authorize {name}`")
    told = await tokens_of(home).revoke(name)
    _tell(home, name)
    if told:
        return f"Signed out of {name}; {issuer} revoked the tokens"
    return f"Signed out of {name} here; {issuer} was not told, or takes no revocations"


async def _begun(
    home: Home, name: str, client: Client | None, scopes: str,
    web: Callable[[UrlPolicy], PublicWeb] | None,
) -> tuple[Installed, Wanted, PublicWeb]:  # fmt: skip
    import asyncio

    from mcptui.access.public_web import PublicWeb
    from mcptui.access.sign_in import Wanted
    from mcptui.access.tokens import tokens_of
    from mcptui.access.url_gate import UrlPolicy

    row = installed(home, name)
    url = signs_in_at(row)
    if not url:
        raise UsageError(
            f"{name} runs here, nobody signs in to it",
            "it is a container that takes no token; what it needs are secrets",
            "`mcptui secret ls` shows them",
        )
    stands = standing(home.store, name)
    # Before anybody types a password: what will be given must have a place to be kept.
    await asyncio.to_thread(home.vault().open)
    before = await tokens_of(home).grant(name)
    oauth = row.entry.oauth
    here = row.entry.remote is None and oauth is not None
    if here and oauth is not None:
        scopes = " ".join((*oauth.scopes, scopes))
    wanted = Wanted(
        url,
        stands.named,
        " ".join(dict.fromkeys([*stands.scope.split(), *scopes.split()])),
        client.id if client is not None else "",
        client.secret if client is not None else "",
        client_url(home.paths.settings),
        before,
        url if here else "",
    )
    return row, wanted, (web or PublicWeb)(UrlPolicy.of(url))


_CLIENT_URL = re.compile(r"https://[a-z0-9.-]{1,253}(?::\d{1,5})?/[A-Za-z0-9._~/-]{1,500}")


def client_url(settings: Path) -> str:
    """The https address that describes this client (CIMD), "" when the user has set none.

    It is `client_metadata_url` in the `[oauth]` table of config.toml.

    Raises:
        UsageError: it is set and cannot be one.
    """
    import tomllib

    try:
        said: Any = tomllib.loads(settings.read_text("utf-8")).get("oauth", {})
        url: Any = said.get("client_metadata_url", "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"{settings} cannot be read", visible(error, limit=200)) from error
    # It is told, never fetched by us: what counts is that issuers can read it.
    if not isinstance(url, str) or (url and not _CLIENT_URL.fullmatch(url)):
        raise UsageError(f"{settings}: oauth.client_metadata_url is no https address")
    return url


async def _kept(home: Home, name: str, grant: Grant) -> None:
    from mcptui.access.tokens import tokens_of

    await tokens_of(home).keep(name, grant)
    _tell(home, name)


def _tell(home: Home, name: str) -> None:
    """Let running gateways begin anew; a container that holds the old token has to end for it."""
    row = home.store.installed(name)
    here = row is not None and row.entry.remote is None
    home.store.wish("stop" if here else "reload", name)


def forget_sign_in(home: Home, name: str) -> None:
    """Forget the tokens of a server that is removed: another of its name must not get them."""
    from mcptui.access.standing import leave

    if leave(home.store, name).issuer:
        from mcptui.access.tokens import PREFIX

        home.vault().drop(PREFIX + name)
