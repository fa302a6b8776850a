"""Install a server: say what it will do, then build, start and pin it, or change nothing.

`review()` is what a person agrees to: the install sheet and `--dry-run` show it. `install()` runs
the same server once in its locked container before anything is stored, so what cannot start is
never installed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcptui.actions.folders import folders_in, unseen_words
from mcptui.actions.found import installed as find_installed
from mcptui.actions.images import (
    hold_image,
    image_now,
    image_steps,
    release_image,
    unbuilt,
)
from mcptui.actions.install_remote import pins_of
from mcptui.actions.install_secrets import (
    NOTHING,
    Given,
    keep_secrets,
    make_ready,
    missing_secrets,
    values_for,
)
from mcptui.actions.install_words import reaches, reads, runs, warnings
from mcptui.actions.planning import Missing, missing, plan_for
from mcptui.actions.servers import hints_of
from mcptui.actions.signed_images import consent_missing, refused_by_rule
from mcptui.actions.targets import Target, resolve
from mcptui.entry import Choices, Kind, Trust
from mcptui.entry_read import ID
from mcptui.entry_schema import with_defaults
from mcptui.errors import McptuiError, UsageError
from mcptui.progress import Step, StepState
from mcptui.store.rows import Installed, ToolState
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.actions.first_start import FirstStart
    from mcptui.entry import Entry
    from mcptui.home import Home
    from mcptui.runtime.plan import ContainerPlan

UNDO = "install"


@dataclass(frozen=True, slots=True)
class Review:
    """What an install will do, before it is done.

    Args:
        name: what clients will see before `__`.
        choices: the user's, with defaults filled in and destructive tools off.
        plan: the exact container; None for remotes.
        image_ready: the engine has the image already.
        missing: what has to be chosen first.
        warnings: what a person should know before agreeing.
        refused: why it cannot be installed at all, None when it can.
        runs, reaches, reads, needs: one line each for a person.
        tools_on, tools_off: names as known before the first start.
        docker_arguments: the container as a person reads it, empty without a plan.
    """

    name: str
    entry: Entry
    trust: Trust
    origin: str
    choices: Choices
    plan: ContainerPlan | None
    image_ready: bool
    missing: tuple[Missing, ...]
    warnings: tuple[str, ...]
    refused: McptuiError | None
    runs: str
    reaches: str
    reads: str
    needs: str
    tools_on: tuple[str, ...]
    tools_off: tuple[str, ...]
    docker_arguments: tuple[str, ...]


def destructive(entry: Entry) -> frozenset[str]:
    """The tools that say they may destroy; they start switched off."""
    return frozenset(pin.name for pin in entry.tools if pin.destroys)


def review(
    home: Home,
    target: str,
    choices: Choices | None = None,
    name: str = "",
    secrets: Given = NOTHING,
) -> Review:
    """Say what an install would do; changes nothing.

    Args:
        home: where.
        target: a catalog id, a path of a TOML file, or an image of the local engine.
        choices: what the user chose; None for nothing, with destructive tools off.
        name: another name than the entry's id.
        secrets: what was typed or agreed to so far.

    Raises:
        UsageError: there is no such target, or it is wrong.
        NotTrusted: the catalog's signature or hash does not hold.
    """
    return review_of(home, resolve(home, target), choices, name, secrets)


def review_of(
    home: Home,
    found: Target,
    choices: Choices | None,
    name: str = "",
    secrets: Given = NOTHING,
) -> Review:
    """Say what an install of a known target would do."""
    entry = found.entry
    if choices is None:
        choices = Choices(tools_off=destructive(entry))
    name = name or entry.id
    choices = replace(choices, parameters=with_defaults(entry.parameters, choices.parameters))
    plan, ready, trouble = _plan(home, entry, choices, name)
    lacking = (
        *missing(home, entry, choices),
        *consent_missing(entry, choices.unsigned),
        *missing_secrets(home, entry, name, secrets),
    )
    names = [pin.name for pin in entry.tools]
    folders = folders_in(choices)
    return Review(
        name=name,
        entry=entry,
        trust=found.trust,
        origin=found.origin,
        choices=choices,
        plan=plan,
        image_ready=ready,
        missing=lacking,
        warnings=(
            *warnings(found, plan),
            *unseen_words(folders),
            *([trouble] if trouble else []),
        ),
        refused=_refusal(home, found, name),
        runs=runs(entry),
        reaches=reaches(entry, choices),
        reads=reads(folders),
        needs=", ".join(one.text for one in lacking) or "nothing",
        tools_on=tuple(one for one in names if one not in choices.tools_off),
        tools_off=tuple(one for one in names if one in choices.tools_off),
        docker_arguments=tuple(plan.docker_arguments()) if plan is not None else (),
    )


def _plan(
    home: Home, entry: Entry, choices: Choices, name: str
) -> tuple[ContainerPlan | None, bool, str]:
    """The plan as far as it can be told now, whether its image is there, and what is in the way."""
    if entry.kind is Kind.REMOTE:
        return None, False, ""
    try:
        facts, ready = image_now(home, entry)
    except McptuiError as error:
        return plan_for(home, entry, choices, unbuilt(entry), name), False, str(error)
    return plan_for(home, entry, choices, facts, name), ready, ""


def _refusal(home: Home, found: Target, name: str) -> McptuiError | None:
    """Why the target cannot be installed at all."""
    if not ID.fullmatch(name):
        return UsageError(f"{visible(name, limit=80)!r} is no name", fix="Small letters, digits, -")
    if home.store.installed(name) is not None:
        fix = f"`mcptui update {name}` renews it, --name gives a second one another name"
        return UsageError(f"{name} is installed already", fix=fix)
    if found.trust is Trust.SIGNED:
        try:
            home.catalog().refuse_if_stale()
        except McptuiError as error:
            return error
    return refused_by_rule(home, found.entry, found.trust)


async def install(
    home: Home,
    target: str,
    choices: Choices | None = None,
    name: str = "",
    secrets: Given = NOTHING,
) -> AsyncIterator[Step]:
    """Install a server, step by step; the last step's result is its row.

    Args:
        home: where.
        target, choices, name: as for `review`.
        secrets: values to be stored for it, None for one that is stored and it may have.

    Raises:
        UsageError: something has to be chosen first, or the name is taken.
        NotTrusted: a signature, hash or pin does not hold.
        McptuiError: it cannot be installed or did not start; nothing was changed.
    """
    found = await asyncio.to_thread(resolve, home, target)
    look = await asyncio.to_thread(review_of, home, found, choices, name, secrets)
    demand(look)
    await asyncio.to_thread(make_ready, home, secrets)
    yield _trust_step(home, look)
    row: Installed | None = None
    async for step in prepare(home, look, secrets):
        if isinstance(step.result, Prepared):
            row = step.result.row
            await asyncio.to_thread(keep_secrets, home, row, secrets)
            await asyncio.to_thread(_store, home, step.result)
            home.store.push_undo(f"install {row.name}", UNDO, {"server": row.name})
            step = replace(step, result=None)
        yield step
    yield Step("store", f"{look.name} is installed", StepState.DONE, result=row)


def demand(look: Review) -> None:
    """Raise what keeps a reviewed install from being done."""
    if look.refused is not None:
        raise look.refused
    if look.missing:
        raise UsageError(
            f"{look.name} needs something from you first",
            "; ".join(one.text for one in look.missing),
            " ".join(one.option for one in look.missing if one.option),
        )


def _trust_step(home: Home, look: Review) -> Step:
    if look.trust is Trust.UNSIGNED:
        return Step("catalog", "unsigned: your own server", StepState.SKIPPED)
    facts = home.catalog().facts
    detail = f"root v{facts.root_version}, {facts.age_text}"
    return Step("catalog", "signed catalog", StepState.DONE, detail=detail)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server that can be stored: one that runs here has run once.

    Args:
        row: the install.
        start: what the server said, None for a remote one, which was not asked.
        states: its tools beside their pins.
    """

    row: Installed
    start: FirstStart | None
    states: tuple[ToolState, ...]


