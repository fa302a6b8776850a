"""The gateway's part of config.toml: bounds a person may set, and how single servers are kept.

    [gateway]
    warm = true              # start the servers before they are called
    idle = 3600              # seconds; 0 never stops an idle server
    call = 300
    containers = 40

    [servers.github]
    idle = 600
    warm = false

A missing file means the defaults; a wrong key or value is refused with its name, since a limit
that is silently not in force is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from mcptui.errors import UsageError
from mcptui.gateway.limits import Limits
from mcptui.visible import visible

SETTABLE: dict[str, tuple[float, float]] = {
    "start": (1, 3600),
    "probe": (0.1, 600),
    "question": (1, 3600),
    "call": (1, 86_400),
    "call_at_most": (1, 7 * 86_400),
    "asked": (1, 86_400),
    "stop": (0.05, 30),
    "idle": (0, 30 * 86_400),
    "idle_stateless": (0, 30 * 86_400),
    "room": (0, 3600),
    "containers": (1, 10_000),
    "containers_all": (1, 10_000),
    "warm_at_once": (1, 64),
    "line": (1 << 16, 1 << 30),
}
"""The bounds of `Limits` that a person may set, with the least and the most each may be."""
_OWN = ("idle", "warm")


@dataclass(frozen=True, slots=True)
class Own:
    """What was set for one server; None where nothing was."""

    idle: float | None = None
    warm: bool | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a gateway treats its servers.

    Args:
        warm: servers are started before they are called.
        servers: what was set for single ones.
        plain_names: tools and prompts are shown without their server's name before them, as long
            as one server is offered.
    """

    warm: bool = False
    servers: Mapping[str, Own] = field(default_factory=dict[str, Own])
    plain_names: bool = False

    def is_warm(self, server: str, everywhere: bool = False) -> bool:
        """Whether a server is started before anybody calls it; its own setting counts most."""
        own = self.servers.get(server)
        if own is not None and own.warm is not None:
            return own.warm
        return self.warm or everywhere

    def idle_of(self, server: str, stateless: bool, limits: Limits) -> float:
        """Seconds after which a server that nobody uses is stopped, 0 for never."""
        own = self.servers.get(server)
        if own is not None and own.idle is not None:
            return own.idle
        return min(limits.idle_stateless, limits.idle) if stateless else limits.idle


def read_settings(path: Path, given: Mapping[str, float | None]) -> tuple[Limits, Settings]:
    """Read config.toml.

    Args:
        path: the file; it need not exist.
        given: bounds from the command line by name, which count more; None where not given.

    Raises:
        UsageError: the file or a value is not what it should be; names it.
    """
    found = _read(path)
    table = _table(found, "gateway", path)
    numbers: dict[str, float] = {}
    for key, value in table.items():
        if key != "warm":
            numbers[key] = _number(key, value, f"{path}: [gateway] {visible(key, limit=40)}")
    for key, value in given.items():
        if value is not None:
            numbers[key] = _number(key, value, f"--{key}")
    limits = replace(Limits(), **{key: _as_kind(key, value) for key, value in numbers.items()})
    warm = _switch(table.get("warm", False), f"{path}: [gateway] warm")
    servers = _table(found, "servers", path)
    return limits, Settings(warm, {name: _own(name, one, path) for name, one in servers.items()})


def tables(path: Path) -> tuple[str, ...]:
    """The names at the outermost level of config.toml, none when there is no file.

    Raises:
        UsageError: it is not TOML.
    """
    return tuple(_read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read", error.strerror or "") from error
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML", visible(error, limit=200)) from error


def _table(found: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise UsageError(f"{path}: [{name}] is no table")
    return cast("dict[str, Any]", value)


def _own(name: str, value: Any, path: Path) -> Own:
    where = f"{path}: [servers.{visible(name, limit=60)}]"
    if not isinstance(value, dict):
        raise UsageError(f"{where} is no table")
    table = cast("dict[str, Any]", value)
    for key in table:
        if key not in _OWN:
            raise UsageError(f"{where}: {visible(key, limit=40)!r} is unknown", fix=_known(_OWN))
    idle = _number("idle", table["idle"], f"{where} idle") if "idle" in table else None
    return Own(idle, _switch(table["warm"], f"{where} warm") if "warm" in table else None)


def _number(key: str, value: Any, where: str) -> float:
    if key not in SETTABLE:
        raise UsageError(f"{where} is unknown", fix=_known(("warm", *SETTABLE)))
    least, most = SETTABLE[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UsageError(f"{where} is not a number from {least:g} to {most:g}", visible(value))
    return value


def _as_kind(key: str, value: float) -> Any:
    return type(getattr(Limits(), key))(value)


def _switch(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where} is neither true nor false", visible(value, limit=60))
    return value


def _known(names: tuple[str, ...]) -> str:
    return f"Known: {', '.join(names)}"
