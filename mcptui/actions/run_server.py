"""Start, stop and restart servers: a wish every living gateway follows.

A server's process belongs to one gateway's session, so nothing is started where no gateway
lives: the next client's first call starts it. Containers that no living gateway owns are removed
on a stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.actions.found import installed, live_gateways
from mcptui.errors import McptuiError
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home


def start(home: Home, name: str) -> str:
    """Start a server in every living gateway; returns what was done in words.

    Raises:
        UsageError: no such server.
        McptuiError: it is switched off.
    """
    _must_be_on(home, name)
    count = len(live_gateways(home))
    home.store.wish("start", name)
    if not count:
        return f"{name} starts with the first call of a client: no gateway runs now"
    return f"{name} is started in {plural(count, 'gateway')}"


def stop(home: Home, name: str) -> str:
    """Stop a server in every living gateway; the next call starts it again.

    Raises:
        UsageError: no such server.
    """
    installed(home, name)
    count = len(live_gateways(home))
    home.store.wish("stop", name)
    removed = sweep(home)
    left = f", {plural(removed, 'left-over container')} removed" if removed else ""
    return (
        f"{name} is stopped in {plural(count, 'gateway')}{left}"
        if count
        else f"{name} runs nowhere{left}"
    )


def restart(home: Home, name: str) -> str:
    """Stop a server and start it again in every living gateway.

    Raises:
        UsageError: no such server.
        McptuiError: it is switched off.
    """
    _must_be_on(home, name)
    count = len(live_gateways(home))
    home.store.wish("restart", name)
    return (
        f"{name} is restarted in {plural(count, 'gateway')}"
        if count
        else f"{name} runs nowhere now"
    )


def _must_be_on(home: Home, name: str) -> None:
    if not installed(home, name).choices.enabled:
        raise McptuiError(f"{name} is switched off", fix=f"`mcptui switch {name} on` first")


def sweep(home: Home) -> int:
    """Remove containers of ours that no living process owns; returns how many.

    An engine that does not answer is no reason to fail here: nothing of ours can run then.
    """
    from mcptui.runtime.reaper import reap

    try:
        return len(reap(home.engine()))
    except McptuiError:
        return 0
