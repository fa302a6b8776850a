"""Asking for the secrets of a server that is being installed; values never come as arguments."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mcptui.cli.ask import agreed, hidden
from mcptui.errors import UsageError

if TYPE_CHECKING:
    from mcptui.actions.install import Review
    from mcptui.cli.output import Out
    from mcptui.entry import Entry
    from mcptui.home import Home


def known_secrets(entry: Entry, names: Sequence[str]) -> list[str]:
    """The names given by `--secret`.

    Raises:
        UsageError: the entry declares no such secret, or a value came with it.
    """
    declared = [secret.name for secret in entry.secrets]
    for name in names:
        if name not in declared:
            shown = name.partition("=")[0]
            why = f"{entry.id} declares: {', '.join(declared) or 'none'}"
            if "=" in name:
                why += "; a value is never an argument, others could read it there"
            raise UsageError(f"--secret {shown}: no such secret", why)
    return list(names)


def asked_secrets(
    home: Home, look: Review, named: Mapping[str, str | None], out: Out
) -> dict[str, str | None]:
    """What the server gets: stored secrets that were agreed to, and values that were typed.

    Somebody at a terminal is asked for what is missing. Elsewhere only what `--secret` names is
    given: the stored one, or else the next line of stdin.

    Raises:
        UsageError: nothing was typed or read.
    """
    from mcptui.actions.install_secrets import stored_secrets

    given = dict(named)
    if look.refused is not None:
        return given
    stored = stored_secrets(home, look.entry, look.name)
    person = sys.stdin.isatty() and not out.as_json
    missing = {one.name for one in look.missing if one.kind == "secret"}
    for secret in look.entry.secrets:
        if secret.name in stored:
            if secret.name in missing and person:
                question = f"Give {look.name} the stored secret {secret.name}?"
                if agreed(out, question, yes=False):
                    given[secret.name] = None
        elif secret.name in named or (person and secret.name in missing):
            if person and secret.where:
                out.say(f"{secret.name}: {secret.where}")
            given[secret.name] = hidden(out, f"{secret.name} ({secret.env})")
    return given
