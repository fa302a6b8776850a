"""Every key of the screen as data: one table for the bindings, the bottom row, `?` and the README.

The same verb has the same letter everywhere, and no chord is ever the only way. The `[keys]` table
of the settings overrides any of them by id. Keys that editors' terminals eat (ctrl+h, ctrl+i,
ctrl+j, ctrl+m) are never used.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Args:
        id: what the settings call it.
        keys: Textual's names, several joined by commas; the first one is shown.
        action: of the widget that has the key.
        text: two or three words.
        show: in the bottom row, too.
        more: what `?` says beyond `text`.
        label: how the key is written, "" for what it is.
        priority: works although something else has the focus.
    """

    id: str
    keys: str
    action: str
    text: str
    show: bool = True
    more: str = ""
    label: str = ""
    priority: bool = False


@dataclass(frozen=True, slots=True)
class RoomName:
    """One room: its id, its name and a short one, and where its class is."""

    id: str
    title: str
    short: str
    module: str
    cls: str


ROOMS = (
    RoomName("catalog", "Catalog", "Cat", "catalog", "CatalogRoom"),
    RoomName("servers", "Servers", "Srv", "servers", "ServersRoom"),
    RoomName("calls", "Calls", "Call", "calls", "CallsRoom"),
    RoomName("clients", "Clients", "Cli", "clients", "ClientsRoom"),
    RoomName("access", "Access", "Acc", "access", "AccessRoom"),
    RoomName("doctor", "Doctor", "Doc", "doctor", "DoctorRoom"),
)
"""The rooms in the order of their digits."""

_FILTER = Key("filter", "slash", "filter", "Filter", more="words, -word, field:value")
_COPY = Key("copy", "y", "copy", "Copy", more="asks what")
_INSIDE = (
    Key("back", "escape", "back", "one step back", show=False),
    Key("focus.list", "h,left", "focus_list", "to the list", show=False),
    Key("focus.detail", "l,right", "focus_detail", "to the detail", show=False),
    Key("detail.down", "J", "scroll_detail(1)", "scroll the detail down", show=False),
    Key("detail.up", "K", "scroll_detail(-1)", "scroll the detail up", show=False),
)

