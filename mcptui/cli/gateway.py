"""`gateway run`: what MCP clients start. stdout carries the protocol and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.home import Home


def run(home: Home, given: Namespace, out: Out) -> int:
    """Serve one client until it ends, or many over HTTP until the system ends it."""
    from mcptui.actions.http_gateway import Http
    from mcptui.actions.run_gateway import run as serve

    # Errors must not land on stdout, where the client reads the protocol.
    out.as_json = False
    bounds = {"start": given.start_timeout, "call": given.call_timeout, "idle": given.idle}
    if (given.no_token or given.allow_remote) and not given.http:
        raise UsageError("--no-token and --allow-remote go with --http")
    http = Http(given.http, not given.no_token, given.allow_remote) if given.http else None
    return serve(
        home,
        given.profile,
        given.client or None,
        warm=given.warm,
        plain_names=given.plain_names,
        bounds=bounds,
        interceptors=given.interceptors,
        http=http,
    )
