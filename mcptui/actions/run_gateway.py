"""`mcptui gateway run`: what MCP clients start, one process for each of their sessions.

Imports are kept few: a client waits for the first answer, and what the container engine needs is
loaded when the first server starts.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home


def run(
    home: Home,
    profile: str | None = None,
    client: str | None = None,
    *,
    warm: bool = False,
    bounds: Mapping[str, float | None] | None = None,
) -> int:
    """Speak MCP on stdin and stdout until the client or the system ends it.

    Args:
        home: whose servers.
        profile: the servers to offer, None for all that are installed.
        client: what the client's config calls it, until it says its own name.
        warm: start the servers before they are called.
        bounds: limits by name that count more than those of config.toml.

    Returns:
        The exit code.

    Raises:
        UsageError: there is no such profile, or a setting is wrong.
    """
    from mcptui.gateway.serve import Gateway, serve
    from mcptui.gateway.settings import read_settings
    from mcptui.gateway.stdio_front import guard_stdout
    from mcptui.gateway.upstream_container import ContainerLauncher

    sink = guard_stdout()
    _log_to_stderr()
    limits, settings = read_settings(home.paths.settings, bounds or {})
    gateway = Gateway(
        home,
        limits,
        profile=profile,
        client=client,
        reap=lambda: _reap(home),
        settings=replace(settings, warm=True) if warm else settings,
    )
    gateway.launch_with(ContainerLauncher(home, gateway.id, limits.line))
    gateway.load()
    return serve(gateway, 0, sink)


class _Visible(logging.Formatter):
    """Log lines may quote servers and clients, and stderr may be a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record), lines=True)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible("mcptui: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _reap(home: Home) -> None:
    from mcptui.runtime.reaper import reap

    reap(home.engine())
