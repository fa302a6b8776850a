"""What a running server says of itself, compared with what was approved, and kept.

A server's tools are looked at before any call goes to it, and again whenever it says that they
changed: a text that is not the approved one is on hold from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcptui.errors import McptuiError
from mcptui.gateway.book import LIST_METHODS
from mcptui.gateway.handshake import Hello, drain
from mcptui.gateway.link import Link, ServerError
from mcptui.gateway.lists import good_items
from mcptui.gateway.record import Scribe
from mcptui.gateway.slot import Slot
from mcptui.gateway.view import compare, well_formed
from mcptui.store.rows import Definitions, ToolState
from mcptui.tasks import spawn

_KEYS = {
    "prompts/list": ("prompts", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("templates", "uriTemplate"),
}
REFETCH_SECONDS = 0.1
REFETCH_AT_MOST = 60.0
"""Between two looks at lists that change again at once; doubled each time."""
LEFT_OUT = "left-out/"
"""Under this and a server's name the store keeps what was left out of its lists."""
REPORTED = 50


class Learner:
    """See the module.

    Args:
        scribe: keeps what was learned.
        clock: unix seconds.
        rebind: called when the book is out of date.
    """

    def __init__(
        self, scribe: Scribe, clock: Callable[[], float], rebind: Callable[[], None]
    ) -> None:
        self._scribe = scribe
        self._clock = clock
        self._rebind = rebind
        self._refetching: set[Link] = set()
        self._again: set[Link] = set()
        self._left_out: dict[str, dict[str, list[str]]] = {}

    async def tools(self, slot: Slot, link: Link, hello: Hello) -> None:
        """Compare the server's tools with what was approved, before any call goes to it."""
        from mcptui.trust.pins import tool_hash

        left_out: list[str] = []

        def note(text: str) -> None:
            self._leave_out(slot.name, left_out, text)

        found: list[Any] = []
        if "tools" in hello.capabilities or not hello.capabilities:
            found = await drain(link, "tools/list", "tools", note)
        tools = well_formed(found, note)
        hashable: list[dict[str, Any]] = []
        for tool in tools:
            try:
                tool_hash(tool)
            except (McptuiError, RecursionError) as error:
                note(f"tool {tool['name']!r} was left out: {error}")
            else:
                hashable.append(tool)
        known = {*slot.view.states, *(tool["name"] for tool in hashable)}
        if len(known) > link.limits.tools:  # names that are new each time would fill the store
            hashable = [tool for tool in hashable if tool["name"] in slot.view.states]
            note(f"more than {link.limits.tools} tools in all, the new ones were left out")
        changes = compare(slot.view, hashable, tool_hash)
        before = slot.view.said
        said = Definitions(
            server=slot.name,
            era="modern" if hello.modern else "legacy",
            protocol_version=hello.version,
            capabilities=hello.capabilities,
            server_info=hello.server_info,
            instructions=hello.instructions,
            tools=_accepted(slot, hashable, changes),
            prompts=before.prompts if before else [],
            resources=before.resources if before else [],
            templates=before.templates if before else [],
            seen_at=self._clock(),
        )
        self._learned(slot, said, changes)
        self._report(slot.name, "tools", left_out)
        for row in changes:
            if row.quarantined:
                text = f"tool {row.tool!r} is new or changed and waits for approval"
                self._scribe.log(slot.name, f"[mcptui] {text}")

    async def rest(self, slot: Slot, link: Link, hello: Hello) -> None:
        """Prompts, resources and templates; calls do not wait for them."""

        left_out: list[str] = []

        def note(text: str) -> None:
            self._leave_out(slot.name, left_out, text)

        lists: dict[str, list[dict[str, Any]]] = {"prompts": [], "resources": [], "templates": []}
        for method, (kind, key) in _KEYS.items():
            if method.partition("/")[0] not in hello.capabilities:
                continue
            try:
                found = await drain(link, method, LIST_METHODS[method], note)
            except (ServerError, TimeoutError) as error:
                if link.dead:
                    return
                note(f"{method} could not be had: {error}")
                continue
            lists[kind] = good_items(kind.removesuffix("s"), key, found, note)
        live = slot.live
        if live is None or link.dead:
            return
        said = Definitions(
            live.server, live.era, live.protocol_version, live.capabilities, live.server_info,
            live.instructions, live.tools, lists["prompts"], lists["resources"],
            lists["templates"], self._clock(),
        )  # fmt: skip
        self._learned(slot, said, [])
        self._report(slot.name, "rest", left_out)

    def _leave_out(self, server: str, left_out: list[str], text: str) -> None:
        if len(left_out) < REPORTED:
            left_out.append(text)
            self._scribe.log(server, f"[mcptui] {text}")
        elif len(left_out) == REPORTED:
            left_out.append("and more")
            self._scribe.log(server, "[mcptui] more was left out, which is not listed here")

    def _report(self, server: str, part: str, texts: list[str]) -> None:
        """Keep what was left out of a server's lists for whoever looks at the screen."""
        known = self._left_out.setdefault(server, {})
        before = dict(known)
        known[part] = texts[:REPORTED]
        if known != before and (any(texts) or any(before.values())):
            said = [text for one in known.values() for text in one][:REPORTED]
            self._scribe.do(lambda store: store.remember(LEFT_OUT + server, said))

    def _learned(self, slot: Slot, said: Definitions, changes: list[ToolState]) -> None:
        slot.learned(said, changes)
        if changes:
            self._scribe.do(lambda store: store.put_tool_states(changes))
        self._scribe.do(lambda store: store.put_definitions(said))
        self._rebind()

    def look_again(self, slot: Slot, link: Link) -> None:
        """A server says that a list changed: look again, ever less often while it goes on."""
        link.changed = not link.ready  # told while it is opened: looked at afterwards
        if link.changed:
            return
        if link in self._refetching:
            self._again.add(link)
        else:
            self._refetching.add(link)
            spawn(self._refetch(slot, link), f"look again at {link.server}")

    async def _refetch(self, slot: Slot, link: Link) -> None:
        live = slot.live
        info, words = (live.server_info, live.instructions) if live else ({}, "")
        hello = Hello(link.modern, link.version, link.capabilities, info, words)
        pause = REFETCH_SECONDS
        try:
            while True:
                self._again.discard(link)
                await self.tools(slot, link, hello)
                await self.rest(slot, link, hello)
                await asyncio.sleep(pause)
                if link not in self._again or link.dead:
                    return
                pause = min(pause * 2, REFETCH_AT_MOST)
        except (ServerError, TimeoutError) as error:
            self._scribe.log(slot.name, f"[mcptui] its changed lists could not be had: {error}")
        finally:
            self._refetching.discard(link)
            self._again.discard(link)


def _accepted(
    slot: Slot, live: list[dict[str, Any]], changes: list[ToolState]
) -> list[dict[str, Any]]:
    """What is remembered of the tools: the approved text of those on hold, for the difference."""
    states = {**slot.view.states, **{row.tool: row for row in changes}}
    before = {tool.name: tool.approved for tool in slot.view.tools()}
    return [
        dict(before.get(tool["name"]) or tool) if states[tool["name"]].quarantined else tool
        for tool in live
    ]
