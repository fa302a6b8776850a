"""The argument parser, made from the table of commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mcptui.cli.commands import COMMANDS, DEFAULTS, GROUPS, Command

EPILOG = """\
without a command mcptui opens its rooms; without a terminal it prints the doctor's page

stdout holds data (--json: one JSON document, one per line with --follow), stderr tells the story
exit codes:
  0    done
  1    refused or failed
  2    wrong argument, setting or file
  3    busy or out of reach now, try again
  4    a signature, hash or pin does not hold
  130  interrupted
environment: MCPTUI_HOME (one folder for everything), MCPTUI_DEBUG=1 (tracebacks), NO_COLOR
"""


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=98)


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    for argument in command.arguments:
        settings: dict[str, Any] = dict(argument.settings)
        parser.add_argument(*argument.names, help=argument.help, **settings)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="mcptui",
        description="The secure MCP toolkit in a terminal.",
        epilog=EPILOG,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(command=None, json=False)
    top = parser.add_subparsers(title="commands", metavar="COMMAND")
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        *group, verb = command.path
        where: Any = top
        if group and group[0] not in groups:
            inner = top.add_parser(
                group[0],
                help=GROUPS[group[0]],
                formatter_class=_formatter,
                allow_abbrev=False,
                description=f"{GROUPS[group[0]].capitalize()}. "
                f"Without a command: {DEFAULTS[group[0]]}.",
            )
            groups[group[0]] = inner.add_subparsers(title="commands", metavar="COMMAND")
        if group:
            where = groups[group[0]]
        made = where.add_parser(
            verb,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            formatter_class=_formatter,
            allow_abbrev=False,
        )
        _fill(made, command)
    return parser


def with_default(argv: Sequence[str]) -> list[str]:
    """Name the group's usual command where the user left it out: `calls -f` is `calls ls -f`."""
    words = list(argv)
    if not words or words[0] not in DEFAULTS:
        return words
    verbs = {
        command.path[1] for command in COMMANDS if command.path[0] == words[0] and command.path[1:]
    }
    if len(words) > 1 and (words[1] in verbs or words[1] in ("-h", "--help")):
        return words
    return [words[0], DEFAULTS[words[0]], *words[1:]]
