"""Every sub-command as data: the parser, the help, completion and the tests read this one table.

A command names the function that runs it as "module:function"; the module is imported when the
command runs and not before, so `mcptui --help` costs nothing.
"""

from __future__ import annotations

from typing import Any

from mcptui.cli.access_commands import ACCESS, PASSPHRASE
from mcptui.cli.command import Argument, Command
from mcptui.cli.command import flag as _flag
from mcptui.cli.command import option as _option
from mcptui.cli.command import words as _words
from mcptui.cli.guard_commands import GUARD, INTERCEPTORS
from mcptui.cli.limit_commands import LIMITS, PICKS
from mcptui.cli.network_commands import NETWORK, REACH

_YES = _flag("--yes -y", "do it without asking")
_FILTER = _words("filter", "words, field:value, -word; all must match")
_SERVER = Argument(("server",), "an installed server", "installed")
_SERVERS = _words("servers", "installed servers", "installed", "+")
_PROFILE = Argument(("name",), "a profile", "profile")
_MANY: dict[str, Any] = {"action": "append", "default": [], "metavar": "TOOL"}
_LIMIT = _option("--limit -n", "at most this many", type=int, metavar="N")
_FOLLOW = _flag("--follow -f", "go on and show what comes; ctrl+c ends it")

_SECRET = _option(
    "--secret",
    "give it this secret: the stored one, or asked for, or a line of stdin",
    action="append",
    default=[],
    metavar="NAME",
)

DEFAULTS = {
    "catalog": "ls",
    "tools": "ls",
    "calls": "ls",
    "gateway": "run",
    "profile": "ls",
    "oauth": "ls",
    "secret": "ls",
    "interceptor": "ls",
    "network": "ls",
}
"""Groups of commands, with the one that is meant when none is named."""

GROUPS = {
    "catalog": "the signed list of servers",
    "tools": "what the installed servers offer",
    "calls": "every tool call that went through a gateway",
    "gateway": "what MCP clients start",
    "secret": "what servers are trusted with: tokens and keys, encrypted",
    "oauth": "signing in to remote servers",
    "profile": "named sets of servers, for clients that should not have them all",
    "network": "what servers may reach, whom they talked to, what was refused",
    "interceptor": "programs and addresses of yours that look at calls",
}
"""Groups of commands, with their one line of help."""

