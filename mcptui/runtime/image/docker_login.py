"""Sign-ins to registries as `docker login` keeps them: the config file and its helper programs.

A helper is started with one fixed argument and never through a shell, is told the host on stdin,
and may neither hang nor talk without end. Which program is run is read from the user's own file.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mcptui.errors import McptuiError, UsageError

HELPER_SECONDS = 10.0
_LARGEST = 1 << 20
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_DOCKER = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password for one registry.

    Args:
        user: the name.
        password: never shown.
    """

    user: str
    password: str = field(repr=False)


def login_for(host: str, environ: Mapping[str, str]) -> Login | None:
    """Find the sign-in for a registry; None when there is none.

    Args:
        host: the registry, "docker.io" for Docker's.
        environ: names the config's folder.

    Raises:
        UsageError: the config file cannot be read.
        McptuiError: the helper hangs, fails or says what cannot be understood.
    """
    folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or "~") / ".docker")
    config = _config(Path(folder).expanduser() / "config.json")
    names = (_DOCKER, "docker.io") if host == "docker.io" else (host, f"https://{host}")
    helpers = config.get("credHelpers")
    helpers = cast("dict[str, Any]", helpers) if isinstance(helpers, dict) else {}
    for name in names:
        if helper := helpers.get(name) or config.get("credsStore"):
            if (found := _asked(str(helper), name, environ)) is not None:
                return found
        elif (found := _written(config.get("auths"), name)) is not None:
            return found
    return None


def _config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        read = json.loads(text) if len(text) <= _LARGEST else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read", str(error)) from error
    if not isinstance(read, dict):
        raise UsageError(f"{path} is not what `docker login` writes")
    return cast("dict[str, Any]", read)


def _written(auths: Any, name: str) -> Login | None:
    one: Any = cast("dict[str, Any]", auths).get(name) if isinstance(auths, dict) else None
    text: Any = cast("dict[str, Any]", one).get("auth") if isinstance(one, dict) else None
    if not isinstance(text, str) or not text:
        return None
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError as error:
        raise UsageError(f"The sign-in for {name} in docker's config is damaged") from error
    return Login(user, password) if colon else None


def _asked(helper: str, name: str, environ: Mapping[str, str]) -> Login | None:
    """Ask a helper program; None when it has nothing for that registry."""
    what = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise UsageError("docker's config names a helper that is no program's name")
    code, out = _run([what, "get"], name, environ)
    if code:
        if b"credentials not found" in out:
            return None
        raise McptuiError(f"{what} gave no sign-in for {name}", f"it ended with code {code}")
    try:
        said = json.loads(out)
        user, password = said["Username"], said["Secret"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise McptuiError(f"{what} said what cannot be understood") from error
    if not isinstance(user, str) or not isinstance(password, str):
        raise McptuiError(f"{what} said what cannot be understood")
    if user == "<token>":
        raise McptuiError(f"{what} keeps an identity token, which is not supported", name)
    return Login(user, password)


def _run(arguments: list[str], told: str, environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Run a helper within its time and size; what it says may be a secret and is never shown."""
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise McptuiError(
            f"{arguments[0]} is not installed", "docker's config names it for sign-ins"
        ) from error
    except OSError as error:
        raise McptuiError(f"{arguments[0]} cannot be started", str(error)) from error
    late = threading.Event()
    timer = threading.Timer(HELPER_SECONDS, _end, (process, late))
    timer.start()
    with process:
        said = _spoken(process, told)
        if len(said) > _LARGEST:
            _end(process, None)
        code = process.wait()
    timer.cancel()
    if late.is_set():
        raise McptuiError(f"{arguments[0]} did not answer in {HELPER_SECONDS:g} s")
    if len(said) > _LARGEST:
        raise McptuiError(f"{arguments[0]} said too much")
    return code, said


def _spoken(process: subprocess.Popen[bytes], told: str) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    with contextlib.suppress(OSError):
        process.stdin.write(told.encode())
        process.stdin.close()
    return process.stdout.read(_LARGEST + 1)


def _end(process: subprocess.Popen[bytes], late: threading.Event | None) -> None:
    """End a helper with all it started."""
    if late is not None:
        late.set()
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
