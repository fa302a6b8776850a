"""Interceptors: list, add, remove and try the hooks of interceptors.toml; gateways follow at once.

The file belongs to the person: adding writes at its end, removing cuts one table out, and every
other byte stays. What would not read back as meant is not written.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcptui.errors import McptuiError, UsageError
from mcptui.guard.hook_file import parse_hooks, parse_spec, read_hooks
from mcptui.guard.hooks_exec import run_exec
from mcptui.guard.hooks_http import HttpHooks
from mcptui.guard.interceptors import HookFailure, Interceptor, Subject, read_answer

if TYPE_CHECKING:
    from mcptui.home import Home

_HEAD = re.compile(r"^\s*\[\[\s*interceptor\s*\]\]")
_OTHER = re.compile(r"^\s*\[")


def list_hooks(home: Home) -> tuple[Interceptor, ...]:
    """The hooks of the file, in their order.

    Raises:
        UsageError: the file is wrong, and no gateway makes a call until it is mended.
    """
    return read_hooks(home.paths.interceptors)


def find_hook(home: Home, name: str) -> Interceptor:
    """One hook by its name.

    Raises:
        UsageError: there is none, or the file is wrong.
    """
    hooks = list_hooks(home)
    for hook in hooks:
        if hook.name == name:
            return hook
    known = ", ".join(hook.name for hook in hooks) or "none"
    raise UsageError(f"There is no interceptor {name!r}", fix=f"There are: {known}")


def add_hook(home: Home, name: str, spec: str, settings: dict[str, Any]) -> Interceptor:
    """Write one more hook at the end of the file.

    Args:
        home: whose file.
        name: the hook's name.
        spec: `when:type:target`.
        settings: further fields of `Interceptor`: servers, tools, timeout, on_failure.

    Raises:
        UsageError: it is no hook, its name is taken, or the file is wrong.
    """
    hook = replace(parse_spec(spec, name), **settings)
    path = home.paths.interceptors
    before = path.read_text("utf-8") if path.exists() else ""
    known = parse_hooks(before, str(path))
    gap = "" if not before or before.endswith("\n\n") else "\n" if before[-1] == "\n" else "\n\n"
    after = f"{before}{gap}{_written(hook)}"
    if parse_hooks(after, str(path)) != (*known, hook):
        raise UsageError(f"{name} cannot be added", f"{path} does not end where a table may begin")
    _write(home, path, after)
    return hook


def remove_hook(home: Home, name: str) -> Interceptor:
    """Cut one hook out of the file.

    Raises:
        UsageError: there is none, or it cannot be cut out without touching another.
    """
    hook = find_hook(home, name)
    path = home.paths.interceptors
    known = list_hooks(home)
    after = _without(path.read_text("utf-8"), known.index(hook))
    if parse_hooks(after, str(path)) != tuple(one for one in known if one != hook):
        raise UsageError(f"{name} cannot be cut out safely", fix=f"Edit {path} by hand")
    _write(home, path, after)
    return hook


def _written(hook: Interceptor) -> str:
    fields: dict[str, Any] = {"name": hook.name, "when": hook.when}
    fields |= {"exec": list(hook.command)} if hook.command else {"http": hook.url}
    usual = Interceptor("", "before")
    for key in ("servers", "tools", "methods", "timeout", "on_failure"):
        value = getattr(hook, key)
        if value != getattr(usual, key):
            fields[key] = list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType]
    # JSON's strings and lists are TOML's as well, but for DEL, which TOML wants escaped.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=True)}".replace("\x7f", "\\u007F")
        for key, value in fields.items()
    ]
    return "\n".join(["[[interceptor]]", *lines, ""])


def _without(text: str, place: int) -> str:
    kept: list[str] = []
    count = -1
    for line in text.splitlines(keepends=True):
        if _HEAD.match(line):
            count += 1
        elif _OTHER.match(line) and count == place:
            count += 1
        if count != place:
            kept.append(line)
    return "".join(kept)


def _write(home: Home, path: Path, text: str) -> None:
    home.paths.private(home.paths.config)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path.resolve() if path.is_symlink() else path)
    except OSError as error:
        raise McptuiError(f"{path} cannot be written", str(error)) from error
    finally:
        beside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a hook did with one call.

    Args:
        name: the hook's.
        outcome: "passed", "changed", "denied" or "failed".
        words: its message, or what went wrong.
        told: what it was told.
        answer: what goes on instead: arguments, inputResponses or result; empty when nothing.
        log: what it wrote to stderr.
        ms: how long it took.
    """

    name: str
    outcome: str
    words: str
    told: Any
    answer: dict[str, Any]
    log: list[str]
    ms: float


async def try_hook(hook: Interceptor, subject: Subject) -> Tried:
    """Run a hook once, on a call that is not made.

    Args:
        hook: which.
        subject: the call; a result or an error belongs to it for a hook that runs after.
    """
    log: list[str] = []
    web = HttpHooks()
    began = time.monotonic()
    told = b"null"
    outcome, words, answer = "failed", "", dict[str, Any]()
    try:
        told = subject.told(hook.when)
        said = await (run_exec(hook, told, log.append) if hook.command else web.run(hook, told))
        found = read_answer(hook.when, said, subject.responses is not None)
        parts = {
            "arguments": found.arguments, "inputResponses": found.responses, "result": found.result,
        }  # fmt: skip
        answer = {key: value for key, value in parts.items() if value is not None}
        outcome = "denied" if found.denied is not None else "changed" if answer else "passed"
        words = found.denied or ""
    except HookFailure as failure:
        words = str(failure)
    finally:
        await web.close()
    ms = round((time.monotonic() - began) * 1000, 1)
    return Tried(hook.name, outcome, words, json.loads(told), answer, log, ms)


def sample(hook: Interceptor, server: str, tool: str, arguments: Any, result: Any) -> Subject:
    """A call to try a hook on.

    Args:
        hook: for which it is.
        server, tool: their names.
        arguments: of the call, a JSON object.
        result: of the call, a JSON object; made up when it is None.

    Raises:
        UsageError: one of them is no object.
    """
    if result is None:
        result = {"content": [{"type": "text", "text": "an answer"}]}
    if not isinstance(arguments, dict) or not isinstance(result, dict):
        raise UsageError("Arguments and results are JSON objects")
    return Subject(
        "test:1", "test", ("mcptui", ""), server, "tools/call", tool,
        {"description": "A tool to try interceptors on"},
        arguments,  # pyright: ignore[reportUnknownArgumentType]
        result=result if hook.when == "after" else None,  # pyright: ignore[reportUnknownArgumentType]
    )  # fmt: skip
