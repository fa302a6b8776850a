"""What a sign-in gave: tokens, and everything needed to renew them without asking anyone again.

The record is written to the vault as one JSON text. It holds the addresses it was made with, so a
renewal goes to the token endpoint that gave the token and to no other, also after a restart.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mcptui.access.discovery import Authority, CannotSignIn
from mcptui.access.registration import Registered
from mcptui.errors import McptuiError
from mcptui.visible import visible

EARLY = 60.0
"""Seconds before its end from which on a token is renewed, at most a tenth of its life."""

_LONGEST = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Grant:
    """One sign-in; no traceback shows its secrets, also one that prints local variables.

    Args:
        server: the MCP endpoint it is for; the token goes to its origin and nowhere else.
        resource: what tokens are asked for (RFC 8707).
        issuer: who gave them, and to whom the refresh token may be sent.
        token_endpoint, revocation_endpoint: of that issuer, as described at sign-in.
        client_id, client_secret, method, redirect, dynamic: see `Registered`.
        access_token, refresh_token: secrets; the second "" when none was given.
        scopes: granted, separated by blanks.
        given_at: Unix seconds of the sign-in or the last renewal.
        expires_at: Unix seconds, 0 when the server did not say.
        signed_in_at: Unix seconds of the sign-in.
    """

    server: str
    resource: str
    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    method: str
    redirect: str
    dynamic: bool
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: str
    given_at: float
    expires_at: float
    signed_in_at: float

    @property
    def registered(self) -> Registered:
        """Who we are for the issuer."""
        return Registered(
            self.issuer,
            self.client_id,
            self.client_secret,
            self.method,
            self.redirect,
            self.dynamic,
        )

    def fresh(self, now: float) -> bool:
        """Whether the access token can be used for a while yet."""
        if not self.expires_at:
            return True
        early = min(EARLY, (self.expires_at - self.given_at) / 10)
        return now < self.expires_at - early

    def renewed(self, said: TokenAnswer, now: float) -> Grant:
        """The same grant with the tokens of a renewal; a rotated refresh token replaces the old."""
        return replace(
            self,
            access_token=said.access_token,
            refresh_token=said.refresh_token or self.refresh_token,
            scopes=said.scopes or self.scopes,
            given_at=now,
            expires_at=now + said.seconds if said.seconds else 0.0,
        )

    def to_text(self) -> str:
        """For the vault."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Grant:
        """From the vault.

        Raises:
            McptuiError: it is no such record.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise McptuiError(
                "A stored sign-in cannot be read", "another version of mcptui wrote it",
                "Sign in again",
            ) from error  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token endpoint gave.

    Args:
        access_token: for the server.
        refresh_token: "" when none came.
        scopes: "" when it named none: then they are what was asked for (RFC 6749 §5.1).
        seconds: the token's life, 0 when it did not say.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: str
    seconds: float


class TokenRefused(CannotSignIn):
    """A token endpoint said no.

    Args:
        code: its error code, such as "invalid_grant".
    """

    def __init__(self, what: str, why: str, fix: str = "", *, code: str = "") -> None:
        super().__init__(what, why, fix)
        self.code = code


def read_answer(status: int, body: bytes, issuer: str) -> TokenAnswer:
    """Read the answer of a token endpoint (RFC 6749 §5).

    Raises:
        TokenRefused: it is an error, or no usable token.
    """
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise TokenRefused(f"{issuer} gave no token", f"its answer ({status}) is no JSON object")
    members: dict[str, Any] = said  # pyright: ignore[reportUnknownVariableType]
    token = members.get("access_token")
    if status != 200 or "error" in members or not isinstance(token, str) or not token:
        code = visible(members.get("error", ""), limit=60)
        words = visible(members.get("error_description", ""), limit=200)
        why = ": ".join(part for part in (code, words) if part) or f"it answered {status}"
        raise TokenRefused(f"{issuer} gave no token", why, code=code)
    if str(members.get("token_type", "bearer")).lower() != "bearer":
        kind = visible(members.get("token_type"), limit=40)
        raise TokenRefused(f"{issuer} gave a token of no use", f"it is of type {kind!r}")
    if not token.isascii() or not token.isprintable() or " " in token or len(token) > 32_768:
        raise TokenRefused(f"{issuer} gave a token of no use", "it cannot stand in a header")
    refresh = members.get("refresh_token")
    scope = members.get("scope")
    return TokenAnswer(
        token,
        refresh if isinstance(refresh, str) else "",
        " ".join(scope.split()) if isinstance(scope, str) else "",
        _seconds(members.get("expires_in")),
    )


def _seconds(said: Any) -> float:
    if isinstance(said, str) and said.isdigit():
        said = int(said[:12])  # some servers write it as a string
    if isinstance(said, bool) or not isinstance(said, int | float) or not said > 0:
        return 0.0
    return min(float(said), _LONGEST)


def new_grant(
    server: str, resource: str, authority: Authority, who: Registered, said: TokenAnswer,
    asked: str, now: float,
) -> Grant:  # fmt: skip
    """The record of a sign-in that succeeded."""
    return Grant(
        server=server,
        resource=resource,
        issuer=authority.issuer,
        token_endpoint=authority.token,
        revocation_endpoint=authority.revocation,
        client_id=who.client_id,
        client_secret=who.client_secret,
        method=who.method,
        redirect=who.redirect,
        dynamic=who.dynamic,
        access_token=said.access_token,
        refresh_token=said.refresh_token,
        scopes=said.scopes or asked,
        given_at=now,
        expires_at=now + said.seconds if said.seconds else 0.0,
        signed_in_at=now,
    )
