"""Whether a tool may be called: switches of the user, and texts that changed since approval.

Pure: rows in, a verdict out. The words go to a model, so they never carry text of the server's
own choosing: a changed description is named, not quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcptui.store.rows import Installed, ToolState


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a call does not happen.

    Args:
        outcome: "blocked" by a switch of the user's, or "refused" for want of trust.
        reason: for the record, short.
        text: for the model and its user, with what to do.
    """

    outcome: str
    reason: str
    text: str


def judge(
    installed: Installed,
    tool: str,
    state: ToolState | None,
    approved: Mapping[str, Any] | None,
    known: bool,
) -> Verdict | None:
    """Decide on calls of one tool; None means they may happen.

    Args:
        installed: the server with the user's choices.
        tool: the server's own name of the tool.
        state: what was approved and last seen of it, if it ever was compared.
        approved: the approved definition, if there is one.
        known: the tool's text was approved or pinned at some time.
    """
    server = installed.name
    if not installed.choices.enabled:
        return Verdict(
            "blocked",
            "server switched off",
            f"The server {server!r} is switched off in mcptui, so this call was not made. "
            f"Its user can switch it on: open mcptui, or run `mcptui switch {server} on`.",
        )
    if tool in installed.choices.tools_off:
        return Verdict(
            "blocked",
            "tool switched off",
            f"The tool {tool!r} of {server!r} is switched off in mcptui, so this call was not "
            "made. Its user can switch it on: open mcptui, or run "
            f"`mcptui switch {server} on {tool}`.",
        )
    if state is None or not state.quarantined:
        return None
    if known:
        changed = _changed(approved, state.seen_definition)
        return Verdict(
            "refused",
            f"changed since it was approved: {changed}",
            f"The server {server!r} now describes its tool {tool!r} differently from what was "
            f"approved ({changed} changed), so this call was not made. Its user can read the "
            f"difference and approve it in the Servers room of mcptui, or with "
            f"`mcptui approve {server} {tool}`.",
        )
    return Verdict(
        "refused",
        "new tool, not approved yet",
        f"The tool {tool!r} is new in {server!r} and nobody has approved it yet, so this call was "
        f"not made. Its user can read and approve it in the Servers room of mcptui, or with "
        f"`mcptui approve {server} {tool}`.",
    )


def left_out(server: str, tool: str) -> Verdict:
    """The verdict on a tool that the profile of this client does not have."""
    return Verdict(
        "blocked",
        "not in this profile",
        f"The tool {tool!r} of {server!r} is not in the profile this client was given, so this "
        "call was not made. Its user can add it: `mcptui profile add PROFILE "
        f"{server} --tool {tool}`.",
    )


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None or after is None:
        return "its definition"
    usual = ("description", "inputSchema", "outputSchema", "annotations", "title", "_meta")
    keys = [key for key in usual if before.get(key) != after.get(key)]
    if any(before.get(key) != after.get(key) for key in {*before, *after} - {*usual}):
        keys.append("other fields")
    return ", ".join(keys) or "its definition"
