"""An engine's errors in words a person can act on, whichever library they come from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from mcptui.errors import McptuiError, TryAgain
from mcptui.runtime import plain
from mcptui.visible import visible

_MISSING = 404


@contextmanager
def told(what: str, *, missing_ok: bool = False) -> Generator[None, None, None]:
    """Turn the errors of a request to the engine into ours.

    Args:
        what: what failed.
        missing_ok: what is not there any more is no error.
    """
    try:
        yield
    except plain.Refused as error:
        if not (missing_ok and error.status == _MISSING):
            why = visible(error.explanation, limit=400)
            raise McptuiError(what, why, _fix(error.explanation)) from error
    except Exception as error:
        _retold(what, error, missing_ok=missing_ok)


def _retold(what: str, error: Exception, *, missing_ok: bool) -> None:
    if "docker.errors" in sys.modules:
        import docker.errors

        if isinstance(error, docker.errors.NotFound):
            if missing_ok:
                return
            raise McptuiError(what, _explained(error)) from error
        if isinstance(error, docker.errors.APIError):
            raise McptuiError(what, _explained(error), _fix(str(error))) from error
        if isinstance(error, docker.errors.DockerException):
            raise _silent(error) from error
    # The SDK's own transport errors are errors of the system as well.
    if isinstance(error, OSError):
        raise _silent(error) from error
    raise error


def _silent(error: Exception) -> TryAgain:
    why = visible(getattr(error, "strerror", None) or error, limit=300)
    return TryAgain("The container engine does not answer", why, "`mcptui doctor` looks into it")


def _explained(error: Any) -> str:
    return visible(getattr(error, "explanation", "") or error, limit=400)


def _fix(why: str) -> str:
    hints: tuple[tuple[Callable[[str], bool], str], ...] = (
        (lambda text: "no space left" in text, "Free some disk space"),
        (lambda text: "NanoCPUs" in text or "cgroup" in text, "The engine lacks a limit we need; "
         "`mcptui doctor` tells which"),
        (lambda text: "being used by" in text, "Stop the server that uses it first"),
    )  # fmt: skip
    return next((fix for test, fix in hints if test(why)), "")
