"""Installed servers, their definitions and approved tools survive as they were stored."""

from __future__ import annotations

from dataclasses import replace

from mcptui.entry import Checked, Choices, Entry, Kind, Package, ToolPin, Trust
from mcptui.store import Store
from mcptui.store.rows import Definitions, Installed, LogLine, ToolState

ENTRY = Entry(
    id="time",
    title="Time",
    description="Tells the time.",
    publisher="somebody",
    category="utilities",
    licence="MIT",
    homepage="https://example.org",
    source="https://example.org/source",
    kind=Kind.PACKAGE,
    checked=Checked(on="2026-11-23", built=True),
    package=Package(
        registry="pypi",
        name="mcp-server-time",
        version="1.0",
        lock="a==1 --hash=sha256:00",
        lock_sha256="9a92b5d4fbdfe9b8a4d0f0ef1f1a5f7e9c5a3bd1fe7c1a0dfb44ccb7d9d0a111",
    ),
    tools=(ToolPin("now", "Tells now.", "sha256:" + "0" * 64, {"name": "now", "x": [1, None]}),),
)
CHOICES = Choices(
    parameters={"zone": "Europe/Paris"},
    mounts={"folder": (("/home/a", False), ("/home/b", True))},
    network="any",
    tools_off=frozenset({"now"}),
    enabled=False,
)
INSTALLED = Installed("time", ENTRY, CHOICES, Trust.SIGNED, "catalog 3", "sha256:1", 1.0, 2.0)


def _with_true_lock() -> Installed:
    import hashlib

    package = ENTRY.package
    assert package is not None
    digest = hashlib.sha256(package.lock.encode()).hexdigest()
    return replace(INSTALLED, entry=replace(ENTRY, package=replace(package, lock_sha256=digest)))


def test_an_install_comes_back_as_it_was(store: Store) -> None:
    row = _with_true_lock()
    store.put_install(row)
    assert store.installed("time") == row
    store.put_install(replace(row, name="a-clock"))
    assert [found.name for found in store.installs()] == ["a-clock", "time"]
    assert store.installed("other") is None


def test_removal_forgets_what_the_server_said_but_not_the_others(store: Store) -> None:
    for name in ("time", "other"):
        store.put_install(replace(_with_true_lock(), name=name))
        store.put_definitions(Definitions(name, "legacy", "2025-06-18", tools=[{"name": "now"}]))
        store.put_tool_state(ToolState(name, "now", "sha256:a", "sha256:a"))
        store.append_log([LogLine(0, name, "g", 1.0, "hello")])
    store.remove_install("time")
    assert store.installed("time") is None
    assert store.definitions("time") is None
    assert store.tool_states("time") == []
    assert store.log("time") == []
    kept = store.definitions("other")
    assert kept is not None
    assert kept.tools == [{"name": "now"}]
    assert len(store.log("other")) == 1


def test_a_changed_tool_is_quarantined_until_it_is_approved(store: Store) -> None:
    store.put_tool_state(ToolState("time", "now", "sha256:a", "sha256:b", {"name": "now"}))
    state = store.tool_states("time")[0]
    assert state.quarantined
    assert state.seen_definition == {"name": "now"}
    store.approve_tool("time", "now")
    assert not store.tool_states("time")[0].quarantined
