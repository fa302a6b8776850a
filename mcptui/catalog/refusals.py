"""What keeps a catalog from being published, each reason in one line that names file and field.

Reading an entry has checked its form already; here is what only a published one must fulfil. An
own server of a user's may lack all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mcptui.catalog.sources import Sources
from mcptui.entry import Entry, Kind
from mcptui.visible import hidden

LONGEST_DESCRIPTION = 120
ToolHash = Callable[[Mapping[str, Any]], str]


def refusals(sources: Sources, tool_hash: ToolHash) -> list[str]:
    """List every reason not to publish `sources`; empty when they may be published.

    Args:
        sources: what was read.
        tool_hash: gives the pin of a definition.
    """
    found = list(sources.problems)
    first: dict[str, str] = {}
    for file, entry in sources.entries.items():
        name = file.name
        if entry.id in first:
            found.append(f"{name}: id {entry.id!r} is taken by {first[entry.id]}")
        first.setdefault(entry.id, name)
        found += [f"{name}: {reason}" for reason in _reasons(file, entry, tool_hash)]
    return found


def _reasons(file: Path, entry: Entry, tool_hash: ToolHash) -> Iterator[str]:
    if entry.id != file.stem:
        yield f"id must be {file.stem!r}, as the file is named"
    for name in ("title", "description", "publisher"):
        if not getattr(entry, name).strip():
            yield f"{name} is missing"
    if len(entry.description) > LONGEST_DESCRIPTION:
        length = len(entry.description)
        yield f"description is {length} characters long, at most {LONGEST_DESCRIPTION} fit a list"
    if entry.kind is not Kind.REMOTE and not entry.source:
        yield "source is missing: where can the server's code be read?"
    if entry.remote is not None and not entry.remote.url.startswith("https://"):
        yield "remote.url must be https: it is for everybody's machine, not for one"
    for name, text in _texts(entry):
        if hidden(text) or "\n" in text or "\r" in text or "\t" in text:
            yield f"{name} holds control, direction or invisible characters"
    yield from _unchecked(entry)
    yield from _pins(entry, tool_hash)


def _texts(entry: Entry) -> Iterable[tuple[str, str]]:
    """Every text that a maintainer wrote; what a server said is pinned as it is."""
    for name in ("title", "description", "publisher", "licence", "homepage", "source"):
        yield name, getattr(entry, name)
    yield "checked.not_checked", entry.checked.not_checked
    yield from (("secrets.where", secret.where) for secret in entry.secrets)
    yield from (("mounts.description", mount.description) for mount in entry.mounts)
    yield from (("hosts.why", host.why) for host in entry.hosts)
    yield from (("relaxes.reason", relaxed.reason) for relaxed in entry.relaxes)
    yield from (("command", argument) for argument in entry.command)
    yield from (("env.value", variable.value) for variable in entry.env)
    yield from (("tools.name", tool.name) for tool in entry.tools)
    yield from (("tools.description", tool.description) for tool in entry.tools)
    if entry.oauth is not None:
        yield "oauth.provider", entry.oauth.provider
    for name, rule in entry.parameters.get("properties", {}).items():
        yield f"parameters.{name}.title", rule.get("title", "")
        yield f"parameters.{name}.description", rule.get("description", "")


def _unchecked(entry: Entry) -> Iterator[str]:
    checked = entry.checked
    if not checked.on:
        yield "checked.on is missing: when was the entry tried?"
    if checked.listed and not checked.started:
        yield "checked.listed without checked.started: only a started server can be listed"
    if not (checked.built and checked.started and checked.listed) and not checked.not_checked:
        yield "checked.not_checked is missing: what could not be tried, and why?"
    if checked.listed and not entry.listing.protocol_version:
        yield "checked.listed, but its file of tool definitions has no protocol_version"


def _pins(entry: Entry, tool_hash: ToolHash) -> Iterator[str]:
    for tool in entry.tools:
        where = f"tools.{tool.name[:60]!a}"
        if tool.definition is None:
            if tool.hash:
                yield f"{where} is pinned, but its definition is not there"
        elif not tool.hash:
            yield f"{where} has a definition, but no hash pins it"
        elif (wanted := tool_hash(tool.definition)) != tool.hash:
            yield f"{where} hash does not match its definition, whose hash is {wanted}"
    if entry.checked.listed and any(tool.definition is None for tool in entry.tools):
        yield "checked.listed, but not every tool has its definition"
