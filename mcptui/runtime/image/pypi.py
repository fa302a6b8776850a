"""Servers from PyPI: wheels by exact version and hash, unpacked, never installed.

pip only downloads, and only wheels for the base's Python and machine, which need not be the
host's. A wheel is a zip of files; unpacking it runs no code of anybody's.
"""

from __future__ import annotations

import asyncio
import configparser
import io
import re
import stat
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mcptui.entry import Package
from mcptui.errors import McptuiError, NotTrusted, UsageError
from mcptui.runtime.image import wheels
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.lock import Pinned, canonical
from mcptui.runtime.image.tools import ToolError, explain, package_environ, run
from mcptui.runtime.image.tree import Tree, clean_path

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_LAUNCHER = """\
import sys

from {module} import {first}

sys.exit({call}())
"""
_OBJECT = re.compile(r"(?P<module>[A-Za-z_][\w.]*)\s*:\s*(?P<call>[A-Za-z_][\w.]*)\s*(?:\[.*\])?")


def pip_command() -> list[str]:
    """The argument list that starts pip.

    Raises:
        McptuiError: this Python has no pip.
    """
    from importlib.util import find_spec

    if find_spec("pip") is None:
        raise McptuiError(
            "Building from packages needs pip",
            f"{sys.executable} has none",
            "install it (python3 -m ensurepip) and try again",
        )
    return [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]


def target_options(version: str, arch: str, glibc: tuple[int, int]) -> list[str]:
    """The options by which pip takes wheels for a base and not for the host.

    Args:
        version: Python's version, as "3.11".
        arch: "amd64" or "arm64".
        glibc: version of the C library.
    """
    machine = _MACHINES[arch]
    oldest = 17 if arch == "arm64" else 5
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc[1], oldest - 1, -1)]
    tags += [f"manylinux2014_{machine}"]
    tags += [f"manylinux2010_{machine}", f"manylinux1_{machine}"] if arch == "amd64" else []
    tags += [f"linux_{machine}"]
    platforms = [part for tag in tags for part in ("--platform", tag)]
    abi = f"cp{version.replace('.', '')}"
    return [
        "--only-binary", ":all:", *platforms,
        "--python-version", version, "--implementation", "cp", "--abi", abi,
    ]  # fmt: skip


