"""What servers reach and are refused, on its way to the store.

The event loop leaves contacts behind, the scribe's thread sums them up by place and writes them. A
server that floods us with names costs a bounded list and no call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mcptui.store.rows import ContactSeen

if TYPE_CHECKING:
    from mcptui.gateway.record import Scribe
    from mcptui.runtime.egress.limits import Contact
    from mcptui.store import Store

MOST = 5_000
"""Contacts that wait to be written; of more the oldest are forgotten."""


class Contacts:
    """Writes for one gateway.

    Args:
        scribe: whose thread writes.
        clock: unix seconds.
    """

    def __init__(self, scribe: Scribe, clock: Callable[[], float]) -> None:
        self._scribe = scribe
        self._clock = clock
        self._waiting: deque[ContactSeen] = deque(maxlen=MOST)
        self._kept: list[ContactSeen] = []
        self._asked = False

    def seen(self, server: str, contact: Contact) -> None:
        """A server reached something, or was refused; called on the event loop's thread."""
        self._waiting.append(
            ContactSeen(
                server, contact.host, contact.port, contact.allowed, self._clock(), contact.times,
                contact.bytes_out, contact.bytes_in, contact.reason, contact.how,
            )
        )  # fmt: skip
        if not self._asked:
            self._asked = True
            self._scribe.do(self._write)

    def _write(self, store: Store) -> None:
        # Down before the list is looked at: what comes meanwhile asks for another turn.
        self._asked = False
        batch = self._kept
        while self._waiting:
            batch.append(self._waiting.popleft())
        # Kept until it is written: a database that is busy is asked again.
        self._kept = summed(batch)[-MOST:]
        store.record_contacts(self._kept)
        self._kept = []


def summed(batch: list[ContactSeen]) -> list[ContactSeen]:
    """Contacts with one place and verdict as one."""
    found: dict[tuple[str, str, int, bool], ContactSeen] = {}
    for one in batch:
        key = (one.server, one.host, one.port, one.allowed)
        before = found.get(key)
        if before is not None:
            one = replace(
                one,
                times=before.times + one.times,
                bytes_out=before.bytes_out + one.bytes_out,
                bytes_in=before.bytes_in + one.bytes_in,
            )
        found[key] = one
    return list(found.values())
