"""A scratch world for whole-program tests and benchmarks: a home, its environment, its servers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcptui.entry import Choices
from mcptui.home import Home
from mcptui.paths import Paths

ROOT = Path(__file__).parents[1]


def scratch_environ(folder: Path) -> dict[str, str]:
    """This process's environment with HOME and everything of ours below a scratch folder."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "MCPTUI_", "CLAUDE_"))
    }
    environ["HOME"] = str(folder / "home")
    environ["MCPTUI_HOME"] = str(folder / "mcptui")
    (folder / "home").mkdir(parents=True, exist_ok=True)
    return environ


def write_program(path: Path) -> str:
    """Write a program that starts this very checkout; gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from mcptui.cli import main\nsys.exit(main())\n"
    )
    path.chmod(0o755)
    return str(path)


def make_home(folder: Path) -> Home:
    """A home below `folder`, with the real engine and the real catalog.

    The command that clients start runs the program of this very checkout.
    """
    environ = scratch_environ(folder)
    environ["PYTHONPATH"] = str(ROOT)
    return Home(
        Paths.of(environ), environ=environ, gateway_command=(sys.executable, "-m", "mcptui")
    )


def world_environ(home: Home) -> dict[str, str]:
    """The environment for a program that should live in this home."""
    return dict(home.environ)


def install_server(home: Home, target: str | Path, choices: Choices | None = None) -> None:
    """Install a server as the command line does; an error of a step is raised."""
    from mcptui.actions.install import install

    async def run() -> None:
        async for _step in install(home, str(target), choices or Choices()):
            pass

    asyncio.run(run())
