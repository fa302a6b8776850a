"""Who needs what: the secrets, sign-ins and folders of the installed servers.

Values are never shown here or anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import BindingType

from mcptui.tui import keys
from mcptui.tui.rooms.access_rows import Grant, grants, secret_grants, sign_in_grants
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line, facts, wrap
from mcptui.words import plural

_AGAIN = "To change it, remove the server and install it with other choices."
ADVICE = {
    "folder": _AGAIN,
    "network": _AGAIN,
    "secret": "e enters a value, which replaces the old one; d forgets it.",
    "sign-in": "a signs in, in your browser; d signs out and revokes the tokens.",
}
"""What a person can do about each kind of grant."""


class AccessRoom(Room):
    """All grants."""

    room = "access"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("access")

    def __init__(self, feed: Any) -> None:
        super().__init__(feed)
        self.rows: list[Grant] = []

    def on_mount(self) -> None:
        """Tokens get older while nobody types."""
        self.set_interval(60.0, self._older)

    def _older(self) -> None:
        if self.display:
            self.refresh_rows()

    def columns(self) -> list[Column]:
        """Name, kind, server and state."""
        return [
            Column("what", 16, lambda row: (row.name, "strong"), grow=2, most=44),
            Column("kind", 8, lambda row: (row.kind, "")),
            Column("server", 10, lambda row: (row.server, ""), grow=1, drop=1, most=20),
            Column("state", 14, lambda row: row.state),
        ]

    def key(self, row: Grant) -> Any:
        """Rows are known by what they are and whose."""
        return (row.kind, row.name, row.server)

    def reach(self, key: str) -> bool:
        """Put the cursor on what a server lacks, or on the first thing that is called so."""
        rows: list[Grant] = list(self.list.rows)
        wanted = [row for row in rows if row.server == key and row.takers] or [
            row for row in rows if key in (row.name, row.server)
        ]
        return bool(wanted) and self.list.select(self.key(wanted[0]))

    def refresh_rows(self) -> None:
        """Look at the installed servers again."""

        def question() -> list[Grant]:
            stored, declared = self.feed.secrets(), self.feed.server_secrets()
            found = secret_grants(stored, declared, self.feed.now())
            found += sign_in_grants(self.feed.sign_ins(), self.feed.now())
            return [*found, *grants(self.feed.installed())]

        self.ask("grants", question, self._got)

    def _got(self, rows: list[Grant]) -> None:
        self.rows = rows
        self.apply_filter(self.filter.text)

    def apply_filter(self, text: str) -> None:
        """Show what holds all words."""
        words = text.casefold().replace("kind:", "").split()
        rows = [
            row
            for row in self.rows
            if all(word in f"{row.kind} {row.name} {row.server}".casefold() for word in words)
        ]
        if not self.rows:
            self.say_empty(
                [("Nothing is granted.", "strong")],
                [("No installed server may read a folder, use the network or a secret.", "")],
                [],
                [("Servers that need a token ask for it when they are installed.", "dim")],
            )
        elif not rows:
            self.say_empty([("Nothing matches.", ""), ("  esc clears the filter", "dim")])
        self.list.show(rows)
        self.place()
        self.filter.show_note([(plural(len(rows), "grant"), "dim")])

    def moved(self, row: Grant | None) -> None:
        """Show one of them."""
        if row is None:
            self.title.show_both([], [])
            self.detail.show(lambda width: [])
            return
        self.title.show_both([(row.name, "strong")], [])
        pairs = [
            ("kind", row.kind, ""),
            ("server", row.server, ""),
            ("state", *row.state),
            *row.more,
        ]

        def lines(width: int) -> list[Line]:
            page = facts(pairs, width)
            return [*page, [], *wrap(ADVICE.get(row.kind, ""), width, "dim")]

        self.detail.show(lines)

    def why_not(self, action: str) -> str:
        """Why a key does nothing here."""
        row: Grant | None = self.list.row
        if action in ("open", "copy") and row is None:
            return "nothing is selected"
        if action == "sign_in" and (row is None or row.kind != "sign-in"):
            return "no sign-in is selected"
        if action == "forget" and row is not None and row.kind == "sign-in":
            return "" if row.granted else "nobody is signed in"
        if action in ("enter", "forget", "grant"):
            if row is None or row.kind != "secret":
                return "no secret is selected"
            if action == "forget" and row.server and not _is_stored(row):
                return "it is not stored"
            if action == "grant" and not (row.takers and row.stored) and not row.granted:
                return "it is not stored" if not row.stored else "no server wants it"
        if action == "page" and (row is None or not row.page):
            return "no page is known"
        return ""

    def action_enter(self) -> None:
        """Type a value, which nobody sees, and store it."""
        from mcptui.tui.sheets.ask import AskSheet

        row: Grant = self.list.row
        name = row.stored or row.name

        def answered(value: str | None) -> None:
            if value:
                self.do("enter", lambda: self._put(row, name, value))

        verb = "Replace" if row.stored else "Enter"
        words = f"The value of {name}; it is encrypted and never shown"
        self.front.push_screen(AskSheet(f"{verb} {name}", words, "", masked=True), answered)

    def _put(self, row: Grant, name: str, value: str) -> str:
        having = self.feed.put_secret(name, value, row.takers)
        return f"{name} is stored" + (f", for {', '.join(having)}" if having else "")

    def action_grant(self) -> None:
        """Give a stored secret to the server that wants it, or take it from all."""
        row: Grant = self.list.row

        def change() -> str:
            if row.takers:
                self.feed.grant_secret(row.stored, row.takers[0], True)
                return f"{row.takers[0]} gets {row.stored}"
            for server in row.server.split(", "):
                self.feed.grant_secret(row.stored, server, False)
            return f"{row.server} no longer gets {row.stored}"

        self.do("grant", change)

    def action_sign_in(self) -> None:
        """Sign in to the server."""
        self.sign_in(self.list.row.server)

    def _sign_out(self, server: str) -> None:
        from mcptui.tui.sheets.confirm import ConfirmSheet

        def answered(yes: bool | None) -> None:
            if yes:
                self.do("sign out", lambda: self.feed.sign_out(server))

        text = "Its tokens are revoked where they were given and forgotten here."
        self.front.push_screen(ConfirmSheet(f"Sign out of {server}", [text], "Sign out"), answered)

    def action_forget(self) -> None:
        """Ask, then forget it."""
        from mcptui.tui.sheets.confirm import ConfirmSheet

        row: Grant = self.list.row
        if row.kind == "sign-in":
            self._sign_out(row.server)
            return

        def forget() -> str:
            self.feed.forget_secret(row.stored)
            return f"{row.stored} is forgotten"

        def answered(yes: bool | None) -> None:
            if yes:
                self.do("forget", forget)

        text = "It cannot be brought back from here."
        if row.granted:
            text = f"{row.server} cannot start without it. {text}"
        self.front.push_screen(ConfirmSheet(f"Forget {row.stored}", [text], "Forget"), answered)

    def action_page(self) -> None:
        """Where one gets it, an https address and nothing else."""
        row: Grant = self.list.row

        def question() -> str:
            self.feed.home.open_url(row.page)
            return f"Opened {row.page}"

        self.do("page", question)

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """The name, never a value."""
        row: Grant | None = self.list.row
        return [("i", "name", lambda: row.name)] if row is not None else []


def _is_stored(row: Grant) -> bool:
    return bool(row.stored) and not row.takers
