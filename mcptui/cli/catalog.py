"""`catalog`: list, search, show, facts and refresh."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mcptui.cli.output import Out
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.entry import Entry
    from mcptui.home import Home


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List what a query finds; everything without one."""
    from mcptui.actions.browse import catalog_facts, search

    rows = search(home, " ".join(given.filter), given.limit)
    if out.as_json:
        out.data(rows)
        return 0
    facts = catalog_facts(home)
    if not rows:
        out.say("Nothing matches")
    else:
        out.table(
            ("id", "publisher", "kind", "trust", "needs", "network", "tools", "what it does"),
            [
                (
                    row.id,
                    row.publisher,
                    row.kind,
                    row.trust,
                    row.needs if row.needs != "none" else "–",
                    row.network,
                    row.tools_count,
                    row.description,
                )
                for row in rows
            ],
        )
    out.say(f"{len(rows)} of {plural(facts.count, 'server')} · signed · {facts.age_text}")
    if facts.warning:
        out.say(facts.warning)
    return 0


def show(home: Home, given: Namespace, out: Out) -> int:
    """Print all facts of one server."""
    from mcptui.actions.browse import entry_facts
    from mcptui.entry_read import entry_to_dict

    entry = entry_facts(home, given.id)
    if out.as_json:
        out.data(entry_to_dict(entry))
        return 0
    for name, value in facts_of(entry):
        if value:
            out.text(f"{name:12}{value}")
    for tool in entry.tools:
        mark = "✗" if tool.destroys else " " if tool.reads else "✎"
        out.text(f"  {mark} {tool.name}  {visible(tool.description, limit=100)}")
    return 0


def facts_of(entry: Entry) -> list[tuple[str, str]]:
    """What a person should know of an entry, as names and values."""
    checked = entry.checked
    steps = [step for step in ("built", "started", "listed") if getattr(checked, step)]
    return [
        ("id", entry.id),
        ("title", entry.title),
        ("what", entry.description),
        ("publisher", entry.publisher),
        ("category", entry.category),
        ("licence", entry.licence),
        ("homepage", entry.homepage),
        ("source", entry.source),
        ("runs", runs(entry)),
        ("reaches", ", ".join(f"{host.name}:{host.port}" for host in entry.hosts) or "nothing"),
        ("reads", ", ".join(f"{one.name} ({one.description})" for one in entry.mounts)),
        ("needs", "" if entry.needs == "none" else entry.needs),
        ("relaxes", "; ".join(f"{one.control}: {one.reason}" for one in entry.relaxes)),
        ("checked", f"{checked.on} {', '.join(steps)}".strip()),
        ("not checked", checked.not_checked),
        ("tools", str(len(entry.tools))),
    ]


def runs(entry: Entry) -> str:
    """What an entry runs, in words."""
    if entry.package is not None:
        package = entry.package
        return f"{package.name} {package.version} of {package.registry}, built here"
    if entry.image is not None:
        return f"{entry.image.repository} {entry.image.digest}".strip()
    return f"at {entry.remote.url}, run by its publisher" if entry.remote is not None else ""


def facts(home: Home, given: Namespace, out: Out) -> int:
    """Print version, age and signers of the catalog."""
    from mcptui.actions.browse import catalog_facts

    found = catalog_facts(home)
    if out.as_json:
        out.data(found)
        return 0
    published = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.published_at))
    out.text(f"version     {found.version}, {found.source}{', stale' if found.stale else ''}")
    out.text(f"published   {published}, {found.age_text}")
    out.text(f"signed by   {', '.join(found.signers)} (root v{found.root_version})")
    out.text(f"servers     {found.count}")
    if found.warning:
        out.text(f"warning     {found.warning}")
    return 0


def refresh(home: Home, given: Namespace, out: Out) -> int:
    """Fetch a newer catalog and verify it; the old one stays when anything does not hold."""
    from mcptui.actions.refresh_catalog import refresh_catalog

    asyncio.run(out.steps(refresh_catalog(home, given.source)))
    return facts(home, given, out)