async def fetch(
    pins: Sequence[Pinned],
    base: Base,
    folder: Path,
    cache: Path,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> list[Path]:
    """Download the wheels of a lock, as far as they are not here from another build.

    Args:
        pins: the lock.
        base: what they will run on.
        folder: an empty folder for them.
        cache: where wheels are kept.
        environ: the user's environment.
        on_line: told what pip prints.

    Returns:
        One wheel for each pin.

    Raises:
        NotTrusted: a wheel has another hash; the error names it.
        TryAgain: the network does not answer.
        McptuiError: there is no wheel for this base, or the disk is full.
    """
    here, missing = await asyncio.to_thread(wheels.kept, pins, base, cache)
    if not missing:
        return sorted(here, key=lambda path: path.name)
    lock = folder / "lock.txt"
    lock.write_text("".join(f"{pin.requirement()}\n" for pin in missing), "utf-8")
    place = folder / "wheels"
    place.mkdir()
    scratch = folder / "pip"
    scratch.mkdir()
    command = [
        *pip_command(), "download", "--require-hashes", "--no-deps", "--progress-bar", "off",
        "--retries", "2", "--timeout", "20", "--cache-dir", str(cache / "pip"), 
        "--dest", str(place),
        *target_options(base.version, base.arch, base.glibc), "-r", str(lock),
    ]  # fmt: skip
    world = {**package_environ(environ), "TMPDIR": str(scratch)}
    code, output = await run(command, environ=world, folder=folder, on_line=on_line)
    if code:
        raise _failure(output, folder, base)
    found = sorted(place.glob("*.whl"))
    if len(found) != len(missing):
        told = f"{len(found)} of {len(missing)}"
        raise McptuiError("pip did not bring every wheel of the lock", told)
    here += await asyncio.to_thread(wheels.keep, found, base, cache)
    return sorted(here, key=lambda path: path.name)


def _failure(output: str, folder: Path, base: Base) -> McptuiError:
    error = explain("Downloading from PyPI", output, folder)
    if isinstance(error, NotTrusted):
        named = re.search(r"^\s+(\S+==\S+|\S+) from .*\n\s+Expected sha256", output, re.M)
        name = named[1] if named else "a package"
        return NotTrusted(
            f"The hash of {name} is wrong: what PyPI gave is not what was pinned",
            error.why,
            error.fix,
        )
    if isinstance(error, ToolError):
        missing = re.search(r"No matching distribution found for (\S+)", output)
        if missing:
            return McptuiError(
                f"There is no wheel of {missing[1]} for Python {base.version} on {base.arch}",
                "only wheels are taken, since building one would run the package's code",
            )
    return error


def unpack(files: Sequence[Path], base: Base, tree: Tree, check: Callable[[], None]) -> None:
    """Unpack wheels to where the base's Python looks for them. Blocks.

    Args:
        files: the wheels.
        base: what they go on.
        tree: where to.
        check: raises when the build was cancelled.
    """
    for path in files:
        check()
        try:
            with zipfile.ZipFile(path) as wheel:
                _unpack(wheel, path.name, base.site.lstrip("/"), tree)
        except (zipfile.BadZipFile, EOFError) as error:
            raise NotTrusted(f"{path.name} is no wheel", str(error)) from error


def _unpack(wheel: zipfile.ZipFile, name: str, site: str, tree: Tree) -> None:
    for member in wheel.infolist():
        path = clean_path(member.filename, name)
        if member.is_dir() or not path:
            continue
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise NotTrusted(f"{name} holds a symbolic link", path)
        target = _spread(path, site)
        if target is not None:
            tree.add_file(target, wheel.read(member), executable=bool(mode & 0o111))


def _spread(path: str, site: str) -> str | None:
    """Where a wheel's file goes; its scripts are left out, they start with the host's paths."""
    first, _, rest = path.partition("/")
    if not first.endswith(".data"):
        return f"{site}/{path}"
    kind, _, inner = rest.partition("/")
    if kind in ("purelib", "platlib"):
        return f"{site}/{inner}"
    return f"usr/local/{inner}" if kind == "data" else None


def entry_point(package: Package, base: Base, tree: Tree) -> tuple[str, ...]:
    """Add the launcher of a server's console script and return the image's ENTRYPOINT.

    Args:
        package: what was unpacked into `tree`.
        base: what it runs on.
        tree: all its wheels.

    Raises:
        UsageError: the package has no console script, or several and none has its name.
    """
    scripts = _scripts(package, base, tree)
    name = package.script or _choose(package, scripts)
    match = _OBJECT.fullmatch(scripts.get(name, ""))
    if match is None:
        raise UsageError(
            f"{package.name} has no console script {name!r}", f"it has: {', '.join(scripts)}"
        )
    call = match["call"]
    text = _LAUNCHER.format(module=match["module"], first=call.partition(".")[0], call=call)
    path = f"usr/local/bin/{clean_path(name, package.name)}"
    tree.add_file(path, text.encode(), executable=False)
    return (base.interpreter, "-I", f"/{path}")


def _scripts(package: Package, base: Base, tree: Tree) -> dict[str, str]:
    wanted = canonical(package.name)
    for path, data in tree.files(base.site.lstrip("/"), ".dist-info/entry_points.txt"):
        folder = path.split("/")[-2].removesuffix(".dist-info")
        if canonical(folder.rpartition("-")[0]) == wanted:
            parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
            parser.optionxform = str  # type: ignore[assignment,method-assign]
            parser.read_file(io.StringIO(data.decode("utf-8", "replace")))
            if parser.has_section("console_scripts"):
                return dict(parser.items("console_scripts"))
    return {}


def _choose(package: Package, scripts: Mapping[str, str]) -> str:
    same = [name for name in scripts if canonical(name) == canonical(package.name)]
    if len(same) == 1:
        return same[0]
    if len(scripts) == 1:
        return next(iter(scripts))
    raise UsageError(
        f"It is not plain which program of {package.name} is the server",
        f"it has: {', '.join(scripts) or 'no console script'}",
        "name one in the entry: [package] script",
    )
