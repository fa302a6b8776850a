"""How each sign-in stands, without its secrets: what lists and gateways may read with no keyring.

Kept in the state database under one name per server; the tokens themselves are in the vault.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcptui.access.challenge import Challenge
    from mcptui.access.grant import Grant
    from mcptui.store.memory import MemoryStore

_KEY = "signin/"


class SignInState(StrEnum):
    """What a person sees."""

    NONE = "not signed in"
    GOOD = "signed in"
    NEEDED = "needs sign-in"
    MORE = "needs more scopes"


@dataclass(frozen=True, slots=True)
class Standing:
    """One server's sign-in.

    Args:
        server: the installed server's name.
        state: a `SignInState`.
        url: the MCP endpoint it is for.
        issuer: who gave the tokens, "" when nobody did.
        scopes: granted.
        expires_at: of the access token, Unix seconds, 0 when unknown.
        renews: it is renewed by itself.
        since: Unix seconds of the sign-in.
        reason: why it needs one.
        named, scope: of the server's last challenge; where the next sign-in begins.
    """

    server: str
    state: str = SignInState.NONE
    url: str = ""
    issuer: str = ""
    scopes: str = ""
    expires_at: float = 0.0
    renews: bool = False
    since: float = 0.0
    reason: str = ""
    named: str = ""
    scope: str = ""


def standing(store: MemoryStore, server: str) -> Standing:
    """How a server's sign-in stands."""
    kept: Any = store.recall(_KEY + server, None)
    members: dict[str, Any] = {**kept, "server": server} if isinstance(kept, dict) else {}
    try:
        return Standing(**members)
    except TypeError:
        return Standing(server)


def stand(store: MemoryStore, row: Standing) -> None:
    """Write how a server's sign-in stands."""
    store.remember(_KEY + row.server, asdict(row))


def leave(store: MemoryStore, server: str) -> Standing:
    """Forget how a server's sign-in stood; returns it."""
    before = standing(store, server)
    store.forget(_KEY + server)
    return before


def granted(server: str, grant: Grant) -> Standing:
    """The standing after a sign-in or a renewal."""
    return Standing(
        server, SignInState.GOOD, grant.server, grant.issuer, grant.scopes, grant.expires_at,
        bool(grant.refresh_token), grant.signed_in_at,
    )  # fmt: skip


def needed(before: Standing, reason: str, challenge: Challenge | None = None) -> Standing:
    """The standing after a refusal.

    Args:
        before: as it stood.
        reason: for a person, short.
        challenge: what the server said it wants.
    """
    more = challenge is not None and challenge.error == "insufficient_scope"
    return Standing(
        before.server, SignInState.MORE if more else SignInState.NEEDED, before.url,
        before.issuer, before.scopes, before.expires_at, before.renews and more, before.since,
        reason,
        challenge.resource_metadata if challenge is not None else before.named,
        challenge.scope if challenge is not None else before.scope,
    )  # fmt: skip
