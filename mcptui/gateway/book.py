"""The book: what a client may ask for, and the finished answers to every list.

Made anew whenever a server, a switch or an approval changes, and never altered: a request in
flight keeps the one it began with. Building it costs milliseconds, reading it a dictionary
look-up; lists are answered from bytes that are ready.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mcptui import __version__
from mcptui.gateway.eras import tool_for_legacy
from mcptui.gateway.http_headers import without_bad_annotations
from mcptui.gateway.lists import ui_resource
from mcptui.gateway.names import SEPARATOR, exposed_names
from mcptui.gateway.view import ServerView
from mcptui.gateway.wire import LATEST_LEGACY, MODERN_VERSIONS, SERVER_KEY, encode
from mcptui.guard.switches import Verdict

INSTRUCTIONS_EACH = 8 * 1024
INSTRUCTIONS_ALL = 32 * 1024
"""Characters of instructions passed on: a model reads all of it before every conversation."""
LIST_METHODS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
SERVER_INFO = {"name": "mcptui", "title": "mcptui gateway", "version": __version__}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a name leads.

    Args:
        server: the installed server's name.
        name: the server's own name of the tool or prompt.
        name_json: the same, as it goes to the server.
        verdict: why calls do not happen, None when they may.
    """

    server: str
    name: str
    name_json: bytes
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Tables and finished lists; see the module.

    Args:
        tools, prompts: by exposed name.
        short_tools, short_prompts: by the server's own name where only one server has it.
        resources: address → server.
        templates: (shape of an address, server), the most exact first.
        lists: method → (result for legacy clients, result for modern ones).
        instructions: of all servers, joined.
        capabilities: what we offer, as JSON.
        tasks: what 2025-11-25 clients can do with tasks, as JSON; empty for nothing.
        reports: (server, what became of one of its items) where two would be the same.
    """

    tools: Mapping[str, Target] = field(default_factory=dict[str, Target])
    short_tools: Mapping[str, Target] = field(default_factory=dict[str, Target])
    prompts: Mapping[str, Target] = field(default_factory=dict[str, Target])
    short_prompts: Mapping[str, Target] = field(default_factory=dict[str, Target])
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    templates: tuple[tuple[Template, str], ...] = ()
    lists: Mapping[str, tuple[bytes, bytes]] = field(default_factory=dict[str, tuple[bytes, bytes]])
    instructions: str = ""
    capabilities: bytes = b"{}"
    tasks: bytes = b""
    reports: tuple[tuple[str, str], ...] = ()

    def tool(self, name: str) -> Target | None:
        """Where a tool's name leads, with or without its prefix."""
        return self.tools.get(name) or self.short_tools.get(name)

    def prompt(self, name: str) -> Target | None:
        """Where a prompt's name leads, with or without its prefix."""
        return self.prompts.get(name) or self.short_prompts.get(name)

    def resource(self, uri: str) -> str | None:
        """The server that has a resource."""
        found = self.resources.get(uri)
        if found is not None or len(uri) > 8192:
            return found
        return next((server for shape, server in self.templates if shape.matches(uri)), None)

    def discovered(self) -> bytes:
        """The result of `server/discover`."""
        said: dict[str, Any] = {
            "resultType": "complete",
            "supportedVersions": list(MODERN_VERSIONS),
            "capabilities": json.loads(self.capabilities),
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {SERVER_KEY: SERVER_INFO},
        }
        if self.instructions:
            said["instructions"] = self.instructions
        return encode(said)

    def initialized(self, version: str) -> bytes:
        """The result of `initialize`."""
        said: dict[str, Any] = {
            "protocolVersion": version,
            "capabilities": json.loads(self.capabilities),
            "serverInfo": SERVER_INFO,
        }
        if self.tasks and version == LATEST_LEGACY:
            said["capabilities"]["tasks"] = json.loads(self.tasks)
        if self.instructions:
            said["instructions"] = self.instructions
        return encode(said)


def bind(views: Iterable[ServerView], *, plain: bool = False, http: bool = False) -> Book:
    """Write the book of all installed servers, those that are switched off included.

    Args:
        views: the servers.
        plain: show tools and prompts under the server's own names; only where there is one server.
        http: for clients over HTTP, who must refuse tools that ask for headers in a wrong way.
    """
    ordered = sorted(views, key=lambda view: view.name)
    tools, short_tools, tool_list = _tools(ordered, plain, http)
    prompts, short_prompts, prompt_list = _prompts(ordered, plain)
    resources, resource_list, clashes = _first(ordered, "resources", "uri")
    shapes, template_list, more = _first(ordered, "templates", "uriTemplate")
    templates = [(Template.of(shape), server) for shape, server in shapes.items()]
    templates.sort(key=lambda pair: -pair[0].weight)
    for view in ordered:  # an interface need not be listed to be read
        for tool in view.tools():
            if tool.definition is not None and (uri := ui_resource(tool.definition)):
                resources.setdefault(uri, view.name)
    lists = {
        "tools/list": _answers("tools", tool_list, [tool_for_legacy(tool) for tool in tool_list]),
        "prompts/list": _answers("prompts", prompt_list),
        "resources/list": _answers("resources", resource_list),
        "resources/templates/list": _answers("resourceTemplates", template_list),
    }
    return Book(
        tools, short_tools, prompts, short_prompts, resources, tuple(templates), lists,
        _instructions(ordered), _capabilities(ordered), _tasks(ordered),
        (*clashes, *more, *_renamed(tools), *_renamed(prompts)),
    )  # fmt: skip


