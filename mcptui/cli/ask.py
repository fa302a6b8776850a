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
