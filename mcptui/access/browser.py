"""Opening the user's browser: an argument list, a program found by name, never a shell.

Only addresses that `url_gate` rebuilt come here. On Windows the system's own call is used, never
`cmd` or PowerShell, in which parts of an address would be commands (CVE-2025-6514).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping

from mcptui.errors import TryAgain, UsageError

_PLAIN = re.compile(r"https?://[\x21-\x7e]{1,8192}\Z")
_FORBIDDEN = frozenset("\"'<>\\^`{|}$()")
_SECONDS = 3.0
_running: list[subprocess.Popen[bytes]] = []
_OPENERS = {"darwin": ("/usr/bin/open",), "linux": ("xdg-open", "wslview", "gio")}


def can_open(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether there is a screen on which a browser could show something."""
    if platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in environ
    shown = (
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or environ.get("WSL_DISTRO_NAME")
    )
    return bool(shown) and bool(_command("", environ, platform))


def open_browser(url: str, environ: Mapping[str, str], platform: str = sys.platform) -> None:
    """Open an address that was checked.

    Raises:
        UsageError: it is no address that a browser is given.
        TryAgain: no browser opened; the address can be copied instead.
    """
    if not _PLAIN.fullmatch(url) or _FORBIDDEN.intersection(url):
        raise UsageError("This address is not opened", "it holds characters no address needs")
    if platform == "win32":
        os.startfile(url)  # type: ignore[attr-defined]  # pyright: ignore  # noqa: S606
        return
    command = _command(url, environ, platform)
    if not command:
        raise TryAgain("No browser was found", "", "Copy the address into a browser by hand")
    try:
        opener = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, env=dict(environ),
        )  # fmt: skip
    except OSError as error:
        raise TryAgain("The browser did not start", str(error.strerror or error)) from error
    try:
        code = opener.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        _running.append(opener)  # it has become the browser, or waits for one
        return
    if code:
        raise TryAgain(
            "The browser did not open", f"{command[0]} ended with {code}",
            "Copy the address into a browser by hand",
        )  # fmt: skip


def _command(url: str, environ: Mapping[str, str], platform: str) -> list[str]:
    for name in _OPENERS.get(platform, _OPENERS["linux"]):
        if found := shutil.which(name, path=environ.get("PATH")):
            return [found, *(["open"] if name == "gio" else []), url]
    return []
