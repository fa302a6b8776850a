"""Check a catalog entry by running it: a maintainer's tool.

Builds the image from the entry's lock, starts it in the locked container that users get, lists
what it offers, makes the harmless calls its check file names, and writes what it saw:
`tools/<id>.json` (full definitions) and the pins and `[checked]` of `servers/<id>.toml`.

What a check needs beyond the entry is in `checks/<id>.toml`: `[parameters]`, `[secrets]` (made-up
values), `[mounts]` (name = "folder" or "git"), `[[calls]]` with tool and arguments, and
`network`. Without that file required mounts get a folder with one text file.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcptui.actions.talk import Said, Talk, talking
from mcptui.entry import Choices, Entry, Kind
from mcptui.entry_read import entry_from_toml
from mcptui.errors import McptuiError, UsageError
from mcptui.progress import Step, StepState
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home


@dataclass(frozen=True, slots=True)
class Trial:
    """How an entry is tried: what `checks/<id>.toml` says."""

    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    mounts: dict[str, str] = field(default_factory=dict[str, str])
    calls: tuple[dict[str, Any], ...] = ()
    network: str = "listed"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: the image, what the server said, each call and its answer's start."""

    image: str
    said: Said
    calls: tuple[tuple[str, str], ...]


def read_trial(file: Path) -> Trial:
    """Read a check file; a missing one is an empty trial.

    Raises:
        UsageError: it is not TOML or has a field that is none of a trial's.
    """
    if not file.is_file():
        return Trial()
    try:
        data = tomllib.loads(file.read_text("utf-8"))
        calls = cast("list[dict[str, Any]]", data.pop("calls", []))
        return Trial(**data, calls=tuple(calls))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise UsageError(f"{file.name} is no check file", str(error)) from error


def read_source(file: Path) -> Entry:
    """Read a catalog's source entry without what an earlier check pinned.

    Raises:
        UsageError: a field is wrong or the lock is missing.
    """
    folder = file.parent.parent
    data = tomllib.loads(file.read_text("utf-8"))
    data.pop("tools", None)
    import tomlkit

    return entry_from_toml(
        tomlkit.dumps(data),  # pyright: ignore[reportUnknownMemberType]
        file.name,
        lambda name: (folder / "locks" / name).read_text("utf-8"),
        None,
    )


async def check_entry(home: Home, file: Path) -> AsyncIterator[Step]:
    """Check one entry and write what was seen beside it.

    Args:
        home: whose engine and cache are used.
        file: `servers/<id>.toml` of a catalog's sources.

    Yields:
        Steps; the last one's result is a `Result`.

    Raises:
        McptuiError: a step failed; nothing was written.
    """
    entry = await asyncio.to_thread(read_source, file)
    if entry.kind is Kind.REMOTE:
        raise UsageError(f"{entry.id} is a remote server", "it cannot be run here")
    trial = read_trial(file.parent.parent / "checks" / f"{entry.id}.toml")
    image = ""
    from mcptui.actions.images import image_steps

    async for step in image_steps(home, entry):
        image = str(step.result or "")
        yield Step(step.key, step.text, step.state, step.done, step.total, step.detail)
    yield Step("start", f"starting {entry.title}")
    result = await _tried(home, entry, trial, image)
    await asyncio.to_thread(write, file, entry, result)
    detail = ", ".join(
        (plural(len(result.said.tools), "tool"), result.said.era, plural(len(result.calls), "call"))
    )
    yield Step("start", f"checked {entry.title}", StepState.DONE, detail=detail, result=result)


async def _tried(home: Home, entry: Entry, trial: Trial, image: str) -> Result:
    from mcptui.runtime.owner import Owner
    from mcptui.runtime.plan import plan

    engine = home.engine()
    facts = await asyncio.to_thread(engine.image_facts, image)
    picked = Path(tempfile.mkdtemp(prefix="mcptui-check-"))
    try:
        picked.chmod(0o755)
        choices = Choices(
            parameters=trial.parameters,
            mounts=_mounts(entry, trial, picked),
            network=trial.network,
        )
        owner = Owner.current(home=str(home.paths.state))
        made = plan(entry, choices, facts, owner, trial.secrets)
        async with talking(engine, made) as talk:
            said = await talk.listing()
            calls = [await _called(talk, one) for one in trial.calls]
        return Result(image, said, tuple(calls))
    finally:
        shutil.rmtree(picked, ignore_errors=True)


