"""What a server keeps: a volume of the engine for one install, which no other install is given.

A volume is named by the state folder, the server's name and what the server is, so another server
that is later installed under the same name does not find the first one's data.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcptui.entry import Entry
from mcptui.runtime import owner as labels
from mcptui.runtime.told import told

if TYPE_CHECKING:
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.mounts import PlannedMount

VOLUME = "mcptui.volume"
"""Label of every volume with a server's data: what its entry calls it."""
_WHOSE = (labels.SERVER, labels.INSTALL, labels.HOME)
_FOR_A_MOMENT = "/mcptui-volume"


@dataclass(frozen=True, slots=True)
class Kept:
    """One volume that the engine has.

    Args:
        name: the engine's name for it.
        server: whose data it is.
        entry: the id of that server's entry.
        label: what the entry calls it.
    """

    name: str
    server: str
    entry: str
    label: str


def volume_name(home: str, server: str, entry: Entry, label: str) -> str:
    """The engine's name for a server's volume.

    Args:
        home: the state folder it is for.
        server: the installed server's name.
        entry: what is installed.
        label: what the entry calls it.
    """
    what = entry.id
    if entry.package is not None:
        what += f"\0{entry.package.registry}/{entry.package.name}"
    elif entry.image is not None:
        what += f"\0{entry.image.repository or entry.image.digest}"
    told_apart = hashlib.sha256(f"{home}\0{server}\0{what}".encode("utf-8", "replace"))
    return f"mcptui-{told_apart.hexdigest()[:16]}-{label}"


def make_volumes(
    engine: Engine, mounts: Iterable[PlannedMount], image: str, told_by: Mapping[str, str]
) -> None:
    """Have the volumes of a container, each made when there is none.

    Args:
        engine: where.
        mounts: the container's; those of the host are not looked at.
        image: any image the engine has.
        told_by: the container's labels.
    """
    for mount in mounts:
        if mount.volume and not _has(engine, mount.source):
            kept = {
                one: told_by.get(one, "") for one in (labels.SERVER, labels.INSTALL, labels.HOME)
            }
            kept[VOLUME] = mount.source.split("-", 2)[-1]
            try:
                # A new volume belongs to root; the server is somebody else.
                fill_volume(
                    engine, mount.source, image, _FOR_A_MOMENT, _open_to_all(), kept, into="/"
                )
            except BaseException:
                remove_volume(engine, mount.source)
                raise


def fill_volume(
    engine: Engine,
    name: str,
    image: str,
    folder: str,
    archive: bytes,
    told_by: Mapping[str, str],
    *,
    into: str = "",
) -> None:
    """Put files into a named volume, through a container that is never started.

    Args:
        engine: where.
        name: the volume, made when there is none.
        image: any image the engine has.
        folder: where the volume lies for the moment.
        archive: a tar of the files.
        told_by: the volume's labels.
        into: where the archive is unpacked, the volume itself unless given.
    """
    mount = {"Type": "volume", "Source": name, "Target": folder}
    body: dict[str, Any] = {
        "Image": image,
        "Entrypoint": ["/never-started"],
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none", "Mounts": [mount]},
    }
    with told("The engine did not make the volume"):
        engine.client.api.create_volume(name, labels=dict(told_by))
    container = engine.create(body)
    try:
        with told("The engine did not take mcptui's files"):
            engine.client.api.put_archive(container, into or folder, archive)
    finally:
        with told("The container was not removed", missing_ok=True):
            engine.client.api.remove_container(container, force=True)


def volumes_of(engine: Engine, home: str, server: str = "") -> list[Kept]:
    """The volumes of one server, or of all of a state folder."""
    wanted = [f"{labels.HOME}={home}", VOLUME]
    wanted += [f"{labels.SERVER}={server}"] if server else []
    with told("The engine does not list its volumes"):
        listed: dict[str, Any] = engine.client.api.volumes(filters={"label": wanted})
    found: list[dict[str, Any]] = listed.get("Volumes") or []
    return sorted(
        (
            Kept(str(one["Name"]), marks.get(labels.SERVER, ""), marks.get(labels.INSTALL, ""),
                 marks.get(VOLUME, ""))
            for one in found
            if (marks := dict(one.get("Labels") or {}))
        ),
        key=lambda kept: kept.name,
    )  # fmt: skip


def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume with all that is in it; one that is gone is no error.

    Raises:
        McptuiError: a container still has it.
    """
    with told(f"The volume {name} was not removed", missing_ok=True):
        engine.client.api.remove_volume(name)


def _has(engine: Engine, name: str) -> bool:
    found: list[bool] = []
    with told("The engine does not tell of its volume", missing_ok=True):
        engine.ask("GET", f"/volumes/{name}")
        found.append(True)
    return bool(found)


def _open_to_all() -> bytes:
    """The volume's own folder, for whatever user the server is; nobody else comes near it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(_FOR_A_MOMENT.lstrip("/"))
        member.type, member.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(member)
    return packed.getvalue()
