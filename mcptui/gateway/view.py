"""One installed server as clients may see it: which tools, with which text, and which are refused.

Pure: rows of the store in, a view out. What is shown is what was approved: the pins of the
signed entry, or what the user accepted since, or, where nothing is pinned, what the server said
first. A tool whose text differs from that is hidden and its calls are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mcptui.entry import ToolPin
from mcptui.guard.switches import Verdict, judge, left_out
from mcptui.store.rows import Definitions, Installed, ToolState

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool of a server.

    Args:
        name: the server's own name for it.
        definition: what clients are shown, None when it is hidden.
        verdict: why calls do not happen, None when they may.
        approved: the approved text, also of a hidden tool, as far as it is known.
    """

    name: str
    definition: Definition | None
    verdict: Verdict | None
    approved: Definition | None


@dataclass(frozen=True, slots=True)
class ServerView:
    """What is known of one installed server: the rows, and what follows from them.

    Args:
        installed, said, states: rows of the store.
        only: the tools that the gateway's profile offers, None for all.
    """

    installed: Installed
    said: Definitions | None
    states: Mapping[str, ToolState]
    only: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """The name clients see before `__`."""
        return self.installed.name

    @property
    def shown(self) -> bool:
        """Whether the server as a whole is on."""
        return self.installed.choices.enabled

    @property
    def known(self) -> bool:
        """Whether anything can be listed without starting the server."""
        return self.said is not None or any(pin.definition for pin in self.installed.entry.tools)

    @property
    def instructions(self) -> str:
        """What the server tells the model about itself."""
        said = self.said.instructions if self.said is not None else ""
        return self.installed.entry.instructions or said

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Its "prompts", "resources" or "templates"; none while it is switched off."""
        if self.said is None or not self.shown:
            return []
        found: list[dict[str, Any]] = getattr(self.said, kind)
        return found

    def tools(self) -> list[ToolView]:
        """Its tools in the order in which it lists them, pinned ones first."""
        pins = {pin.name: pin for pin in self.installed.entry.tools}
        said = {str(tool["name"]): tool for tool in self.said.tools} if self.said else {}
        names = [*pins, *(name for name in said if name not in pins)]
        names.extend(name for name in self.states if name not in pins and name not in said)
        return [self._tool(name, pins.get(name), said.get(name), bool(pins)) for name in names]

    def _tool(
        self, name: str, pin: ToolPin | None, said: Definition | None, pinned: bool
    ) -> ToolView:
        state = self.states.get(name)
        approved = self._approved(pin, said, state)
        known = pin is not None or (state is not None and bool(state.approved_hash))
        verdict = judge(self.installed, name, state, approved, known)
        if verdict is None and self.only is not None and name not in self.only:
            verdict = left_out(self.name, name)
        offered = state is None or bool(state.seen_hash)
        unseen = pinned and pin is None and state is None
        shown = verdict is None and offered and not unseen
        return ToolView(name, approved if shown else None, verdict, approved)

    @staticmethod
    def _approved(
        pin: ToolPin | None, said: Definition | None, state: ToolState | None
    ) -> Definition | None:
        if state is not None and state.approved_hash and state.approved_hash != (pin and pin.hash):
            if state.seen_hash and not state.quarantined:
                return state.seen_definition or said
            return said or (pin and pin.definition)
        if pin is not None:
            return pin.definition or said
        return said


def compare(
    view: ServerView, live: Iterable[Definition], hashed: Callable[[dict[str, Any]], str]
) -> list[ToolState]:
    """What is now to be remembered of a server's tools; only rows that differ from before.

    Args:
        view: what was known before the server started.
        live: the tools it lists now, each one well formed.
        hashed: the canonical hash of a definition.
    """
    pins = {pin.name: pin.hash for pin in view.installed.entry.tools}
    fresh = not view.states  # what was never seen is trusted as first seen where nothing pins it
    changes: list[ToolState] = []
    seen: set[str] = set()
    for definition in live:
        name = str(definition["name"])
        seen.add(name)
        before = view.states.get(name)
        now = hashed(dict(definition))
        approved = (before.approved_hash if before else "") or pins.get(name, "")
        unpinned = not pins or pins.get(name) == ""
        if now in (approved, pins.get(name)) or (fresh and unpinned and not approved):
            row = ToolState(view.name, name, now, now, None)
            if before is not None and before.approved_hash == now and now != pins.get(name):
                row = ToolState(view.name, name, now, now, dict(definition))
        else:
            row = ToolState(view.name, name, approved, now, dict(definition))
        if row != before:
            changes.append(row)
    for name in {*pins, *view.states} - seen:
        before = view.states.get(name)
        approved = before.approved_hash if before else pins.get(name, "")
        row = ToolState(view.name, name, approved, "", None)
        if row != before:
            changes.append(row)
    return changes


def well_formed(tools: Iterable[Any], dropped: Callable[[str], None]) -> list[dict[str, Any]]:
    """The tools that a client can take; the others are dropped one by one, with a word each.

    Args:
        tools: the items of a list as the server gave it.
        dropped: told why one was left out.
    """
    good: dict[str, dict[str, Any]] = {}
    for position, tool in enumerate(tools):
        fault = _fault(tool)
        if not fault and tool["name"] in good:
            fault = "its name was there before"
        if fault:
            dropped(f"tool {position + 1} of the list was left out: {fault}")
        else:
            good[tool["name"]] = tool
    return list(good.values())


def _fault(tool: Any) -> str:
    if not isinstance(tool, dict):
        return "it is no object"
    name: Any = tool.get("name")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(name, str) or not 0 < len(name) <= 256 or not name.isprintable():
        return "its name is missing, too long or not printable"
    schema: Any = tool.get("inputSchema")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(schema, dict):
        return f"{name!r} has no inputSchema"
    if schema.get("type") != "object":  # pyright: ignore[reportUnknownMemberType]
        return f"the inputSchema of {name!r} is not of type object"
    if not isinstance(tool.get("description", ""), str):  # pyright: ignore[reportUnknownMemberType]
        return f"the description of {name!r} is no text"
    return ""