async def prepare(home: Home, look: Review, secrets: Given = NOTHING) -> AsyncIterator[Step]:
    """Get the image, start the server once and pin it; the last step's result is `Prepared`.

    Raises:
        McptuiError: the image cannot be had, or the server did not start.
    """
    if look.entry.kind is Kind.REMOTE:
        prepared = Prepared(_row_of(home, look, "", look.choices.tools_off), None, ())
        text = "nothing is started or asked now"
        yield Step("pins", text, StepState.DONE, detail=pins_of(look.entry), result=prepared)
        return
    image_id = ""
    for _ in range(2):
        async for step in image_steps(home, look.entry):
            image_id = step.result if isinstance(step.result, str) else image_id
            yield replace(step, result=None)
        if await asyncio.to_thread(hold_image, home, look.name, image_id):
            break
    try:
        async for step in _started(home, look, image_id, secrets):
            yield step
    except BaseException:
        _let_go(home, look.name, image_id)
        raise


def _let_go(home: Home, name: str, image_id: str) -> None:
    """Mark the images as they were: the new one stays for the next try, unmarked."""
    release_image(home, name, image_id, keep=True)
    before = home.store.installed(name)
    if before is not None and before.image_id:
        with contextlib.suppress(McptuiError):
            hold_image(home, name, before.image_id)


