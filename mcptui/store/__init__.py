"""The one file in which the TUI, the commands and every gateway meet (`state.db`).

SQLite in WAL mode, readable by its owner only. This package holds the only SQL on it. Writers
wait for each other up to `BUSY_SECONDS`; readers never wait. `Store.changed()` costs one PRAGMA,
so a process can poll it ten times a second.
"""

from __future__ import annotations

from mcptui.store.calls import CallStore
from mcptui.store.contacts import ContactStore
from mcptui.store.installs import InstallStore
from mcptui.store.live import LiveStore
from mcptui.store.memory import MemoryStore
from mcptui.store.written import WrittenStore


class Store(InstallStore, CallStore, ContactStore, LiveStore, MemoryStore, WrittenStore):
    """Everything mcptui remembers, one connection per thread."""


__all__ = ["Store"]
