"""Which MCP clients exist, where each keeps its config and what it reads: data, no behaviour.

A client is added by one more row. A row is added only when its facts were checked against the
client or its vendor's words; a wrong path would write files that nothing reads.

Patterns of paths: `~` is the home folder; `$NAME` at the start is a variable of the environment,
and a pattern whose variable is not set does not count; XDG_CONFIG_HOME, APPDATA and LOCALAPPDATA
have their usual defaults. `*` stands for one folder name that is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mcptui.clients.jsonc import Dialect

PLAIN = Dialect()
LENIENT = Dialect(comments=True, trailing_commas=True)
EVERYWHERE = ("linux", "darwin", "win32")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a config is on some platforms; the first place of a client that counts is used."""

    pattern: str
    platforms: tuple[str, ...] = EVERYWHERE


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """What we know of one client.

    Args:
        id: stable; names it in commands and is what the gateway is told.
        name: as its maker writes it.
        places: the user's config file, the most specific place first.
        map_path: keys from the outermost object of the config to the map of servers.
        dialect: what its parser reads.
        keeps_trailing_comma: whether a comma may end our entry where the file does so already.
        entry: what an entry has beside command, args and env.
        programs: names on the PATH that show it is installed.
        traces: files, folders or application bundles that show it is installed or was used.
        profiles: further configs, a pattern below the config's folder.
        wrap: what the client must start to leave its own sandbox, before the command.
        reload: when it reads a changed config, for a person.
        tool_limit: how many tools it takes, 0 when no limit is known.
        listed: whether it is shown when it is not installed.
        expands: whether it expands `${…}` in commands, so that ours may hold none.
        http: what an entry of a server at an address has beside `url` and `headers`; None where
            its config cannot name one.
        variable: how its config refers to a variable of the environment, with `NAME` for the
            name; "" where it cannot, so that a token would have to be written out.
        socket_url: the address of a server on a Unix socket, with `PATH`; "" where it takes none.
    """

    id: str
    name: str
    places: tuple[Place, ...]
    map_path: tuple[str, ...]
    dialect: Dialect
    programs: tuple[str, ...]
    traces: tuple[Place, ...]
    reload: str
    entry: dict[str, str] = field(default_factory=dict[str, str])
    keeps_trailing_comma: bool = False
    profiles: str = ""
    wrap: tuple[str, ...] = ()
    tool_limit: int = 0
    listed: bool = True
    expands: bool = True
    http: dict[str, str] | None = None
    variable: str = ""
    socket_url: str = ""


def _bundle(name: str) -> tuple[Place, ...]:
    return (
        Place(f"/Applications/{name}", ("darwin",)),
        Place(f"~/Applications/{name}", ("darwin",)),
    )


def _code(
    client: str, name: str, folder: str, programs: tuple[str, ...], *, listed: bool
) -> ClientSpec:
    """VS Code or a build of it that differs in its name and folder only."""
    places = (
        Place(f"~/Library/Application Support/{folder}/User/mcp.json", ("darwin",)),
        Place(f"$APPDATA/{folder}/User/mcp.json", ("win32",)),
        Place(f"$XDG_CONFIG_HOME/{folder}/User/mcp.json", ("linux",)),
    )
    traces = tuple(
        Place(place.pattern.removesuffix("/User/mcp.json"), place.platforms) for place in places
    )
    bundle = "Visual Studio Code.app" if client == "vscode" else f"{name}.app"
    return ClientSpec(
        client,
        name,
        places,
        ("servers",),
        LENIENT,
        programs,
        (*_bundle(bundle), *traces),
        "at once; VS Code asks whether you trust the change",
        entry={"type": "stdio"},
        keeps_trailing_comma=True,
        profiles="profiles/*/mcp.json",
        tool_limit=128,
        listed=listed,
        http={"type": "http"},
        variable="${env:NAME}",
        socket_url="unix://PATH#/mcp",
    )


def _flatpak(client: str, name: str, app: str, folder: str) -> ClientSpec:
    """A build of VS Code inside Flatpak's sandbox: our command must be started outside it."""
    data = f"~/.var/app/{app}"
    return ClientSpec(
        client,
        f"{name} (Flatpak)",
        (Place(f"{data}/config/{folder}/User/mcp.json", ("linux",)),),
        ("servers",),
        LENIENT,
        (),
        (Place(data, ("linux",)),),
        "at once; VS Code asks whether you trust the change",
        entry={"type": "stdio"},
        keeps_trailing_comma=True,
        profiles="profiles/*/mcp.json",
        wrap=("flatpak-spawn", "--host"),
        tool_limit=128,
        listed=False,
        # Sockets of the host are not seen inside its sandbox.
        http={"type": "http"},
        variable="${env:NAME}",
    )


CLIENTS: tuple[ClientSpec, ...] = (
    ClientSpec(
        "claude-desktop",
        "Claude Desktop",
        (
            Place("~/Library/Application Support/Claude/claude_desktop_config.json", ("darwin",)),
            # The packaged app, the default since February 2026, ignores %APPDATA%\Claude.
            Place(
                "$LOCALAPPDATA/Packages/Claude_*/LocalCache/Roaming/Claude"
                "/claude_desktop_config.json",
                ("win32",),
            ),
            Place("$APPDATA/Claude/claude_desktop_config.json", ("win32",)),
            Place("$XDG_CONFIG_HOME/Claude/claude_desktop_config.json", ("linux",)),
        ),
        ("mcpServers",),
        PLAIN,
        ("claude-desktop",),
        (
            *_bundle("Claude.app"),
            Place("~/Library/Application Support/Claude", ("darwin",)),
            Place("$LOCALAPPDATA/Packages/Claude_*", ("win32",)),
            Place("$APPDATA/Claude", ("win32",)),
            Place("$XDG_CONFIG_HOME/Claude", ("linux",)),
        ),
        "after you quit Claude Desktop fully (not just its window) and start it again",
        expands=False,
    ),
    ClientSpec(
        "claude-code",
        "Claude Code",
        (Place("$CLAUDE_CONFIG_DIR/.claude.json"), Place("~/.claude.json")),
        ("mcpServers",),
        PLAIN,
        ("claude",),
        (
            Place("$CLAUDE_CONFIG_DIR"),
            Place("~/.claude.json"),
            Place("~/.claude"),
        ),
        "in the next session",
        entry={"type": "stdio"},
        http={"type": "http"},
        variable="${NAME}",
    ),
    ClientSpec(
        "cursor",
        "Cursor",
        (Place("~/.cursor/mcp.json"),),
        ("mcpServers",),
        # It is not sure that Cursor reads comments; a file that has some keeps them.
        LENIENT,
        ("cursor", "cursor-agent"),
        (*_bundle("Cursor.app"), Place("~/.cursor")),
        "at once",
        tool_limit=80,
        http={},
        variable="${env:NAME}",
    ),
    _code("vscode", "VS Code", "Code", ("code",), listed=True),
    _code(
        "vscode-insiders",
        "Visual Studio Code - Insiders",
        "Code - Insiders",
        ("code-insiders",),
        listed=False,
    ),
    _code("vscodium", "VSCodium", "VSCodium", ("codium", "vscodium"), listed=False),
    _flatpak("vscode-flatpak", "VS Code", "com.visualstudio.code", "Code"),
    _flatpak("vscodium-flatpak", "VSCodium", "com.vscodium.codium", "VSCodium"),
)
