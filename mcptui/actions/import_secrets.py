"""Find secrets that lie in plain text, in a .env file or in MCP clients' configs, and store them.

What would be taken is shown by name, never by value; the files stay as they are. A variable of a
client's entry counts when an installed server declares it, or when its name says what it holds.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcptui.access.vault import NAME
from mcptui.actions.put_secret import put_secret
from mcptui.actions.secrets import takers
from mcptui.errors import McptuiError, UsageError

if TYPE_CHECKING:
    from mcptui.home import Home

LONGEST = 4 * 1024 * 1024
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*\Z")
_TELLS = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PAT|APIKEY"
    r"|(?:API|ACCESS|AUTH|PRIVATE|SECRET|ACCOUNT|LICENSE|SERVICE)_?KEY)(?:$|_)|_KEY$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$\{?[A-Za-z_]|\{env:|\$\(|<[^>]+>|your[-_ ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret that could be imported.

    Args:
        variable: under which name it lies there.
        name: under which name it would be stored.
        servers: installed servers that declare it; they would get it.
        source: the file, and the client's entry in it.
        stored: there is one of that name already.
        value: the secret; in no repr.
    """

    variable: str
    name: str
    servers: tuple[str, ...]
    source: str
    stored: bool
    value: str = field(repr=False)


def from_env_file(home: Home, path: Path, only: Collection[str] = ()) -> list[Candidate]:
    """What of a .env file looks like a secret.

    Args:
        home: where it would be stored.
        path: the file.
        only: names to take whatever they look like, and no others.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > LONGEST:
            raise UsageError(f"{path} is no .env file", "it is no plain file, or far too long")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read", str(error)) from error
    return _candidates(home, [(str(path), dict(env_lines(text)))], only)


def env_lines(text: str) -> Iterator[tuple[str, str]]:
    """The variables of a .env file; quotes are taken off, comments left out."""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or not (found := _LINE.match(line)):
            continue
        name, value = found[1], found[2]
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        elif value[:1] not in ("'", '"'):
            value = re.split(r"\s+#", value, maxsplit=1)[0]
        if value:
            yield name, value


def from_clients(home: Home, only: Collection[str] = ()) -> list[Candidate]:
    """What lies in the `env` of MCP clients' entries, and looks like a secret; see above."""
    from mcptui.clients.locate import detect

    found: list[tuple[str, Mapping[str, str]]] = []
    for client in detect(home.paths, home.environ, home.platform):
        if client.path is None or not client.path.is_file():
            continue
        for entry, environ in _environments(client.path, client.spec.map_path, client.spec.dialect):
            found.append((f"{client.path} ({entry})", environ))
    return _candidates(home, found, only)


def _environments(
    path: Path, keys: tuple[str, ...], dialect: Any
) -> Iterator[tuple[str, dict[str, str]]]:
    from mcptui.clients import jsonc

    try:
        if path.stat().st_size > LONGEST:
            return
        document: Any = jsonc.Document(path.read_text("utf-8"), dialect).value
    except (OSError, ValueError, RecursionError, McptuiError):
        return  # `mcptui doctor` tells of a broken config
    for key in keys:
        document = _mapping(document).get(key)
    for name, entry in _mapping(document).items():
        environ = _mapping(_mapping(entry).get("env"))
        texts = {key: value for key, value in environ.items() if isinstance(value, str) and value}
        if texts:
            yield name, texts


def _candidates(
    home: Home, places: list[tuple[str, Mapping[str, str]]], only: Collection[str]
) -> list[Candidate]:
    declared = {
        secret.env: secret.name for row in home.store.installs() for secret in row.entry.secrets
    }
    stored = {row.name for row in home.vault().names()}
    found: dict[tuple[str, str], Candidate] = {}
    for source, environ in places:
        for variable, value in environ.items():
            name = declared.get(variable, variable)
            if _REFERENCE.search(value) or not NAME.fullmatch(name) or "\0" in value:
                continue
            wanted = variable in declared or _TELLS.search(variable) is not None
            if (name in only or variable in only) if only else wanted:
                candidate = Candidate(
                    variable, name, takers(home, name), source, name in stored, value
                )
                found.setdefault((name, value), candidate)
    return sorted(found.values(), key=lambda one: (one.name, one.source))


def import_secret(home: Home, one: Candidate) -> tuple[str, ...]:
    """Store one; the servers that declare it get it, which the person was shown.

    Raises:
        McptuiError: it cannot be stored; says why.
    """
    return put_secret(home, one.name, one.value, one.servers)


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
