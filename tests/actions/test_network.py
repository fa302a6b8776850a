"""The list of a server's hosts: allowed, taken away, learned, locked, undone, and never widened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mcptui.actions.network import (
    allow_host,
    any_host,
    learn_hosts,
    lock_hosts,
    new_refusals,
    reach,
    saw_hosts,
)
from mcptui.actions.undo import undo
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.runtime.egress.rules import Policy, rule_from_text
from mcptui.runtime.reach import policy_of
from mcptui.store.rows import ContactSeen, Installed

Put = Callable[..., Installed]
HOSTS: list[dict[str, Any]] = [{"name": "api.example.com", "why": "answers"}]


def policy(home: Home) -> Policy:
    row = home.store.installed("parrot")
    assert row is not None
    return policy_of(row.entry, row.choices)


def reached(home: Home, host: str, port: int = 443) -> bool:
    return policy(home).match(host, port) is not None


def seen(home: Home, host: str, port: int = 443, *, allowed: bool = True) -> None:
    why = "" if allowed else "it is not on the list"
    home.store.record_contacts(
        [ContactSeen("parrot", host, port, allowed, home.clock(), 1, 10, 20, why, "proxy")]
    )


def test_what_an_entry_declares_is_allowed_and_nothing_else(home: Home, put: Put) -> None:
    put(entry={"hosts": HOSTS})
    assert reached(home, "api.example.com") and not reached(home, "evil.example.com")
    assert reach(home, "parrot").mode == "listed"


def test_a_host_is_allowed_for_good_and_taken_back(home: Home, put: Put) -> None:
    put(entry={"hosts": HOSTS})
    seen(home, "more.example.com", allowed=False)
    assert [one.host for one in new_refusals(home, "parrot")] == ["more.example.com"]
    row = reach(home, "parrot").rows[0]
    assert row.new and row.refused == 1 and row.reason == "it is not on the list"
    assert "allowed" in allow_host(home, "parrot", row.place)
    assert reached(home, "more.example.com")
    saw_hosts(home, "parrot")
    assert new_refusals(home, "parrot") == []
    undo(home)
    assert not reached(home, "more.example.com")
    assert "allowed" in allow_host(home, "parrot", "more.example.com")
    assert "already" in allow_host(home, "parrot", "more.example.com")
    assert "taken away" in allow_host(home, "parrot", "more.example.com", on=False)
    assert "already" in allow_host(home, "parrot", "more.example.com", on=False)


def test_a_declared_host_that_is_taken_away_stays_away(home: Home, put: Put) -> None:
    put(entry={"hosts": HOSTS})
    allow_host(home, "parrot", "api.example.com", on=False)
    for change in (any_host, learn_hosts):
        change(home, "parrot")
        assert not reached(home, "api.example.com") and reached(home, "other.example.com")
    seen(home, "api.example.com")
    lock_hosts(home, "parrot")
    assert not reached(home, "api.example.com")
    allow_host(home, "parrot", "api.example.com")
    assert reached(home, "api.example.com")


def test_any_host_less_one(home: Home, put: Put) -> None:
    put()
    any_host(home, "parrot")
    assert "taken away" in allow_host(home, "parrot", "evil.example.com", on=False)
    assert not reached(home, "evil.example.com") and reached(home, "good.example.com")


def test_learning_adds_what_was_used_and_locking_ends_it(home: Home, put: Put) -> None:
    put(entry={"hosts": HOSTS})
    seen(home, "before.example.com")
    home.clock = lambda: 2e9
    learn_hosts(home, "parrot")
    assert reached(home, "anything.example.com")
    home.clock = lambda: 2e9 + 5
    seen(home, "used.example.com")
    seen(home, "refused.example.com", 80, allowed=False)
    assert "1 of them learned" in lock_hosts(home, "parrot")
    assert [rule.text for rule in policy(home).rules] == ["used.example.com", "api.example.com"]
    assert not reached(home, "before.example.com") and not reached(home, "anything.example.com")


GIVEN_ONCE = [
    "10.0.0.5 private", "host.docker.internal:5432/tcp private", "db.corp:5432/tcp private",
    "db.example.org:5432/tcp",
]  # fmt: skip


@pytest.mark.parametrize("text", GIVEN_ONCE)
def test_locking_gives_back_nothing_that_was_taken_away(home: Home, put: Put, text: str) -> None:
    put(entry={"hosts": HOSTS})
    allow_host(home, "parrot", text)
    learn_hosts(home, "parrot")
    rule = rule_from_text(text)
    assert reached(home, rule.host, rule.port)
    seen(home, rule.host, rule.port)
    allow_host(home, "parrot", text, on=False)
    assert not reached(home, rule.host, rule.port)
    assert "0 of them learned" in lock_hosts(home, "parrot")
    assert not reached(home, rule.host, rule.port)
    row = home.store.installed("parrot")
    assert row is not None and row.choices.network == "listed"


def test_an_entry_for_any_host_at_a_port_of_its_own(home: Home, put: Put) -> None:
    put(entry={"hosts": [{"name": "*", "port": 5432}]})
    assert not reached(home, "db.example.org", 5432)
    any_host(home, "parrot")
    found = policy(home).match("db.example.org", 5432)
    assert found is not None and found.protocol == "tcp"
    assert not reached(home, "10.0.0.5", 5432) and not reached(home, "db.example.org", 3306)


@pytest.mark.parametrize("text", ["*", "*.com", "1.2.3.4", "https://x.example.com", "nas", ""])
def test_what_is_no_host_changes_nothing(home: Home, put: Put, text: str) -> None:
    before = put(entry={"hosts": HOSTS})
    with pytest.raises(UsageError):
        allow_host(home, "parrot", text)
    assert home.store.installed("parrot") == before


def test_a_list_that_cannot_be_read_allows_nothing(home: Home, put: Put) -> None:
    row = put(entry={"hosts": HOSTS})
    broken = replace(row.choices, hosts=("*", "1.2.3.4", "\x1b[2J"), hosts_off=frozenset({"?"}))
    home.store.put_install(replace(row, choices=broken))
    assert [rule.text for rule in policy(home).rules] == ["api.example.com"]
