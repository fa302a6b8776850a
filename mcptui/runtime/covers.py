"""The covers over secrets in picked folders, as mounts of one container."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcptui.errors import McptuiError
from mcptui.runtime.masks import USUAL, Bounds, Watch, look_through
from mcptui.runtime.mounts import PlannedMount
from mcptui.runtime.pinned import Check
from mcptui.visible import visible
from mcptui.words import plural

_FILE, _FOLDER = "covered-file", "covered-folder"


@dataclass(frozen=True, slots=True)
class Covers:
    """What covers the secrets of one container's folders.

    Args:
        bodies: mounts in the Engine API's form.
        checks: what must be at their places, as long as the engine is on this machine.
        watch: looks for what shows later; None when no folder was picked.
    """

    bodies: tuple[dict[str, Any], ...] = ()
    checks: tuple[Check, ...] = ()
    watch: Watch | None = None


def covers_for(
    mounts: Iterable[PlannedMount],
    shown: frozenset[str],
    exposed: frozenset[str],
    folder: Path,
    *,
    far: bool = False,
    bounds: Bounds = USUAL,
) -> Covers:
    """Look through picked folders and cover what is found.

    Args:
        mounts: the picked folders and files.
        shown: paths the user wants the server to see.
        exposed: paths that are given for the secrets in them.
        folder: where the empty file and folder are made; private to this user.
        far: the engine does not see `folder`.
        bounds: how far to look.

    Raises:
        McptuiError: there is more to cover than can be.
    """
    mounts = tuple(one for one in mounts if not one.volume)
    looks = [
        look_through(one.source, shown, bounds, sockets_only=one.source in exposed)
        for one in mounts
    ]
    if sum(len(look.secrets) for look in looks) > bounds.covers:
        raise McptuiError(
            f"The picked folders hold more than {plural(bounds.covers, 'secret')}",
            "more cannot be covered",
            "Pick smaller folders",
        )
    bodies: list[dict[str, Any]] = []
    checks: list[Check] = []
    for mount, look in zip(mounts, looks, strict=True):
        for path in sorted(look.secrets):
            target = mount.target + path.removeprefix(mount.source.rstrip("/"))
            is_folder = os.path.isdir(path)  # noqa: PTH112
            if far:
                bodies.append(_far(target, is_folder=is_folder))
                continue
            cover = _cover(folder, is_folder=is_folder)
            held = cover.stat()
            bodies.append({"Type": "bind", "Source": str(cover), "Target": target,
                           "ReadOnly": True})  # fmt: skip
            checks.append(Check(target, held.st_dev, held.st_ino))
    watched = [look for look in looks if look.folders]
    watch = Watch(watched, shown, exposed) if watched else None
    return Covers(tuple(bodies), tuple(checks), watch)


def shows(path: str) -> str:
    """Why a server is ended whose folder shows a secret."""
    return (
        f"{visible(path, limit=200)} came into a folder of it and holds a secret, or opens a way "
        "to another program: it is covered from the next start on"
    )


def _cover(folder: Path, *, is_folder: bool) -> Path:
    """The empty file or folder that lies over a secret, made when it is not there."""
    cover = folder / (_FOLDER if is_folder else _FILE)
    if is_folder:
        cover.mkdir(mode=0o555, exist_ok=True)
    elif not cover.exists():
        os.close(os.open(cover, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
    cover.chmod(0o555 if is_folder else 0o444)
    return cover


def _far(target: str, *, is_folder: bool) -> dict[str, Any]:
    """A cover of what every engine has at its own place."""
    if is_folder:
        return {"Type": "tmpfs", "Target": target,
                "TmpfsOptions": {"SizeBytes": 4096, "Mode": 0o555}}  # fmt: skip
    return {"Type": "bind", "Source": "/dev/null", "Target": target, "ReadOnly": True}
