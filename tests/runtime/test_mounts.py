"""What of the host no server ever gets."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.mounts import Deny, PlannedMount, settle

DENY = Deny(homes=(Path("/home/ann"),), private=(Path("/srv/ann/state"),))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "far more"),
        ("/home", "far more"),
        ("/root", "far more"),
        ("/var", "far more"),
        ("/home/ann", "whole home"),
        ("/home/ann/", "whole home"),
        ("/home/bob", "whole home"),
        ("/Users/bob", "whole home"),
        ("/etc", "system"),
        ("/etc/ssh/keys", "system"),
        ("/proc/1", "system"),
        ("/sys", "system"),
        ("/dev/sda", "system"),
        ("/run/user/1000", "system"),
        ("/var/run/docker.sock", "system"),
        ("/var/lib/docker/volumes", "system"),
        ("/home/ann/engine/docker.sock", "socket"),
        ("/home/ann/.ssh", "credentials"),
        ("/home/ann/.ssh/id_ed25519", "credentials"),
        ("/home/bob/.aws", "credentials"),
        ("/home/ann/.local/share", "credentials"),
        ("/root/.docker/config.json", "credentials"),
        ("/srv/ann/state/vault", "own state"),
        ("/srv/ann", "own state"),
        ("/home/ann/../bob", "absolute"),
        ("relative", "absolute"),
        ("/home/ann/x\0y", "absolute"),
    ],
)
def test_forbidden(path: str, why: str) -> None:
    assert why in DENY.problem(path)


@pytest.mark.parametrize(
    "path",
    ["/home/ann/notes", "/home/ann/.hidden/x", "/srv/data", "/mnt/disk", "/tmp/x", "/opt/etc",
     "/home/ann/a b,c=d", "/Users/bob/Documents", "/root/project"],
)  # fmt: skip
def test_allowed(path: str) -> None:
    assert DENY.problem(path) == ""


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "good").symlink_to(tmp_path / "real")
    (tmp_path / "bad").symlink_to("/etc")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    good = PlannedMount(str(tmp_path / "good"), "/data", True)
    assert settle([good], DENY) == (PlannedMount(str(tmp_path / "real"), "/data", True),)
    with pytest.raises(McptuiError, match="belongs to the system, it leads to /etc"):
        settle([PlannedMount(str(tmp_path / "bad"), "/data")], DENY)
    for name in ("loop", "missing"):
        with pytest.raises(UsageError, match="cannot be given"):
            settle([PlannedMount(str(tmp_path / name), "/data")], DENY)


def test_only_folders_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("plain-name")
        with pytest.raises(McptuiError, match="neither a folder nor a file"):
            settle([PlannedMount(str(tmp_path / "plain-name"), "/data")], DENY)
    (tmp_path / "file.txt").touch()
    assert settle([PlannedMount(str(tmp_path / "file.txt"), "/f")], DENY)
