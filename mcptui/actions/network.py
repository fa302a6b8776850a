"""What a server may reach, what it reached and what was refused it; allow, take away, learn, lock.

Every change is one of the server's choices: it lasts, running gateways follow within a second, and
`undo` takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed
from mcptui.entry import Kind
from mcptui.errors import UsageError
from mcptui.runtime.egress.rules import HERE, PORTS, Policy, Rule, normal_address, rule_from_text
from mcptui.runtime.reach import declared, open_rules, own, policy_of
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.rows import ContactRow, Installed

KIND = "network"
_SEEN, _LEARNS = "network.seen.", "network.learns."
"""Under which names the store keeps when somebody looked, and when learning began."""


@dataclass(frozen=True, slots=True)
class HostRow:
    """One place on the network, as a server's list and its contacts tell of it.

    Args:
        place: as a rule is written; `allow_host` takes it.
        host, port: where.
        allowed: it may be reached now.
        declared: the entry names it.
        times: how often it was let through.
        refused: how often it was refused.
        bytes_out, bytes_in: what passed.
        at: when it was last tried, Unix seconds, 0 for never.
        reason: why it was last refused; else what the entry wants it for.
        new: refused since somebody last looked.
    """

    place: str
    host: str
    port: int
    allowed: bool = False
    declared: bool = False
    times: int = 0
    refused: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    at: float = 0.0
    reason: str = ""
    new: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """What one server may reach and has reached.

    Args:
        mode: "none", "listed", "any" or "learn"; "remote" for a server that runs elsewhere.
        rows: new refusals first, then what was tried last, then what was never tried.
    """

    mode: str
    rows: tuple[HostRow, ...] = ()

    @property
    def new(self) -> int:
        """Places that were refused since somebody last looked."""
        return sum(row.new for row in self.rows)


def reach(home: Home, server: str) -> Reach:
    """What a server may reach, has reached and was refused.

    Raises:
        UsageError: no such server.
    """
    row = installed(home, server)
    if row.entry.kind is Kind.REMOTE:
        return Reach("remote")
    policy = policy_of(row.entry, row.choices)
    mode = row.choices.network if policy.reaches else "none"
    seen = float(home.store.recall(_SEEN + server, 0.0))
    rows = _rows(row, policy)
    for contact in home.store.contacts(server):
        _add(rows, policy, contact, seen)
    found = sorted(rows.values(), key=lambda one: (not one.new, -one.at, one.place))
    return Reach(mode, tuple(found))


def _rows(row: Installed, policy: Policy) -> dict[tuple[str, int], HostRow]:
    """The list, before anything was tried."""
    why = {(host.name, host.port): host.why for host in row.entry.hosts}
    named = declared(row.entry)
    return {
        (rule.host, rule.port): HostRow(
            rule.text,
            rule.host,
            rule.port,
            allowed=rule in policy.rules,
            declared=rule in named,
            reason=why.get((rule.host, rule.port), ""),
        )
        for rule in (*named, *own(row.choices))
    }


def _add(
    rows: dict[tuple[str, int], HostRow], policy: Policy, contact: ContactRow, seen: float
) -> None:
    key = (contact.host, contact.port)
    known = rows.get(key)
    if known is not None and known.allowed and contact.reason.endswith("is not public"):
        # Its name leads into the user's own network: only a rule that says so lets it there.
        known = replace(known, allowed=False, place=suggested(contact.host, contact.port, True))
    if known is None:
        allowed = policy.match(contact.host, contact.port) is not None
        place = suggested(contact.host, contact.port)
        known = HostRow(place, contact.host, contact.port, allowed=allowed)
    changes: dict[str, Any] = {"at": max(known.at, contact.last_at)}
    if contact.allowed:
        changes |= {"times": contact.times, "bytes_out": contact.bytes_out}
        changes["bytes_in"] = contact.bytes_in
    else:
        changes |= {"refused": contact.times, "new": contact.last_at > seen}
        if not known.allowed or contact.last_at >= known.at:
            changes["reason"] = contact.reason
    rows[key] = replace(known, **changes)


def suggested(host: str, port: int, private: bool = False) -> str:
    """The rule that would let a refused place through, as it is written.

    Args:
        host: as the server named it.
        port: 0 where only its name was asked for.
        private: it is in the user's own network.
    """
    port = port or PORTS["tls"]
    protocol = next((name for name, usual in PORTS.items() if usual == port), "tcp")
    return Rule(host, port, protocol, private or bool(normal_address(host)) or host in HERE).text


def written_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """Places as a person writes them, each in its one form.

    Raises:
        UsageError: one is no place; says why.
    """
    return tuple(dict.fromkeys(rule_from_text(text).text for text in texts))


def saw_hosts(home: Home, server: str) -> None:
    """Somebody has looked: what was refused until now is new no more."""
    home.store.remember(_SEEN + server, home.clock())


def new_refusals(home: Home, server: str) -> list[ContactRow]:
    """The places a server was refused since somebody last looked, the newest first."""
    return home.store.refused_since(server, float(home.store.recall(_SEEN + server, 0.0)))


def allow_host(home: Home, server: str, text: str, on: bool = True) -> str:
    """Allow a place to a server, or take it away; returns what was done in words.

    Args:
        home: whose server.
        server: its name.
        text: the place, as a rule is written.
        on: allow it.

    Raises:
        UsageError: no such server, it runs elsewhere, or the text is no place.
    """
    row = _here(home, server)
    rule, choices = rule_from_text(text), row.choices
    policy = policy_of(row.entry, choices)
    if on == (rule in policy.rules) and on == (policy.match(rule.host, rule.port) is not None):
        return f"{server}: {rule.text} is {'allowed' if on else 'not allowed'} already"
    hosts = tuple(
        one.text for one in own(choices) if (one.host, one.port) != (rule.host, rule.port)
    )
    off = choices.hosts_off - {rule.text}
    if on and rule not in declared(row.entry):
        hosts = (*hosts, rule.text)
    after = policy_of(row.entry, replace(choices, hosts=hosts, hosts_off=off))
    if not on and (rule in after.rules or after.match(rule.host, rule.port) is not None):
        # Something wider still lets it through: the entry, a wildcard, any host.
        off |= {rule.text}
    label = f"{'allow' if on else 'take away'} {rule.text} for {server}"
    _store(home, row, label, hosts=hosts, hosts_off=off)
    return f"{server}: {rule.text} is {'allowed' if on else 'taken away'}"


def any_host(home: Home, server: str) -> str:
    """Let a server reach every public host; returns what was done in words.

    Raises:
        UsageError: no such server, or it runs elsewhere.
    """
    _store(home, _here(home, server), f"any host for {server}", network="any")
    return f"{server} may reach any public host by TLS; `mcptui network lock {server}` ends that"


def learn_hosts(home: Home, server: str) -> str:
    """Let a server reach every public host and note which ones; returns what was done in words.

    Raises:
        UsageError: no such server, or it runs elsewhere.
    """
    row = _here(home, server)
    if row.choices.network == "learn":
        return f"{server} learns already"
    home.store.remember(_LEARNS + server, home.clock())
    _store(home, row, f"learn the hosts of {server}", network="learn")
    return f"{server} learns: any public host is let through and noted until you lock its list"


def lock_hosts(home: Home, server: str) -> str:
    """Allow what a server used while it learned, and nothing else; returns that in words.

    Raises:
        UsageError: no such server, or it runs elsewhere.
    """
    row = _here(home, server)
    if row.choices.network == "listed":
        return f"{server} is locked to its list already"
    used: list[Rule] = []
    if row.choices.network == "learn":
        since = float(home.store.recall(_LEARNS + server, 0.0))
        used = list(_used(home.store.contacts(server), row, since))
    texts = (*row.choices.hosts, *(rule.text for rule in used))
    _store(home, row, f"lock the hosts of {server}", network="listed", hosts=texts)
    count = len(policy_of(row.entry, replace(row.choices, network="listed", hosts=texts)).rules)
    return f"{server} is locked to {plural(count, 'host')}, {len(used)} of them learned"


def _used(contacts: Iterable[ContactRow], row: Installed, since: float) -> Iterable[Rule]:
    """What only learning let through; never what the user had allowed and took away again."""
    listed = policy_of(row.entry, replace(row.choices, network="listed"))
    wide = Policy(open_rules(row.entry), listed.denied)
    for contact in contacts:
        rule = wide.match(contact.host, contact.port)
        if rule is None or not contact.allowed or contact.last_at < since:
            continue
        if listed.match(contact.host, contact.port) is None:
            yield rule


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a change of a server's network.

    Raises:
        UsageError: the server is gone.
    """
    row = installed(home, payload["server"])
    before = replace(
        row.choices,
        network=payload["network"],
        hosts=tuple(payload["hosts"]),
        hosts_off=frozenset(payload["hosts_off"]),
    )
    home.store.put_install(replace(row, choices=before))
    home.store.wish("switch", row.name)


def _here(home: Home, server: str) -> Installed:
    row = installed(home, server)
    if row.entry.kind is Kind.REMOTE:
        raise UsageError(
            f"{server} runs elsewhere",
            "what it reaches from there is not in our hands",
            "Lists of hosts are for servers that run in containers",
        )
    return row


def _store(home: Home, row: Installed, label: str, **changes: Any) -> None:
    choices = row.choices
    payload: dict[str, Any] = {
        "server": row.name,
        "network": choices.network,
        "hosts": list(choices.hosts),
        "hosts_off": sorted(choices.hosts_off),
    }
    home.store.put_install(replace(row, choices=replace(choices, **changes)))
    home.store.wish("switch", row.name)
    home.store.push_undo(label, KIND, payload)
    saw_hosts(home, row.name)
