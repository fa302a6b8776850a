"""Read locks: every package of a server by exact version and hash, and nothing else.

A lock comes out of a catalog, and pip would take options from it (other indexes, files, build
settings). So it is parsed here by a form that has no options, and written anew for pip.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcptui.entry import Package
from mcptui.errors import NotTrusted
from mcptui.visible import visible

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9._+!-]*)"
    r"(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)"
)
_NPM_NAME = re.compile(r"(?:@[a-z0-9._~-]+/)?[A-Za-z0-9._~-]+")
_NPM_VERSION = re.compile(r"\d[A-Za-z0-9.+-]*")
_INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
_NPM_PATH = re.compile(r"node_modules/(?:@[^/@]+/)?[^/@]+(?:/node_modules/(?:@[^/@]+/)?[^/@]+)*")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package of a PyPI lock: exact version and the sha256 of every file that may serve."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def requirement(self) -> str:
        """The line that pip reads."""
        return " ".join(
            [f"{self.name}=={self.version}", *(f"--hash=sha256:{h}" for h in self.hashes)]
        )


@dataclass(frozen=True, slots=True)
class Tarball:
    """One package of an npm lock.

    Args:
        path: where it goes ("node_modules/zod").
        name, version: what it is called at the registry.
        integrity: "sha512-…" of its tarball.
    """

    path: str
    name: str
    version: str
    integrity: str


def canonical(name: str) -> str:
    """Return a Python package's name in the one form that compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def checked_lock(package: Package) -> str:
    """Return a package's lock after comparing it with its hash.

    Raises:
        NotTrusted: the lock is not the one that the entry names.
    """
    if hashlib.sha256(package.lock.encode()).hexdigest() != package.lock_sha256:
        raise NotTrusted(f"The lock of {package.name} is not the one its entry names")
    return package.lock


def _refuse(why: str, what: str) -> NotTrusted:
    return NotTrusted("A lock was refused", f"{why}: {visible(what)[:120]}")


def read_pypi(text: str, name: str, version: str) -> list[Pinned]:
    """Read a requirements-style lock.

    Args:
        text: the lock.
        name, version: the package it is for; it must be in it.

    Raises:
        NotTrusted: anything but "name==version --hash=sha256:…" stands in it, or the package
            itself does not.
    """
    joined = re.sub(r"\\\n", " ", text)
    found: dict[str, Pinned] = {}
    for raw in joined.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            raise _refuse("a line is not name==version with hashes", line)
        hashes = tuple(sorted(set(re.findall(r"sha256:([0-9a-f]{64})", match["hashes"]))))
        key = canonical(match["name"])
        if key in found:
            raise _refuse("a package stands in it twice", line)
        found[key] = Pinned(key, match["version"], hashes)
    main = found.get(canonical(name))
    if main is None or main.version != version:
        raise _refuse("it does not lock the package itself", f"{name}=={version}")
    return [found[key] for key in sorted(found)]


_CPU = {"amd64": "x64", "arm64": "arm64"}


def read_npm(text: str, name: str, version: str, arch: str) -> list[Tarball]:
    """Read a package-lock.json (version 3) and return what belongs on Linux with glibc.

    Args:
        text: the lock.
        name, version: the package it is for; it must be in it.
        arch: "amd64" or "arm64".

    Raises:
        NotTrusted: a package has no sha512, an address, or is a link.
    """
    try:
        data = json.loads(text)
        packages = cast("dict[str, dict[str, Any]]", data["packages"])
        if data["lockfileVersion"] != 3:
            raise ValueError("version of the lock file is not 3")
        found = [
            _tarball(path, one)
            for path, one in packages.items()
            if path and _wanted(one, _CPU[arch])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refuse("it is not a package-lock.json of version 3", str(error)) from error
    if not any((t.path, t.version) == (f"node_modules/{name}", version) for t in found):
        raise _refuse("it does not lock the package itself", f"{name}@{version}")
    return sorted(found, key=lambda one: one.path)


def _wanted(one: Mapping[str, Any], cpu: str) -> bool:
    """Whether a package is for running, on this platform, and has a tarball of its own."""
    if one.get("dev") or one.get("inBundle"):
        return False
    return all(
        _fits(one.get(field), value)
        for field, value in (("os", "linux"), ("cpu", cpu), ("libc", "glibc"))
    )


def _fits(allowed: Any, value: str) -> bool:
    if not allowed:
        return True
    named = [str(item) for item in cast("list[Any]", allowed)]
    return f"!{value}" not in named and (
        value in named or all(item.startswith("!") for item in named)
    )


def _tarball(path: str, one: Mapping[str, Any]) -> Tarball:
    if not _NPM_PATH.fullmatch(path) or ".." in path.split("/"):
        raise _refuse("a package goes to an odd place", path)
    if "resolved" in one or one.get("link"):
        raise _refuse("a package has an address or is a link", path)
    integrity = str(one.get("integrity", ""))
    if not _INTEGRITY.fullmatch(integrity):
        raise _refuse("a package has no sha512", path)
    name = str(one.get("name") or path.rpartition("node_modules/")[2])
    version = str(one["version"])
    if not _NPM_NAME.fullmatch(name) or not _NPM_VERSION.fullmatch(version):
        raise _refuse("a package has an odd name or version", f"{name}@{version}")
    return Tarball(path, name, version, integrity)
