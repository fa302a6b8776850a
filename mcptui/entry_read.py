"""Entries and choices, read from TOML or JSON and written back, by hand.

A person writes entries, an old release may have stored them, a stranger may offer one: so every
field is checked for type, size and form, unknown fields are refused, and an error names the
file and the field. What comes out of `entry_from_dict` keeps the rules of `entry.py`; writing
and reading again gives an equal entry. The fields are told in `catalog/README.md`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from mcptui import entry_parts as parts
from mcptui.entry import (
    CATEGORIES,
    NETWORKS,
    Checked,
    Choices,
    Entry,
    Kind,
    Listing,
    Resources,
)
from mcptui.entry_schema import read_parameters
from mcptui.errors import UsageError
from mcptui.fields import Table
from mcptui.own_limits import own_limits
from mcptui.visible import visible

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""What an entry's id looks like; it is also the prefix of its tools' names."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_SECRET = re.compile(r"\$\{([^}]*)\}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_OWN = Checked(on="", not_checked="an own server: nobody has checked it")
_LONGEST_TOML = 256 * 1024
_LONGEST_TOOLS = 8 * 1024 * 1024
T = TypeVar("T")

ReadLock = Callable[[str], str]
"""Gives the text of a lock by its file name."""
ReadTools = Callable[[str], str | None]
"""Gives, for an entry's id, the JSON text of what the server said, None when it never did."""


def _part(table: Table, name: str, read: Callable[[Table], T], default: T) -> T:
    inner = table.table(name)
    if inner is None:
        return default
    found = read(inner)
    inner.done()
    return found


def _kind(table: Table) -> Kind:
    written = [kind for kind in Kind if table.has(kind.value)]
    if len(written) != 1:
        table.wrong("kind", "is open: write exactly one of [package], [image] and [remote]")
    kind = Kind(table.one_of("kind", [kind.value for kind in Kind], written[0].value))
    if kind is not written[0]:
        table.wrong("kind", f"is {kind.value}, but [{written[0].value}] is written")
    return kind


def entry_from_dict(data: Mapping[str, Any], where: str) -> Entry:
    """Read an entry from parsed TOML or JSON.

    Args:
        data: the entry's fields.
        where: the file or place, for errors.

    Raises:
        UsageError: a field is missing, wrong or unknown; it names `where` and the field.
    """
    table = Table(data, where)
    name = table.text("id", form=ID, says="must be small letters, digits and -, at most 41")
    parameters = table.table("parameters")
    entry = Entry(
        id=name,
        title=table.text("title", name, limit=80),
        description=table.text("description", "", limit=400),
        publisher=table.text("publisher", "", limit=80),
        category=table.one_of("category", CATEGORIES, "utilities"),
        licence=table.text("licence", "", limit=80),
        homepage=table.address("homepage", ""),
        source=table.address("source", ""),
        kind=_kind(table),
        checked=_part(table, "checked", parts.checked, _OWN),
        package=_part(table, "package", parts.package, None),
        image=_part(table, "image", parts.image, None),
        remote=_part(table, "remote", parts.remote, None),
        http=_part(table, "http", parts.http, None),
        oauth=_part(table, "oauth", parts.oauth, None),
        command=table.texts("command", many=256),
        options=table.rows("options", parts.option),
        env=table.rows("env", parts.variable),
        secrets=table.rows("secrets", parts.secret),
        parameters=read_parameters(parameters) if parameters is not None else {},
        mounts=table.rows("mounts", parts.mount),
        volumes=table.rows("volumes", parts.volume),
        hosts=table.rows("hosts", parts.host),
        resources=_part(table, "resources", parts.resources, Resources()),
        relaxes=table.rows("relaxes", parts.relaxation),
        stateless=table.flag("stateless", False),
        tools=table.rows("tools", parts.tool, 2000),
        instructions=table.text("instructions", "", limit=200_000),
        listing=_part(table, "listing", parts.listing, Listing()),
    )
    table.done()
    _agree(table, entry)
    return entry


