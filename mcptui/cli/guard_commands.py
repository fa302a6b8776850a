"""The sub-commands of what looks at calls on their way: interceptors."""

from __future__ import annotations

from mcptui.cli.command import Argument, Command, option, words

_NAME = Argument(("name",), "the interceptor's name", "interceptor")
INTERCEPTORS = option(
    "--interceptor",
    "also show calls to this: before:exec:/path, after:http:https://host/path",
    dest="interceptors",
    action="append",
    default=[],
    metavar="SPEC",
)
"""For `gateway run`."""

GUARD: tuple[Command, ...] = (
    Command(("interceptor", "ls"), "list them in the order in which they run", "interceptor:ls"),
    Command(
        ("interceptor", "add"),
        "let a program or an address look at calls: it may refuse or change them",
        "interceptor:add",
        (
            Argument(("name",), "a name for it"),
            Argument(("spec",), "before|after:exec|http:TARGET, as before:exec:/usr/bin/check"),
            option(
                "--server", "only calls of this server; * stands for anything", "installed",
                dest="servers", action="append", default=[],
            ),
            option(
                "--tool", "only calls of this tool; * stands for anything", "tool",
                dest="tools", action="append", default=[], metavar="TOOL",
            ),
            option("--timeout", "seconds it may take; 5 by default", type=float, metavar="SECONDS"),
            option(
                "--on-failure", "what becomes of a call when it fails; deny by default",
                choices=("deny", "allow"),
            ),
        ),
    ),
    Command(
        ("interceptor", "rm"),
        "take them away",
        "interceptor:rm",
        (words("names", "interceptors", "interceptor", "+"),),
    ),
    Command(
        ("interceptor", "test"),
        "show one a call that is not made",
        "interceptor:test",
        (
            _NAME,
            option("--server", "the call's server", "installed", default="test", metavar="NAME"),
            option("--tool", "the call's tool", "tool", default="test", metavar="NAME"),
            option("--arguments", "the call's arguments", default="{}", metavar="JSON"),
            option("--result", "its result, for one that runs after", metavar="JSON"),
        ),
    ),
)  # fmt: skip
