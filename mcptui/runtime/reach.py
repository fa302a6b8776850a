"""From an entry and choices to what its server may reach: the policy its proxy keeps to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.runtime.egress.rules import ANY, Policy, Rule, rule_from_text

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


def open_rules(entry: Entry) -> tuple[Rule, ...]:
    """What "any host" means for an entry: every public name over TLS, and at ports it asks for."""
    more = (Rule(ANY, host.port, host.protocol) for host in entry.hosts if host.name == ANY)
    return tuple(dict.fromkeys((Rule(ANY), *more)))


def own(choices: Choices) -> tuple[Rule, ...]:
    """The hosts the user allowed; one that cannot be read allows nothing."""
    return _readable(choices.hosts)


def taken_away(choices: Choices) -> tuple[Rule, ...]:
    """The hosts the user took away, whoever else would let them through."""
    return _readable(sorted(choices.hosts_off))


def _readable(texts: Iterable[str]) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for text in texts:
        try:
            found.append(rule_from_text(text))
        except UsageError:
            continue
    return tuple(found)


def policy_of(entry: Entry, choices: Choices) -> Policy:
    """What a server may reach."""
    off = taken_away(choices)
    listed = [rule for rule in declared(entry) if rule not in off]
    wide = () if choices.network == "listed" else open_rules(entry)
    # The user's own come first: of two rules for one place the first one counts.
    return Policy(tuple(dict.fromkeys((*own(choices), *listed, *wide))), off, _by_proxy(entry))


def _by_proxy(entry: Entry) -> bool:
    """Whether a server fetches what its clients name, and so may refuse inner addresses itself.

    Such programs resolve a name and look at what it leads to (mcp-server-fetch does); ours lead to
    the container's loopback. HTTP libraries of Python take the proxy of the environment, those of
    Node often do not.
    """
    fetches = any(host.name == ANY and host.protocol == "tls" for host in entry.hosts)
    return fetches and entry.package is not None and entry.package.registry == "pypi"
