"""The same question put to a server directly and through the gateway, and what may differ.

Directly means `docker run -i` of the very image, command and folders that the gateway would use.
What may differ is what the standard gives to each hop: the prefix of names, the marks of an era,
and how long a list may be kept.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcptui.actions.planning import plan_for
from mcptui.entry import Choices
from mcptui.home import Home
from tests.gateway.talk import Talk

Json = dict[str, Any]
Ask = tuple[str, Json]
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
_MARKS = ("resultType", "ttlMs", "cacheScope")
_CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d [AP]M")
_SERVER = "io.modelcontextprotocol/serverInfo"


def call(tool: str, **arguments: Any) -> Ask:
    """A call of a tool."""
    return "tools/call", {"name": tool, "arguments": arguments}


def prompt(name: str, **arguments: str) -> Ask:
    """A prompt."""
    return "prompts/get", {"name": name, "arguments": arguments}


def read(uri: str) -> Ask:
    """A resource."""
    return "resources/read", {"uri": uri}


def complete(name: str, argument: str, value: str, **context: str) -> Ask:
    """A completion for a prompt."""
    params: Json = {
        "ref": {"type": "ref/prompt", "name": name},
        "argument": {"name": argument, "value": value},
    }
    if context:
        params["context"] = {"arguments": context}
    return "completion/complete", params


def no_choices(folder: Path) -> Choices:
    """Nothing has to be chosen."""
    return Choices()


def network(folder: Path) -> Choices:
    """It may reach everything; it is asked nothing that would."""
    return Choices(network="any")


def files(folder: Path) -> Choices:
    """A folder with some files in it, which the server may change."""
    (folder / "notes.txt").write_text("one\ntwo \U0001f468\u200d\U0001f469 \u202e\n", "utf-8")
    (folder / "sub").mkdir()
    for path in (folder, folder / "sub"):
        path.chmod(0o777)
    return Choices(mounts={"folders": ((str(folder), True),)})


def graph(folder: Path) -> Choices:
    """Where the memory server keeps its file."""
    folder.chmod(0o777)
    return Choices(mounts={"folder": ((str(folder), True),)})


def repository(folder: Path) -> Choices:
    """A repository with two commits."""
    name = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    for text in ("one", "two"):
        (folder / "file.txt").write_text(text)
        for words in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "-m", text]):
            subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "file.txt").write_text("three")
    return Choices(mounts={"repositories": ((str(folder), False),)})


@dataclass(frozen=True, slots=True)
class Case:
    """One server and what it is asked.

    Args:
        choices: given an empty folder of its own.
        modern: it speaks the 2026-07-28 revision.
        asks: questions; `{folder}` in a text stands for the folder's name.
    """

    choices: Callable[[Path], Choices]
    modern: bool
    asks: tuple[Ask, ...]


REPOSITORY = "/repositories/{folder}"
CASES: dict[str, Case] = {
    "everything": Case(
        no_choices,
        False,
        (
            call("echo", message="a\u200d\ufeff\U0001f600\u202e\x7f"),
            call("echo"),
            call("get-sum", a=2, b=40.5),
            call("get-structured-content", location="New York"),
            call("get-tiny-image"),
            call("get-annotated-message", messageType="error", includeImage=True),
            call("get-resource-links", count=3),
            call("get-resource-reference", resourceType="Text", resourceId=1),
            prompt("simple-prompt"),
            prompt("args-prompt", city="Rome", state="Lazio"),
            prompt("args-prompt"),
            complete("completable-prompt", "department", "E"),
            complete("completable-prompt", "name", "", department="Engineering"),
            read("demo://resource/static/document/features.md"),
            read("demo://resource/static/document/nothing.md"),
        ),
    ),
    "filesystem": Case(
        files,
        False,
        (
            call("list_allowed_directories"),
            call("list_directory", path="/folders/{folder}"),
            call("read_text_file", path="/folders/{folder}/notes.txt"),
            call("read_text_file", path="/folders/{folder}/nothing"),
            call("read_text_file", path="/etc/passwd"),
            call("write_file", path="/folders/{folder}/made.txt", content="x\u202e"),
            call("read_text_file", path="/folders/{folder}/made.txt", head=1),
            call("directory_tree", path="/folders/{folder}"),
            call("read_text_file", path=7),
        ),
    ),
    "memory": Case(
        graph,
        False,
        (
            call(
                "create_entities",
                entities=[{"name": "Ann", "entityType": "person", "observations": ["tall"]}],
            ),
            call("add_observations", observations=[{"entityName": "No", "contents": ["x"]}]),
            call("search_nodes", query="Ann"),
            call("read_graph"),
        ),
    ),
    "git": Case(
        repository,
        True,
        (
            call("git_status", repo_path=REPOSITORY),
            call("git_log", repo_path=REPOSITORY, max_count=5),
            call("git_diff_unstaged", repo_path=REPOSITORY),
            call("git_show", repo_path=REPOSITORY, revision="HEAD"),
            call("git_show", repo_path=REPOSITORY, revision="nothing"),
            call("git_status", repo_path="/etc"),
            call("git_log"),
        ),
    ),
    "time": Case(
        no_choices,
        True,
        (
            call("convert_time", source_timezone="UTC", time="12:00", target_timezone="Asia/Tokyo"),
            call("get_current_time", timezone="Nowhere/Town"),
            call("get_current_time"),
        ),
    ),
    "fetch": Case(network, True, (call("fetch"), call("fetch", url=""), prompt("fetch"))),
}


def direct(home: Home, name: str) -> list[str]:
    """The command that starts an installed server without a gateway."""
    row = home.store.installed(name)
    assert row is not None
    planned = plan_for(
        home, row.entry, row.choices, home.engine().image_facts(row.image_id), row.name
    )
    words = ["docker", "run", "--rm", "-i", "--network", "none", "--user", planned.user]
    words += ["--read-only", "--tmpfs", "/tmp", "--workdir", planned.workdir]
    for mount in planned.mounts:
        words += ["--mount", mount.argument()]
    for key, value in planned.environment.items():
        words += ["--env", f"{key}={value}"]
    program, *rest = planned.command
    return [*words, "--entrypoint", program, planned.image, *rest]


def with_folder(asked: Json, folder: str) -> Json:
    """A question about this folder."""
    return {key: _put(value, folder) for key, value in asked.items()}


def _put(value: Any, folder: str) -> Any:
    if isinstance(value, str):
        return value.replace("{folder}", folder)
    if isinstance(value, dict):
        return with_folder(value, folder)  # pyright: ignore[reportUnknownArgumentType]
    return value


def prefixed(server: str, asked: Json) -> Json:
    """The same question to a gateway that shows several servers."""
    if "name" in asked:
        return {**asked, "name": f"{server}__{asked['name']}"}
    if "ref" in asked:
        return {**asked, "ref": {**asked["ref"], "name": f"{server}__{asked['ref']['name']}"}}
    return asked


def bare(answer: Json) -> Json:
    """An answer without what belongs to one hop or one era, or tells the time of day."""
    answer = json.loads(_CLOCK.sub("0:00:00 AM", json.dumps(answer)))
    if "error" in answer:
        return {"error": answer["error"]}
    result = {key: value for key, value in answer["result"].items() if key not in _MARKS}
    meta: Json = result.pop("_meta", None) or {}
    meta = {key: value for key, value in meta.items() if key != _SERVER}
    return {**result, **({"_meta": meta} if meta else {})}


def items(talk: Talk, method: str, *, modern: bool) -> list[Json]:
    """All pages of a list; nothing where the server has no such list."""
    return list(_items(talk, method, modern))


def _items(talk: Talk, method: str, modern: bool) -> Iterator[Json]:
    params: Json = {}
    while True:
        answer = talk.ask(method, params, modern=modern)
        if answer.get("error", {}).get("code") == -32601:
            return
        yield from answer["result"][LISTS[method]]
        if "nextCursor" not in answer["result"]:
            return
        params = {"cursor": answer["result"]["nextCursor"]}