def _first(
    views: list[ServerView], kind: str, key: str
) -> tuple[dict[str, str], list[Mapping[str, Any]], list[tuple[str, str]]]:
    """Who has what; of two servers that offer the same address the first one has it."""
    table: dict[str, str] = {}
    listed: list[Mapping[str, Any]] = []
    clashes: list[tuple[str, str]] = []
    for view in views:
        for item in view.items(kind):
            owner = table.setdefault(item[key], view.name)
            if owner == view.name:
                listed.append(item)
            else:
                text = f"{key} {item[key][:200]!r} is left out: {owner} has it as well"
                clashes.append((view.name, text))
    return table, listed, clashes


def _renamed(table: Mapping[str, Target]) -> list[tuple[str, str]]:
    """Names that were changed to fit into what every client takes, or to differ from others."""
    return [
        (target.server, f"{target.name[:200]!r} is shown to clients as {name}")
        for name, target in table.items()
        if name not in (target.name, SEPARATOR.join((target.server, target.name)))
    ]


def _tasks(views: list[ServerView]) -> bytes:
    """What older servers can do with tasks, together; empty when none can."""
    merged: dict[str, Any] = {}
    offered = False
    for view in views:
        said = view.said
        tasks: Any = said.capabilities.get("tasks") if said is not None and view.shown else None
        if said is not None and said.era == "legacy" and isinstance(tasks, dict):
            offered = True
            merged |= cast("dict[str, Any]", tasks)
    return encode(merged) if offered else b""


def _tools(
    views: list[ServerView], plain: bool, http: bool
) -> tuple[dict[str, Target], dict[str, Target], list[Mapping[str, Any]]]:
    found = [(view, tool) for view in views for tool in view.tools()]
    names = exposed_names(((view.name, tool.name) for view, tool in found), plain=plain)
    table: dict[str, Target] = {}
    listed: list[Mapping[str, Any]] = []
    for view, tool in found:
        name = names[view.name, tool.name]
        target = Target(view.name, tool.name, _json(tool.name), tool.verdict)
        table[name] = target
        if tool.definition is not None:
            shown = without_bad_annotations(tool.definition) if http else tool.definition
            listed.append({**shown, "name": name})
    return table, _short(table), listed


def _prompts(
    views: list[ServerView], plain: bool
) -> tuple[dict[str, Target], dict[str, Target], list[Mapping[str, Any]]]:
    found = [(view, prompt) for view in views for prompt in view.items("prompts")]
    names = exposed_names(((view.name, prompt["name"]) for view, prompt in found), plain=plain)
    table: dict[str, Target] = {}
    listed: list[Mapping[str, Any]] = []
    for view, prompt in found:
        name = names[view.name, prompt["name"]]
        table[name] = Target(view.name, prompt["name"], _json(prompt["name"]))
        listed.append({**prompt, "name": name})
    return table, _short(table), listed


def _short(table: Mapping[str, Target]) -> dict[str, Target]:
    own: dict[str, list[Target]] = {}
    for target in table.values():
        own.setdefault(target.name, []).append(target)
    return {name: found[0] for name, found in own.items() if len(found) == 1}


def _json(value: Any) -> bytes:
    """JSON that keeps what the server said, lone surrogates and very long numbers included."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _answers(
    key: str, items: list[Mapping[str, Any]], legacy: list[Mapping[str, Any]] | None = None
) -> tuple[bytes, bytes]:
    name = key.encode()
    modern_items = b"[%b]" % b",".join([_json(item) for item in items])
    if legacy is None or all(a is b for a, b in zip(items, legacy, strict=True)):
        legacy_items = modern_items
    else:
        legacy_items = b"[%b]" % b",".join([_json(item) for item in legacy])
    return (
        b'{"%b":%b}' % (name, legacy_items),
        b'{"resultType":"complete","%b":%b,"ttlMs":0,"cacheScope":"private"}'
        % (name, modern_items),
    )


def _instructions(views: list[ServerView]) -> str:
    parts: list[str] = []
    left = INSTRUCTIONS_ALL
    for view in views:
        words = view.instructions.strip() if view.shown else ""
        if words and left > 0:
            words = words[: min(INSTRUCTIONS_EACH, left)]
            left -= len(words)
            parts.append(f"# {view.name}\n{words}")
    return "\n\n".join(parts)


def _capabilities(views: list[ServerView]) -> bytes:
    extensions: dict[str, Any] = {}
    for view in views:
        offered = view.said.capabilities.get("extensions") if view.said and view.shown else None
        if isinstance(offered, dict):
            for name, settings in offered.items():  # pyright: ignore[reportUnknownVariableType]
                extensions.setdefault(str(name), settings)  # pyright: ignore[reportUnknownArgumentType]
    offer: dict[str, Any] = {
        "tools": {"listChanged": True},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "completions": {},
        "logging": {},
    }
    if extensions:
        offer["extensions"] = extensions
    return encode(offer)


_EXPRESSION = re.compile(r"\{[^{}]{0,256}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """The addresses that an RFC 6570 template can give.

    Wide rather than narrow, since it only chooses a server, which then looks for itself; and
    linear, since a regular expression made of a hostile server's template would not be.
    """

    literals: tuple[str, ...]

    @classmethod
    def of(cls, template: str) -> Template:
        """Read a template; expressions match any text."""
        return cls(tuple(_EXPRESSION.split(template[:2048])))

    @property
    def weight(self) -> int:
        """How much of an address it fixes; the heaviest of several that match is meant."""
        return sum(map(len, self.literals))

    def matches(self, uri: str) -> bool:
        """Whether `uri` can come from this template."""
        if len(self.literals) == 1:
            return uri == self.literals[0]
        first, *middle, last = self.literals
        if len(uri) < len(first) + len(last) or not uri.startswith(first) or not uri.endswith(last):
            return False
        position, end = len(first), len(uri) - len(last)
        for literal in middle:
            position = uri.find(literal, position, end)
            if position < 0:
                return False
            position += len(literal)
        return True
