"""The token that clients of the gateway's HTTP front present: shown on demand, and renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.access import gateway_token as kept

if TYPE_CHECKING:
    from mcptui.home import Home


def token(home: Home, *, rotate: bool = False) -> str:
    """The token, made when there is none.

    Args:
        home: whose.
        rotate: make a new one; running gateways refuse the old one from now on.

    Raises:
        McptuiError: the vault cannot be opened or written; says why.
    """
    return kept.rotate(home) if rotate else kept.gateway_token(home)
