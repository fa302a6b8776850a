"""Who needs what: the secrets, sign-ins and folders of the installed servers.

Values are never shown here or anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from mcptui.tui import keys
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line, Span, facts, wrap

if TYPE_CHECKING:
    from mcptui.store.rows import Installed

COMING = "Keeping secrets and signing in come with the next release."


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing a server has or wants.

    Args:
        kind: "folder", "network", "secret" or "sign-in".
        name: path, host, or the secret's name.
        server: whose it is.
        state: sign and word, with its style.
        more: label, text and style for the page.
    """

    kind: str
    name: str
    server: str
    state: Span
    more: tuple[tuple[str, str, str], ...]
    page: str = ""


def grants(installed: dict[str, Installed]) -> list[Grant]:
    """What the installed servers may touch, and what they still want."""
    found: list[Grant] = []
    for name, row in installed.items():
        for mount, picked in row.choices.mounts.items():
            for path, writable in picked:
                state = ("▲ read, write", "warn") if writable else ("● read only", "good")
                why = next((one.description for one in row.entry.mounts if one.name == mount), "")
                more = (("path", path, ""), ("for", why or mount, ""))
                found.append(Grant("folder", path, name, state, more))
        if row.choices.open_network:
            more = (("reaches", "every host: nothing is filtered", "warn"),)
            found.append(Grant("network", "any host", name, ("▲ open", "warn"), more))
        for secret in row.entry.secrets:
            state = ("▲ missing", "warn") if secret.required else ("○ optional", "dim")
            more = (("variable", secret.env, ""), ("get one", secret.where or "–", ""))
            found.append(Grant("secret", secret.name, name, state, more, _https(secret.where)))
        if (oauth := row.entry.oauth) is not None:
            more = (
                ("provider", oauth.provider, ""),
                ("scopes", ", ".join(oauth.scopes) or "–", ""),
            )
            found.append(Grant("sign-in", oauth.provider, name, ("○ not yet", "dim"), more))
    return found


def _https(text: str) -> str:
    return text if text.startswith("https://") and text.isprintable() and " " not in text else ""


class AccessRoom(Room):
    """All grants."""

    room = "access"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("access")

    def __init__(self, feed: Any) -> None:
        super().__init__(feed)
        self.rows: list[Grant] = []

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

    def refresh_rows(self) -> None:
        """Look at the installed servers again."""
        self.ask("grants", lambda: grants(self.feed.installed()), self._got)

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
                [(COMING, "dim")],
            )
        elif not rows:
            self.say_empty([("Nothing matches.", ""), ("  esc clears the filter", "dim")])
        self.list.show(rows)
        self.place()
        self.filter.show_note([(f"{len(rows)} grants", "dim")])

    def moved(self, row: Grant | None) -> None:
        """Show one of them."""
        if row is None:
            self.title.show_both([], [])
            self.detail.show(lambda width: wrap(COMING, width, "dim"))
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
            if row.kind in ("secret", "sign-in"):
                page += [[], *wrap(COMING, width, "dim")]
            else:
                text = "To change it, remove the server and install it with other choices."
                page += [[], *wrap(text, width, "dim")]
            return page

        self.detail.show(lines)

    def why_not(self, action: str) -> str:
        """Why a key does nothing here."""
        row: Grant | None = self.list.row
        if action in ("open", "copy") and row is None:
            return "nothing is selected"
        if action == "page" and (row is None or not row.page):
            return "no page is known"
        return ""

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