TABLE: dict[str, tuple[Key, ...]] = {
    "app": (
        *(
            Key(f"room.{number}", str(number), f"room('{room.id}')", room.title, show=False)
            for number, room in enumerate(ROOMS, 1)
        ),
        Key("problem", "exclamation_mark", "problem", "next problem", show=False),
        Key("undo", "z", "undo", "Undo", show=False, more="takes the last change back"),
        Key("palette", "colon,ctrl+p", "palette", "All actions"),
        Key("keys", "question_mark,f1", "keys", "Keys"),
        Key("quit", "q,ctrl+q,ctrl+c", "leave", "Quit", more="asks only while something installs"),
    ),
    "catalog": (
        Key("install", "i", "install", "Install"),
        _FILTER,
        Key("catalog.open", "enter", "open", "Full facts"),
        Key("catalog.signed", "v", "signed", "Signed only"),
        Key("catalog.sort", "S", "sort", "Sort"),
        Key("catalog.page", "o", "page", "Source page"),
        _COPY,
        *_INSIDE,
    ),
    "servers": (
        Key("switch", "space", "switch", "On/off", more="the server, or the tool under the cursor"),
        Key("server.start", "s", "start_stop", "Start/stop"),
        Key("server.restart", "R", "restart", "Restart"),
        Key("server.update", "u", "update", "Update", more="asks first"),
        Key("server.remove", "d", "remove", "Remove", more="asks first"),
        Key("server.logs", "l", "logs", "Logs"),
        Key("server.network", "n", "network", "Network", more="whom it talks to, what is refused"),
        _FILTER,
        Key("server.clients", "c", "clients", "Clients"),
        Key("server.sign_in", "a", "sign_in", "Sign in"),
        Key("server.open", "enter", "open", "Open", show=False),
        Key("tab.next", "right_square_bracket", "tab(1)", "next tab", show=False),
        Key("tab.last", "left_square_bracket", "tab(-1)", "tab before", show=False),
        _COPY,
        _INSIDE[0],
        _INSIDE[1],
        Key("focus.detail", "right", "focus_detail", "to the detail", show=False),
        *_INSIDE[3:],
    ),
    "hosts": (
        Key("switch", "space", "turn", "Allow/take away", more="the host, for this server"),
        Key("hosts.learn", "L", "learn", "Learn/lock", more="note what it uses, then allow that"),
    ),
    "calls": (
        Key("calls.follow", "f", "follow", "Follow", more="G does it, too"),
        _FILTER,
        Key("calls.open", "enter", "open", "Inspect"),
        Key("calls.finding", "n", "finding", "Next finding"),
        _COPY,
        Key("export", "e", "export", "Export", more="what the filter shows, to a file"),
        Key("calls.block", "b", "block", "Block tool"),
        Key("calls.sign_in", "a", "sign_in", "Sign in", show=False),
        Key("tab.next", "right_square_bracket", "tab(1)", "next tab", show=False),
        Key("tab.last", "left_square_bracket", "tab(-1)", "tab before", show=False),
        *_INSIDE,
    ),
    "clients": (
        Key("client.connect", "c", "connect", "Connect/disconnect"),
        Key("client.all", "C", "connect_all", "Connect all"),
        Key("client.open", "enter", "open", "Exact change"),
        Key("client.edit", "E", "edit", "Edit file", more="in $EDITOR"),
        _FILTER,
        _COPY,
        *_INSIDE,
    ),
    "access": (
        Key("access.open", "enter", "open", "Open"),
        Key("access.sign_in", "a", "sign_in", "Sign in"),
        Key("access.enter", "e", "enter", "Enter secret", more="typed without showing it"),
        Key("access.grant", "space", "grant", "Give/take", more="a stored secret, to its server"),
        Key("access.forget", "d", "forget", "Forget", more="asks first"),
        Key("access.page", "o", "page", "Provider page"),
        _FILTER,
        _COPY,
        *_INSIDE,
    ),
    "doctor": (
        Key("doctor.again", "r", "again", "Run again"),
        Key("doctor.fix", "enter", "fix", "Fix this"),
        Key("doctor.edit", "E", "edit", "Edit settings"),
        Key("copy", "y", "copy", "Copy report"),
        _INSIDE[0],
    ),
    "install": (
        Key("sheet.go", "enter", "go", "Install"),
        Key("sheet.close", "escape", "close", "Cancel"),
        Key("switch", "space", "turn", "Change"),
        Key("install.arguments", "d", "arguments", "Exact docker arguments"),
        Key("copy", "y", "copy", "Copy", show=False),
    ),
    "confirm": (
        Key("sheet.go", "enter", "go", "Yes"),
        Key("sheet.close", "escape", "close", "No"),
        Key("switch", "space", "turn", "Change", show=False),
    ),
    "pick": (
        Key("sheet.go", "enter", "go", "Run"),
        Key("sheet.close", "escape", "close", "Close"),
    ),
    "menu": (
        Key("sheet.go", "enter", "go", "Copy"),
        Key("sheet.close", "escape", "close", "Close"),
    ),
    "ask": (
        Key("sheet.go", "enter", "go", "Do it"),
        Key("sheet.close", "escape", "close", "Cancel"),
    ),
    "progress": (
        Key("sheet.go", "enter", "close", "Close"),
        Key("sheet.close", "escape", "close", "Cancel"),
    ),
    "sign_in": (
        Key("sheet.go", "enter", "close", "Close", show=False),
        Key("sheet.close", "escape", "close", "Cancel"),
        Key("copy", "y", "copy", "Copy address"),
        Key("sign_in.paste", "p", "paste", "Paste the answer"),
    ),
    "change": (
        Key("sheet.close", "escape", "close", "Keep refusing"),
        Key("change.approve", "A", "approve", "Approve the new text"),
        Key("change.report", "R", "report", "Copy a report"),
    ),
}
"""Who has which keys. `app` has its keys everywhere, a sheet only its own."""


def bindings(where: str) -> list[BindingType]:
    """The bindings of one row of the table, for a class's BINDINGS."""
    return [
        Binding(
            key.keys,
            key.action,
            key.text,
            show=key.show,
            tooltip=key.more,
            id=key.id,
            priority=key.priority,
            key_display=key.label or None,
        )
        for key in TABLE[where]
    ]


SHOWN = {
    "slash": "/", "colon": ":", "question_mark": "?", "exclamation_mark": "!", "escape": "esc",
    "right_square_bracket": "]", "left_square_bracket": "[", "space": "space", "enter": "enter",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pagedown": "PgDn", "pageup": "PgUp",
    "circumflex_accent": "^", "ctrl+q": "ctrl+q",
}  # fmt: skip


def shown(key: str) -> str:
    """How a person writes a key."""
    return SHOWN.get(key, key)
