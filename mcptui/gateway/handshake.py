"""Opening a server: which era it is of, what it can do, and what it offers, page by page.

An unknown server is asked `server/discover` first; whatever is no clear modern answer leads to
`initialize`. A silent server is given both, so that it costs one short wait, and a modern one
that was only slow is still recognised. The era is remembered by the caller: the next start asks
the right question at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcptui.gateway.capable import extension_ids
from mcptui.gateway.link import Inquiry, Link, ServerError
from mcptui.gateway.surrogates import show
from mcptui.gateway.wire import (
    LATEST_LEGACY,
    LATEST_MODERN,
    LEGACY_VERSIONS,
    MALFORMED,
    MODERN_VERSIONS,
    SERVER_KEY,
    UNSUPPORTED_VERSION,
    Part,
    anything,
    encode,
)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a server said of itself when it was opened."""

    modern: bool
    version: str
    capabilities: dict[str, Any]
    server_info: dict[str, Any]
    instructions: str


class CannotOpen(Exception):
    """The server and we found no common language; says why."""


Capabilities = Callable[[bool, frozenset[str] | None], bytes]
"""What the client can do: told to a modern server or not, which has these extensions, if known."""


async def shake(
    link: Link, era: str, client: Part, capabilities: Capabilities, known: frozenset[str] | None
) -> Hello:
    """Open a server.

    Args:
        link: a link whose server has just been started.
        era: "legacy" or "modern" as remembered, "" when unknown.
        client: clientInfo, as JSON.
        capabilities: what the client can do, as JSON.
        known: the server's extensions as far as they are remembered.

    Raises:
        CannotOpen: there is no common version, or no answer in time.
    """
    link.introduce(client, capabilities(True, known or frozenset()))
    try:
        async with asyncio.timeout(link.limits.start):
            hello = await _opened(link, era, client, capabilities(False, known))
    except TimeoutError as error:
        raise CannotOpen(
            f"it did not answer the handshake within {link.limits.start:.0f} s"
        ) from error
    except ServerError as error:
        raise CannotOpen(link.dead or f"it refused the handshake: {str(error)[:300]}") from error
    link.extensions = extension_ids(hello.capabilities)
    if hello.modern:
        link.introduce(client, capabilities(True, link.extensions))
    return hello


async def _opened(link: Link, era: str, client: Part, capabilities: Part) -> Hello:
    if era == "legacy":
        try:
            return _legacy(link, await _initialize(link, client, capabilities))
        except ServerError as error:
            if error.code != UNSUPPORTED_VERSION:
                raise
        return await _discovered(link, await link.ask("server/discover", {}, link.limits.start))
    _, probe = link.begin("server/discover", {})
    try:
        patience = link.limits.start if era == "modern" else link.limits.probe
        async with asyncio.timeout(patience):
            return await _discovered(link, await asyncio.shield(probe))
    except ServerError as error:
        if link.dead:
            raise
        if error.code == UNSUPPORTED_VERSION and _mutual(error.data):
            raise CannotOpen("it speaks a newer protocol than this mcptui") from error
    except TimeoutError:
        return await _race(link, probe, client, capabilities)
    return await _fall_back(link, client, capabilities)


async def _fall_back(link: Link, client: Part, capabilities: Part) -> Hello:
    try:
        return _legacy(link, await _initialize(link, client, capabilities))
    except ServerError as error:
        if error.code != UNSUPPORTED_VERSION or link.dead:
            raise
    # Our first question had set the server to the modern era after all.
    return await _discovered(link, await link.ask("server/discover", {}, link.limits.start))


async def _race(link: Link, probe: Inquiry, client: Part, capabilities: Part) -> Hello:
    _, handshake = link.begin("initialize", _opening(client, capabilities))
    while True:
        await asyncio.wait({probe, handshake}, return_when=asyncio.FIRST_COMPLETED)
        if probe.done() and probe.exception() is None:
            return await _discovered(link, probe.result())
        if handshake.done() and handshake.exception() is None:
            return _legacy(link, handshake.result())
        if handshake.done():
            fault = handshake.exception()
            if isinstance(fault, ServerError) and fault.code == UNSUPPORTED_VERSION:
                again = await link.ask("server/discover", {}, link.limits.start)
                return await _discovered(link, again)
            if probe.done():
                raise fault or CannotOpen("it did not answer the handshake")
        waiting = {future for future in (probe, handshake) if not future.done()}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _mutual(data: bytes) -> bool:
    """Whether a server that refused our version names modern ones, none of which is ours."""
    try:
        supported = anything(data)["supported"]
        return any(version not in LEGACY_VERSIONS for version in supported)
    except (*MALFORMED, KeyError, TypeError):
        return False