COMMANDS: tuple[Command, ...] = (
    Command(("catalog", "ls"), "list servers", "catalog:ls", (_FILTER, _LIMIT)),
    Command(("catalog", "search"), "list servers, best first", "catalog:ls", (_FILTER, _LIMIT)),
    Command(
        ("catalog", "show"),
        "all facts of one server",
        "catalog:show",
        (Argument(("id",), "a server of the catalog", "catalog"),),
    ),
    Command(("catalog", "facts"), "version, age and signers", "catalog:facts"),
    Command(
        ("catalog", "refresh"),
        "fetch a newer catalog and verify it",
        "catalog:refresh",
        (
            _option(
                "--from",
                "https address or folder; the last one by default",
                "file",
                dest="source",
                default="",
                metavar="PLACE",
            ),
        ),
    ),
    Command(
        ("catalog", "build"),
        "maintainers: make the signed catalog from catalog/servers",
        "maintain:build",
        (
            _option("--folder", "the catalog's folder", "file", default="catalog", metavar="DIR"),
            _option("--keys", "folder of the signing keys", "file", metavar="DIR"),
        ),
    ),
    Command(
        ("catalog", "check"),
        "maintainers: build, start and list an entry and pin its tools",
        "maintain:check",
        (
            _words("files", "entries, as TOML files", "file", "+"),
            _flag("--write", "write the pins"),
        ),
    ),
    Command(
        ("catalog", "lock"),
        "maintainers: lock a package with all it needs",
        "maintain:lock",
        (
            Argument(("registry",), "pypi or npm", "", {"choices": ("pypi", "npm")}),
            Argument(("package",), "NAME@VERSION"),
            _option("--output -o", "write the lock here instead of stdout", "file", metavar="FILE"),
        ),
    ),
    Command(
        ("install",),
        "install a server: a catalog id, a server.toml, docker://IMAGE, or a local image",
        "install:install",
        (
            Argument(
                ("target",), "catalog id, TOML file, docker://IMAGE or local image", "catalog"
            ),
            _option("--name", "another name for it", metavar="NAME"),
            _option("--set", "a parameter", action="append", default=[], metavar="NAME=VALUE"),
            _option(
                "--mount",
                "a folder it may read, with :rw also write",
                action="append",
                default=[],
                metavar="NAME=PATH[:rw]",
            ),
            *PICKS,
            *REACH,
            _flag("--unsigned", "run an image of a registry that nobody signed"),
            _option(
                "--tool-off",
                "start with this tool off",
                action="append",
                default=[],
                metavar="TOOL",
            ),
            _option(
                "--tool-on",
                "start with this destructive tool on",
                action="append",
                default=[],
                metavar="TOOL",
            ),
            _SECRET,
            _option("--connect", "then connect this client", "client", action="append", default=[]),
            PASSPHRASE,
            _YES,
            _flag("--dry-run", "show what would run and change nothing"),
        ),
    ),
    Command(
        ("remove",),
        "remove servers with their containers and images",
        "install:remove",
        (
            _SERVERS,
            _flag("--keep-image", "keep the image"),
            _flag("--keep-data", "keep what it has in volumes of its own"),
            _YES,
        ),
    ),
    Command(
        ("update",),
        "show what changed in newer versions and take them",
        "install:update",
        (
            _words("servers", "installed servers; all when none is named", "installed"),
            _SECRET,
            PASSPHRASE,
            _YES,
            _flag("--dry-run", "only show what would change"),
        ),
    ),
    Command(("servers",), "list installed servers", "servers:servers", (_FILTER,)),
    *LIMITS,
    Command(("plan",), "the exact container of a server", "servers:plan", (_SERVER,)),
    Command(
        ("switch",),
        "switch a server or some of its tools on or off",
        "servers:switch",
        (
            _SERVER,
            _words("tools", "its tools; the whole server when none is named", "tool"),
            Argument(("state",), "on or off", "", {"choices": ("on", "off")}),
        ),
    ),
    Command(
        ("approve",),
        "look at the new text of a changed tool and take it",
        "servers:approve",
        (_SERVER, Argument(("tool",), "the changed tool", "tool"), _YES),
    ),
    Command(("start",), "start servers in every running gateway", "servers:start", (_SERVERS,)),
    Command(
        ("stop",),
        "stop servers in every running gateway",
        "servers:stop",
        (_words("servers", "installed servers", "installed"), _flag("--all", "all of them")),
    ),
    Command(("restart",), "stop servers and start them again", "servers:restart", (_SERVERS,)),
    Command(
        ("logs",), "what a server wrote to its log", "servers:logs", (_SERVER, _LIMIT, _FOLLOW)
    ),
    Command(
        ("tools", "ls"),
        "list tools",
        "tools:ls",
        (_words("servers", "only of these servers", "installed"),),
    ),
    Command(
        ("tools", "inspect"),
        "one tool's whole definition",
        "tools:inspect",
        (
            Argument(("tool",), "server__tool, or the server", "tool"),
            Argument(("name",), "its tool, after a server", "tool", {"nargs": "?"}),
        ),
    ),
    Command(
        ("tools", "call"),
        "call a tool through the gateway's own path",
        "tools:call",
        (
            Argument(("tool",), "server__tool", "tool"),
            _words("values", "NAME=VALUE as the tool's schema wants it, NAME:=JSON, @FILE or @-"),
            _option("--arguments", "all arguments as one JSON object", metavar="JSON"),
            PASSPHRASE,
        ),
    ),
    Command(
        ("tools", "count"),
        "count tools, and about how many tokens they cost a model",
        "tools:count",
        (_words("servers", "only of these servers", "installed"),),
    ),
    Command(
        ("calls", "ls"),
        "list calls, newest last",
        "calls:ls",
        (_FILTER, _LIMIT, _FOLLOW),
    ),
    Command(
        ("calls", "show"),
        "one call with its request and answer",
        "calls:show",
        (Argument(("id",), "the call's number", "", {"type": int}),),
    ),
    Command(
        ("calls", "export"),
        "write calls to a file",
        "calls:export",
        (
            Argument(("file",), "ends in .jsonl or .csv", "file"),
            _FILTER,
            _option("--format", "when the name does not say it", choices=("jsonl", "csv")),
        ),
    ),
    Command(("profile", "ls"), "list profiles", "profile:ls"),
    Command(("profile", "show"), "the servers and tools of a profile", "profile:show", (_PROFILE,)),
    Command(
        ("profile", "create"),
        "make a profile",
        "profile:create",
        (
            Argument(("name",), "its name"),
            _words("servers", "installed servers", "installed"),
            _flag("--warm", "start its servers before they are called"),
        ),
    ),
    Command(
        ("profile", "add"),
        "put servers into a profile, with all their tools or some",
        "profile:add",
        (_PROFILE, _SERVERS, _option("--tool", "only this tool of the server", "tool", **_MANY)),
    ),
    Command(
        ("profile", "remove"),
        "take servers, or tools of one, out of a profile",
        "profile:remove",
        (_PROFILE, _SERVERS, _option("--tool", "only this tool of the server", "tool", **_MANY)),
    ),
    Command(
        ("profile", "warm"),
        "start the servers of a profile before they are called, or not",
        "profile:warm",
        (_PROFILE, Argument(("state",), "on or off", "", {"choices": ("on", "off")})),
    ),
    Command(
        ("profile", "rm"),
        "forget profiles",
        "profile:rm",
        (_words("names", "profiles", "profile", "+"),),
    ),
    *ACCESS,
    *NETWORK,
    *GUARD,
    Command(("clients",), "list MCP clients on this machine", "clients:clients"),
    Command(
        ("connect",),
        "write mcptui into a client's config; shows the exact change",
        "clients:connect",
        (
            _words("clients", "clients", "client"),
            _flag("--all", "every client found"),
            _option(
                "--profile",
                "give it only this profile's servers; '' gives it all again",
                "profile",
                metavar="NAME",
            ),
            _option(
                "--http",
                "let it reach the gateway at 127.0.0.1:PORT or unix:PATH; '' lets it start its own",
                metavar="ADDRESS",
            ),
            _flag("--replace", "another entry called mcptui may give way"),
            _flag("--force", "also when nothing shows that the client is installed"),
            _YES,
            _flag("--dry-run", "only show the change"),
        ),
    ),
    Command(
        ("disconnect",),
        "take mcptui out of a client's config, byte for byte; shows the exact change",
        "clients:disconnect",
        (
            _words("clients", "clients", "client", "+"),
            _YES,
            _flag("--dry-run", "only show the change"),
        ),
    ),
    Command(("problems",), "list what needs you now, as the key ! does", "servers:problems"),
    Command(("undo",), "take the last change back", "servers:undo"),
    Command(
        ("doctor",),
        "check engine, keyring, sign-ins, catalog, clients, clock and your settings",
        "doctor:doctor",
        (
            _option(
                "--fix",
                "mend this finding, or all that can be",
                "finding",
                nargs="?",
                const="all",
                metavar="FINDING",
            ),
            _YES,
        ),
    ),
    Command(
        ("gateway", "run"),
        "speak MCP to one client on stdin and stdout, or to many with --http",
        "gateway:run",
        (
            PASSPHRASE,
            _option(
                "--http",
                "serve many clients at 127.0.0.1:PORT or unix:PATH instead",
                default="",
                metavar="ADDRESS",
            ),
            _flag("--no-token", "ask HTTP clients on this machine for no token; for tools"),
            _flag("--allow-remote", "let other machines connect; they need the token"),
            _option("--client", "the client that starts it", "client", default="", metavar="ID"),
            _option("--profile", "offer the servers of this profile", "profile", metavar="NAME"),
            _flag("--warm", "start the servers before they are called"),
            _flag("--plain-names", "no server's name before those of tools; for one server"),
            INTERCEPTORS,
            _option(
                "--idle",
                "stop a server that nobody used this long; 0 never",
                type=float,
                metavar="SECONDS",
            ),
            _option("--start-timeout", "a server may take to start", type=float, metavar="SECONDS"),
            _option(
                "--call-timeout",
                "a call may take without progress",
                type=float,
                metavar="SECONDS",
            ),
        ),
    ),
    Command(
        ("completion",),
        "print a shell's completion script",
        "complete:script",
        (Argument(("shell",), "the shell", "", {"choices": ("bash", "zsh", "fish")}),),
    ),
    Command(("version",), "print the version", "doctor:version"),
)
