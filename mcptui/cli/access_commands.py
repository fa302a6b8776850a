"""The sub-commands of what servers need from their user: secrets and sign-ins."""

from __future__ import annotations

from mcptui.cli.command import Argument, Command, flag, option, words

_SERVER = Argument(("server",), "an installed server", "installed")
_NAME = Argument(("name",), "as the server declares it; NAME@SERVER for one alone", "secret")
_YES = flag("--yes -y", "do it without asking")
PASSPHRASE = option(
    "--passphrase-fd",
    "read the vault's passphrase from this file descriptor",
    type=int,
    default=None,
    metavar="N",
)
"""For commands that may open the vault on a machine without a keyring."""

ACCESS: tuple[Command, ...] = (
    Command(("oauth", "ls"), "list the sign-ins of installed servers", "oauth:ls"),
    Command(
        ("oauth", "authorize"),
        "sign in to a remote server through your browser",
        "oauth:authorize",
        (
            _SERVER,
            flag("--no-browser", "open none: show the address, take the answer by paste"),
            flag("--device", "show a code to type on another device"),
            option("--scopes", "ask for these besides", default="", metavar="SCOPES"),
            option("--client-id", "your own from the publisher", default="", metavar="ID"),
            flag("--client-secret", "read its secret from stdin"),
            PASSPHRASE,
        ),
    ),
    Command(
        ("secret", "set"),
        "store a secret: asked for without echo, or read from stdin",
        "secret:set_",
        (
            _NAME,
            option(
                "--server",
                "give it to this server; the one that declares it by default",
                "installed",
                action="append",
                default=[],
            ),
            PASSPHRASE,
        ),
    ),
    Command(("secret", "ls"), "list secrets, who gets them and what is missing", "secret:ls"),
    Command(
        ("secret", "rm"),
        "forget secrets",
        "secret:rm",
        (words("names", "stored secrets", "secret", "+"), _YES, PASSPHRASE),
    ),
    Command(
        ("secret", "grant"),
        "let a server have a stored secret that it declares",
        "secret:grant",
        (_NAME, _SERVER, PASSPHRASE),
    ),
    Command(
        ("secret", "revoke"),
        "take a secret from a server",
        "secret:revoke",
        (_NAME, _SERVER, PASSPHRASE),
    ),
    Command(
        ("secret", "import"),
        "store secrets that lie in a .env file or in clients' configs",
        "secret:import_",
        (
            Argument(("file",), "a .env file", "file", {"nargs": "?"}),
            flag("--clients", "look into the configs of MCP clients"),
            option("--only", "only this secret", action="append", default=[], metavar="NAME"),
            flag("--replace", "also those that are stored already"),
            _YES,
            flag("--dry-run", "only show what would be stored"),
            PASSPHRASE,
        ),
    ),
    Command(
        ("gateway", "token"),
        "the token that clients of the HTTP front present",
        "secret:token",
        (
            flag("--show", "print it"),
            flag("--rotate", "make a new one; the old one is refused from now on"),
            PASSPHRASE,
        ),
    ),
    Command(
        ("oauth", "revoke"), "sign out: tokens are revoked", "oauth:revoke", (_SERVER, PASSPHRASE)
    ),
)
