"""Errors a person can act on: what happened, why, and what to do next.

The tree, with the exit code each one gives the command line:

    McptuiError              1  refused or failed
    ├── UsageError           2  a wrong argument, setting or file
    ├── TryAgain             3  busy or out of reach now; the same command may work later
    └── NotTrusted           4  a signature, hash or pin does not hold

Anything else that reaches the front door is a defect and is shown as one.
"""

from __future__ import annotations


class McptuiError(Exception):
    """Something was refused or failed, told so that a person can act.

    Args:
        what: what happened, one sentence without a trailing dot.
        why: the cause, if known.
        fix: what to do next, if anything can be done.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        return ". ".join(part.rstrip(".") for part in (self.what, self.why, self.fix) if part)


class UsageError(McptuiError):
    """A wrong argument, setting or file of the user's."""

    exit_code = 2


class TryAgain(McptuiError):
    """Busy or out of reach now; the same command may work later."""

    exit_code = 3


class NotTrusted(McptuiError):
    """A signature, hash or pin does not hold; nothing was changed."""

    exit_code = 4
