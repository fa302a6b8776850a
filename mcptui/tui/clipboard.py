"""Copying by the system's own tool; the terminal (OSC 52) is asked only where there is none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

_TOOLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("", ("pbcopy",)),
    ("WSL_DISTRO_NAME", ("clip.exe",)),
)
"""A variable that must be set for a tool to work, and how it is called."""


def put(text: str, environ: Mapping[str, str]) -> str:
    """Hand a text to the first tool that takes it.

    Args:
        text: what to copy.
        environ: says which desktop there is. Over SSH the far desktop is never meant.

    Returns:
        The tool's name, "" when none took it.
    """
    if environ.get("SSH_TTY"):
        return ""
    for variable, command in _TOOLS:
        found = shutil.which(command[0], path=environ.get("PATH"))
        if found is None or (variable and not environ.get(variable)):
            continue
        try:
            subprocess.run(
                [found, *command[1:]],
                input=text.encode(),
                env=dict(environ),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=2,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return command[0]
    return ""
