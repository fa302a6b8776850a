"""The static first process of every container, as compiled while the package was built."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mcptui.errors import McptuiError

_PROCESSORS = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def shim(architecture: str, folder: Path) -> Path:
    """Find the shim for an engine's processor, as a file every user may run.

    Args:
        architecture: as the engine names it ("amd64", "aarch64", …).
        folder: gets a copy when the installed file is only for its owner (umask 077).

    Raises:
        McptuiError: there is none for this processor, or the package was installed without.
    """
    processor = _PROCESSORS.get(architecture.lower())
    if processor is None:
        raise McptuiError(
            f"Containers on {architecture} processors are not supported",
            "mcptui's start program is built for x86_64 and aarch64",
            "Use an engine on one of those",
        )
    program = Path(__file__).with_name("bin") / f"mcptui-shim-{processor}"
    if not program.is_file():
        raise McptuiError(
            "mcptui's start program for containers is missing",
            f"{program} was not built",
            "Install mcptui again; in a source tree run `python hatch_build.py`",
        )
    if program.stat().st_mode & 0o005 == 0o005:
        return program
    copy = folder / f"{program.name}-{program.stat().st_mtime_ns}"
    if not copy.is_file():
        fresh = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(program, fresh)
        fresh.chmod(0o755)
        fresh.replace(copy)
    return copy
