"""`interceptors.toml`: the hooks a user set up, read whole or refused with the line that is wrong.

    [[interceptor]]
    name = "no-secrets"
    when = "before"                        # or "after"
    exec = ["/usr/local/bin/check-call"]   # or http = "https://policy.example/check"
    servers = ["github", "jira-*"]         # all when left out; so are tools and methods
    tools = ["create_*"]
    timeout = 5                            # seconds
    on_failure = "deny"                    # or "allow"

Hooks run in the order in which the file has them.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcptui.errors import UsageError
from mcptui.fields import Table
from mcptui.guard.interceptors import MOST_SECONDS, SECONDS, Interceptor

MOST = 64
"""Hooks one file may have."""
_LONGEST = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_HEAD = re.compile(r"(?m)^\s*\[\[\s*interceptor\s*\]\]")
_PLACE = re.compile(r"interceptor\[(\d+)\]")


def read_hooks(path: Path) -> tuple[Interceptor, ...]:
    """The hooks of a file; none when there is no file.

    Raises:
        UsageError: the file cannot be read or is wrong; says where.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read", str(error)) from error
    return parse_hooks(text, str(path))


def parse_hooks(text: str, where: str) -> tuple[Interceptor, ...]:
    """The hooks of a file's text.

    Raises:
        UsageError: it is wrong; names the file, the field and the line.
    """
    import tomllib

    if len(text) > _LONGEST:
        raise UsageError(f"{where}: is {len(text)} characters long, at most {_LONGEST} fit")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where}: is not TOML", str(error)) from error
    table = Table(data, where)
    try:
        hooks = table.rows("interceptor", _hook, MOST)
        table.done()
        table.alone("interceptor", [hook.name for hook in hooks])
    except UsageError as error:
        raise UsageError(f"{error.what}{_line(text, error.what)}", error.why, error.fix) from error
    return hooks


def _line(text: str, what: str) -> str:
    place = _PLACE.search(what)
    heads = [text.count("\n", 0, found.end()) + 1 for found in _HEAD.finditer(text)]
    if place is None or int(place[1]) >= len(heads):
        return ""
    return f" (the one that begins at line {heads[int(place[1])]})"


def _hook(table: Table) -> Interceptor:
    name = table.text("name", form=_NAME, says="must be letters, digits, . _ and -, at most 61")
    when = table.one_of("when", ("before", "after"))
    if table.has("exec") == table.has("http"):
        table.wrong("exec", "or http must be written, and not both")
    command, url = table.texts("exec", many=64), table.text("http", "", limit=2000)
    if table.has("exec") and (problem := command_problem(command)):
        table.wrong("exec", problem)
    if table.has("http") and (problem := url_problem(url)):
        table.wrong("http", problem)
    globs = {key: _globs(table, key) for key in ("servers", "tools", "methods")}
    return Interceptor(
        name, when, command, url, globs["servers"], globs["tools"], globs["methods"],
        table.number("timeout", SECONDS, 0.1, MOST_SECONDS),
        table.one_of("on_failure", ("deny", "allow"), "deny"),
    )  # fmt: skip


def _globs(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key, limit=200, many=64)
    if table.has(key) and not all(found):
        table.wrong(key, "has an empty name")
    if table.has(key) and not found:
        table.wrong(key, 'is empty, so the hook would never run: write "*" or leave it out')
    return found or ("*",)


def command_problem(command: tuple[str, ...]) -> str:
    """What is wrong with a hook's command, "" when nothing is."""
    if not command or not Path(command[0]).is_absolute():
        return "must begin with the absolute path of a program: it is not looked for in PATH"
    if any("\0" in word for word in command):
        return "must hold no zero byte"
    return ""


def url_problem(url: str) -> str:
    """What is wrong with a hook's address, "" when nothing is."""
    try:
        parts = urlsplit(url)
        host, port_fits = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address"
    if not url.isascii() or not url.isprintable() or " " in url or not host or not port_fits:
        return "is not an address"
    if parts.username is not None or parts.fragment:
        return "must have no user name and no fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and _here(host)):
        return ""
    return "must begin with https://, or with http:// and an address of this machine"


def _here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_spec(spec: str, name: str = "") -> Interceptor:
    """A hook as the command line names it: `when:type:target`.

    Args:
        spec: such as `before:exec:/usr/local/bin/check --strict` or
            `after:http:https://policy.example/check`; a command's words are split as a shell
            would, and no shell is started.
        name: its name; the spec itself gives one when it is empty.

    Raises:
        UsageError: it is none.
    """
    when, _, rest = spec.partition(":")
    kind, _, target = rest.partition(":")
    what = f"{spec!r} is no interceptor"
    if when not in ("before", "after") or kind not in ("exec", "http") or not target:
        fix = "Write before:exec:/path/of/program or after:http:https://host/path"
        raise UsageError(what, "it must be when:type:target", fix)
    command: tuple[str, ...] = ()
    if kind == "exec":
        try:
            command = tuple(shlex.split(target))
        except ValueError as error:
            raise UsageError(what, f"its command cannot be split into words: {error}") from error
    problem = command_problem(command) if kind == "exec" else url_problem(target)
    if problem:
        raise UsageError(what, f"its target {problem}")
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name", "letters, digits, . _ and -, at most 61")
    made: dict[str, Any] = {"command": command} if command else {"url": target}
    return Interceptor(name or _own_name(when, command, target), when, **made)


def _own_name(when: str, command: tuple[str, ...], target: str) -> str:
    last = Path(command[0]).name if command else urlsplit(target).hostname or "http"
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{when}-{last}")[:60]
