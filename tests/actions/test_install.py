"""Installing on the real engine: what was agreed to is what runs, and what fails leaves nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.found import near
from mcptui.actions.install import destructive, install, review
from mcptui.actions.servers import servers, tools_of
from mcptui.actions.undo import undo
from mcptui.entry import Choices, Trust
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.progress import StepState
from tests.actions.conftest import containers_of, put_in
from tests.own_server import Toml

pytestmark = pytest.mark.engine

NEEDY = """
[parameters]
required = ["city"]
[parameters.properties.city]
type = "string"
[parameters.properties.days]
type = "integer"
default = 3
[[mounts]]
name = "files"
target = "/data"
description = "what it reads"
[[hosts]]
name = "*"
"""


def test_an_own_server_is_started_listed_and_stored(home: Home, toml: Toml) -> None:
    row, steps = put_in(home, toml())
    assert [(step.key, step.state.value) for step in steps] == [
        ("catalog", "skipped"),
        ("image", "done"),
        ("start", "running"),
        ("start", "done"),
        ("tools", "done"),
        ("pins", "done"),
        ("store", "done"),
    ]
    assert row.trust is Trust.UNSIGNED
    assert home.store.installed("peer") == row
    said = home.store.definitions("peer")
    assert said is not None
    assert (said.era, said.protocol_version, said.instructions) == (
        "legacy",
        "2025-11-25",
        "Use echo.",
    )
    assert len(said.tools) == 12
    assert said.tools[0]["x-vendor"] == {"a": [1]}
    assert [one["uri"] for one in said.resources] == ["test://one"]
    assert [one["name"] for one in said.prompts] == ["greet"]
    assert not [state for state in home.store.tool_states("peer") if state.quarantined]
    assert [tool.state for tool in tools_of(home, "peer")] == ["ok"] * 12
    assert [wish.kind for wish in home.store.wishes(0)] == ["reload"]
    assert containers_of(home) == []


def test_a_modern_server_is_recognised(home: Home, toml: Toml) -> None:
    put_in(home, toml("modern", "--era", "modern"))
    said = home.store.definitions("modern")
    assert said is not None
    assert (said.era, said.protocol_version) == ("modern", "2026-07-28")


def test_a_server_that_dies_at_start_is_not_installed(home: Home, toml: Toml) -> None:
    with pytest.raises(McptuiError) as caught:
        put_in(home, toml("dies", "--dies"))
    assert caught.value.what == "dies did not start"
    assert "exit code 4" in caught.value.why
    assert "cannot find my configuration" in caught.value.why
    assert home.store.installs() == []
    assert home.store.definitions("dies") is None
    assert home.store.last_undo() is None
    assert containers_of(home) == []


def test_the_failing_step_is_told_before_the_error(home: Home, toml: Toml) -> None:
    told: list[tuple[str, StepState]] = []

    async def run() -> None:
        async for step in install(home, str(toml("dies", "--dies"))):
            told.append((step.key, step.state))  # noqa: PERF401 the walk ends in an error

    with pytest.raises(McptuiError):
        asyncio.run(run())
    assert told[-1] == ("start", StepState.FAILED)


def test_destructive_tools_start_off(home: Home, toml: Toml) -> None:
    put_in(home, toml("risky", "--destroys", "big"))
    off = {tool.name for tool in tools_of(home, "risky") if not tool.on}
    assert off == {"big"}
    row = home.store.installed("risky")
    assert row is not None
    assert row.choices.tools_off == {"big"}


def pinned(toml: Toml, home: Home, *options: str) -> Path:
    """A server.toml with pins of the honest server, whose command line is another."""
    from mcptui.trust.pins import tool_hash

    put_in(home, toml("honest"))
    said = home.store.definitions("honest")
    assert said is not None
    pins = "".join(
        f'[[tools]]\nname = "{tool["name"]}"\nhash = "{tool_hash(tool)}"\n' for tool in said.tools
    )
    return toml("pinned", *options, more=pins)


def test_pins_hold_and_a_changed_tool_is_refused_from_the_first_day(home: Home, toml: Toml) -> None:
    _, steps = put_in(home, pinned(toml, home))
    assert [step.detail for step in steps if step.key == "pins"] == ["all the same"]
    file = pinned_again(toml, home)
    _, steps = put_in(home, file)
    details = [step.detail for step in steps if step.key == "pins"]
    assert details == ["2 differ and are refused until you look: echo, sneaky"]
    states = {tool.name: (tool.state, tool.on) for tool in tools_of(home, "second")}
    assert states["echo"] == ("changed", False)
    assert states["sneaky"] == ("new", False)
    assert states["raw"] == ("ok", True)


def pinned_again(toml: Toml, home: Home) -> Path:
    """The same pins, and a server that changed a tool and has a new one."""
    row = home.store.installed("pinned")
    assert row is not None
    pins = "".join(
        f'[[tools]]\nname = "{pin.name}"\nhash = "{pin.hash}"\n' for pin in row.entry.tools
    )
    return toml("second", "--changed", "echo", "--extra", "sneaky", more=pins)


def test_what_is_missing_is_told_with_how_to_give_it(
    home: Home, toml: Toml, tmp_path: Path
) -> None:
    file = toml("needy", more=NEEDY)
    look = review(home, str(file))
    assert [(one.kind, one.name, one.option) for one in look.missing] == [
        ("parameter", "city", "--set city=VALUE"),
        ("mount", "files", "--mount files=PATH"),
        ("network", "hosts", "--host HOST[:PORT[/tcp]], or --any-host"),
    ]
    assert look.choices.parameters == {"days": 3}
    with pytest.raises(UsageError, match="--set city=VALUE"):
        put_in(home, file)
    folder = tmp_path / "data"
    folder.mkdir()
    choices = Choices({"city": "Bern"}, {"files": ((str(folder), False),)}, network="any")
    look = review(home, str(file), choices)
    assert look.missing == ()
    assert look.reaches == "any public host, by TLS"
    assert look.reads == f"{folder} (read only)"
    assert any("any host" in warning for warning in look.warnings)
    assert f"type=bind,source={folder},target=/data,readonly" in look.docker_arguments


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "far more than a server may see"),
        ("/etc", "belongs to the system"),
        ("/var/run/docker.sock", "belongs to the system"),
        ("{home}", "whole home folder"),
        ("{home}/.ssh", "credentials"),
        ("{state}", "mcptui's own state"),
        ("/nowhere/at/all", "does not exist"),
    ],
)
def test_folders_no_server_may_have_are_refused_before_anything_runs(
    home: Home, toml: Toml, path: str, why: str
) -> None:
    place = path.format(home=home.paths.home, state=home.paths.state)
    choices = Choices({"city": "x"}, {"files": ((place, True),)}, network="any")
    look = review(home, str(toml("needy", more=NEEDY)), choices)
    assert [one.kind for one in look.missing] == ["mount"]
    assert why in look.missing[0].text


def test_a_review_shows_the_exact_container_and_changes_nothing(home: Home, toml: Toml) -> None:
    look = review(home, str(toml()))
    assert look.plan is not None
    words = " ".join(look.docker_arguments)
    for lock in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges"):
        assert lock in words
    assert look.image_ready
    assert look.warnings[0] == "unsigned: nobody but you vouches for this server"
    assert home.store.installs() == []
    row, _ = put_in(home, toml())
    body = look.plan.create_body()
    assert body["Image"] == row.image_id


def test_a_name_is_taken_once(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    with pytest.raises(UsageError, match="installed already"):
        put_in(home, toml())
    row, _ = put_in(home, toml(), name="second")
    assert row.name == "second"
    with pytest.raises(UsageError, match="is no name"):
        put_in(home, toml(), name="../evil")
    assert [one.name for one in servers(home)] == ["peer", "second"]


def test_targets_that_are_nothing(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        review(home, str(tmp_path / "none.toml"))
    with pytest.raises(McptuiError, match="no server named"):
        review(home, "surely-not-there")
    with pytest.raises(UsageError, match="Nothing is called"):
        review(home, "surely/not:there")
    broken = tmp_path / "broken.toml"
    broken.write_text("id = 7")
    with pytest.raises(UsageError, match="broken.toml: id"):
        review(home, str(broken))


def test_a_local_image_is_a_server_of_its_own(home: Home, peer_image: str) -> None:
    reference = home.engine().client.api.inspect_image(peer_image)["RepoTags"][0]
    look = review(home, reference)
    assert (look.name, look.trust, look.origin) == (
        "mcptui-test-python",
        Trust.UNSIGNED,
        reference,
    )
    assert look.plan is not None
    assert look.plan.image == peer_image
    assert look.plan.command == ("/usr/bin/python3",)


def test_undo_takes_an_install_back_and_keeps_the_image(home: Home, toml: Toml) -> None:
    row, _ = put_in(home, toml())
    assert undo(home) == "taken back: install peer"
    assert home.store.installs() == []
    assert home.engine().image_facts(row.image_id).id == row.image_id


def test_a_cancelled_install_leaves_nothing(home: Home, toml: Toml) -> None:
    file = toml("silent", "--no-handshake", "--era", "silent")

    async def run() -> None:
        task = asyncio.ensure_future(_drain(install(home, str(file))))
        await asyncio.sleep(2.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert home.store.installs() == []
    assert containers_of(home) == []


async def _drain(steps: Any) -> None:
    async for _ in steps:
        pass


def test_only_what_says_it_destroys_counts_as_destructive(home: Home) -> None:
    from mcptui.entry_read import entry_from_dict

    data: dict[str, Any] = {
        "id": "x", "image": {"local": True, "digest": f"sha256:{'0' * 64}"},
        "tools": [{"name": "a", "destroys": True}, {"name": "b", "reads": True}, {"name": "c"}],
    }  # fmt: skip
    entry = entry_from_dict(data, "a test")
    assert destructive(entry) == {"a"}
    assert destructive(replace(entry, tools=())) == frozenset()
    assert near("tme", ["time", "git"]) == "Did you mean time?"
    assert near("zzz", ["time"]) == ""
    assert json.dumps(sorted(destructive(entry))) == '["a"]'