def _opening(client: Part, capabilities: Part) -> dict[str, Part]:
    return {
        "protocolVersion": encode(LATEST_LEGACY),
        "capabilities": capabilities,
        "clientInfo": client,
    }


async def _initialize(link: Link, client: Part, capabilities: Part) -> bytes:
    return await link.ask("initialize", _opening(client, capabilities), link.limits.start)


async def _discovered(link: Link, answer: bytes) -> Hello:
    said = _object(answer)
    versions = said.get("supportedVersions")
    known = [v for v in MODERN_VERSIONS if isinstance(versions, list) and v in versions]
    if not known:
        raise ServerError(UNSUPPORTED_VERSION, "server/discover names no version we know")
    link.modern = True
    link.version = known[-1]
    info = _dict(_dict(said.get("_meta")).get(SERVER_KEY))
    return _hello(link, said, info)


def _legacy(link: Link, answer: bytes) -> Hello:
    said = _object(answer)
    version = said.get("protocolVersion")
    if not isinstance(version, str) or version == LATEST_MODERN:
        raise CannotOpen("its answer to initialize names no protocol version")
    if version not in LEGACY_VERSIONS:
        raise CannotOpen(f"it wants protocol version {version[:40]!r}, which nobody knows")
    link.modern = False
    link.version = version
    link.client_meta = {}
    link.tell("notifications/initialized")
    return _hello(link, said, _dict(said.get("serverInfo")))


def _hello(link: Link, said: dict[str, Any], info: dict[str, Any]) -> Hello:
    instructions = said.get("instructions")
    capabilities = _dict(said.get("capabilities"))
    link.capabilities = capabilities
    return Hello(
        link.modern,
        link.version,
        capabilities,
        info,
        instructions if isinstance(instructions, str) else "",
    )


def _object(answer: bytes) -> dict[str, Any]:
    try:
        # The standard decoder keeps whole numbers of any length and lone surrogates.
        said: Any = json.loads(show(answer))
    except (ValueError, RecursionError) as error:
        raise ServerError(0, f"an answer that is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise ServerError(0, "an answer that is no object")
    return _dict(said)  # pyright: ignore[reportUnknownArgumentType]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


async def drain(link: Link, method: str, key: str, note: Callable[[str], None]) -> list[Any]:
    """All items of a list, over all its pages, within bounds.

    Args:
        link: an opened server.
        method: "tools/list" and the like.
        key: the member of the result that holds the items.
        note: told what was left out, and why.

    Raises:
        ServerError, TimeoutError: a page could not be had.
    """
    items: list[Any] = []
    cursors: set[str] = set()
    params: dict[str, Part] = {}
    room = link.limits.lists
    for _ in range(link.limits.pages):
        page = _object(await link.ask(method, params, link.limits.question))
        found = page.get(key)
        if isinstance(found, list):
            kept, room = _bounded(found, link, method, note, room)  # pyright: ignore[reportUnknownArgumentType]
            items.extend(kept)
        cursor = page.get("nextCursor")
        if len(items) > link.limits.items:
            note(f"{method}: more than {link.limits.items} items, the rest was left out")
            return items[: link.limits.items]
        if room < 0:
            note(f"{method}: more than {link.limits.lists >> 20} MiB, the rest was left out")
            return items
        if not isinstance(cursor, str):
            return items
        if cursor in cursors:
            note(f"{method}: its pages go round in a circle, the rest was left out")
            return items
        cursors.add(cursor)
        params = {"cursor": encode(cursor)}
    note(f"{method}: more than {link.limits.pages} pages, the rest was left out")
    return items


def _bounded(
    found: list[Any], link: Link, method: str, note: Callable[[str], None], room: int
) -> tuple[list[Any], int]:
    """The items of a page that fit, and the bytes left for the next one, negative when none are."""
    kept: list[Any] = []
    for item in found[: link.limits.items + 1]:
        try:
            size = len(json.dumps(item, allow_nan=False))
        except (ValueError, RecursionError) as error:
            note(f"{method}: an item was left out: {error}")
            continue
        if size > link.limits.definition:
            note(f"{method}: an item of {size} bytes was left out")
            continue
        room -= size
        if room < 0:
            break
        kept.append(item)
    return kept, room
