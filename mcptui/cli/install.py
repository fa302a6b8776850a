"""`install`, `remove` and `update`: the review first, then the steps."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from mcptui.cli.ask import agreed
from mcptui.cli.install_secrets import asked_secrets, known_secrets
from mcptui.cli.output import Out
from mcptui.errors import McptuiError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import AsyncIterator

    from mcptui.actions.install import Review
    from mcptui.actions.install_secrets import Given
    from mcptui.actions.update import UpdateReview
    from mcptui.entry import Choices, Entry
    from mcptui.home import Home
    from mcptui.progress import Step


def install(home: Home, given: Namespace, out: Out) -> int:
    """Review, ask, install, and connect the clients that were named."""
    from mcptui.actions.install import demand, review_of
    from mcptui.actions.install import install as put_in
    from mcptui.actions.targets import resolve

    found = resolve(home, given.target)
    choices, name = choices_of(found.entry, given), given.name or ""
    named = dict.fromkeys(known_secrets(found.entry, given.secret))
    look = review_of(home, found, choices, name, named)
    if given.dry_run:
        _show(out, look)
        return 0
    told = not out.as_json and sys.stdin.isatty()
    if told:
        _tell(out, look)
    secrets = asked_secrets(home, look, named, out)
    look = review_of(home, found, choices, name, secrets)
    demand(look)
    if not out.as_json and not told:
        _tell(out, look)
    if not agreed(out, f"Install {look.name}?", given.yes):
        out.say("nothing was changed")
        return 1
    target = found.exact or given.target
    row = asyncio.run(out.steps(put_in(home, target, look.choices, look.name, secrets)))
    connected = [_connect(home, client, out) for client in given.connect]
    if out.as_json:
        out.data({"installed": row_data(row), "connected": connected})
    elif not connected:
        out.say("`mcptui connect CLIENT` gives it to a client that is not connected yet")
    return 0


def _connect(home: Home, client: str, out: Out) -> str:
    from mcptui.actions.connect import connect

    done = connect(home, client)
    out.say(done)
    return done


def row_data(row: Any) -> dict[str, Any]:
    """An installed server as JSON data."""
    from mcptui.entry_read import choices_to_dict, entry_to_dict

    return {
        "name": row.name,
        "entry": entry_to_dict(row.entry),
        "choices": choices_to_dict(row.choices),
        "trust": row.trust,
        "origin": row.origin,
        "image": row.image_id,
    }


def choices_of(entry: Entry, given: Namespace) -> Choices:
    """Read the choices from a command line.

    Raises:
        UsageError: a value is malformed or names nothing of the entry.
    """
    from mcptui.actions.install import destructive
    from mcptui.actions.network import written_hosts
    from mcptui.actions.planning import real_path
    from mcptui.entry import Choices

    mounts = mounts_of(entry, given.mount)
    off = (destructive(entry) | set(given.tool_off)) - set(given.tool_on)
    known = {pin.name for pin in entry.tools}
    unknown = (set(given.tool_off) | set(given.tool_on)) - known
    if known and unknown:
        raise UsageError(f"{entry.id} has no tool {min(unknown)!r}", f"it has {', '.join(known)}")
    return Choices(
        _parameters(entry, given.set),
        mounts,
        network="any" if given.any_host else "listed",
        hosts=written_hosts(given.host),
        tools_off=frozenset(off),
        exposed=frozenset(map(real_path, given.credentials)),
        unmasked=frozenset(map(real_path, given.unmask)),
        unsigned=given.unsigned,
    )


def mounts_of(entry: Entry, texts: list[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
    """Read picked folders from a command line.

    Raises:
        UsageError: one is malformed.
    """
    mounts: dict[str, tuple[tuple[str, bool], ...]] = {}
    for text in texts:
        name, path, writable = _mount(entry, text)
        mounts[name] = (*mounts.get(name, ()), (path, writable))
    return mounts


def _mount(entry: Entry, text: str) -> tuple[str, str, bool]:
    name, equals, path = text.partition("=")
    if not equals and len(entry.mounts) == 1:
        name, path = entry.mounts[0].name, text
    writable = path.endswith(":rw")
    path = path.removesuffix(":rw").removesuffix(":ro")
    if not name or not path:
        raise UsageError(
            f"--mount {text}: not a folder", fix="Write --mount NAME=PATH[:rw], or NAME=volume"
        )
    from mcptui.actions.planning import WORD, picked_path

    return name, picked_path(path), writable or path == WORD


def _parameters(entry: Entry, pairs: list[str]) -> dict[str, Any]:
    rules: dict[str, Any] = entry.parameters.get("properties", {})
    found: dict[str, Any] = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: no value", fix="Write --set NAME=VALUE")
        kind = str(rules.get(name, {}).get("type", "string"))
        if kind == "array" and not value.startswith("["):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value if kind == "string" else _json(name, value)
    return found


def _json(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(f"--set {name}: {value!r} is not a value", str(error)) from error


def _show(out: Out, look: Review) -> None:
    if out.as_json:
        out.data(review_data(look))
        return
    _tell(out, look)
    if look.docker_arguments:
        out.text(shlex.join(look.docker_arguments))
    if look.refused is not None:
        out.error(look.refused)


def review_data(look: Review) -> dict[str, Any]:
    """A review as JSON data."""
    from mcptui.entry_read import choices_to_dict, entry_to_dict

    refused = look.refused
    return {
        "name": look.name,
        "entry": entry_to_dict(look.entry),
        "trust": look.trust,
        "origin": look.origin,
        "choices": choices_to_dict(look.choices),
        "image_ready": look.image_ready,
        "missing": look.missing,
        "warnings": look.warnings,
        "refused": None if refused is None else {"what": refused.what, "why": refused.why},
        "runs": look.runs,
        "reaches": look.reaches,
        "reads": look.reads,
        "tools_on": look.tools_on,
        "tools_off": look.tools_off,
        "docker": look.docker_arguments,
        "create": look.plan.create_body() if look.plan is not None else None,
    }


def _tell(out: Out, look: Review) -> None:
    out.say(f"{look.entry.title} ({look.trust.value}, {look.origin})")
    out.say(f"  will run   {look.runs}")
    out.say(f"  may reach  {look.reaches}")
    out.say(f"  may read   {look.reads}")
    if look.missing:
        out.say(f"  needs      {look.needs}")
    off = f" · off: {', '.join(look.tools_off)}" if look.tools_off else ""
    out.say(f"  tools      {len(look.tools_on)} on{off}" if look.entry.tools else "  tools      ?")
    for warning in look.warnings:
        out.say(f"  ▲ {warning}")


def remove(home: Home, given: Namespace, out: Out) -> int:
    """Remove servers after asking."""
    from mcptui.actions.found import installed

    for name in given.servers:
        if name not in home.store.names():
            installed(home, name)
    names = ", ".join(given.servers)
    if not agreed(out, f"Remove {names}?", given.yes):
        out.say("nothing was changed")
        return 1
    for name in given.servers:
        asyncio.run(out.steps(_without(home, name, given)))
    if out.as_json:
        out.data({"removed": given.servers})
    else:
        out.say("`mcptui undo` brings it back")
    return 0


def _without(home: Home, name: str, given: Namespace) -> AsyncIterator[Step]:
    from mcptui.actions.remove import remove as take_out

    return take_out(home, name, keep_image=given.keep_image, keep_data=given.keep_data)


def update(home: Home, given: Namespace, out: Out) -> int:
    """Show what newer versions change, ask, and take them; one that fails stops no other."""
    names = given.servers or [row.name for row in home.store.installs()]
    done: list[dict[str, Any]] = []
    code = 0
    for name in names:
        try:
            done.append(_update_one(home, name, given, out))
        except McptuiError as error:
            if len(names) == 1:
                raise
            out.narrate(error)
            done.append({"name": name, "error": str(error)})
            code = code or error.exit_code
    if out.as_json:
        out.data(done)
    return code


def _update_one(home: Home, name: str, given: Namespace, out: Out) -> dict[str, Any]:
    from mcptui.actions.update import update_review

    found = update_review(home, name)
    _tell_update(out, found)
    named = {one: None for one in given.secret if one in _declared(found)}
    secrets = {} if given.dry_run else asked_secrets(home, found.review, named, out)
    wanted = not given.dry_run and (not found.newest or bool(given.servers))
    taken = wanted and _take(home, found, secrets, given.yes, out)
    return {"name": name, "newest": found.newest, "changes": found.changes, "taken": taken}


def _declared(found: UpdateReview) -> set[str]:
    return {secret.name for secret in found.review.entry.secrets}


def _take(home: Home, found: UpdateReview, secrets: Given, yes: bool, out: Out) -> bool:
    from mcptui.actions.update import update as renew

    if found.newest and found.review.trust.value == "signed":
        return False
    if not agreed(out, f"Update {found.name}?", yes):
        return False
    asyncio.run(out.steps(renew(home, found.name, secrets, found.exact)))
    return True


def _tell_update(out: Out, found: UpdateReview) -> None:
    if out.as_json:
        return
    if found.newest:
        out.say(f"{found.name}: {found.before} is the newest")
        return
    out.say(f"{found.name}: {found.before} → {found.after}")
    for line in found.changes:
        out.say(f"  {line}")
