"""Make the lock of a package: a maintainer's tool, whose output goes into a catalog entry.

A lock names every package a server needs by exact version and hash, for every Python and machine
that bases exist for, and no address: where packages come from is the user's pip and npm to know.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.image.lock import canonical
from mcptui.runtime.image.node import npm_command
from mcptui.runtime.image.npm import npm_environ
from mcptui.runtime.image.pypi import pip_command, target_options
from mcptui.runtime.image.tools import explain, package_environ, run

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""The Pythons of the releases that bases are built from: Debian 12 and 13, Ubuntu 24.04 and on."""
ARCHES = ("amd64", "arm64")
_GLIBC = (2, 36)


async def lock(
    registry: str,
    name: str,
    version: str,
    *,
    cache: Path,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Return the lock of a package.

    Args:
        registry: "pypi" or "npm".
        name: the package.
        version: exact version.
        cache: where downloads are kept.
        environ: the environment for pip and npm.

    Raises:
        TryAgain: the registry does not answer.
        McptuiError: it has no such version, or a part of it has no wheel.
    """
    world = os.environ if environ is None else environ
    if registry not in ("pypi", "npm"):
        raise UsageError(f"There is no registry {registry!r}", "write pypi or npm")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        place = Path(folder)
        if registry == "npm":
            return await _lock_npm(name, version, place, cache, world)
        return await _lock_pypi(name, version, place, cache, world)


# ---- PyPI


async def _lock_pypi(
    name: str, version: str, folder: Path, cache: Path, world: Mapping[str, str]
) -> str:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = await _report([f"{name}=={version}"], here, "amd64", folder, cache, world, deps=True)
    if found is None:
        raise McptuiError(f"{name}=={version} cannot be resolved to wheels for Python {here}")
    for _ in range(8):  # what only another Python needs, and what that needs in turn
        missing = _missing(found)
        if not missing:
            break
        pins = [f"{one['name']}=={one['version']}" for one in map(_metadata, found)]
        again = await _report([*pins, *missing], here, "amd64", folder, cache, world, deps=True)
        if again is None:
            break
        found = again
    return await _with_hashes(found, folder, cache, world)


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", item["metadata"])


def _missing(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Requirements that hold under some Python of `PYTHONS` and were not resolved."""
    try:
        from packaging.requirements import Requirement
    except ImportError as error:
        raise McptuiError(
            "Locking needs the package `packaging`", "it comes with the test dependencies"
        ) from error
    have = {canonical(_metadata(item)["name"]) for item in found}
    wanted: set[str] = set()
    for item in found:
        extras = ["", *cast("list[str]", item.get("requested_extras", []))]
        for text in cast("list[str]", _metadata(item).get("requires_dist", [])):
            needed = Requirement(text)
            if canonical(needed.name) not in have and _holds(needed.marker, extras):
                needed.marker = None
                wanted.add(str(needed))
    return sorted(wanted)


def _holds(marker: Any, extras: Iterable[str]) -> bool:
    if marker is None:
        return True
    return any(
        marker.evaluate(
            {
                "python_version": python,
                "python_full_version": f"{python}.9",
                "platform_machine": machine,
                "sys_platform": "linux",
                "platform_system": "Linux",
                "os_name": "posix",
                "extra": extra,
            }
        )
        for python in PYTHONS
        for machine in ("x86_64", "aarch64")
        for extra in extras
    )


async def _report(
    wanted: Sequence[str],
    python: str,
    arch: str,
    folder: Path,
    cache: Path,
    world: Mapping[str, str],
    *,
    deps: bool,
) -> list[dict[str, Any]] | None:
    """What pip would install, None when a wheel is missing."""
    report = folder / "report.json"
    command = [
        *pip_command(), "install", "--dry-run", "--quiet", "--ignore-installed",
        "--report", str(report), "--cache-dir", str(cache / "pip"),
        "--target", str(folder / "nowhere"),
        *([] if deps else ["--no-deps"]), *target_options(python, arch, _GLIBC), *wanted,
    ]  # fmt: skip
    code, output = await run(command, environ=package_environ(world), folder=folder)
    if code:
        if re.search(r"No matching distribution|ResolutionImpossible|conflicting", output):
            return None
        raise explain(f"Resolving {wanted[0]}", output, folder)
    return cast("list[dict[str, Any]]", json.loads(report.read_text("utf-8"))["install"])


async def _with_hashes(
    found: Sequence[Mapping[str, Any]], folder: Path, cache: Path, world: Mapping[str, str]
) -> str:
    pins = {canonical(one["name"]): one["version"] for one in map(_metadata, found)}
    hashes: dict[str, set[str]] = {name: set() for name in pins}
    for item in found:
        if _universal(item):
            hashes[canonical(_metadata(item)["name"])].add(_sha256(item))
    fit: list[str] = []
    wanted = [f"{name}=={version}" for name, version in sorted(pins.items()) if not hashes[name]]
    for python in PYTHONS:
        for arch in ARCHES:
            items = (
                await _report(wanted, python, arch, folder, cache, world, deps=False)
                if wanted
                else []
            )
            if items is not None:
                fit.append(f"{python}/{arch}")
            for item in items or ():
                hashes[canonical(_metadata(item)["name"])].add(_sha256(item))
    if not fit:
        raise McptuiError("No Python and machine has a wheel of every package", " ".join(wanted))
    lines = [f"# wheels for {' '.join(fit)}"]
    for name, version in sorted(pins.items()):
        parts = [f"{name}=={version}", *(f"--hash=sha256:{one}" for one in sorted(hashes[name]))]
        lines.append(" \\\n    ".join(parts))
    return "\n".join(lines) + "\n"


def _sha256(item: Mapping[str, Any]) -> str:
    return str(cast("dict[str, Any]", item["download_info"])["archive_info"]["hashes"]["sha256"])


def _universal(item: Mapping[str, Any]) -> bool:
    """One wheel that serves all; pip takes it even where it has better, by its hash."""
    return str(item["download_info"]["url"]).endswith("-py3-none-any.whl")


# ---- npm


async def _lock_npm(
    name: str, version: str, folder: Path, cache: Path, world: Mapping[str, str]
) -> str:
    manifest = {
        "name": "mcptui-lock",
        "version": "0.0.0",
        "private": True,
        "dependencies": {name: version},
    }
    (folder / "package.json").write_text(json.dumps(manifest), "utf-8")
    command = [
        *await _npm(cache, world), "install", "--package-lock-only", "--ignore-scripts",
        "--omit=dev", "--omit-lockfile-registry-resolved", "--lockfile-version=3",
    ]  # fmt: skip
    code, output = await run(command, environ=npm_environ(world, cache), folder=folder)
    if code:
        raise explain(f"Resolving {name}@{version}", output, folder)
    made: Any = json.loads((folder / "package-lock.json").read_text("utf-8"))
    return stripped(made)


_KEPT = ("version", "integrity", "name", "os", "cpu", "libc", "dev", "optional", "inBundle", "link")


def stripped(data: Mapping[str, Any]) -> str:
    """Return a package-lock.json with what building needs and without any address.

    Raises:
        McptuiError: a package does not come from the registry, so it has no hash.
    """
    packages: dict[str, dict[str, Any]] = {}
    for path, one in cast("dict[str, dict[str, Any]]", data["packages"]).items():
        if path and not one.get("integrity") and not one.get("inBundle"):
            raise McptuiError("A package does not come from the registry", path)
        kept = _KEPT if path else ("name", "version", "dependencies")
        packages[path] = {key: one[key] for key in kept if key in one}
    told = {"name": data["name"], "version": data["version"], "lockfileVersion": 3}
    lines = [f"  {json.dumps(path)}: {json.dumps(one)}" for path, one in sorted(packages.items())]
    head = json.dumps(told)[:-1]
    return head + ', "requires": true, "packages": {\n' + ",\n".join(lines) + "\n}}\n"


async def _npm(cache: Path, world: Mapping[str, str]) -> list[str]:
    from mcptui.runtime.image import node

    place = node.host_folder(cache)
    if (command := npm_command(place)) is not None:
        return command
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        got = await node.wheel(Path(folder), cache, world, arch=None)
        made = Path(folder) / "node"
        await asyncio.to_thread(node.unpack_host, got, made)
        return node.keep_host(made, cache)


def main(arguments: Sequence[str]) -> int:
    """Print the lock of REGISTRY NAME VERSION; the maintainers' door."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m mcptui.actions.lock_package pypi|npm NAME VERSION\n")
        return 2
    from mcptui.paths import Paths

    cache = Paths.of(os.environ).cache
    try:
        text = asyncio.run(lock(arguments[0], arguments[1], arguments[2], cache=cache))
    except McptuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
