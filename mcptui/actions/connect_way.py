"""How a client reaches mcptui: it starts a gateway of its own, or meets one at an address.

The way is read back from the entry that was written, so a client keeps its way until another one
is asked for. An entry with an address refers to the gateway's token and never holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mcptui.clients.edit import Entry, entry_for, http_entry_for
from mcptui.errors import UsageError
from mcptui.paths import Paths

if TYPE_CHECKING:
    from mcptui.clients.locate import Found
    from mcptui.clients.receipt import Written
    from mcptui.home import Home

TOKEN_VARIABLE = "MCPTUI_TOKEN"  # noqa: S105 (the name of a variable)
_PROFILE = "--profile"
_FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True)
class Way:
    """How a client reaches mcptui.

    Args:
        profile: the profile of the gateway that it starts, "" for all servers.
        address: `HOST:PORT` or `unix:PATH` of a gateway that runs already, "" for its own.
    """

    profile: str = ""
    address: str = ""

    @classmethod
    def wanted(cls, profile: str | None, address: str | None) -> Way | None:
        """The way that is asked for; None when the client keeps the one it has.

        Args:
            profile: of its own gateway, "" for all servers, None when nothing was said.
            address: of another gateway, "" for its own, None when nothing was said.

        Raises:
            UsageError: both were named, or no client of this machine can use the address.
        """
        if profile and address:
            raise UsageError(
                "--profile and --http exclude each other",
                "a gateway at an address has its own profile",
                "Start it with `mcptui gateway run --http ADDRESS --profile NAME`",
            )
        if profile is None and address is None:
            return None
        return cls(profile or "", _checked(address) if address else "")

    @classmethod
    def of(cls, noted: Written | None) -> Way:
        """The way in the entry that was written last."""
        if noted is None:
            return cls()
        url: Any = noted.entry.get("url")
        if isinstance(url, str):
            parts = urlsplit(url)
            return cls(address=parts.netloc or f"unix:{unquote(parts.path)}")
        words: Any = noted.entry.get("args")
        if isinstance(words, list) and _PROFILE in words[:-1]:
            return cls(str(words[words.index(_PROFILE) + 1]))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return cls()


def _checked(text: str) -> str:
    from mcptui.gateway.http_server import Address

    address = Address.parse(text)
    if address.path is None and not address.port:
        raise UsageError(
            "A client's config needs a port that stays",
            "0 is another one with each start",
            "Name the one of `mcptui gateway run --http`, such as 127.0.0.1:8080",
        )
    return f"unix:{address.path}" if address.path else urlsplit(address.url()).netloc


def entry_of(home: Home, found: Found, way: Way) -> Entry:
    """The entry that a client gets for its way.

    Raises:
        Refused: its config cannot hold it; says why.
    """
    if way.address:
        socket = way.address.removeprefix("unix:") if way.address.startswith("unix:") else ""
        url = "" if socket else f"http://{way.address}/mcp"
        return http_entry_for(found.spec, url, socket, TOKEN_VARIABLE)
    command = (*home.gateway_command, "gateway", "run", "--client", found.spec.id)
    if way.profile:
        command = (*command, _PROFILE, way.profile)
    return entry_for(found.spec, command, gateway_environ(dict(home.environ), home.paths))


def gateway_environ(environ: dict[str, str], paths: Paths) -> dict[str, str]:
    """Variables that a gateway needs to find this very state, and would not inherit.

    Clients give what they start a few variables at most, and programs started from a desktop
    never see the shell's. Nothing is needed where the folders are the usual ones.
    """
    if own := environ.get("MCPTUI_HOME"):
        return {"MCPTUI_HOME": str(Path(own).absolute())}
    usual = Paths.of({name: value for name, value in environ.items() if name not in _FOLDERS})
    moved = (usual.config, usual.state, usual.cache) != (paths.config, paths.state, paths.cache)
    return {name: environ[name] for name in _FOLDERS if moved and environ.get(name)}
