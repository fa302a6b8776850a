"""The ground floor: errors that can be acted on, folders, steps and background tasks."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.tasks import spawn
from mcptui.words import plural


def test_an_error_says_what_why_and_what_next() -> None:
    error = TryAgain("The engine does not answer.", "connection refused", "Start it")
    assert str(error) == "The engine does not answer. connection refused. Start it"
    assert (error.what, error.why, error.fix)[1:] == ("connection refused", "Start it")
    assert [kind.exit_code for kind in (McptuiError, UsageError, TryAgain, NotTrusted)] == [
        1, 2, 3, 4,
    ]  # fmt: skip


def test_folders_follow_the_xdg_rules_and_refuse_relative_ones() -> None:
    environ = {
        "HOME": "/home/a",
        "XDG_CONFIG_HOME": "/conf",
        "XDG_STATE_HOME": "relative/is/ignored",
        "XDG_RUNTIME_DIR": "/run/user/1",
    }
    paths = Paths.of(environ, "linux")
    assert paths.settings == Path("/conf/mcptui/config.toml")
    assert paths.database == Path("/home/a/.local/state/mcptui/state.db")
    assert paths.runtime == Path("/run/user/1/mcptui")
    assert Paths.of({"HOME": "/home/a"}, "linux").runtime == paths.state / "run"


def test_other_systems_and_one_folder_for_everything() -> None:
    mac = Paths.of({"HOME": "/Users/a"}, "darwin")
    assert mac.state == Path("/Users/a/Library/Application Support/mcptui/state")
    windows = Paths.of({"HOME": "/u", "LOCALAPPDATA": "/u/local"}, "win32")
    assert windows.cache == Path("/u/local/mcptui/cache")
    own = Paths.of({"HOME": "/home/a", "MCPTUI_HOME": "/scratch"}, "linux")
    assert own.home == Path("/home/a")
    assert {own.config.parent, own.state.parent, own.cache.parent} == {Path("/scratch")}


def test_private_folders_are_for_their_owner(tmp_path: Path) -> None:
    paths = Paths.of({"HOME": str(tmp_path), "MCPTUI_HOME": str(tmp_path / "m")}, "linux")
    paths.state.mkdir(parents=True, mode=0o755)
    assert paths.private(paths.state).stat().st_mode & 0o777 == 0o700


def test_the_gateway_command_is_absolute(home: Home) -> None:
    assert Path(home.gateway_command[0]).is_absolute()
    given = Home(home.paths, environ={}, gateway_command=("/opt/mcptui",))
    assert given.gateway_command == ("/opt/mcptui",)


def test_a_home_without_a_browser_opens_none(home: Home) -> None:
    with pytest.raises(RuntimeError, match="opens no browser"):
        home.open_url("https://example.org")


def test_a_failed_background_task_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("lost work")

    async def main() -> None:
        task = spawn(fails(), "doomed")
        await asyncio.wait([task])
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "mcptui.tasks"):
        asyncio.run(main())
    assert "doomed" in caplog.text
    assert "lost work" in caplog.text


def test_the_ground_floor_needs_only_the_standard_library() -> None:
    import subprocess

    code = (
        "import sys, mcptui.home, mcptui.store, mcptui.visible, mcptui.progress, mcptui.tasks;"
        "print(sorted(n for n in sys.modules if n.split('.')[0] in"
        " {'docker','textual','msgspec','httpx','keyring','tuf','authlib','uvloop','rfc8785'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_things_are_counted_as_a_person_reads_them() -> None:
    told = [plural(count, "open call") for count in (0, 1, 2)]
    assert told == ["0 open calls", "1 open call", "2 open calls"]
