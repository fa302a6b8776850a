"""Remove a server: its containers, its rows and, when nobody else needs it, its image."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed, live_gateways
from mcptui.actions.images import hold_image, image_steps, release_image
from mcptui.entry import Kind, Trust
from mcptui.entry_read import choices_from_dict, choices_to_dict, entry_from_dict, entry_to_dict
from mcptui.errors import McptuiError, UsageError
from mcptui.progress import Step, StepState
from mcptui.store.rows import Definitions, Installed, ToolState
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home

UNDO = "remove"
PATIENCE = 5.0
"""Seconds the living gateways get to stop a removed server themselves."""


async def remove(
    home: Home, name: str, *, keep_image: bool = False, keep_data: bool = False
) -> AsyncIterator[Step]:
    """Remove a server, step by step; its calls stay in the record.

    Args:
        home: from where.
        name: the installed server.
        keep_image: leave the image in the engine.
        keep_data: leave what it kept in volumes of its own; the same server under the same name
            finds it again.

    Raises:
        UsageError: no such server.
    """
    row = _row(home, name)
    yield Step("rows", f"forgetting {name}")
    if row is not None:
        home.store.push_undo(f"remove {name}", UNDO, _saved(home, row))
    home.store.remove_install(name)
    await asyncio.to_thread(_signed_out, home, name)
    home.store.wish("reload", name)
    yield Step("rows", f"forgot {name}", StepState.DONE, detail="its calls stay in the record")
    if row is not None and row.entry.kind is Kind.REMOTE:
        return  # nothing of it was here; the gateways leave it as they follow the store
    yield Step("containers", "stopping its containers")
    removed = await _stop(home, name)
    yield Step("containers", "its containers are gone", StepState.DONE, detail=removed)
    if kept := await asyncio.to_thread(_data, home, name):
        count = plural(len(kept), "volume")
        if keep_data:
            yield Step("data", f"its data stays: {count}", StepState.SKIPPED)
        else:
            await asyncio.to_thread(_forget_data, home, kept)
            yield Step("data", f"its data is gone: {count}", StepState.DONE)
    if row is None:
        return
    gone = await asyncio.to_thread(
        release_image, home, name, row.image_id, keep=keep_image or _shared(home, row)
    )
    if gone:
        yield Step("image", "the image is gone", StepState.DONE)
    elif keep_image or not row.image_id:
        yield Step("image", "the image stays", StepState.SKIPPED)
    else:
        yield Step("image", "the image stays: it is yours or still needed", StepState.SKIPPED)


def _row(home: Home, name: str) -> Installed | None:
    """The install; None for one of another release, which can be removed but not read.

    Raises:
        UsageError: no such server.
    """
    try:
        return installed(home, name)
    except UsageError:
        if name not in home.store.names():
            raise
        return None


def forget(home: Home, row: Installed, *, keep_image: bool) -> None:
    """Remove a server without telling about it, and without a way back."""
    home.store.remove_install(row.name)
    _signed_out(home, row.name)
    home.store.wish("reload", row.name)
    if row.entry.kind is not Kind.REMOTE:
        _sweep(home, row.name)
        _forget_data(home, _data(home, row.name))
    release_image(home, row.name, row.image_id, keep=keep_image or _shared(home, row))


def _signed_out(home: Home, name: str) -> None:
    from mcptui.actions.sign_in import forget_sign_in

    with contextlib.suppress(McptuiError):  # a shut vault: nobody asks it for this name any more
        forget_sign_in(home, name)


def _shared(home: Home, row: Installed) -> bool:
    """Whether another install of this home runs the same image."""
    return any(
        other.image_id == row.image_id for other in home.store.installs() if other.name != row.name
    )


async def _stop(home: Home, name: str) -> str:
    """Give the gateways a moment to stop the server politely, then remove what is left of it."""
    for _ in range(int(PATIENCE / 0.2)):
        if not live_gateways(home) or not await asyncio.to_thread(_left, home, name):
            break
        await asyncio.sleep(0.2)
    count = await asyncio.to_thread(_sweep, home, name)
    return f"{count} removed by hand" if count else ""


def _left(home: Home, name: str) -> list[str]:
    """What is left of a server's containers; only this home's."""
    from mcptui.runtime.owner import HOME, SERVER

    try:
        return home.engine().containers({SERVER: name, HOME: str(home.paths.state)})
    except McptuiError:
        return []


def _sweep(home: Home, name: str) -> int:
    """Remove what is left of a server's containers; returns how many there were."""
    found = _left(home, name)
    for container in found:
        with contextlib.suppress(McptuiError):
            home.engine().remove(container)
    return len(found)


def _data(home: Home, name: str) -> list[str]:
    """The volumes with what a server kept; only this home's."""
    from mcptui.runtime.volumes import volumes_of

    try:
        return [one.name for one in volumes_of(home.engine(), str(home.paths.state), name)]
    except McptuiError:
        return []


def _forget_data(home: Home, volumes: list[str]) -> None:
    from mcptui.runtime.volumes import remove_volume

    for volume in volumes:
        with contextlib.suppress(McptuiError):  # `mcptui volumes` lists what is left
            remove_volume(home.engine(), volume)


def _saved(home: Home, row: Installed) -> dict[str, Any]:
    said = home.store.definitions(row.name)
    return {
        "name": row.name,
        "entry": entry_to_dict(row.entry),
        "choices": choices_to_dict(row.choices),
        "trust": row.trust.value,
        "origin": row.origin,
        "image_id": row.image_id,
        "installed_at": row.installed_at,
        "definitions": asdict(said) if said is not None else None,
        "tool_states": [asdict(state) for state in home.store.tool_states(row.name)],
    }


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a removal: the same rows again; a package's image is built again where it went.

    Raises:
        UsageError: the name is taken meanwhile.
        McptuiError: the image is gone and cannot be made again.
    """
    name = payload["name"]
    if home.store.installed(name) is not None:
        raise UsageError(f"{name} is installed again already")
    entry = entry_from_dict(payload["entry"], f"removed server {name}")
    image_id = payload["image_id"]
    if image_id and not _has(home, image_id):
        image_id = asyncio.run(_again(home, payload)) if entry.package is not None else ""
        if not image_id:
            raise McptuiError(f"The image of {name} is gone", fix=f"Install {name} again")
    if image_id:
        hold_image(home, name, image_id)
    row = Installed(
        name=name,
        entry=entry,
        choices=choices_from_dict(payload["choices"], f"removed server {name}"),
        trust=Trust(payload["trust"]),
        origin=payload["origin"],
        image_id=image_id,
        installed_at=payload["installed_at"],
        updated_at=home.clock(),
    )
    if payload["definitions"] is not None:
        home.store.put_definitions(Definitions(**payload["definitions"]))
    home.store.put_tool_states([ToolState(**state) for state in payload["tool_states"]])
    home.store.put_install(row)
    home.store.wish("reload", name)


def _has(home: Home, image_id: str) -> bool:
    try:
        home.engine().image_facts(image_id)
    except McptuiError as error:
        if error.exit_code == 3:
            raise
        return False
    return True


async def _again(home: Home, payload: dict[str, Any]) -> str:
    image_id = ""
    entry = entry_from_dict(payload["entry"], "removed server")
    async for step in image_steps(home, entry):
        image_id = step.result if isinstance(step.result, str) else image_id
    return image_id
