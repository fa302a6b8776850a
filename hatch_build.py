"""Compiles the shim while the package is built: static, for both processors, with the C compiler
of the ziglang wheel, so that the machine needs none of its own. `python hatch_build.py` does the
same in the working tree.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand in an environment that only has the compiler
    BuildHookInterface = None

ROOT = Path(__file__).resolve().parent
SHIM = ROOT / "mcptui" / "runtime" / "shim"
SOURCES = ("shim.c", "kernel.h", "filter.h", "look.h", "hand.h", "picked.h", "wrote.h")
PROCESSORS = ("x86_64", "aarch64")
# Without a C library there is nothing to build but the shim itself; the headers are the wheel's.
FLAGS = (
    "-std=gnu11", "-D_GNU_SOURCE", "-Os", "-static", "-s", "-nostdlib", "-ffreestanding",
    "-fno-stack-protector", "-fno-sanitize=undefined", "-fno-builtin", "-Wall", "-Wextra",
    "-Werror", "-Wl,--build-id=none",
)  # fmt: skip


def compile_shim(target: Path | None = None) -> list[Path]:
    """Compile the shim for every processor, skipping what is newer than its sources.

    Args:
        target: folder for the programs, `bin` beside the source unless given.

    Returns:
        The programs, executable by everybody.

    Raises:
        RuntimeError: the compiler is missing or refused; says which.
    """
    folder = target or SHIM / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    changed = max((SHIM / name).stat().st_mtime for name in (*SOURCES, "../../../hatch_build.py"))
    made: list[Path] = []
    for processor in PROCESSORS:
        program = folder / f"mcptui-shim-{processor}"
        if not program.is_file() or program.stat().st_mtime < changed:
            compile_static(processor, program)
        made.append(program)
    return made


def _headers(processor: str) -> tuple[str, ...]:
    """Folders of the wheel with the C library's and the kernel's headers."""
    kernel = {"x86_64": "x86-linux-any"}.get(processor, f"{processor}-linux-any")
    return f"{processor}-linux-musl", "generic-musl", kernel, "any-linux-any"


def compile_static(processor: str, program: Path, source: Path = SHIM / "shim.c") -> None:
    """Compile one program that needs no library, tests' own among them."""
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise RuntimeError("ziglang is not installed here: pip install ziglang")
    headers = Path(found.origin).parent / "lib" / "libc" / "include"
    system = [f"-isystem{headers / name}" for name in _headers(processor)]
    with tempfile.TemporaryDirectory(prefix="mcptui-shim-") as scratch:
        fresh = program.with_name(f".{program.name}.{os.getpid()}")
        command = [
            sys.executable, "-m", "ziglang", "cc", "-target", f"{processor}-linux-musl",
            *FLAGS, *system, f"-I{SHIM}", "-o", str(fresh), str(source),
        ]  # fmt: skip
        caches = {"ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch}
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **caches}, check=False
        )
        if done.returncode != 0:
            fresh.unlink(missing_ok=True)
            raise RuntimeError(f"{source.name} does not compile for {processor}:\n{done.stderr}")
    fresh.chmod(0o755)
    fresh.replace(program)  # at once: a running build beside this one never sees half a file


if BuildHookInterface is not None:

    class ShimHook(BuildHookInterface[Any]):
        """Hatchling's way to call `compile_shim`, for wheels and editable installs alike."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile, and have the programs in the wheel although git ignores them."""
            if self.target_name != "wheel":
                return
            compile_shim()
            artifacts: list[str] = build_data.setdefault("artifacts", [])
            artifacts.append("/mcptui/runtime/shim/bin/*")


if __name__ == "__main__":
    for made_program in compile_shim():
        sys.stdout.write(f"{made_program} {made_program.stat().st_size} bytes\n")
