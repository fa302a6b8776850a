"""The bearer token of the gateway's HTTP front: 256 random bits that live in the vault.

Made when first asked for, the same for every gateway of a user until it is rotated. Compared in
constant time, so that an answer's delay tells nothing of it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError

if TYPE_CHECKING:
    from mcptui.home import Home

NAME = "gateway/token"


def gateway_token(home: Home) -> str:
    """The token, made when there is none yet; blocks, so call it on a thread.

    Raises:
        McptuiError: the vault cannot be opened; says both ways to one.
    """
    try:
        return home.vault().ensure(NAME, _make)
    except McptuiError as error:
        raise type(error)(
            f"The HTTP front has no token: {error.what[0].lower()}{error.what[1:]}",
            error.why,
            f"{error.fix}. A front on a unix socket (--http unix:PATH) needs no token".lstrip(". "),
        ) from error


def rotate(home: Home) -> str:
    """Make a new token; the old one is refused from now on by every running gateway.

    Raises:
        McptuiError: the vault cannot be opened or written; says why.
    """
    token = _make()
    home.vault().keep(NAME, token)
    return token


class GatewayToken:
    """The token as a running front compares it; follows a rotation within a second or a request.

    Args:
        home: whose.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._guard = threading.Lock()
        self._mark: object = None
        self._token = b""

    def load(self) -> None:
        """Read or make the token, so that a front without one never opens; blocks.

        Raises:
            McptuiError: the vault cannot be opened; says why.
        """
        with self._guard:
            self._token = gateway_token(self._home).encode("ascii")
            self._mark = self._home.vault().mark()

    def matches(self, presented: str | bytes) -> bool:
        """Whether it is the token. A look at a file's date; reads the vault only after a change."""
        vault = self._home.vault()
        with self._guard:
            mark = vault.mark()
            if mark != self._mark:
                found = vault.find(NAME)
                self._token, self._mark = (found or "").encode("ascii"), mark
            return matches(presented, self._token)


def matches(presented: str | bytes, token: str | bytes) -> bool:
    """Whether a presented token is the token, compared in constant time; an empty one never is."""
    given = presented.encode("utf-8", "replace") if isinstance(presented, str) else presented
    known = token.encode("utf-8") if isinstance(token, str) else token
    return bool(known) and hmac.compare_digest(given, known)


def _make() -> str:
    return secrets.token_urlsafe(32)
