"""From an entry and choices to the exact container, and what still stands in the way of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.entry import VOLUME
from mcptui.entry_schema import parameter_problems
from mcptui.errors import UsageError
from mcptui.runtime.deny import Deny
from mcptui.runtime.egress.rules import rule_from_text
from mcptui.runtime.owner import Owner
from mcptui.runtime.pinned import real_path
from mcptui.runtime.plan import ContainerPlan, ImageFacts, plan
from mcptui.runtime.reach import hosts_wanted, network_needs

if TYPE_CHECKING:
    from mcptui.entry import Choices, Entry
    from mcptui.home import Home


WORD = "volume"
"""What a person writes for a mount in place of a path, to have the data kept by the engine."""


def picked_path(text: str) -> str:
    """What a person wrote for a mount, as it is kept."""
    return VOLUME if text == WORD else real_path(text)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the user has to choose before a server can run.

    Args:
        kind: "parameter", "mount", "credentials", "network" or "secret".
        name: the parameter's or mount's name, the path of credentials, "hosts", or the
            secret's name.
        text: what is needed, in words.
        option: how to give it on the command line, "" when it cannot be given.
    """

    kind: str
    name: str
    text: str
    option: str = ""


def deny_of(home: Home) -> Deny:
    """What no server may be given: the user's credentials and all that is ours."""
    paths = home.paths
    private = (paths.state, paths.config, paths.cache, paths.runtime)
    return Deny(homes=(paths.home,), private=private)


def plan_for(
    home: Home,
    entry: Entry,
    choices: Choices,
    facts: ImageFacts,
    name: str = "",
    secrets: Mapping[str, str] | None = None,
) -> ContainerPlan:
    """The exact container of an entry, owned by this process; with its secrets when it starts.

    Raises:
        McptuiError: the entry is remote.
    """
    owner = Owner.current("", str(home.paths.state))
    return plan(entry, choices, facts, owner, secrets, name=name, deny=deny_of(home))


def missing(home: Home, entry: Entry, choices: Choices) -> list[Missing]:
    """What has to be chosen, put right or brought before the entry can run, in words."""
    found = [
        Missing("parameter", name, f"{name} {problem}", f"--set {name}=VALUE")
        for name, problem in parameter_problems(entry.parameters, choices.parameters).items()
    ]
    found.extend(_mounts(entry, choices, deny_of(home)))
    found.extend(_hosts(entry, choices))
    return found


def _hosts(entry: Entry, choices: Choices) -> list[Missing]:
    found: list[Missing] = []
    for text in choices.hosts:
        try:
            rule_from_text(text)
        except UsageError as error:
            found.append(Missing("network", "hosts", f"{error.what}: {error.why}", "--host HOST"))
    if network_needs(entry, choices):
        option = "--host HOST[:PORT[/tcp]], or --any-host"
        found.append(Missing("network", "hosts", f"hosts: {hosts_wanted(entry)}", option))
    return found


def _mounts(entry: Entry, choices: Choices, deny: Deny) -> list[Missing]:
    found: list[Missing] = []
    known = {mount.name: mount for mount in entry.mounts}
    for mount in entry.mounts:
        picked = choices.mounts.get(mount.name, ())
        option = f"--mount {mount.name}=PATH"
        if mount.required and not picked:
            text = f"a folder for {mount.name}: {mount.description}"
            found.append(Missing("mount", mount.name, text, option))
        if len(picked) > 1 and not mount.many:
            found.append(Missing("mount", mount.name, f"only one folder for {mount.name}", option))
        for path, writable in picked:
            if path == VOLUME:
                continue
            problem = deny.problem(path, choices.exposed, writable=writable)
            if not problem and not Path(path).exists():
                problem = "does not exist"
            if not problem and (real := real_path(path)) != path:
                problem = f"is reached through a link now, it leads to {real}"
            if problem and path not in choices.exposed and deny.is_credential(path):
                text = f"your word that it may read credentials of yours: {path}"
                found.append(Missing("credentials", path, text, f"--credentials {path}"))
            elif problem:
                text = f"another folder for {mount.name}: {path} {problem}"
                found.append(Missing("mount", mount.name, text, option))
    for name in choices.mounts:
        if name not in known:
            names = ", ".join(known) or "none"
            found.append(Missing("mount", name, f"{name} is no folder of it; it has: {names}"))
    return found
