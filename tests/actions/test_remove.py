"""Removing: nothing of a server stays but its calls, and undo brings it back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from mcptui.actions.findings import check_database
from mcptui.actions.images import MARK, hold_image, release_image
from mcptui.actions.remove import remove
from mcptui.actions.servers import servers, tools_of
from mcptui.actions.switch import switch_tool
from mcptui.actions.undo import undo
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.runtime.channel import Death
from mcptui.runtime.launch import launch
from mcptui.store.rows import Installed
from tests.actions.conftest import containers_of, put_in, walk
from tests.own_server import Toml

pytestmark = pytest.mark.engine


def test_rows_go_and_undo_brings_them_back_as_they_were(home: Home, toml: Toml) -> None:
    before, _ = put_in(home, toml())
    switch_tool(home, "peer", "big", False)
    before = home.store.installed("peer")
    said, states = home.store.definitions("peer"), home.store.tool_states("peer")
    steps = walk(remove(home, "peer"))
    assert [step.key for step in steps if step.state.value != "running"] == [
        "rows",
        "containers",
        "image",
    ]
    assert home.store.installs() == []
    assert home.store.definitions("peer") is None
    assert home.store.tool_states("peer") == []
    assert undo(home) == "taken back: remove peer"
    after = home.store.installed("peer")
    assert before is not None
    assert after is not None
    assert (after.entry, after.choices, after.image_id) == (
        before.entry,
        before.choices,
        before.image_id,
    )
    assert home.store.definitions("peer") == said
    assert home.store.tool_states("peer") == states
    assert {tool.name for tool in tools_of(home, "peer") if not tool.on} == {"big"}


def test_a_persons_own_image_is_never_removed(home: Home, toml: Toml) -> None:
    row, _ = put_in(home, toml())
    steps = walk(remove(home, "peer"))
    assert steps[-1].text == "the image stays: it is yours or still needed"
    assert home.engine().image_facts(row.image_id).id == row.image_id


def test_a_name_that_is_not_there_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="No server 'ghost' is installed"):
        walk(remove(home, "ghost"))


def test_undo_does_not_overwrite_a_newer_install(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    walk(remove(home, "peer"))
    label = home.store.last_undo()
    assert label is not None
    put_in(home, toml())
    newest = home.store.last_undo()
    assert newest is not None
    home.store.undone(newest.id)
    with pytest.raises(UsageError, match="installed again already"):
        undo(home)


def test_a_server_of_another_release_hides_no_other_and_can_be_removed(
    home: Home, put: Callable[..., Installed]
) -> None:
    put("good")
    put("odd")
    with home.store.transaction() as db:
        db.execute('UPDATE installs SET entry = \'{"id": "odd", "new": 1}\' WHERE name = \'odd\'')
    assert [row.name for row in servers(home)] == ["good"]
    (finding,) = check_database(home)
    assert (finding.state, "mcptui remove odd" in finding.fix_text) == ("warn", True)
    walk(remove(home, "odd"))
    assert home.store.names() == ["good"]
    assert home.store.last_undo() is None


class Ear:
    """Hears a server die."""

    def __init__(self) -> None:
        self.dead: asyncio.Future[Death] = asyncio.get_running_loop().create_future()

    def on_line(self, line: bytes) -> None: ...
    def on_overlong(self, size: int, ends: bytes = b"") -> None: ...
    def on_stderr(self, text: str) -> None: ...
    def on_exit(self, death: Death) -> None:
        self.dead.set_result(death)


def test_a_running_container_goes_with_its_server(home: Home, toml: Toml) -> None:
    put_in(home, toml())

    async def run() -> None:
        from mcptui.actions.servers import plan_of

        ear = Ear()
        plan = await asyncio.to_thread(plan_of, home, "peer")
        running = await launch(home.engine(), plan, ear)
        assert await asyncio.to_thread(containers_of, home) == [running.container_id]
        async for _ in remove(home, "peer"):
            pass
        async with asyncio.timeout(20):
            await ear.dead
        await running.stop()

    asyncio.run(run())
    assert containers_of(home) == []


def test_an_image_goes_when_its_last_user_is_gone(
    home: Home, peer_image: str, tmp_path: Path
) -> None:
    """Two homes on one engine need one image that mcptui built."""
    engine, api = home.engine(), home.engine().client.api
    made = api.create_container(peer_image, command=["none"], network_disabled=True)["Id"]
    name = f"mcptui-test-{uuid.uuid4().hex}"
    try:
        change = f"LABEL mcptui.image=1 mcptui.test={name}"
        image: str = api.commit(made, repository=name, changes=change)["Id"]
    finally:
        api.remove_container(made, force=True)
    environ = {**home.environ, "MCPTUI_HOME": str(tmp_path / "other")}
    other = Home(Paths.of(environ), environ=environ)
    assert hold_image(home, "a", image)
    assert hold_image(other, "a", image)
    assert not release_image(home, "a", image, keep=False)
    tags: list[str] = api.inspect_image(image)["RepoTags"]
    assert len([tag for tag in tags if tag.startswith(f"{MARK}:")]) == 1
    assert release_image(other, "a", image, keep=False)
    with pytest.raises(McptuiError, match="no image"):
        engine.image_facts(image)
    assert not hold_image(home, "a", image)
    other.close()
