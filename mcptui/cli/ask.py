"""Questions to the person at the terminal; where nobody can be asked, `--yes` must be given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mcptui.errors import UsageError

if TYPE_CHECKING:
    from mcptui.cli.output import Out


def agreed(out: Out, question: str, yes: bool) -> bool:
    """Whether the person wants it.

    Args:
        out: where the question is asked (stderr).
        question: what is asked: "Install time?".
        yes: `--yes` was given.

    Raises:
        UsageError: nobody can be asked, and `--yes` was not given.
    """
    if yes:
        return True
    if out.as_json or not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here", fix="Add --yes to agree")
    out.ask(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def hidden(out: Out, question: str) -> str:
    """A value that nobody sees: typed without echo, or one line of stdin.

    Args:
        out: where the question is put (stderr).
        question: what is asked, without a colon.

    Raises:
        UsageError: nothing was given.
    """
    if sys.stdin.isatty():
        value = unseen(question)
    else:
        value = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(f"{question}: nothing was given", fix="Type it, or write it to stdin")
    return value


def unseen(question: str) -> str:
    """Ask the person at the terminal, without echo."""
    import getpass

    from mcptui.visible import visible

    return getpass.getpass(f"{visible(question).rstrip(': ')}: ", stream=sys.stderr)
