"""The facts of one catalog entry: trust first, then what it can reach, then its tools.

Each fact carries its evidence, and what was not checked is said.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mcptui.entry import Entry, Kind
from mcptui.entry_read import entry_to_dict
from mcptui.tui.widgets.draw import Line, facts, wrap

if TYPE_CHECKING:
    from mcptui.catalog.load import CatalogFacts

Fact = tuple[str, str, str]


def as_json(entry: Entry) -> str:
    """The entry as JSON, without the long lock."""
    body = entry_to_dict(entry)
    if body.get("package"):
        body["package"] = {k: v for k, v in body["package"].items() if k != "lock"}
    return json.dumps(body, indent=2)


def lines(
    entry: Entry, catalog: CatalogFacts, trust: str, installed: bool, width: int
) -> list[Line]:
    """The page for a width."""
    page: list[Line] = [*wrap(entry.description, width)]
    for title, pairs in (
        ("Trust", _trust(entry, catalog, trust)),
        ("Runs as", _runs(entry)),
        ("Can reach", _reach(entry)),
        ("You bring", _needs(entry)),
    ):
        if pairs:
            page += [[], [(title, "head")], *facts(pairs, width - 1, 13)]
    page += _tools(entry, width)
    page += [[], [("About", "head")], *facts(_about(entry), width - 1, 13)]
    if not installed:
        page += [[], _next(entry)]
    return page


def _next(entry: Entry) -> Line:
    if entry.oauth is not None:
        return [(" i ", "key"), (" shows where it is, then installs; then you sign in", "dim")]
    if entry.kind is Kind.REMOTE:
        return [(" i ", "key"), (" shows where it is, then installs", "dim")]
    return [(" i ", "key"), (" shows exactly what would run, then installs", "dim")]


def _trust(entry: Entry, catalog: CatalogFacts, trust: str) -> list[Fact]:
    checked = entry.checked
    found: list[Fact] = []
    if trust == "signed":
        keys = len(catalog.signers)
        by = f"{keys} key{'' if keys == 1 else 's'}"
        signed = f"✓ root v{catalog.root_version}, {by}, {catalog.age_text}"
        found.append(("in catalog", signed, "good"))
    else:
        found.append(("in catalog", "▲ not signed by anybody", "warn"))
    if entry.package is not None:
        count = entry.package.lock.count("--hash=") or entry.package.lock.count('"integrity"')
        text = f"✓ {entry.package.name} {entry.package.version}, {count} files pinned by hash"
        found.append(("package", text, "good"))
    if entry.image is not None and entry.image.digest:
        found.append(("image", f"✓ pinned {entry.image.digest[:19]}…", "good"))
    pinned = sum(1 for tool in entry.tools if tool.hash)
    if pinned:
        found.append(("tools", f"✓ {pinned} pinned: a changed one is refused", "good"))
    else:
        found.append(("tools", "▲ not known before the first start", "warn"))
    done = [name for name in ("built", "started", "listed") if getattr(checked, name)]
    if done:
        found.append(("checked", f"✓ {', '.join(done)} on {checked.on}", "good"))
    if checked.not_checked:
        found.append(("not checked", f"▲ {checked.not_checked}", "warn"))
    return found


def _runs(entry: Entry) -> list[Fact]:
    if entry.remote is not None:
        return [("remote", f"{entry.remote.url}  ({entry.remote.transport})", "")]
    relaxed = {one.control: one for one in entry.relaxes}
    walls = ["container"]
    walls += [] if "read_only" in relaxed else ["read-only"]
    walls += [] if "user" in relaxed else ["no root"]
    walls += ["no capabilities"]
    size = entry.resources
    found = [
        ("", " · ".join(walls), ""),
        ("", f"{size.memory} MB · {size.cpus:g} CPU · {size.pids} processes", ""),
    ]
    found += [(f"▲ {one.control}", f"relaxed: {one.reason}", "warn") for one in entry.relaxes]
    return found


def _reach(entry: Entry) -> list[Fact]:
    found: list[Fact] = []
    if entry.remote is None:
        if not entry.hosts:
            found.append(("network", "✓ none", "good"))
        for index, host in enumerate(entry.hosts):
            name = "any host" if host.name == "*" else f"{host.name}:{host.port}"
            style = "warn" if host.name == "*" else ""
            found.append(("" if index else "network", f"{name}  {host.why}".rstrip(), style))
    if not entry.mounts:
        found.append(("folders", "✓ none" if entry.remote is None else "–", "good"))
    for index, mount in enumerate(entry.mounts):
        how = "read and write, if you allow it" if mount.writable else "read only"
        text = f"the ones you pick, {how}: {mount.description}"
        found.append(("" if index else "folders", text, ""))
    found += [
        ("keeps", f"{kept.description or kept.name}, in a volume of its own", "")
        for kept in entry.volumes
    ]
    return found


def _needs(entry: Entry) -> list[Fact]:
    found: list[Fact] = []
    if entry.oauth is not None:
        scopes = f", scopes {', '.join(entry.oauth.scopes)}" if entry.oauth.scopes else ""
        found.append(("sign-in", f"{entry.oauth.provider}{scopes}", ""))
    for secret in entry.secrets:
        needed = "" if secret.required else " (optional)"
        found.append(("secret", f"{secret.env}{needed}  {secret.where}".rstrip(), ""))
    properties = entry.parameters.get("properties", {})
    required = entry.parameters.get("required", [])
    for name, schema in properties.items():
        needed = "" if name in required else " (optional)"
        found.append(("setting", f"{name}{needed}  {schema.get('description', '')}".rstrip(), ""))
    return found


def _tools(entry: Entry, width: int) -> list[Line]:
    if not entry.tools:
        return []
    destroys = sum(tool.destroys for tool in entry.tools)
    reads = sum(tool.reads for tool in entry.tools)
    writes = len(entry.tools) - reads - destroys
    head: Line = [(f"Tools {len(entry.tools)}", "head")]
    head.append((f"   read {reads} · write {writes} · destructive {destroys}", "dim"))
    page: list[Line] = [[], head]
    size = min(30, max(len(tool.name) for tool in entry.tools) + 2)
    for tool in entry.tools:
        sign = ("✗ ", "bad") if tool.destroys else ("  ", "") if tool.reads else ("✎ ", "warn")
        first = tool.description.strip().split("\n")[0]
        text = wrap(first, width - size - 2)[0][0][0]
        page.append([sign, (tool.name.ljust(size)[:size], ""), (text, "dim")])
    return page


def _about(entry: Entry) -> list[Fact]:
    found = [("id", entry.id, ""), ("publisher", entry.publisher or "–", "")]
    found += [("licence", entry.licence or "–", ""), ("category", entry.category, "")]
    if entry.source or entry.homepage:
        found.append(("source", entry.source or entry.homepage, ""))
    return found
