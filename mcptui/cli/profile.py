"""`profile`: named sets of servers, each with all its tools or some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.profile import ProfileRow, ProfileServer
    from mcptui.cli.output import Out
    from mcptui.home import Home


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List profiles."""
    from mcptui.actions.profile import profiles

    rows = profiles(home)
    if out.as_json:
        out.data(rows)
    elif rows:
        out.table(
            ("profile", "servers", "warm", ""),
            [
                (row.name, len(row.servers), "warm" if row.warm else "–", _names(row))
                for row in rows
            ],
        )
    else:
        out.say("No profiles: `mcptui profile create NAME SERVER…` makes one")
    return 0


def _names(row: ProfileRow) -> str:
    return ", ".join(server.name for server in row.servers)


def show(home: Home, given: Namespace, out: Out) -> int:
    """Show the servers of a profile and which of their tools it has."""
    from mcptui.actions.profile import show as find

    row = find(home, given.name)
    if out.as_json:
        out.data(row)
        return 0
    out.text(f"{row.name}{'  (warm)' if row.warm else ''}")
    out.table(
        ("server", "", "tools"),
        [(server.name, _is(server), _tools(server)) for server in row.servers],
    )
    return 0


def _is(server: ProfileServer) -> str:
    if not server.installed:
        return "▲ not installed"
    return "on" if server.on else "off"


def _tools(server: ProfileServer) -> str:
    if server.tools is None:
        return f"all {server.tools_all}" if server.tools_all else "all"
    return f"{len(server.tools)} of {server.tools_all}: {', '.join(server.tools)}"


def create(home: Home, given: Namespace, out: Out) -> int:
    """Make a profile."""
    from mcptui.actions import profile

    return _told(home, given, out, profile.create(home, given.name, given.servers, warm=given.warm))


def add(home: Home, given: Namespace, out: Out) -> int:
    """Put servers into a profile."""
    from mcptui.actions import profile

    return _told(home, given, out, profile.add(home, given.name, given.servers, given.tool))


def remove(home: Home, given: Namespace, out: Out) -> int:
    """Take servers out of a profile."""
    from mcptui.actions import profile

    return _told(home, given, out, profile.remove(home, given.name, given.servers, given.tool))


def warm(home: Home, given: Namespace, out: Out) -> int:
    """Start the servers of a profile before they are called, or not."""
    from mcptui.actions import profile

    return _told(home, given, out, profile.set_warm(home, given.name, given.state == "on"))


def rm(home: Home, given: Namespace, out: Out) -> int:
    """Forget profiles."""
    from mcptui.actions import profile

    for name in dict.fromkeys(given.names):
        out.say(profile.delete(home, name))
    if out.as_json:
        out.data({"removed": list(dict.fromkeys(given.names))})
    return 0


def _told(home: Home, given: Namespace, out: Out, done: str) -> int:
    from mcptui.actions.profile import show as find

    if out.as_json:
        out.data(find(home, given.name))
    out.say(done)
    return 0