def _agree(table: Table, entry: Entry) -> None:
    """Refuse an entry whose parts name things that other parts do not have."""
    table.alone("secrets", [secret.name for secret in entry.secrets])
    table.alone("mounts", entry.places)
    table.alone("tools", [tool.name for tool in entry.tools])
    table.alone("env", [variable.name for variable in entry.env])
    table.alone("relaxes", [relaxation.control for relaxation in entry.relaxes])
    known = {
        *entry.parameters.get("properties", {}),
        *(one.name for one in (*entry.mounts, *entry.volumes)),
    }
    for option in entry.options:
        if option.parameter not in known:
            table.wrong("options", f"names the parameter {option.parameter!r}, which is not there")
    texts = [variable.value for variable in entry.env]
    texts += [text for option in entry.options for text in option.arguments]
    for text in texts:
        for name in _PLACEHOLDER.findall(text):
            if name not in known and name not in ("value", "name"):
                table.wrong("parameters", f"lacks {name!r}, which {text[:60]!r} asks for")
    secrets = {secret.env for secret in entry.secrets}
    for header, value in entry.remote.headers if entry.remote is not None else ():
        if missing := set(_SECRET.findall(value)) - secrets:
            table.wrong(f"remote.headers.{header}", f"asks for the unknown secret {min(missing)!r}")
    if entry.kind is Kind.REMOTE and (
        entry.command or entry.mounts or entry.volumes or entry.hosts or entry.http
    ):
        table.wrong("remote", "leaves nothing to run here: no command, mounts, hosts or http")


def entry_from_toml(
    text: str,
    where: str,
    read_lock: ReadLock | None = None,
    read_tools: ReadTools | None = None,
) -> Entry:
    """Read an entry as a person writes it.

    On top of `entry_from_dict`: `package.lock_file` names a lock that `read_lock` gives, and the
    full definitions of tools come from `read_tools`, as do instructions and the listing.

    Raises:
        UsageError: the text is not TOML, or a field is wrong; it names `where` and the field.
    """
    import tomllib

    if len(text) > _LONGEST_TOML:
        raise UsageError(f"{where}: is {len(text)} characters long, at most {_LONGEST_TOML} fit")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where}: is not TOML", str(error)) from error
    for made in ("instructions", "listing"):
        if made in data:
            raise UsageError(f"{where}: {made} belongs into the file of the tool definitions")
    package: Any = data.get("package")
    if isinstance(package, dict) and "lock_file" in package:
        _take_lock(cast("dict[str, Any]", package), where, read_lock)
    said = read_tools(str(data.get("id"))) if read_tools is not None else None
    if said is not None:
        _take_tools(data, said, where)
    return entry_from_dict(data, where)


def _take_lock(package: dict[str, Any], where: str, read_lock: ReadLock | None) -> None:
    name = package.pop("lock_file")
    if "lock" in package:
        raise UsageError(f"{where}: package.lock and package.lock_file are both written")
    if not isinstance(name, str) or not _FILE.fullmatch(name) or read_lock is None:
        raise UsageError(f"{where}: package.lock_file must be the name of a file of locks")
    try:
        package["lock"] = read_lock(name)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{where}: package.lock_file cannot be read", str(error)) from error


