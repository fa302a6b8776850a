"""The signed catalog: find a server, see what it is trusted for and may reach, install it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import BindingType

from mcptui.tui import keys
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line, Span

if TYPE_CHECKING:
    from mcptui.catalog.load import CatalogFacts, CatalogRow
    from mcptui.entry import Entry

SORTS = ("what runs here", "name", "tools", "publisher", "category")
TRUST: dict[str, Span] = {
    "signed": ("● signed", "good"),
    "unsigned": ("▲ unsigned", "warn"),
}


class CatalogRoom(Room):
    """All servers of the catalog."""

    room = "catalog"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("catalog")

    def __init__(self, feed: Any) -> None:
        self.installed: frozenset[str] = frozenset()
        super().__init__(feed)
        self.all: list[CatalogRow] | None = None
        self.found: list[CatalogRow] = []
        self.facts: CatalogFacts | None = None
        self.entry: Entry | None = None
        self.signed_only = False
        self.sort = 0

    def columns(self) -> list[Column]:
        """Name, trust, needs, network, and what it does: where no page stands beside the list."""
        return [
            Column("", 1, lambda row: ("✓", "good") if row.id in self.installed else (" ", "")),
            Column("name", 20, lambda row: (row.id, "strong"), grow=1, most=30),
            Column("trust", 10, lambda row: TRUST.get(row.trust, (row.trust, "warn")), drop=2),
            Column("needs", 7, lambda row: _dash(row.needs), drop=3),
            Column("network", 7, lambda row: _network(row.network), drop=4),
            Column("what it does", 18, lambda row: (row.description, "dim"), grow=3, drop=1),
        ]

    def wide_columns(self) -> list[Column]:
        """Beside the page, which says what it does: publisher and tools instead."""
        return [
            *self.columns()[:2],
            Column("publisher", 10, lambda row: (row.publisher, ""), grow=1, drop=8, most=20),
            *self.columns()[2:-1],
            Column("tools", 5, _tools, drop=6, right=True),
        ]

    def on_resize(self, event: events.Resize) -> None:
        """Other columns where the page is folded away."""
        self.list.set_columns(self.columns() if self.folded else self.wide_columns())
        super().on_resize(event)

    def key(self, row: CatalogRow) -> str:
        """Rows are known by id."""
        return row.id

    # ---- rows

    def shown(self) -> None:
        """Load the catalog at the first visit; look what is installed at every one."""
        if self.all is None:
            self.say_empty([("Opening the signed catalog…", "dim")])
            self.ask("catalog", self._load, self._loaded)
        self.refresh_rows()

    def _load(self) -> tuple[list[CatalogRow], CatalogFacts]:
        return self.feed.catalog(), self.feed.catalog_facts()

    def _loaded(self, found: tuple[list[CatalogRow], CatalogFacts]) -> None:
        rows, self.facts = found
        # Sorting is stable: what runs here comes first, each half in the catalog's own order.
        self.all = self.found = sorted(rows, key=lambda row: row.kind == "remote")
        # What searching needs is made now, not at the first key of a filter.
        self.ask("warm", lambda: self.feed.search("?"), lambda _rows: None)
        if self.filter.text:
            self.apply_filter(self.filter.text)
        else:
            self._show()

    def refresh_rows(self) -> None:
        """Look what is installed."""

        def then(found: frozenset[str]) -> None:
            if found != self.installed:
                self.installed = found
                self.list.refresh()
                self._show_entry()

        self.ask("installed", lambda: frozenset(self.feed.installed()), then)

    def apply_filter(self, text: str) -> None:
        """Search, best first."""
        if self.all is None:
            return
        if not text.strip():
            self._found(self.all)
            return
        self.ask("search", lambda: self.feed.search(text), self._found)

    def _found(self, rows: list[CatalogRow]) -> None:
        self.found = rows
        self._show(keep=not self.filter.text)

    def _show(self, *, keep: bool = True) -> None:
        rows = self.found
        if self.signed_only:
            rows = [row for row in rows if row.trust == "signed"]
        if self.sort:
            rows = sorted(rows, key=_sorter(SORTS[self.sort]))
        if not rows:
            self.say_empty([("Nothing matches.", ""), (" esc clears the filter", "dim")])
        self.list.show(rows, keep=keep)
        self.place()
        note: Line = [(f"{len(rows):,} of {len(self.all or ()):,}", "dim")]
        note += [(" · signed only", "accent")] if self.signed_only else []
        note += [(f" · by {SORTS[self.sort]}", "accent")] if self.sort else []
        if self.facts is not None and self.facts.stale:
            note.append((" · ▲ stale", "warn"))
        self.filter.show_note(note)

    # ---- detail

    def moved(self, row: CatalogRow | None) -> None:
        """Show the facts of one server."""
        if row is None:
            self.entry = None
            self.title.show_both([], [])
            self.detail.show(lambda _width: [])
            return
        self.title.show_both([(row.title, "strong")], [])
        self.ask("entry", lambda: self.feed.entry(row.id), self._got_entry)

    def _got_entry(self, entry: Entry) -> None:
        self.entry = entry
        self._show_entry()

    def _show_entry(self) -> None:
        entry, facts, row = self.entry, self.facts, self.list.row
        if entry is None or facts is None or row is None or row.id != entry.id:
            return
        from mcptui.tui.rooms import catalog_page

        here = entry.id in self.installed
        right: Line = [("✓ installed ", "good")] if here else []
        self.title.show_both([(entry.title, "strong")], right)
        self.detail.show(lambda width: catalog_page.lines(entry, facts, row.trust, here, width))

    # ---- keys

    def why_not(self, action: str) -> str:
        """Nothing under the cursor, nothing to do with it."""
        row: CatalogRow | None = self.list.row
        if action in ("install", "open", "page") and row is None:
            return "nothing is selected"
        if action == "install" and row is not None:
            if row.id in self.installed:
                return "already installed"
        if action == "page" and (self.entry is None or not _page(self.entry)):
            return "no page is known"
        return ""

    def action_install(self) -> None:
        """Show what an install would do."""
        from mcptui.tui.sheets.install import InstallSheet

        row: CatalogRow = self.list.row
        self.front.push_screen(InstallSheet(self.feed, row.id, row.title), self._after_install)

    def _after_install(self, name: str | None) -> None:
        self.refresh_rows()
        if name:
            self.front.say(f"{name} is installed. 2 shows it, 4 connects a client")

    def action_signed(self) -> None:
        """Only what is signed, or everything."""
        self.signed_only = not self.signed_only
        self._show()

    def action_sort(self) -> None:
        """The next order."""
        self.sort = (self.sort + 1) % len(SORTS)
        self._show()

    def action_page(self) -> None:
        """Open the source page in the browser, an https address and nothing else."""
        entry = self.entry
        if entry is None:
            return
        page = _page(entry)

        def question() -> str:
            self.feed.home.open_url(page)
            return f"Opened {page}"

        self.do("page", question)

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """Id, command, page and the whole entry."""
        entry = self.entry
        if entry is None:
            return []
        from mcptui.tui.rooms import catalog_page

        offers = [
            ("i", "id", lambda: entry.id),
            ("c", "install command", lambda: f"mcptui install {entry.id}"),
            ("j", "entry as JSON", lambda: catalog_page.as_json(entry)),
        ]
        if page := _page(entry):
            offers.append(("o", "source page", lambda: page))
        return offers


def _page(entry: Entry) -> str:
    for page in (entry.source, entry.homepage):
        if page.startswith("https://") and page.isprintable() and " " not in page:
            return page
    return ""


def _dash(text: str) -> Span:
    return ("–", "dim") if text in ("none", "") else (text, "")


def _network(text: str) -> Span:
    return (text, {"none": "good", "any": "warn"}.get(text, ""))


def _tools(row: CatalogRow) -> Span:
    return (str(row.tools_count), "") if row.tools_count else ("–", "dim")


def _sorter(name: str) -> Callable[[CatalogRow], Any]:
    if name == "tools":
        return lambda row: -row.tools_count
    field = "id" if name == "name" else name
    return lambda row: (getattr(row, field).casefold(), row.id)
