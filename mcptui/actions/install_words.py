"""What an install will do, in words: one line each for a person who has to agree to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.actions.install_remote import reaches as remote_reaches
from mcptui.actions.signed_images import signed_words
from mcptui.entry import Choices, Kind, Trust
from mcptui.runtime.egress.rules import ANY, Rule
from mcptui.runtime.reach import open_rules, policy_of, wants_any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcptui.actions.folders import Folder
    from mcptui.actions.targets import Target
    from mcptui.entry import Entry
    from mcptui.runtime.plan import ContainerPlan


def warnings(found: Target, plan: ContainerPlan | None) -> list[str]:
    """What a person should know before agreeing."""
    said: list[str] = []
    if found.trust is Trust.UNSIGNED:
        said.append("unsigned: nobody but you vouches for this server")
    said.extend(plan.warnings if plan is not None else ())
    if found.entry.checked.not_checked and found.trust is Trust.SIGNED:
        said.append(f"not checked: {found.entry.checked.not_checked}")
    return said


def runs(entry: Entry) -> str:
    """What will run, or where the server is."""
    if entry.package is not None:
        package = entry.package
        return f"{package.name} {package.version} of {package.registry}, built here by hash"
    if entry.image is not None:
        where = "an image of this engine" if entry.image.local else entry.image.repository
        signed = signed_words(entry)
        return f"{where} {entry.image.digest[:19]}" + (f", {signed}" if signed else "")
    return entry.remote.url if entry.remote is not None else ""


def reaches(entry: Entry, choices: Choices) -> str:
    """What it may reach of the network."""
    if entry.kind is Kind.REMOTE:
        return remote_reaches(entry)
    policy = policy_of(entry, choices)
    names = ", ".join(rule.text for rule in policy.rules if rule.host != ANY)
    ports = ", ".join(str(rule.port) for rule in open_rules(entry) if rule != Rule(ANY))
    wide = "any public host, by TLS" + (f" or at port {ports}" if ports else "")
    if choices.network == "any":
        return wide + (f", and {names}" if names else "")
    if choices.network == "learn":
        return f"{wide}; which ones is noted until you lock its list"
    if names:
        return f"{names}; everything else is refused"
    if wants_any(entry):
        return "nothing until you name hosts, or allow any"
    return "nothing: it has no network"


def reads(folders: Iterable[Folder]) -> str:
    """What it may read of this machine."""
    return ", ".join(one.text for one in folders) or "no folders"
