"""Rows that many tests of actions begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mcptui.entry import Choices, Trust
from mcptui.entry_read import entry_from_dict
from mcptui.home import Home
from mcptui.store.rows import Installed

TOOL: dict[str, Any] = {
    "name": "say",
    "description": "Says what it is told.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
}


@pytest.fixture
def put(home: Home) -> Callable[..., Installed]:
    """Store an installed server that runs nowhere."""

    def store(name: str = "parrot", **more: Any) -> Installed:
        from mcptui.trust.pins import tool_hash

        tools = more.pop("tools", [TOOL])
        pins = [{"name": t["name"], "hash": tool_hash(t), "definition": t} for t in tools]
        data = {"id": name, "title": name.title(), "image": {"local": True, "digest": IMAGE}}
        row = Installed(
            name=name,
            entry=entry_from_dict({**data, "tools": pins, **more.pop("entry", {})}, "a test"),
            choices=more.pop("choices", Choices()),
            trust=Trust.UNSIGNED,
            origin="a test",
            image_id=IMAGE,
            installed_at=home.clock(),
            updated_at=home.clock(),
        )
        home.store.put_install(row)
        return row

    return store


IMAGE = f"sha256:{'0' * 64}"
