"""A client's file in a scratch folder, and what the tests ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcptui.clients import edit, write
from mcptui.clients.edit import Preview, Request, entry_for
from mcptui.clients.locate import Found
from mcptui.clients.registry import CLIENTS
from mcptui.store import Store

SPECS = {spec.id: spec for spec in CLIENTS}
COMMAND = ("/opt/mcptui/bin/mcptui", "gateway", "run", "--client", "x")


@dataclass(frozen=True, slots=True)
class World:
    """One client with one file."""

    path: Path
    store: Store
    state: Path
    client: str = "vscode"

    @property
    def found(self) -> Found:
        return Found(self.client, self.client, SPECS[self.client], self.path, ("here",))

    def preview(
        self, *, connect: bool, replace: bool = False, command: tuple[str, ...] = COMMAND
    ) -> Preview:
        entry = entry_for(self.found.spec, command, {})
        request = Request(self.found, entry, connect, replace)
        return edit.plan(request, write.noted(self.store, self.client, self.path))

    def connect(self, *, replace: bool = False, command: tuple[str, ...] = COMMAND) -> Preview:
        shown = self.preview(connect=True, replace=replace, command=command)
        return write.apply(shown, self.store, self.state)

    def disconnect(self) -> Preview:
        return write.apply(self.preview(connect=False), self.store, self.state)

    def standing(self, command: tuple[str, ...] = COMMAND) -> edit.Standing:
        entry = entry_for(self.found.spec, command, {})
        noted = write.noted(self.store, self.client, self.path)
        return edit.standing(self.found, entry, noted)

    def left_over(self) -> list[str]:
        """Files beside the client's that are ours."""
        return [one.name for one in self.path.parent.iterdir() if ".mcptui-" in one.name]
