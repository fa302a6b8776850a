"""MCP clients of this machine, and the exact change that `c` would write: seeing it is the asking.

A copy of every file is kept before it is written, and `z` puts it back.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from mcptui.errors import McptuiError
from mcptui.tui import everywhere, keys
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line, Span, wrap

if TYPE_CHECKING:
    from mcptui.actions.connect import ClientRow
    from mcptui.clients.edit import Preview

STATES: dict[str, Span] = {
    "connected": ("● connected", "good"),
    "found": ("○ found", ""),
    "not installed": ("– not installed", "off"),
    "changed outside": ("▲ changed outside", "warn"),
    "broken": ("✗ broken", "bad"),
}


class ClientsRoom(Room):
    """All clients we know."""

    room = "clients"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("clients")

    def __init__(self, feed: Any) -> None:
        super().__init__(feed)
        self.rows: list[ClientRow] = []
        self.preview: Preview | McptuiError | None = None
        self.preview_of = ""

    def columns(self) -> list[Column]:
        """Client, state, servers and its own entries."""
        return [
            Column("client", 16, _name, grow=2, most=32),
            Column("state", 17, lambda row: STATES.get(row.state, (row.state, ""))),
            Column("servers", 7, _servers, drop=2, right=True),
            Column("own entries", 17, _own, grow=1, drop=1),
        ]

    def key(self, row: ClientRow) -> str:
        """Rows are known by id."""
        return row.id

    def refresh_rows(self) -> None:
        """Look at the clients again."""
        self.ask("clients", self.feed.clients, self._got)

    def _got(self, rows: list[ClientRow]) -> None:
        self.rows = rows
        self.apply_filter(self.filter.text)

    def apply_filter(self, text: str) -> None:
        """Show the clients whose name or state holds all words."""
        words = text.casefold().split()
        rows = [
            row
            for row in self.rows
            if all(word in f"{row.id} {row.name} {row.state}".casefold() for word in words)
        ]
        if not rows:
            self.say_empty([("No known client found.", "")])
        self.list.show(rows)
        self.place()
        here = [row for row in self.rows if row.state != "not installed"]
        count = sum(row.state == "connected" for row in here)
        self.filter.show_note([(f"{count} of {len(here)} connected", "dim")])
        self.moved(self.list.row)

    # ---- the exact change

    def moved(self, row: ClientRow | None) -> None:
        """Show what `c` would write."""
        if row is None:
            self.title.show_both([], [])
            self.detail.show(lambda _width: [])
            return

        def question() -> Preview | McptuiError:
            try:
                return self.feed.preview(row.id)
            except McptuiError as error:
                return error

        def then(found: Preview | McptuiError) -> None:
            same = self.preview_of == row.id
            self.preview, self.preview_of = found, row.id
            self.detail.show(lambda width: _page(row, found, width), top=not same)

        self.title.show_both([(self._short(row), "strong")], [])
        self.ask("preview", question, then)

    def _short(self, row: ClientRow) -> str:
        if row.path is None:
            return row.name
        home = str(self.feed.home.paths.home)
        text = str(row.path)
        return "~" + text[len(home) :] if text.startswith(home + os.sep) else text

    # ---- keys

    def why_not(self, action: str) -> str:
        """Why a key does nothing for this client."""
        row: ClientRow | None = self.list.row
        if action in ("connect", "open", "edit", "copy") and row is None:
            return "no client is selected"
        if row is None:
            return ""
        if action == "connect" and row.state == "not installed":
            return "not installed on this machine"
        if action == "connect" and row.state == "broken":
            return "its file cannot be read; E edits it"
        if action == "edit" and (row.path is None or not row.path.exists()):
            return "it has no file yet"
        waits = {"found", "changed outside"}
        if action == "connect_all" and not any(one.state in waits for one in self.rows):
            return "every client found is connected"
        return ""

    def action_connect(self) -> None:
        """Connect, or take mcptui out again."""
        row: ClientRow = self.list.row
        if why := self.why_not("connect"):
            self.front.say(f"{row.name}: {why}", "warn")
            return
        if self.folded and not self.opened:
            # The change does not stand beside the list here: it is shown first, c again agrees.
            self.action_open()
            return
        verb = self.feed.disconnect if row.state == "connected" else self.feed.connect

        def question() -> str:
            return verb(row.id) + " · z undoes"

        self.do("connect", question)
        everywhere.count(self.front)

    def action_connect_all(self) -> None:
        """Connect every client that is installed."""

        def then(outcomes: Sequence[Any]) -> None:
            done = sum(one.done for one in outcomes)
            failed = [one.text for one in outcomes if not one.done]
            if failed:
                self.front.say(f"{done} connected, {len(failed)} not: {failed[0]}", "bad")
            else:
                self.front.say(f"{done} clients connected · z undoes one after the other")
            self.refresh_rows()

        self.ask("connect", self.feed.connect_all, then)

    def action_edit(self) -> None:
        """Open the file in the editor of the environment."""
        row: ClientRow = self.list.row
        if row.path is not None:
            edit_file(self, str(row.path))
            self.refresh_rows()

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """Path, command and diff."""
        row: ClientRow | None = self.list.row
        if row is None:
            return []
        offers = [("i", "id", lambda: row.id)]
        if row.path is not None:
            offers.append(("p", "path of its file", lambda: str(row.path)))
        offers.append(("c", "command", lambda: shlex.join(self.feed.home.gateway_command)))
        found = self.preview
        if found is not None and not isinstance(found, McptuiError) and found.diff:
            offers.append(("d", "this change", lambda: "\n".join(found.diff)))
        return offers


def edit_file(room: Room, path: str) -> None:
    """Leave the screen to $VISUAL or $EDITOR with one file, then come back."""
    environ = room.feed.home.environ
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "nano"
    try:
        with room.front.suspend():
            subprocess.run([*shlex.split(editor), path], env=dict(environ), check=False)
    except (OSError, ValueError) as error:
        room.front.say(f"{editor} did not start: {error}", "bad")


def _name(row: ClientRow) -> Span:
    return (row.name, "off" if row.state == "not installed" else "strong")


def _servers(row: ClientRow) -> Span:
    return (str(row.servers), "") if row.state == "connected" else ("–", "dim")


def _own(row: ClientRow) -> Span:
    count = len(row.own_entries)
    return (f"{count} outside mcptui", "warn") if count else ("–", "dim")


def _page(row: ClientRow, found: Preview | McptuiError, width: int) -> list[Line]:
    page: list[Line] = []
    if row.reason:
        page += [*wrap(f"▲ {row.reason}", width, "warn"), []]
    if isinstance(found, McptuiError):
        page += wrap(f"▲ {found.what}", width, "warn")
        page += wrap(found.why, width) if found.why else []
        return page + (wrap(found.fix, width, "accent") if found.fix else [])
    for text in (
        found.diff[2:] if found.diff[:1] and found.diff[0].startswith("---") else found.diff
    ):
        style = {"+": "add", "-": "cut", "@": "dim"}.get(text[:1], "")
        page += wrap(text.rstrip("\n"), width, style)
    if not found.changes:
        page += [[("Nothing would change.", "dim")]]
    else:
        verb = "takes out" if row.state == "connected" else "writes"
        page += [[], *wrap(f"This is what c {verb}. A copy is kept; z puts it back.", width, "dim")]
        page += wrap(f"{row.name} reads it {row.reload}.", width, "dim") if row.reload else []
    if row.own_entries:
        names = ", ".join(row.own_entries)
        page += [[], *wrap(f"▲ {names}: outside mcptui, no container, no call log", width, "warn")]
    if row.tool_limit:
        page += [[], *wrap(f"It takes at most {row.tool_limit} tools.", width, "dim")]
    return page
