"""The sub-commands about what servers may reach, as data."""

from __future__ import annotations

from mcptui.cli.command import Argument, Command, flag, option, words

_SERVER = Argument(("server",), "an installed server", "installed")
_HOSTS = words("hosts", "api.example.com, *.example.com, db.example.org:5432/tcp", "", "+")
REACH = (
    flag("--any-host", "let it reach any public host, by TLS; each one is noted"),
    option(
        "--host",
        "let it reach this host besides: api.example.com, db.example.org:5432/tcp",
        action="append",
        default=[],
        metavar="HOST",
    ),
)
"""For `install`."""

NETWORK: tuple[Command, ...] = (
    Command(("network", "ls"), "list servers with what they reach", "network:ls"),
    Command(
        ("network", "show"), "whom a server talked to, and what was refused it", "network:show",
        (_SERVER,),
    ),
    Command(("network", "allow"), "allow hosts to a server", "network:allow", (_SERVER, _HOSTS)),
    Command(("network", "deny"), "take hosts away from a server", "network:deny",
            (_SERVER, _HOSTS)),
    Command(("network", "any"), "let a server reach any public host", "network:any_host",
            (_SERVER,)),
    Command(("network", "learn"), "the same, and note which ones it uses", "network:learn",
            (_SERVER,)),
    Command(("network", "lock"), "allow what it used while it learned, nothing else",
            "network:lock", (_SERVER,)),
)  # fmt: skip
