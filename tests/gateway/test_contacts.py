"""Contacts on their way to the store: summed up, bounded, kept while the database is busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcptui.errors import TryAgain
from mcptui.gateway import contacts as module
from mcptui.gateway.contacts import Contacts
from mcptui.runtime.egress.limits import Contact
from mcptui.store import Store


class Jobs:
    """A scribe that runs its jobs when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[Store], object]] = []

    def do(self, job: Callable[[Store], object]) -> None:
        self.jobs.append(job)


def test_many_contacts_are_one_row_and_one_write(store: Store) -> None:
    scribe: Any = Jobs()
    contacts = Contacts(scribe, lambda: 7.0)
    for number in range(100):
        contacts.seen("one", Contact("a.example.com", 443, True, bytes_in=number))
        contacts.seen("one", Contact(f"{number % 3}.example.net", 443, False, "no"))
    assert len(scribe.jobs) == 1
    scribe.jobs.pop()(store)
    rows = {row.host: row for row in store.contacts("one")}
    assert (rows["a.example.com"].times, rows["a.example.com"].bytes_in) == (100, 4950)
    assert sum(row.times for row in rows.values() if not row.allowed) == 100
    contacts.seen("one", Contact("a.example.com", 443, True, times=0, bytes_out=5))
    scribe.jobs.pop()(store)
    assert [r.bytes_out for r in store.contacts("one") if r.allowed] == [5]


def test_a_busy_database_is_asked_again_and_nothing_is_written_twice(store: Store) -> None:
    class Busy:
        def record_contacts(self, seen: object) -> None:
            raise TryAgain("busy")

    scribe: Any = Jobs()
    contacts = Contacts(scribe, lambda: 7.0)
    contacts.seen("one", Contact("a.example.com", 443, True))
    job = scribe.jobs.pop()
    for _ in range(2):
        try:
            job(Busy())
        except TryAgain:
            contacts.seen("one", Contact("a.example.com", 443, True))
    job(store)
    job(store)
    assert [row.times for row in store.contacts("one")] == [3]


def test_a_flood_of_names_is_bounded(store: Store) -> None:
    scribe: Any = Jobs()
    contacts = Contacts(scribe, lambda: 7.0)
    for number in range(module.MOST + 500):
        contacts.seen("one", Contact(f"{number}.example.net", 443, False, "no"))
    scribe.jobs.pop()(store)
    hosts = [row.host for row in store.contacts("one")]
    assert 0 < len(hosts) <= 500