def _mounts(entry: Entry, trial: Trial, picked: Path) -> dict[str, tuple[tuple[str, bool], ...]]:
    mounts: dict[str, tuple[tuple[str, bool], ...]] = {}
    for mount in entry.mounts:
        kind = trial.mounts.get(mount.name, "folder" if mount.required else "")
        if kind:
            folder = picked / f"{mount.name}-folder"
            folder.mkdir()
            (folder / "hello.txt").write_text("Hello from the check.\n", "utf-8")
            if kind == "git":
                _git(folder / ".git")
            if mount.writable:
                folder.chmod(0o777)
            mounts[mount.name] = ((str(folder), mount.writable),)
    return mounts


def _git(folder: Path) -> None:
    """An empty repository by hand: the maintainer's machine may have no git."""
    for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (folder / part).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n", "ascii")
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n", "ascii")


async def _called(talk: Talk, one: Mapping[str, Any]) -> tuple[str, str]:
    name = str(one["tool"])
    answer = await talk.ask("tools/call", {"name": name, "arguments": one.get("arguments", {})})
    text = json.dumps(answer, ensure_ascii=False)
    if answer.get("isError") and not one.get("may_fail"):
        raise McptuiError(f"The call of {name} failed", visible(text)[:400])
    return name, visible(text)[:400]


# ---- writing


def write(file: Path, entry: Entry, result: Result) -> None:
    """Write definitions, pins and `[checked]`; comments and order of the TOML stay.

    Args:
        file: the entry's source.
        entry: what was read from it.
        result: what the check saw.
    """
    definitions = file.parent.parent / "tools" / f"{entry.id}.json"
    definitions.parent.mkdir(exist_ok=True)
    definitions.write_text(definitions_text(result.said), "utf-8")
    file.write_text(pinned_text(file.read_text("utf-8"), entry, result.said), "utf-8")


def definitions_text(said: Said) -> str:
    """What a server said as the text of `tools/<id>.json`: one definition a line, for reviews."""
    parts: dict[str, Any] = {
        "era": said.era,
        "protocol_version": said.protocol_version,
        "server_info": said.server_info,
        "capabilities": said.capabilities,
        "instructions": said.instructions,
    }
    told = json.dumps({name: value for name, value in parts.items() if value}, indent=1)[:-2]
    lists = {
        "prompts": said.prompts,
        "resources": said.resources,
        "templates": said.templates,
        "tools": said.tools,
    }
    for name, items in lists.items():
        if items or name == "tools":
            lines = ",\n".join(f"  {json.dumps(item, sort_keys=True)}" for item in items)
            told += f',\n "{name}": [\n{lines}\n ]' if items else f',\n "{name}": []'
    return f"{told}\n}}\n"


def pinned_text(text: str, entry: Entry, said: Said) -> str:
    """Return an entry's TOML with the pins and the `[checked]` of a successful check."""
    import tomlkit

    from mcptui.trust.pins import tool_hash

    document: Any = tomlkit.parse(text)
    checked: Any = document.get("checked")
    if checked is None:
        checked = document["checked"] = tomlkit.table()
    checked["on"] = datetime.now(UTC).date().isoformat()
    for done in ("built", "started", "listed"):
        if done != "built" or entry.package is not None:
            checked[done] = True
    document.pop("tools", None)
    pins: Any = tomlkit.aot()
    for definition in said.tools:
        pin: Any = tomlkit.table()
        pin["name"] = str(definition.get("name", ""))
        pin["hash"] = tool_hash(definition)
        pins.append(pin)
    if said.tools:
        document["tools"] = pins
    return str(tomlkit.dumps(document)).rstrip("\n") + "\n"  # pyright: ignore[reportUnknownMemberType]


async def _main(files: Sequence[str]) -> int:
    from mcptui.home import Home

    home = Home.real(os.environ)
    failed = 0
    for name in files:
        try:
            async for step in check_entry(home, Path(name)):
                if step.state is StepState.DONE:
                    sys.stderr.write(f"{name}: {step.text}: {visible(step.detail)}\n")
                if isinstance(step.result, Result):
                    for tool, answer in step.result.calls:
                        sys.stderr.write(f"  {tool}: {answer}\n")
        except McptuiError as error:
            sys.stderr.write(f"{name}: {error}\n")
            failed = failed or error.exit_code
    home.close()
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
