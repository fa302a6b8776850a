"""Where each client's config is, per platform and override, and what shows that it is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcptui.clients.locate import Found, detect
from mcptui.clients.registry import CLIENTS
from mcptui.paths import Paths

CONFIG = "claude_desktop_config.json"


class Machine:
    """A scratch machine of any platform."""

    def __init__(self, folder: Path, platform: str) -> None:
        self.root = folder / "root"
        self.home = folder / "home"
        self.platform = platform
        self.environ = {"HOME": str(self.home), "PATH": str(self.root / "bin")}
        self.home.mkdir(parents=True)

    def file(self, path: str, text: str = "{}") -> Path:
        """Make a file below the home folder, or below "/" when the path starts there."""
        made = self.root / path[1:] if path.startswith("/") else self.home / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text)
        return made

    def look(self) -> dict[str, Found]:
        """What is detected, by id."""
        paths = Paths.of(self.environ, self.platform)
        return {one.id: one for one in detect(paths, self.environ, self.platform, self.root)}


@pytest.fixture
def linux(tmp_path: Path) -> Machine:
    return Machine(tmp_path, "linux")


@pytest.fixture
def mac(tmp_path: Path) -> Machine:
    return Machine(tmp_path, "darwin")


@pytest.fixture
def windows(tmp_path: Path) -> Machine:
    return Machine(tmp_path, "win32")


PLACES = {
    "linux": {
        "claude-desktop": ".config/Claude/claude_desktop_config.json",
        "claude-code": ".claude.json",
        "cursor": ".cursor/mcp.json",
        "vscode": ".config/Code/User/mcp.json",
    },
    "darwin": {
        "claude-desktop": "Library/Application Support/Claude/claude_desktop_config.json",
        "claude-code": ".claude.json",
        "cursor": ".cursor/mcp.json",
        "vscode": "Library/Application Support/Code/User/mcp.json",
    },
    "win32": {
        "claude-desktop": "AppData/Roaming/Claude/claude_desktop_config.json",
        "claude-code": ".claude.json",
        "cursor": ".cursor/mcp.json",
        "vscode": "AppData/Roaming/Code/User/mcp.json",
    },
}


@pytest.mark.parametrize("platform", sorted(PLACES))
def test_nothing_is_installed_on_an_empty_machine(tmp_path: Path, platform: str) -> None:
    machine = Machine(tmp_path, platform)
    found = machine.look()
    assert {name: one.path for name, one in found.items()} == {
        name: machine.home / path for name, path in PLACES[platform].items()
    }
    assert not any(one.installed for one in found.values())


@pytest.mark.parametrize("platform", sorted(PLACES))
@pytest.mark.parametrize("client", sorted(PLACES["linux"]))
def test_a_config_shows_that_a_client_is_installed(
    tmp_path: Path, platform: str, client: str
) -> None:
    machine = Machine(tmp_path, platform)
    config = machine.file(PLACES[platform][client])
    found = machine.look()
    assert [name for name, one in found.items() if one.installed] == [client]
    assert found[client].evidence[0] == str(config)


def test_a_program_on_the_path_is_evidence_and_a_relative_folder_is_not_searched(
    linux: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude = linux.file("/bin/claude")
    cursor = linux.file("/here/cursor")
    monkeypatch.chdir(cursor.parent)
    linux.environ["PATH"] += ":.:"
    found = linux.look()
    assert found["claude-code"].evidence == (str(claude),)
    assert not found["cursor"].installed


def test_a_folder_that_may_not_be_looked_into_holds_nothing(
    linux: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux.file(".cursor/mcp.json")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    for check in ("is_file", "is_dir", "exists"):
        monkeypatch.setattr(Path, check, refuse)
    assert not any(one.installed for one in linux.look().values())


def test_windows_programs_have_endings(windows: Machine) -> None:
    windows.environ["PATH"] = f"C:relative;{windows.root / 'bin'}"
    code = windows.file("/bin/code.cmd")
    assert windows.look()["vscode"].evidence == (str(code),)


@pytest.mark.parametrize("where", ["/Applications", "Applications"])
def test_application_bundles_are_evidence(mac: Machine, where: str) -> None:
    mac.file(f"{where}/Claude.app/Contents/Info.plist")
    mac.file(f"{where}/Visual Studio Code.app/Contents/Info.plist")
    assert [name for name, one in mac.look().items() if one.installed] == [
        "claude-desktop",
        "vscode",
    ]


def test_claude_code_follows_its_own_variable(linux: Machine, tmp_path: Path) -> None:
    linux.file(".claude.json")
    own = tmp_path / "elsewhere"
    linux.environ["CLAUDE_CONFIG_DIR"] = str(own)
    assert linux.look()["claude-code"].path == own / ".claude.json"
    linux.environ["CLAUDE_CONFIG_DIR"] = ""
    assert linux.look()["claude-code"].path == linux.home / ".claude.json"


def test_xdg_config_home_moves_linux_clients_and_a_relative_one_does_not(linux: Machine) -> None:
    linux.environ["XDG_CONFIG_HOME"] = str(linux.root / "conf")
    found = linux.look()
    assert found["claude-desktop"].path == linux.root / "conf/Claude" / CONFIG
    assert found["vscode"].path == linux.root / "conf/Code/User/mcp.json"
    linux.environ["XDG_CONFIG_HOME"] = "conf"
    assert linux.look()["vscode"].path == linux.home / ".config/Code/User/mcp.json"


def test_windows_folders_follow_their_variables(windows: Machine) -> None:
    windows.environ["APPDATA"] = str(windows.root / "roaming")
    assert windows.look()["vscode"].path == windows.root / "roaming/Code/User/mcp.json"


class TestThePackagedClaudeDesktop:
    """The default on Windows since February 2026; it ignores the folder of the old one."""

    def package(self, windows: Machine, name: str, *, config: bool) -> Path:
        folder = windows.home / "AppData/Local/Packages" / name
        path = folder / "LocalCache/Roaming/Claude" / CONFIG
        path.parent.mkdir(parents=True)
        if config:
            path.write_text("{}")
        return path

    def test_its_config_is_used_though_the_old_one_exists(self, windows: Machine) -> None:
        windows.file(PLACES["win32"]["claude-desktop"])
        path = self.package(windows, "Claude_pzs8sxrjxfjjc", config=False)
        found = windows.look()["claude-desktop"]
        assert found.path == path
        assert found.installed

    def test_of_two_packages_the_one_with_a_config_counts(self, windows: Machine) -> None:
        self.package(windows, "Claude_old", config=False)
        path = self.package(windows, "Claude_pzs8sxrjxfjjc", config=True)
        assert windows.look()["claude-desktop"].path == path

    def test_two_configs_are_not_guessed_between(self, windows: Machine) -> None:
        self.package(windows, "Claude_a", config=True)
        self.package(windows, "Claude_b", config=True)
        found = windows.look()["claude-desktop"]
        assert found.path is None
        assert "Claude_a" in found.problem
        assert "Claude_b" in found.problem
        assert found.installed


def test_builds_of_vs_code_are_told_apart(linux: Machine) -> None:
    linux.file("/bin/code-insiders")
    linux.file(".config/VSCodium/User/settings.json")
    found = linux.look()
    assert found["vscode-insiders"].path == (linux.home / ".config/Code - Insiders/User/mcp.json")
    assert found["vscodium"].path == linux.home / ".config/VSCodium/User/mcp.json"
    assert not found["vscode"].installed


def test_the_flatpak_has_its_own_config_and_leaves_its_sandbox(linux: Machine) -> None:
    linux.file(".var/app/com.visualstudio.code/config/Code/User/settings.json")
    found = linux.look()["vscode-flatpak"]
    assert found.path == (linux.home / ".var/app/com.visualstudio.code/config/Code/User/mcp.json")
    assert found.spec.wrap == ("flatpak-spawn", "--host")


def test_every_profile_of_vs_code_has_a_config_unless_it_shares_the_default_one(
    linux: Machine,
) -> None:
    user = ".config/Code/User"
    profiles = [
        {"location": "-4b2e6a1", "name": "Work"},
        {"location": "shared", "name": "Shared", "useDefaultFlags": {"mcp": True}},
        {"location": "builtin/agents", "name": "Agents"},
        "nonsense",
    ]
    linux.file(f"{user}/globalStorage/storage.json", json.dumps({"userDataProfiles": profiles}))
    for folder in ("-4b2e6a1", "shared", "unnamed", ".hidden"):
        linux.file(f"{user}/profiles/{folder}/settings.json")
    found = {name: one for name, one in linux.look().items() if name.startswith("vscode.")}
    assert {name: one.name for name, one in found.items()} == {
        "vscode.-4b2e6a1": "VS Code: Work",
        "vscode.unnamed": "VS Code: unnamed",
    }
    assert found["vscode.-4b2e6a1"].path == linux.home / user / "profiles/-4b2e6a1/mcp.json"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"userDataProfiles": 3}', "[" * 200_000])
def test_a_damaged_list_of_profiles_costs_only_the_names(linux: Machine, text: str) -> None:
    linux.file(".config/Code/User/globalStorage/storage.json", text)
    linux.file(".config/Code/User/profiles/abc/mcp.json")
    assert linux.look()["vscode.abc"].name == "VS Code: abc"


def test_the_registry_is_sound() -> None:
    assert len({spec.id for spec in CLIENTS}) == len(CLIENTS)
    for spec in CLIENTS:
        assert spec.places
        assert spec.map_path
        assert "_" not in spec.id
        assert spec.reload
