"""From an entry and choices to what its server may reach: the policy its proxy keeps to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.runtime.egress.rules import Policy, Rule, rule_from_text

if TYPE_CHECKING:
    from mcptui.entry import Choices, Entry

DNS = "127.0.0.1"
"""Whom a server asks for names: us, on the container's own loopback."""
_PROXY = "http://127.0.0.1:3128"
_DIRECT = "localhost,127.0.0.1,::1"
PROXIED = {
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), _PROXY),
    **dict.fromkeys(("https_proxy", "http_proxy", "all_proxy"), _PROXY),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), _DIRECT),
    "NODE_USE_ENV_PROXY": "1",
}
"""What tells programs of the proxy; those that do not listen are served by their names."""
ANY = "*"
"""How an entry says that it may want any host."""


def declared(entry: Entry) -> tuple[Rule, ...]:
    """The hosts an entry names; installing it allows them, but for those the user took away."""
    return tuple(
        Rule(host.name, host.port, host.protocol) for host in entry.hosts if host.name != ANY
    )


def wants_any(entry: Entry) -> bool:
    """Whether it declares hosts that nobody can list beforehand."""
    return any(host.name == ANY for host in entry.hosts)


def network_needs(entry: Entry, choices: Choices) -> bool:
    """Whether an entry wants hosts that nobody can list beforehand, and was given none."""
    if declared(entry) or not wants_any(entry):
        return False
    return not choices.hosts and choices.network == "listed"


def hosts_wanted(entry: Entry) -> str:
    """Why an entry wants hosts that it does not name, in words."""
    why = ", ".join(host.why for host in entry.hosts if host.name == "*" and host.why)
    return f"name those it may reach{f' ({why})' if why else ''}, or allow any"


def own(choices: Choices) -> tuple[Rule, ...]:
    """The hosts the user allowed; one that cannot be read allows nothing."""
    found: list[Rule] = []
    for text in choices.hosts:
        try:
            found.append(rule_from_text(text))
        except UsageError:
            continue
    return tuple(found)


def policy_of(entry: Entry, choices: Choices) -> Policy:
    """What a server may reach."""
    listed = [rule for rule in declared(entry) if rule.text not in choices.hosts_off]
    # The user's own come first: of two rules for one place the first one counts.
    rules = dict.fromkeys((*own(choices), *listed))
    return Policy(tuple(rules), any_public=choices.network != "listed")
