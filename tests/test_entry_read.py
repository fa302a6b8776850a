"""Entries: what is read, what is refused and with which words, and the way back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import Entry, Http, Kind, Listing
from mcptui.entry_read import (
    entry_from_dict,
    entry_from_file,
    entry_from_toml,
    entry_to_dict,
)
from mcptui.entry_schema import parameter_problems, with_defaults
from mcptui.errors import UsageError

LOCK = "left==1.0 --hash=sha256:" + "0" * 64 + "\n"
FULL = f'''
id = "left-right"
title = "Left and right"
description = "Tells left from right."
publisher = "Example"
category = "utilities"
licence = "MIT"
homepage = "https://example.org/"
source = "https://example.org/source"
kind = "package"
command = ["--verbose"]
stateless = true

[package]
registry = "pypi"
name = "left-right"
version = "1.0"
lock_file = "left-right.txt"
lock_sha256 = "{hashlib.sha256(LOCK.encode()).hexdigest()}"

[checked]
on = "2026-11-23"
built = true
started = true
listed = true

[[secrets]]
name = "token"
env = "LEFT_TOKEN"
where = "https://example.org/tokens"

[parameters]
required = ["side"]
[parameters.properties.side]
type = "string"
enum = ["left", "right"]
[parameters.properties.depth]
type = "integer"
minimum = 1
maximum = 9
default = 3
[parameters.properties.names]
type = "array"
items = {{ type = "string" }}

[[options]]
parameter = "depth"
arguments = ["--depth", "{{depth}}"]

[[env]]
name = "SIDE"
value = "{{side}}"

[[mounts]]
name = "folders"
target = "/data/{{name}}"
description = "Folders to look at"
many = true
argument = true

[[hosts]]
name = "api.example.org"
why = "answers"

[resources]
memory = 512

[[relaxes]]
control = "read_only"
reason = "writes a cache beside itself"

[[tools]]
name = "turn"
hash = "sha256:{"1" * 64}"
'''
SAID = json.dumps(
    {
        "era": "legacy",
        "protocol_version": "2025-06-18",
        "server_info": {"name": "left", "version": "1"},
        "capabilities": {"tools": {"listChanged": True}},
        "instructions": "Turn, then look.",
        "prompts": [{"name": "p"}],
        "tools": [
            {
                "name": "turn",
                "description": "\n Turns.\u202e \nSecond line",
                "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True},
            }
        ],
    }
)


def full() -> Entry:
    return entry_from_toml(FULL, "left-right.toml", lambda name: LOCK, lambda name: SAID)


def small(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": "far",
        "remote": {"url": "https://mcp.example.org/mcp"},
        **changes,
    }
    return {key: value for key, value in data.items() if value is not None}


def container(**changes: Any) -> dict[str, Any]:
    image = {"repository": "example/one", "digest": "sha256:" + "a" * 64}
    return small(**{"remote": None, "image": image, **changes})


def test_a_full_entry_is_read() -> None:
    entry = full()
    assert entry.kind is Kind.PACKAGE
    assert entry.package is not None
    assert entry.package.lock == LOCK
    assert entry.resources.memory == 512
    assert entry.resources.pids == 64
    assert entry.needs_network
    assert entry.needs == "token"
    assert entry.instructions == "Turn, then look."
    assert entry.listing.protocol_version == "2025-06-18"
    assert entry.listing.prompts == ({"name": "p"},)
    (tool,) = entry.tools
    assert tool.hash == "sha256:" + "1" * 64
    assert tool.reads and not tool.destroys
    assert tool.definition is not None
    assert tool.definition["description"] == "\n Turns.\u202e \nSecond line"
    assert tool.description == "Turns.\u2039U+202E\u203a"


def test_writing_and_reading_gives_an_equal_entry() -> None:
    for entry in (full(), entry_from_dict(small(), "x"), entry_from_dict(container(), "x")):
        stored = json.loads(json.dumps(entry_to_dict(entry)))
        assert entry_from_dict(stored, "state.db") == entry


def test_headers_survive_the_way_there_and_back() -> None:
    data = small(
        remote={"url": "https://a.example/mcp", "headers": {"X-Key": "${KEY}"}},
        secrets=[{"name": "key", "env": "KEY"}],
    )
    entry = entry_from_dict(data, "x")
    assert entry.remote is not None
    assert entry.remote.headers == (("X-Key", "${KEY}"),)
    assert entry_from_dict(entry_to_dict(entry), "x") == entry


def test_a_server_that_listens_survives_the_way_there_and_back() -> None:
    image = {"digest": "sha256:" + "0" * 64, "local": True}
    data: dict[str, Any] = {"id": "web", "image": image, "http": {"port": 3001}}
    entry = entry_from_dict(data, "web.toml")
    assert entry.http == Http(3001, "/mcp", "streamable-http")
    assert entry_from_dict(entry_to_dict(entry), "again") == entry
    for wrong, words in (
        ({"port": 0}, "http.port must be a whole number from 1 to 65535"),
        ({}, "http.port must be"),
        ({"port": 80, "path": "mcp"}, "http.path must be a path that begins with /"),
        ({"port": 80, "path": "/a b"}, "http.path must be a path"),
        ({"port": 80, "transport": "stdio"}, "http.transport must be one of"),
        ({"port": 80, "host": "x"}, "http.host is not a known field"),
    ):
        with pytest.raises(UsageError, match=words):
            entry_from_dict({**data, "http": wrong}, "web.toml")
    remote = {"id": "web", "remote": {"url": "https://example.org/"}, "http": {"port": 80}}
    with pytest.raises(UsageError, match="no command, mounts, hosts or http"):
        entry_from_dict(remote, "web.toml")


def test_a_secret_may_be_read_from_a_file() -> None:
    secrets = [{"name": "token", "env": "TOKEN_FILE", "file": True}]
    entry = entry_from_dict(container(secrets=secrets), "here")
    assert entry.secrets[0].file
    assert entry_from_dict(entry_to_dict(entry), "again") == entry


def test_defaults_are_left_out_and_come_back() -> None:
    entry = entry_from_dict(small(), "x")
    assert "tools" not in entry_to_dict(entry)
    assert entry.listing == Listing()
    assert entry.title == "far"
    assert "nobody has checked" in entry.checked.not_checked


REFUSED: list[tuple[dict[str, Any], str]] = [
    (small(id="Far"), "id must be small letters"),
    (small(id=None), "id is missing"),
    (small(id="a" * 42), "id must be"),
    (small(id="../up"), "id must be"),
    (small(titel="x"), "titel is not a known field"),
    (small(title=3), "title must be a string"),
    (small(title="x" * 81), "title is 81 characters long"),
    (small(category="boating"), "category must be one of cloud"),
    (small(homepage="http://example.org"), "homepage must begin with https://"),
    (small(source="https://u:p@example.org"), "source must name a host, without a user name"),
    (small(remote={"url": "http://mcp.example.org"}), "remote.url must begin with https://"),
    (small(remote={"url": "https://"}), "remote.url must name a host"),
    (small(remote={"url": "https://a b"}), "remote.url"),
    (small(remote={"url": "https://a.example:99999/"}), "remote.url is not an address"),
    (small(remote={}), "remote.url is missing"),
    (small(remote="https://a"), "remote must be a table"),
    (small(remote={"url": "https://a.example", "transport": "ws"}), "remote.transport must be"),
    (
        small(remote={"url": "https://a.example", "headers": {"A": "${NONE}"}}),
        "remote.headers.A asks for the unknown secret 'NONE'",
    ),
    (
        small(remote={"url": "https://a.example", "headers": {"A": "x\r\nB: y"}}),
        "remote.headers.A must be one line",
    ),
    (small(kind="image"), "kind is image, but [remote] is written"),
    (small(remote=None), "kind is open"),
    (container(remote={"url": "https://a.example"}), "kind is open"),
    (small(hosts=[{"name": "a.example"}]), "nothing to run here"),
    (container(hosts=[{"name": "a.example"}, {"port": 0, "name": "b"}]), "hosts[1].port must be"),
    (container(hosts=[{"name": "https://a.example"}]), "hosts[0].name must be a host"),
    (container(hosts={"name": "a"}), "hosts must be a list"),
    (container(hosts=["a"]), "hosts[0] is not one of the tables"),
    (container(command="run"), "command must be a list"),
    (container(command=["a", 1]), "command[1] is not one"),
    (container(stateless="yes"), "stateless must be true or false"),
    (container(resources={"memory": True}), "resources.memory must be a whole number"),
    (container(resources={"cpus": 0}), "resources.cpus must be a number"),
    (container(resources={"swap": 1}), "resources.swap is not a known field"),
    (container(relaxes=[{"control": "seccomp", "reason": "x"}]), "relaxes[0].control must be"),
    (container(relaxes=[{"control": "user"}]), "relaxes[0].reason is missing"),
    (container(secrets=[{"name": "a", "env": "A=B"}]), "secrets[0].env must be a variable"),
    (container(secrets=[{"name": "a", "env": "A"}] * 2), "secrets says 'a' twice"),
    (container(tools=[{"name": "a"}] * 2), "tools says 'a' twice"),
    (container(tools=[{"name": "a", "hash": "md5:1"}]), "tools[0].hash must be sha256:"),
    (container(env=[{"name": "A", "value": "{nothing}"}]), "parameters lacks 'nothing'"),
    (container(options=[{"parameter": "p", "arguments": []}]), "options names the parameter 'p'"),
    (container(mounts=[{"name": "m", "target": "rel", "description": ""}]), "mounts[0].target"),
    (container(mounts=[{"name": "m", "target": "/etc/x", "description": ""}]), "system folder"),
    (container(mounts=[{"name": "m", "target": "/a/../b", "description": ""}]), "mounts[0].target"),
    (container(mounts=[{"name": "m", "target": "/a/{x}", "description": ""}]), "no other place"),
    (container(checked={"on": "yesterday"}), "checked.on must be a date"),
    (small(remote=None, image={"local": True}), "image.repository or digest is needed"),
    (small(remote=None, image={"repository": "a"}), "image.digest must be sha256:"),
    (
        small(remote=None, image={"repository": "a", "digest": "latest"}),
        "image.digest must be sha256:",
    ),
    (
        small(remote=None, package={"registry": "cargo", "name": "a", "version": "1"}),
        "package.registry must be one of pypi, npm",
    ),
    (
        small(remote=None, package={"registry": "npm", "name": "../a", "version": "1"}),
        "package.name is not a npm package's name",
    ),
    (
        small(remote=None, package={"registry": "npm", "name": "a", "version": "^1"}),
        "package.version must be one exact version",
    ),
    (
        small(
            remote=None,
            package={
                "registry": "npm", "name": "a", "version": "1", "lock": "", "lock_sha256": "0" * 64
            },
        ),
        "package.lock_sha256 does not belong to the lock",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_what_is_wrong_is_refused_by_name(data: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        entry_from_dict(data, "far.toml")
    assert caught.value.what.startswith("far.toml: ")
    assert words in caught.value.what


SCHEMAS: list[tuple[dict[str, Any], str]] = [
    ({"properties": {"a": {"type": "object"}}}, "parameters.properties.a.type must be one of"),
    ({"properties": {"a": {"pattern": "x"}}}, "parameters.properties.a.pattern is not a known"),
    ({"properties": {"a b": {}}}, "must be named by letters"),
    ({"properties": {"a": {"type": "array"}}}, "parameters.properties.a.items belongs to a list"),
    ({"properties": {"a": {"items": {"type": "string"}}}}, "a.items belongs to a list"),
    ({"properties": {"a": {"enum": []}}}, "a.enum must be a list of 1 to 256"),
    ({"properties": {"a": {"enum": ["x", 1]}}}, "a.enum must hold values of the type string"),
    ({"properties": {"a": {"minimum": 1}}}, "a.minimum belongs to numbers only"),
    ({"properties": {"a": {"type": "integer", "default": 1.5}}}, "a.default must be a whole"),
    ({"properties": {"a": {"enum": ["x"], "default": "y"}}}, "a.default must be one of x"),
    ({"properties": {}, "required": ["a"]}, "parameters.required names 'a'"),
    ({"type": "array"}, "parameters.type must be one of object"),
    ({"additionalProperties": True}, "parameters.additionalProperties is not a known"),
]


@pytest.mark.parametrize(("schema", "words"), SCHEMAS)
def test_parameters_outside_the_subset_are_refused(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        entry_from_dict(container(parameters=schema), "far.toml")
    assert words in caught.value.what


def test_chosen_parameters_are_compared_with_the_schema() -> None:
    schema = full().parameters
    assert parameter_problems(schema, {"side": "left"}) == {}
    assert with_defaults(schema, {"side": "left"}) == {"depth": 3, "side": "left"}
    problems = parameter_problems(schema, {"depth": 12, "names": "a", "colour": 1})
    assert problems == {
        "depth": "must be from 1 to 9",
        "names": "must be a list of strings",
        "colour": "is not a parameter of this server",
        "side": "is needed",
    }
    assert parameter_problems(schema, {"side": "up"}) == {"side": "must be one of left, right"}


def test_toml_errors_name_the_file() -> None:
    for text, words in (
        ("id = ", "is not TOML"),
        ("x" * 300_000, "at most 262144 fit"),
        ('id = "a"\ninstructions = "x"', "instructions belongs into the file"),
        ('id = "a"\n[package]\nlock_file = "../../etc/passwd"', "package.lock_file must be"),
        ('id = "a"\n[package]\nlock_file = "a"\nlock = "b"', "both written"),
    ):
        with pytest.raises(UsageError) as caught:
            entry_from_toml(text, "a.toml", lambda name: name)
        assert caught.value.what.startswith("a.toml: ")
        assert words in caught.value.what


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a table"),
        ('{"tools": [1]}', "tools[0] is not one of the tables"),
        ('{"tools": [{"name": "a"}, {"name": "a"}]}', "tools says 'a' twice"),
        ('{"surprise": 1}', "surprise is not a known field"),
        ('{"tools": [{"name": "a", "x": NaN}]}', "is not JSON"),
        ('{"tools": [{"description": "no name"}]}', "tools[0].name"),
    ],
)
def test_a_broken_file_of_definitions_is_refused(said: str, words: str) -> None:
    text = 'id = "far"\n[remote]\nurl = "https://a.example/mcp"\n'
    with pytest.raises(UsageError) as caught:
        entry_from_toml(text, "far.toml", None, lambda name: said)
    assert words in caught.value.what


def test_an_own_server_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "left-right.txt").write_text(LOCK)
    (tmp_path / "left-right.tools.json").write_text(SAID)
    file = tmp_path / "mine.toml"
    file.write_text(FULL)
    assert entry_from_file(file) == full()
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        entry_from_file(tmp_path / "none.toml")
    (tmp_path / "left-right.txt").unlink()
    with pytest.raises(UsageError, match=r"package\.lock_file cannot be read"):
        entry_from_file(file)
