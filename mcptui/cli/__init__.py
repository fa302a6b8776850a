"""The front door: one sub-command per room and verb, everything else imported when it is needed.

`mcptui` alone opens the screen. Every command is a twin of an action, prints data on stdout and
its story on stderr, and ends with one of the exit codes of `errors.py`. An unexpected error is
one clear line and a file to send; the traceback itself is shown with MCPTUI_DEBUG=1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from mcptui.cli.output import Out
    from mcptui.home import Home

    Run = Callable[[Home, Namespace, Out], int]

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; the process's own when not given.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["__complete"]:
        from mcptui.cli.complete import answer

        return answer(words[1:])
    from mcptui.cli.parser import make_parser, with_default

    given = make_parser().parse_args(with_default(words))
    if given.version:
        words, given = ["version"], make_parser().parse_args(["version"])
    return _guarded(given)


def _guarded(given: Namespace) -> int:
    from mcptui.cli.output import Out
    from mcptui.home import Home

    out = Out(as_json=given.json)
    home = Home.real()
    try:
        code = _run(home, given, out)
        out.stdout.flush()
        return code
    except McptuiError as error:
        if os.environ.get("MCPTUI_DEBUG") == "1":
            raise
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        out.say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); nothing is left to be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("MCPTUI_DEBUG") == "1":
            raise
        _defect(home, out, error)
        return 1
    finally:
        home.close()


def _unlock_with(home: Home, given: Namespace) -> None:
    """Say where the vault's passphrase may come from, should it be needed."""
    home.passphrase_fd = getattr(given, "passphrase_fd", None)
    serves = given.command is not None and given.command.path == ("gateway", "run")
    if serves and home.passphrase_fd is not None and home.passphrase_fd <= 2:
        raise UsageError(f"--passphrase-fd {home.passphrase_fd} is taken", "a client speaks there")
    if sys.stdin.isatty() and not serves:
        from mcptui.cli.ask import unseen

        home.ask_secret = unseen


def _run(home: Home, given: Namespace, out: Out) -> int:
    _unlock_with(home, given)
    if given.command is None:
        return _front(home, given, out)
    import importlib

    module, function = given.command.run.split(":")
    run: Run = getattr(importlib.import_module(f"mcptui.cli.{module}"), function)
    return run(home, given, out)


def _front(home: Home, given: Namespace, out: Out) -> int:
    """Open the screen, or print the doctor's page where there is none."""
    screen = sys.stdin.isatty() and sys.stdout.isatty()
    if screen and os.environ.get("TERM", "dumb") not in ("", "dumb"):
        from mcptui.tui.app import run

        return run(home)
    from mcptui.cli.doctor import page

    return page(home, out)


def _defect(home: Home, out: Out, error: Exception) -> None:
    """Tell of an error that nobody foresaw, and keep what is needed to mend it."""
    import time
    import traceback

    where = home.paths.state / "errors.log"
    try:
        home.paths.private(home.paths.state)
        with os.fdopen(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as log:
            log.write(time.strftime("--- %Y-%m-%d %H:%M:%S %z\n"))
            traceback.print_exception(error, file=log)
    except OSError:
        where = None
    out.error(
        McptuiError(
            f"A defect in mcptui: {type(error).__name__}: {error}",
            fix=f"Please report it with {where}" if where else "MCPTUI_DEBUG=1 shows where",
        )
    )
