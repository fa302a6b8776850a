"""Servers from npm: tarballs by exact version and sha512, unpacked, never installed.

npm only fills its cache ("npm cache add"); the tarballs are taken out of it by the hashes of the
lock, checked again and unpacked to where the lock says. Nothing of a package runs, and nothing
but what the lock names is there.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mcptui.entry import Package
from mcptui.errors import McptuiError, NotTrusted, UsageError
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.lock import Tarball
from mcptui.runtime.image.tools import ToolError, explain, package_environ, run
from mcptui.runtime.image.tree import Tree, clean_path

APP = "app"
_AT_ONCE = 200


def npm_environ(environ: Mapping[str, str], cache: Path) -> dict[str, str]:
    """Return the environment in which npm runs: no scripts, no messages, our own cache."""
    return {
        **package_environ(environ),
        "npm_config_cache": str(cache / "npm"),
        "npm_config_ignore_scripts": "true",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_progress": "false",
        "npm_config_fetch_retries": "1",
        "npm_config_fetch_timeout": "60000",
        "npm_config_loglevel": "http",
    }


def content(cache: Path, integrity: str) -> Path:
    """Where npm's cache keeps the tarball with this integrity."""
    digest = base64.b64decode(integrity.removeprefix("sha512-")).hex()
    return (
        cache / "npm" / "_cacache" / "content-v2" / "sha512" / digest[:2] / digest[2:4] / digest[4:]
    )


async def fetch(
    tarballs: Sequence[Tarball],
    npm: Sequence[str],
    folder: Path,
    cache: Path,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> None:
    """Bring the tarballs of a lock into npm's cache.

    Args:
        tarballs: the lock.
        npm: argument list that starts npm.
        folder: a scratch folder.
        cache: our cache; npm's is below it.
        environ: the user's environment.
        on_line: told what npm prints.

    Raises:
        NotTrusted: the registry's tarball has another hash; the error names it.
        TryAgain: the network does not answer.
        McptuiError: a version is not there any more, or the disk is full.
    """
    missing = [one for one in tarballs if not content(cache, one.integrity).is_file()]
    specs = sorted({f"{one.name}@{one.version}" for one in missing})
    world = npm_environ(environ, cache)
    for start in range(0, len(specs), _AT_ONCE):
        command = [*npm, "cache", "add", *specs[start : start + _AT_ONCE]]
        code, output = await run(command, environ=world, folder=folder, on_line=on_line)
        if code:
            raise _failure(output, folder)
    for one in missing:
        if not content(cache, one.integrity).is_file():
            raise _wrong(one)


def _failure(output: str, folder: Path) -> McptuiError:
    error = explain("Downloading from npm", output, folder)
    gone = re.search(r"(?:404|ETARGET|notarget)[^\n]*?['\s](@?[\w./-]+@[\w.+-]+)", output)
    if isinstance(error, ToolError) and gone:
        return McptuiError(f"npm does not have {gone[1]} any more", error.why)
    return error


def _wrong(one: Tarball) -> NotTrusted:
    return NotTrusted(
        f"The hash of {one.name}@{one.version} is wrong: what npm gave is not what was pinned",
        one.integrity,
        "nothing was installed; report this to the catalog if it stays so",
    )


def unpack(tarballs: Sequence[Tarball], cache: Path, tree: Tree, check: Callable[[], None]) -> None:
    """Check and unpack tarballs to where the lock puts them. Blocks.

    Args:
        tarballs: the lock.
        cache: our cache, filled by `fetch`.
        tree: where to.
        check: raises when the build was cancelled.

    Raises:
        NotTrusted: a tarball changed on disk or holds what none may hold.
    """
    for one in tarballs:
        check()
        path = content(cache, one.integrity)
        data = path.read_bytes()
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        if f"sha512-{digest}" != one.integrity:
            path.unlink()
            raise _wrong(one)
        _unpack(data, one, tree)


def _unpack(data: bytes, one: Tarball, tree: Tree) -> None:
    label = f"{one.name}@{one.version}"

    def place(path: str) -> str | None:
        inner = path.partition("/")[2]  # the first folder is "package", or anything else
        return f"{APP}/{one.path}/{inner}" if inner else None

    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            plain = (member for member in archive if member.isfile() or member.isdir())
            for member in plain:  # npm leaves out links too
                path = place(clean_path(member.name, label))
                handle = archive.extractfile(member) if member.isfile() else None
                if path is not None and handle is not None:
                    tree.add_file(path, handle.read(), executable=bool(member.mode & 0o100))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise NotTrusted(f"{label} is no tarball", str(error)) from error


def entry_point(package: Package, base: Base, tree: Tree) -> tuple[str, ...]:
    """Return the image's ENTRYPOINT: Node and the server's own file.

    Raises:
        UsageError: the package has no program, or several and none has its name.
    """
    home = f"{APP}/node_modules/{package.name}"
    node = tree.nodes.get(f"{home}/package.json")
    if node is None or node.data is None:
        raise UsageError(f"{package.name} has no package.json")
    told: Any = json.loads(node.data)
    bins: Any = cast("dict[str, Any]", told).get("bin") if isinstance(told, dict) else None
    plain = package.name.rpartition("/")[2]
    found = {plain: bins} if isinstance(bins, str) else cast("dict[str, str]", bins or {})
    name = package.script or (plain if plain in found else "")
    if not name and len(set(found.values())) == 1:
        name = next(iter(found))
    path = f"{home}/{clean_path(str(found.get(name, '')), package.name)}"
    for candidate in (path, f"{path}.js", f"{path}/index.js"):
        if candidate in tree and tree.nodes[candidate].data is not None and name:
            return (base.interpreter, f"/{candidate}")
    raise UsageError(
        f"It is not plain which program of {package.name} is the server",
        f"it has: {', '.join(found) or 'no program'}",
        "name one in the entry: [package] script",
    )