async def _started(home: Home, look: Review, image_id: str, secrets: Given) -> AsyncIterator[Step]:
    """Start the server once and pin it; the last step's result is `Prepared`."""
    from mcptui.actions.first_start import DiedAtStart, first_start

    facts = await asyncio.to_thread(home.engine().image_facts, image_id)
    values = await asyncio.to_thread(values_for, home, look.entry, look.name, secrets)
    plan = plan_for(home, look.entry, look.choices, facts, look.name, values)
    if plan.needs:
        raise UsageError(f"{look.name} needs something from you first", "; ".join(plan.needs))
    yield Step("start", "first start in its locked container")
    try:
        start = await first_start(home.engine(), plan, look.name, at=home.clock())
    except DiedAtStart as error:
        yield Step("start", "first start", StepState.FAILED, detail=visible(error.reason))
        raise
    version = start.definitions.protocol_version
    yield Step("start", "first start", StepState.DONE, detail=f"protocol {version}")
    count = len(start.definitions.tools)
    yield Step("tools", "reading its tools", StepState.DONE, detail=plural(count, "tool"))
    prepared = _pinned(home, look, image_id, start)
    yield _pin_step(prepared)


def _pinned(home: Home, look: Review, image_id: str, start: FirstStart) -> Prepared:
    from mcptui.gateway.view import ServerView, compare
    from mcptui.trust.pins import tool_hash

    known = {pin.name for pin in look.entry.tools}
    found_now = frozenset(
        str(tool["name"])
        for tool in start.definitions.tools
        if tool["name"] not in known and hints_of(tool)[1]
    )
    row = _row_of(home, look, image_id, look.choices.tools_off | found_now)
    states = compare(ServerView(row, None, {}), start.definitions.tools, tool_hash)
    return Prepared(row, start, tuple(states))


def _row_of(home: Home, look: Review, image_id: str, tools_off: frozenset[str]) -> Installed:
    now = home.clock()
    return Installed(
        name=look.name,
        entry=look.entry,
        choices=replace(look.choices, tools_off=tools_off),
        trust=look.trust,
        origin=look.origin,
        image_id=image_id,
        installed_at=now,
        updated_at=now,
    )


def _pin_step(prepared: Prepared) -> Step:
    changed = [state.tool for state in prepared.states if state.quarantined]
    if not prepared.row.entry.tools:
        text, detail = "pinning its tools", "as they are now"
    elif changed:
        text = "comparing its tools with their pins"
        differ = "1 differs and is" if len(changed) == 1 else f"{len(changed)} differ and are"
        detail = f"{differ} refused until you look: {', '.join(changed[:5])}"
    else:
        text, detail = "comparing its tools with their pins", "all the same"
    return Step("pins", text, StepState.DONE, detail=visible(detail), result=prepared)


def _store(home: Home, prepared: Prepared) -> None:
    """Store an install with all that is known of it, and tell the gateways."""
    from mcptui.store.rows import LogLine

    row, start = prepared.row, prepared.start
    if start is not None:
        home.store.put_definitions(start.definitions)
    home.store.put_tool_states(list(prepared.states))
    home.store.put_install(row)
    now = home.clock()
    lines = [LogLine(0, row.name, "", now, text) for text in start.log] if start else []
    if lines:
        home.store.append_log(lines)
    home.store.wish("reload", row.name)


def take_back(home: Home, payload: dict[str, str]) -> None:
    """Undo an install; the image stays, so that a second thought costs nothing.

    Raises:
        UsageError: the server is gone already.
    """
    from mcptui.actions.remove import forget

    forget(home, find_installed(home, payload["server"]), keep_image=True)
