"""Remote servers that were signed in to: the seam `Credentials`, filled with the user's tokens.

A token goes to the origin it was given for and to no other. A refusal is answered by one renewal;
after that the server needs a sign-in, which is a state people see and a reason calls carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from urllib.parse import urlsplit

from mcptui.access.challenge import bearer_challenge
from mcptui.access.tokens import Tokens
from mcptui.gateway.credentials import Credentials
from mcptui.store.rows import Installed

_AUTHORIZATION = "Authorization"


class SignedIn:
    """Tokens first, and what `other` gives beside them.

    Args:
        tokens: the user's.
        other: headers made of secrets.
    """

    def __init__(self, tokens: Tokens, other: Credentials) -> None:
        self._tokens = tokens
        self._other = other
        # Of each call on its own: of many refused at once only the first is worth a renewal.
        self._sent: ContextVar[str | None] = ContextVar("sent token", default=None)

    async def headers(self, installed: Installed, origin: str) -> Mapping[str, str]:
        """See `Credentials.headers`."""
        self._sent.set(None)
        own = await self._other.headers(installed, origin)
        if any(name.lower() == "authorization" for name in own):
            return own  # a token the user put there by hand
        url = _address(installed)
        token = await self._tokens.bearer(installed.name, url) if url else None
        self._sent.set(token or "")
        return {**own, _AUTHORIZATION: f"Bearer {token}"} if token else own

    async def refused(
        self, installed: Installed, status: int, www_authenticate: Sequence[str]
    ) -> bool:
        """See `Credentials.refused`."""
        used = self._sent.get()
        if used is None:
            return await self._other.refused(installed, status, www_authenticate)
        url = _address(installed)
        again = await self._tokens.refused(
            installed.name, url, used, bearer_challenge(www_authenticate), status
        )
        return again or await self._other.refused(installed, status, www_authenticate)


def _address(installed: Installed) -> str:
    remote = installed.entry.remote
    return remote.url if remote is not None and urlsplit(remote.url).hostname else ""