def _take_tools(data: dict[str, Any], said: str, where: str) -> None:
    """Put what the server said beside the pins that the TOML text holds."""
    place = f"{where} (tool definitions)"
    if len(said) > _LONGEST_TOOLS:
        raise UsageError(f"{place}: at most {_LONGEST_TOOLS} characters fit")
    try:
        spoken = json.loads(said, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: is not JSON", str(error)) from error
    table = Table(spoken, place)
    given = table.mappings("tools", 2000)
    table.alone("tools", [str(one.get("name", "")) for one in given])
    definitions = {str(one.get("name", "")): one for one in given}
    data["instructions"] = table.text("instructions", "", limit=200_000)
    data["listing"] = {key: value for key, value in spoken.items() if key in _LISTED}
    for name in _LISTED:
        table.get(name, None)
    table.done()
    rows: list[dict[str, Any]] = []
    for pin in Table(data, where).mappings("tools", 2000):
        definition = definitions.pop(str(pin.get("name", "")), None)
        rows.append(pin if definition is None else {**_facts(definition), **pin})
    rows.extend({"name": name, **_facts(one)} for name, one in definitions.items())
    data["tools"] = rows


_LISTED = tuple(part.name for part in dataclasses.fields(Listing))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _facts(definition: dict[str, Any]) -> dict[str, Any]:
    """Say of a tool what can be read off its definition."""
    text = definition.get("description")
    lines = text.strip().splitlines() if isinstance(text, str) else []
    hints: Any = definition.get("annotations")
    hints = cast("dict[str, Any]", hints) if isinstance(hints, dict) else {}
    return {
        "description": visible(lines[0].strip(), limit=300) if lines else "",
        "definition": definition,
        "reads": hints.get("readOnlyHint") is True,
        "destroys": hints.get("destructiveHint") is True and hints.get("readOnlyHint") is not True,
    }


def entry_from_file(path: Path) -> Entry:
    """Read an own server's TOML file; a lock it names lies beside it.

    Raises:
        UsageError: the file cannot be read or is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path.name} cannot be read", str(error)) from error

    def read_tools(name: str) -> str | None:
        beside = path.with_name(f"{name}.tools.json")
        return beside.read_text("utf-8") if ID.fullmatch(name) and beside.is_file() else None

    return entry_from_toml(
        text, path.name, lambda name: path.with_name(name).read_text("utf-8"), read_tools
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[Any, ...]", value)]
    return value


def _default(part: dataclasses.Field[Any]) -> Any:
    if part.default is not dataclasses.MISSING:
        return part.default
    if part.default_factory is not dataclasses.MISSING:
        return part.default_factory()
    return dataclasses.MISSING


def _fields(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in dataclasses.fields(value):
        held = getattr(value, part.name)
        if held != _default(part):
            found[part.name] = _plain(held)
    return found


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON-able data, defaults left out; the inverse of `entry_from_dict`."""
    data = _fields(entry)
    if entry.remote is not None and entry.remote.headers:
        data["remote"]["headers"] = dict(entry.remote.headers)
    return data


def choices_from_dict(data: Mapping[str, Any], where: str) -> Choices:
    """Read what the user chose for one server.

    Raises:
        UsageError: a field is wrong or unknown; it names `where` and the field.
    """
    table = Table(data, where)
    mounts: dict[str, tuple[tuple[str, bool], ...]] = {}
    for name, picked in table.mapping("mounts").items():
        if not isinstance(picked, list | tuple):
            table.wrong(f"mounts.{name}", "must be a list")
        mounts[name] = tuple(_picked(table, name, one) for one in cast("list[Any]", picked))
    # Before there were lists of hosts, a network was open or there was none.
    before = "any" if table.flag("open_network", False) else "listed"
    choices = Choices(
        table.mapping("parameters"),
        mounts,
        table.one_of("network", NETWORKS, before),
        table.texts("hosts", limit=300, many=1000),
        frozenset(table.texts("hosts_off", limit=300, many=1000)),
        frozenset(table.texts("tools_off", limit=128)),
        table.flag("enabled", True),
        table.text("image", ""),
        exposed=frozenset(table.texts("exposed", limit=4096)),
        unmasked=frozenset(table.texts("unmasked", limit=4096)),
        limits=own_limits(Table(table.mapping("limits"), f"{where}: limits")),
        unsigned=table.flag("unsigned", False),
    )
    table.done()
    return choices


def _picked(table: Table, name: str, one: Any) -> tuple[str, bool]:
    pair = tuple(cast("list[Any]", one)) if isinstance(one, list | tuple) else ()
    if len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair[1], bool):
        table.wrong(f"mounts.{name}", "must hold pairs of a path and whether it may be written")
    return pair[0], pair[1]


def choices_to_dict(choices: Choices) -> dict[str, Any]:
    """Return choices as JSON-able data, defaults left out; the inverse of `choices_from_dict`."""
    data = _fields(choices)
    for name in ("tools_off", "hosts_off", "exposed", "unmasked"):
        if getattr(choices, name):
            data[name] = sorted(getattr(choices, name))
    if choices.mounts:
        data["mounts"] = {
            name: [list(pair) for pair in picked] for name, picked in choices.mounts.items()
        }
    return data
