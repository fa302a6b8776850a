"""Update a server: show what the newer version changes, then build and start it beside the old one.

The old version stays until the new one has started; a person sees every changed tool before it
is taken, so taking the update approves exactly what was shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed
from mcptui.actions.images import release_image
from mcptui.actions.install import Prepared, Review, destructive, prepare, review_of
from mcptui.actions.install_secrets import NOTHING, Given, keep_secrets, make_ready
from mcptui.actions.signed_images import refused_by_rule
from mcptui.actions.targets import resolve
from mcptui.entry import Trust
from mcptui.errors import McptuiError
from mcptui.progress import Step, StepState
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.entry import Entry
    from mcptui.home import Home
    from mcptui.store.rows import Installed


@dataclass(frozen=True, slots=True)
class UpdateReview:
    """What an update changes.

    Args:
        newest: there is nothing to do.
        before, after: the versions in words.
        changes: what changes, tools' texts included; outside text as it is.
        review: what will run.
        exact: names what was looked at, where another look may find something else.
    """

    name: str
    newest: bool
    before: str
    after: str
    changes: tuple[str, ...]
    review: Review
    exact: str = ""


def version_of(entry: Entry) -> str:
    """The version an entry runs, in words."""
    if entry.package is not None:
        return entry.package.version
    if entry.image is not None:
        return entry.image.digest[:19]
    return entry.remote.url if entry.remote is not None else ""


def update_review(home: Home, name: str, secrets: Given = NOTHING, exact: str = "") -> UpdateReview:
    """Say what an update would change; changes nothing.

    Args:
        home: where.
        name: an installed server.
        secrets: what was typed or agreed to so far, for secrets that are new.
        exact: what an earlier look found, "" to look anew.

    Raises:
        UsageError: no such server, or its source is gone.
        NotTrusted: the catalog's signature or hash does not hold, or the source changed from
            signed to unsigned.
    """
    row = installed(home, name)
    origin = row.entry.id if row.trust is Trust.SIGNED else row.origin
    found = resolve(home, exact or origin)
    if row.trust is Trust.SIGNED and found.trust is not Trust.SIGNED:
        raise McptuiError(f"The catalog no longer has {row.entry.id}", fix="It keeps running as is")
    before, after = row.entry, found.entry
    fresh = destructive(after) - destructive(before)
    choices = replace(row.choices, tools_off=row.choices.tools_off | fresh)
    # A stale catalog keeps new servers out, not fixes of those that are here already.
    look = review_of(home, found, choices, name, secrets)
    look = replace(look, refused=refused_by_rule(home, found.entry, found.trust))
    same = before == after or _only_dates(before, after)
    changes = () if same else tuple(_changes(before, after))
    versions = version_of(before), version_of(after)
    return UpdateReview(name, same, *versions, changes, look, found.exact)


def words(found: UpdateReview) -> list[str]:
    """What an update changes, one line each for a person; empty when there is nothing to take."""
    if not found.newest:
        return [f"{found.before} → {found.after}", *(visible(line) for line in found.changes)]
    if found.review.trust is Trust.SIGNED:
        return []
    return ["Its file says the same as before; its image is looked at again."]


def _only_dates(before: Entry, after: Entry) -> bool:
    return replace(before, checked=after.checked) == after


def _changes(before: Entry, after: Entry) -> Iterable[str]:
    from mcptui.trust.pins import diff

    if version_of(before) != version_of(after):
        yield f"version {version_of(before)} → {version_of(after)}"
    for title, old, new in (
        ("hosts", _names(before.hosts), _names(after.hosts)),
        ("folders", _names(before.mounts), _names(after.mounts)),
        ("secrets", _names(before.secrets), _names(after.secrets)),
        ("relaxes", {one.control for one in before.relaxes}, {r.control for r in after.relaxes}),
    ):
        yield from (f"{title}: + {one}" for one in sorted(new - old))
        yield from (f"{title}: - {one}" for one in sorted(old - new))
    if before.command != after.command:
        yield f"command: {' '.join(before.command)} → {' '.join(after.command)}"
    old_pins = {pin.name: pin for pin in before.tools}
    new_pins = {pin.name: pin for pin in after.tools}
    yield from (f"tool removed: {name}" for name in old_pins if name not in new_pins)
    for name, pin in new_pins.items():
        if name not in old_pins:
            yield f"tool added: {name}  {pin.description}"
        elif pin.hash != old_pins[name].hash:
            yield f"tool changed: {name}"
            yield from (
                f"  {line}" for line in _lines(diff, old_pins[name].definition, pin.definition)
            )


def _lines(diff: Any, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    return diff(old, new) if old is not None and new is not None else []


def _names(parts: Iterable[Any]) -> set[str]:
    return {part.name for part in parts}


async def update(
    home: Home, name: str, secrets: Given = NOTHING, exact: str = ""
) -> AsyncIterator[Step]:
    """Take the newest version, step by step; the last step's result is the new row.

    Args:
        home, name, secrets: as for `update_review`.
        exact: what the review that a person agreed to found, "" to look anew.

    Raises:
        UsageError: something has to be chosen first.
        NotTrusted: a signature, hash or pin does not hold; the old version stays.
        McptuiError: the new version did not start; the old one stays.
    """
    from mcptui.actions.install import demand

    old = installed(home, name)
    found = await asyncio.to_thread(update_review, home, name, secrets, exact)
    if found.newest and old.trust is Trust.SIGNED:
        yield Step("catalog", f"{name} is the newest", StepState.DONE, result=old)
        return
    demand(found.review)
    await asyncio.to_thread(make_ready, home, secrets)
    text = f"{name}: {found.before} → {found.after}"
    yield Step("catalog", text, StepState.DONE, detail=plural(len(found.changes), "change"))
    async for step in prepare(home, found.review, secrets):
        if isinstance(step.result, Prepared):
            same = replace(step.result.row, installed_at=old.installed_at)
            await asyncio.to_thread(keep_secrets, home, same, secrets)
            row = await asyncio.to_thread(_swap, home, old, step.result)
            yield replace(step, result=None)
            yield Step("store", f"{name} is updated", StepState.DONE, result=row)
        else:
            yield step


def _swap(home: Home, old: Installed, new: Prepared) -> Installed:
    """Put the new version in the place of the old one; gateways that run the old one end it."""
    row = replace(new.row, installed_at=old.installed_at)
    home.store.remove_install(old.name)
    if new.start is not None:
        home.store.put_definitions(new.start.definitions)
    home.store.put_tool_states(list(new.states))
    home.store.put_install(row)
    home.store.wish("reload", row.name)
    if old.image_id != row.image_id:
        shared = any(other.image_id == old.image_id for other in home.store.installs())
        release_image(home, old.name, old.image_id, keep=shared)
    return row
