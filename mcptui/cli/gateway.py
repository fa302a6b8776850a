"""`gateway run`: what MCP clients start. stdout carries the protocol and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.home import Home


def run(home: Home, given: Namespace, out: Out) -> int:
    """Serve one client until it ends."""
    from mcptui.actions.run_gateway import run as serve

    # Errors must not land on stdout, where the client reads the protocol.
    out.as_json = False
    bounds = {"start": given.start_timeout, "call": given.call_timeout, "idle": given.idle}
    return serve(
        home,
        given.profile,
        given.client or None,
        warm=given.warm,
        plain_names=given.plain_names,
        bounds=bounds,
    )
