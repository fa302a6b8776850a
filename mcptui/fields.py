"""Reading outside data by hand: one table at a time, every error naming file and field.

A `Table` wraps one mapping of a parsed TOML or JSON document. Each reading method checks type,
size and form and remembers the field, and `done()` refuses whatever nobody asked for, so a
misspelt field is an error and never a silent default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from mcptui.errors import UsageError

REQUIRED: Any = object()
"""The default of a field that has none: its absence is an error."""
_MANY = 4096
T = TypeVar("T")


def https_url(text: str) -> str:
    """Return what is wrong with `text` as a public https address, "" when nothing is."""
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address"
    if parts.scheme != "https" or not text.startswith("https://"):
        return "must begin with https://"
    if not parts.hostname or not port_fits or parts.username is not None:
        return "must name a host, without a user name"
    if parts.fragment or not text.isascii() or not text.isprintable() or " " in text:
        return "must be plain ASCII without spaces or a fragment"
    return ""


def server_url(text: str) -> str:
    """Return what is wrong with `text` as the address of a server, "" when nothing is.

    https, or plain http on this very machine, where nobody else can listen in.
    """
    if not text.startswith("http://"):
        return https_url(text)
    problem = https_url("https://" + text.removeprefix("http://"))
    if problem:
        return problem
    host = urlsplit(text).hostname or ""
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    return "" if local else "must begin with https:// unless the server is on this machine"


class Table:
    """One mapping of a document, read field by field.

    Args:
        data: the mapping.
        where: the file, or whatever else a person would look for.
        path: the way from the document's top to here, "" at the top.
    """

    __slots__ = ("_data", "_path", "_seen", "_where")

    def __init__(self, data: object, where: str, path: str = "") -> None:
        self._where = where
        self._path = path
        self._seen: set[str] = set()
        if not isinstance(data, Mapping):
            raise UsageError(f"{where}: {path or 'the document'} must be a table")
        self._data = cast("Mapping[str, Any]", data)

    def _name(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def wrong(self, name: str, problem: str, fix: str = "") -> NoReturn:
        """Refuse the field `name` with a `UsageError`."""
        raise UsageError(f"{self._where}: {self._name(name)} {problem}", fix=fix)

    def has(self, name: str) -> bool:
        """Whether the field was written at all."""
        return name in self._data

    def get(self, name: str, default: Any = REQUIRED) -> Any:
        """Take a field as it is; without a default its absence is an error."""
        self._seen.add(name)
        if name in self._data:
            return self._data[name]
        if default is REQUIRED:
            self.wrong(name, "is missing")
        return default

    def text(
        self,
        name: str,
        default: str = REQUIRED,
        *,
        limit: int = 400,
        form: re.Pattern[str] | None = None,
        says: str = "",
    ) -> str:
        """Take a string of at most `limit` characters; `form`, described by `says`, must fit."""
        value = self.get(name, default)
        if not isinstance(value, str):
            self.wrong(name, "must be a string")
        if name not in self._data:
            return value
        if len(value) > limit:
            self.wrong(name, f"is {len(value)} characters long, at most {limit} are allowed")
        if form is not None and not form.fullmatch(value):
            self.wrong(name, says or f"does not look like {form.pattern}")
        return value

    def one_of(self, name: str, allowed: Sequence[str], default: str = REQUIRED) -> str:
        """Take a string of a closed list."""
        value = self.get(name, default)
        if value not in allowed:
            self.wrong(name, f"must be one of {', '.join(allowed)}")
        return cast(str, value)

    def address(self, name: str, default: str = REQUIRED) -> str:
        """Take an https address; "" is allowed where it is the default."""
        value = self.text(name, default, limit=2000)
        if value == "" and default == "":
            return value
        if problem := https_url(value):
            self.wrong(name, problem)
        return value

    def server_address(self, name: str) -> str:
        """Take the address of a server: https, or http on this machine."""
        value = self.text(name, limit=2000)
        if problem := server_url(value):
            self.wrong(name, problem)
        return value

    def flag(self, name: str, default: bool = REQUIRED) -> bool:
        """Take true or false."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
        return value

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Take a whole number between `least` and `most`, both included."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, f"must be a whole number from {least} to {most}")
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Take a number between `least` and `most`, both included."""
        value = self.get(name, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not least <= value <= most:
            self.wrong(name, f"must be a number from {least} to {most}")
        return float(value)

    def texts(self, name: str, *, limit: int = 2000, many: int = _MANY) -> tuple[str, ...]:
        """Take a list of strings, empty when it was not written."""
        return tuple(self._list(name, many, str, f"strings of at most {limit} characters", limit))

    def _list(self, name: str, many: int, kind: type[Any], says: str, limit: int) -> list[Any]:
        value = self.get(name, ())
        if not isinstance(value, list | tuple):
            self.wrong(name, f"must be a list of {says}")
        items = list(cast("Sequence[Any]", value))
        if len(items) > many:
            self.wrong(name, f"has {len(items)} items, at most {many} are allowed")
        for place, item in enumerate(items):
            if not isinstance(item, kind) or (kind is str and len(item) > limit):
                self.wrong(f"{name}[{place}]", f"is not one of the {says}")
        return items

    def mapping(self, name: str) -> dict[str, Any]:
        """Take a table as it is (outside data that is only passed on), {} when not written."""
        value = self.get(name, {})
        if not isinstance(value, Mapping):
            self.wrong(name, "must be a table")
        return dict(cast("Mapping[str, Any]", value))

    def mappings(self, name: str, many: int = _MANY) -> tuple[dict[str, Any], ...]:
        """Take a list of tables as they are, empty when not written."""
        return tuple(self._list(name, many, dict, "tables", 0))

    def table(self, name: str) -> Table | None:
        """Take a table to read further, None when it was not written."""
        if not self.has(name):
            return None
        return Table(self.get(name), self._where, self._name(name))

    def rows(self, name: str, read: Callable[[Table], T], many: int = 256) -> tuple[T, ...]:
        """Read each table of a list by `read`; each must be used up."""
        found: list[T] = []
        for place, item in enumerate(self._list(name, many, dict, "tables", 0)):
            row = Table(item, self._where, f"{self._name(name)}[{place}]")
            found.append(read(row))
            row.done()
        return tuple(found)

    def alone(self, name: str, values: Sequence[str]) -> None:
        """Refuse the list `name` when two of `values` are the same."""
        seen: set[str] = set()
        for value in values:
            if value in seen:
                self.wrong(name, f"says {value!r} twice")
            seen.add(value)

    def done(self) -> None:
        """Refuse fields that nobody read."""
        unknown = [key for key in self._data if key not in self._seen]
        if unknown:
            known = ", ".join(sorted(self._seen))
            self.wrong(str(unknown[0])[:60], "is not a known field", f"Known here: {known}")
