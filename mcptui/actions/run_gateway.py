"""`mcptui gateway run`: what MCP clients start, one process for each of their sessions.

Imports are kept few: a client waits for the first answer, and what the container engine needs is
loaded when the first server starts.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.actions.http_gateway import Http
    from mcptui.guard.interceptors import Interceptor
    from mcptui.home import Home


def run(
    home: Home,
    profile: str | None = None,
    client: str | None = None,
    *,
    warm: bool = False,
    plain_names: bool = False,
    bounds: Mapping[str, float | None] | None = None,
    interceptors: Sequence[str] = (),
    http: Http | None = None,
) -> int:
    """Speak MCP on stdin and stdout, or over HTTP, until the client or the system ends it.

    Args:
        home: whose servers.
        profile: the servers to offer, None for all that are installed.
        client: what the client's config calls it, until it says its own name.
        warm: start the servers before they are called.
        plain_names: show tools and prompts under their server's own names; for one server.
        bounds: limits by name that count more than those of config.toml.
        interceptors: `when:type:target` each, besides those of interceptors.toml.
        http: serve many clients over HTTP instead of one on stdin and stdout.

    Returns:
        The exit code.

    Raises:
        UsageError: there is no such profile, a setting is wrong, or plain names were asked for
            and more than one server is offered.
    """
    from mcptui.access.granted import secrets_of
    from mcptui.actions import http_gateway
    from mcptui.gateway.launcher import ServerLauncher
    from mcptui.gateway.serve import Gateway
    from mcptui.gateway.settings import read_settings
    from mcptui.gateway.stdio_front import guard_stdout
    from mcptui.gateway.stdio_run import serve

    address = None if http is None else http_gateway.place(http)
    sink = guard_stdout()
    _log_to_stderr()
    limits, settings = read_settings(home.paths.settings, bounds or {})
    gateway = Gateway(
        home,
        limits,
        profile=profile,
        client=client,
        reap=lambda: _reap(home),
        settings=replace(settings, warm=warm or settings.warm, plain_names=plain_names),
        interceptors=_interceptors(interceptors),
    )
    gateway.launch_with(
        ServerLauncher(
            home,
            gateway.id,
            limits.line,
            secrets_of(home),
            most=limits.containers_all,
            report=gateway.contacts.seen,
        )
    )
    gateway.load()
    if plain_names and len(gateway.hub.slots) > 1:
        raise UsageError(
            f"--plain-names is for one server, and {len(gateway.hub.slots)} are offered",
            "without a server's name before them, tools of two servers can have the same name",
            "Offer one: `mcptui gateway run --plain-names --profile NAME`",
        )
    if http is not None and address is not None:
        return http_gateway.serve(home, gateway, http, address, sink)
    return serve(gateway, 0, sink)


def _interceptors(specs: Sequence[str]) -> tuple[Interceptor, ...]:
    if not specs:
        return ()
    from mcptui.guard.hook_file import parse_spec

    return tuple(parse_spec(spec) for spec in specs)


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
