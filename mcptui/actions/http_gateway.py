"""What `mcptui gateway run --http` adds: where to listen, and who may come."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.gateway.http_server import Address
    from mcptui.gateway.serve import Gateway
    from mcptui.home import Home


@dataclass(frozen=True, slots=True)
class Http:
    """A wish to serve over HTTP.

    Args:
        address: `HOST:PORT`, `PORT` or `unix:PATH`.
        token: clients must show the gateway's token; on a unix socket nobody has to.
        remote: other machines may connect.
    """

    address: str
    token: bool = True
    remote: bool = False


def place(wanted: Http) -> Address:
    """Where to listen.

    Raises:
        UsageError: it is no address, or other machines could connect and that was not said, or
            they could do so without a token.
    """
    from mcptui.gateway.http_server import Address

    address = Address.parse(wanted.address, remote=wanted.remote)
    if not address.loopback and not wanted.token:
        raise UsageError(
            "--no-token is for this machine only",
            f"{address.host} can be reached from others",
            "Leave it out, or listen at 127.0.0.1",
        )
    return address


def serve(home: Home, gateway: Gateway, wanted: Http, address: Address, sink: int) -> int:
    """Serve clients over HTTP until the system ends it.

    Args:
        home: whose token.
        gateway: loaded.
        wanted: what was asked for.
        address: from `place`.
        sink: descriptor that gets one line, the endpoint's address, once clients may come.

    Returns:
        The exit code.

    Raises:
        McptuiError: the address or the token cannot be had.
    """
    from mcptui.gateway.http_limits import HttpLimits
    from mcptui.gateway.http_run import serve_http

    matches = _token(home) if wanted.token and address.path is None else None
    if not address.loopback:
        _say("WARNING: other machines can connect, and the token crosses the network unencrypted")
    elif matches is None and address.path is None:
        _say("WARNING: --no-token: every program on this machine can use your servers")

    def told(listening: Address) -> None:
        _say(f"serving MCP at {listening.url()}")
        with os.fdopen(sink, "w") as out:
            out.write(f"{listening.url()}\n")

    return serve_http(gateway, address, matches, HttpLimits(), told)


def _token(home: Home) -> Callable[[str], bool]:
    from mcptui.access.gateway_token import GatewayToken

    token = GatewayToken(home)
    token.load()
    return token.matches


def _say(words: str) -> None:
    sys.stderr.write(f"mcptui: {visible(words)}\n")
    sys.stderr.flush()
