"""What of the host no server ever gets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.deny import LEGITIMATE, Deny
from mcptui.runtime.mounts import PlannedMount
from mcptui.runtime.pinned import pin, real_path

DENY = Deny(homes=(Path("/home/ann"),), private=(Path("/srv/ann/state"),))
KUBE = "/home/ann/.kube/config"


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
        ("/run/podman/podman.sock", "system"),
        ("/run/containerd/containerd.sock", "system"),
        ("/var/lib/docker/volumes", "engine"),
        ("/var/lib/containerd", "engine"),
        ("/var/lib/containers/storage", "engine"),
        ("/var/lib/kubelet/pods", "engine"),
        ("/home/ann/.colima/default", "engine"),
        ("/home/ann/.lima/default/sock", "engine"),
        ("/home/ann/.rd/docker.sock", "engine"),
        ("/home/ann/.rd", "engine"),
        ("/home/ann/.orbstack/run", "engine"),
        ("/home/ann/.local/share/containers/storage", "engine"),
        ("/home/ann/.local/share/docker", "engine"),
        ("/Users/bob/Library/Containers/com.docker.docker/Data", "engine"),
        ("/home/ann/engine/docker.sock", "socket"),
        ("/home/ann/.ssh", "credentials"),
        ("/home/ann/.ssh/id_ed25519", "credentials"),
        ("/home/bob/.aws", "credentials"),
        ("/home/ann/.local/share", "credentials"),
        ("/root/.docker/config.json", "credentials"),
        ("/home/ann/.git-credentials", "credentials"),
        ("/home/ann/.claude.json", "credentials"),
        ("/home/ann/.vault-token", "credentials"),
        ("/srv/ann/state/vault", "own state"),
        ("/srv/ann", "own state"),
        ("/home/ann/../bob", "absolute"),
        ("/home/ann/notes/../.ssh", "absolute"),
        ("relative", "absolute"),
        ("/home/ann/x\0y", "absolute"),
        # The same folder on file systems that take other letters for these.
        ("/home/ann/.SSH", "credentials"),
        ("/home/ann/.\N{LATIN SMALL LETTER LONG S}sh", "credentials"),
        ("/home/ann/\N{FULLWIDTH FULL STOP}aws", "credentials"),
        ("/Users/Bob", "whole home"),
        ("/ETC/passwd", "system"),
        ("/home/ann/Docker.SOCK", "socket"),
    ],
)
def test_forbidden(path: str, why: str) -> None:
    assert why in DENY.problem(path)
    # Saying so does not help where nothing is legitimate.
    if path.removeprefix("/home/ann/") not in LEGITIMATE:
        assert DENY.is_credential(path) or why in DENY.problem(path, frozenset({path}))


@pytest.mark.parametrize(
    "path",
    ["/home/ann/notes", "/home/ann/.hidden/x", "/srv/data", "/mnt/disk", "/tmp/x", "/opt/etc",
     "/home/ann/a b,c=d", "/Users/bob/Documents", "/root/project", "/home/ann/.sshx"],
)  # fmt: skip
def test_allowed(path: str) -> None:
    assert DENY.problem(path) == ""


def test_credentials_are_given_when_said_exactly_and_for_reading() -> None:
    said = frozenset({KUBE, "/home/ann/.ssh", "/home/ann/.ssh/id_rsa", "/home/ann/.gnupg"})
    assert DENY.problem(KUBE, said) == ""
    assert "reading only" in DENY.problem(KUBE, said, writable=True)
    assert "credentials" in DENY.problem("/home/ann/.kube", said)
    assert "credentials" in DENY.problem("/home/ann/.kube/config/x", said)
    for never in ("/home/ann/.ssh", "/home/ann/.ssh/id_rsa", "/home/ann/.gnupg"):
        assert "credentials" in DENY.problem(never, said)


def held(path: Path, *, exposed: frozenset[str] = frozenset(), deny: Deny = DENY) -> None:
    pin([PlannedMount(str(path), "/data")], deny, exposed).close()


def test_a_link_is_a_surprise_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "good").symlink_to(tmp_path / "real")
    (tmp_path / "bad").symlink_to("/etc")
    (tmp_path / "loop").symlink_to("loop")
    held(tmp_path / "real" / "deep")
    for name in ("good", "good/deep", "bad", "loop", "missing"):
        with pytest.raises(UsageError, match="cannot be given"):
            held(tmp_path / name)
    with pytest.raises(UsageError) as caught:
        held(tmp_path / "good" / "deep")
    assert caught.value.fix == f"Pick where it leads: {tmp_path / 'real' / 'deep'}"
    assert real_path(str(tmp_path / "good")) == str(tmp_path / "real")


def test_what_is_held_is_what_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    pinned = pin([PlannedMount(str(folder), "/data", True)], DENY)
    here = folder.stat()
    folder.rename(tmp_path / "other")
    folder.mkdir()
    check = pinned.checks[0]
    assert (check.target, check.device, check.inode) == ("/data", here.st_dev, here.st_ino)
    assert check.inode != folder.stat().st_ino, "an inode that is held is not given away"
    pinned.close()


def test_another_name_of_a_denied_folder_is_that_folder(tmp_path: Path) -> None:
    """As a bind mount of the host has it, or a file system that ignores case."""
    home, alias = tmp_path / "home", tmp_path / "alias"
    (home / ".ssh").mkdir(parents=True)
    alias.mkdir()
    deny = Deny(homes=(home,))

    class Aliased(Deny):
        __slots__ = ()

        def forbidden(self, path: str, exposed: frozenset[str]) -> dict[tuple[int, int], str]:
            here = alias.stat()
            return {(here.st_dev, here.st_ino): "holds credentials of yours"}

    here = (home / ".ssh").stat()
    assert deny.forbidden(str(alias), frozenset())[here.st_dev, here.st_ino].startswith("holds")
    with pytest.raises(McptuiError, match="another name"):
        held(alias, deny=Aliased())


def test_an_exposed_file_is_not_denied_to_itself(tmp_path: Path) -> None:
    kube = tmp_path / "home" / ".kube"
    kube.mkdir(parents=True)
    (kube / "config").touch()
    deny = Deny(homes=(tmp_path / "home",))
    with pytest.raises(McptuiError, match="credentials"):
        held(kube / "config", deny=deny)
    held(kube / "config", exposed=frozenset({str(kube / "config")}), deny=deny)
    (kube / "config").unlink()
    (kube / "config").symlink_to("/etc/shadow")
    with pytest.raises(UsageError, match="link"):
        held(kube / "config", exposed=frozenset({str(kube / "config")}), deny=deny)


def test_only_folders_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("plain-name")
        os.link("plain-name", "other-name")
        for name in ("plain-name", "other-name", "pipe"):
            with pytest.raises(McptuiError, match="neither a folder nor a file"):
                held(tmp_path / name)
    (tmp_path / "file.txt").touch()
    held(tmp_path / "file.txt")
