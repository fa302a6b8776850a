"""What a sub-command is made of: the rows of the table that parser, help and completion read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    Args:
        names: "name" for a positional one, "--name" and "-n" for an option.
        help: one line.
        completes: what a shell offers for it: "catalog", "installed", "client", "tool",
            "finding", "profile", "secret", "interceptor", "file", or "" for nothing.
        settings: handed to argparse.
    """

    names: tuple[str, ...]
    help: str
    completes: str = ""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command.

    Args:
        path: its words: ("catalog", "show").
        help: one line.
        run: "module:function" below `mcptui.cli`; it takes home, given and out and returns the
            exit code.
        arguments: besides `--json`, which every command has.
    """

    path: tuple[str, ...]
    help: str
    run: str
    arguments: tuple[Argument, ...] = ()


def words(name: str, help_: str, completes: str = "", nargs: str = "*") -> Argument:
    """Any number of words."""
    return Argument((name,), help_, completes, {"nargs": nargs})


def option(names: str, help_: str, completes: str = "", **settings: Any) -> Argument:
    """An option with a value; `names` are separated by blanks."""
    return Argument(tuple(names.split()), help_, completes, settings)


def flag(names: str, help_: str) -> Argument:
    """An option without a value."""
    return Argument(tuple(names.split()), help_, "", {"action": "store_true"})
