"""What is found in a picked folder, how far the look goes, and what the later looks see."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from mcptui.errors import McptuiError
from mcptui.runtime.covers import covers_for
from mcptui.runtime.masks import Bounds, Watch, look_through, words
from mcptui.runtime.mounts import PlannedMount

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"
COVERED = {
    ".env": "A=1", ".ENV": "A=1", ".env.local": "A=1", "deep/er/.env.production": "A=1",
    "id_rsa": KEY, "id_ed25519": KEY, "server.pem": f"cert\n{KEY}", "tls.key": KEY,
    ".netrc": "machine x", ".npmrc": "//r/:_authToken=abc", ".pypirc": "password = x",
    ".git-credentials": "https://a:b@c", "keys.p12": "", "pass.kdbx": "", ".envrc": "",
    "credentials.json": '{"private_key": "-----BEGIN PRIVATE KEY-----"}',
}  # fmt: skip
HARMLESS = {
    ".env.example": "A=", ".env.sample": "A=", "env.py": "", "id_rsa.pub": "ssh-rsa AAA",
    "cert.pem": "-----BEGIN CERTIFICATE-----", ".npmrc.md": "_authToken", "notes.txt": KEY,
    "sub/.npmrc": "registry=https://r.example/", "environment": "",
}  # fmt: skip


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(folder: Path, *shown: str, bounds: Bounds | None = None) -> set[str]:
    look = look_through(str(folder), frozenset(shown), bounds or Bounds())
    return {str(Path(path).relative_to(folder)) for path in look.secrets}


def test_secrets_are_known_by_name_and_by_a_look(tmp_path: Path) -> None:
    fill(tmp_path, COVERED | HARMLESS)
    assert found(tmp_path) == set(COVERED)
    assert found(tmp_path, str(tmp_path / ".env")) == set(COVERED) - {".env"}


def test_folders_sockets_and_other_names_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {".env": "A=1", ".aws/credentials": "x", "real/prod.txt": "A=1", "x": "1"})
    os.link(tmp_path / ".env", tmp_path / "real" / "copy.txt")
    (tmp_path / "real" / ".env").symlink_to("prod.txt")
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("engine")
        assert found(tmp_path) == {".env", ".aws", "real/copy.txt", "real/prod.txt", "engine"}
        look = look_through(str(tmp_path), sockets_only=True)
        assert [Path(path).name for path in look.secrets] == ["engine"]
        assert look_through(str(tmp_path / "x")).secrets == {}


def test_the_look_is_bounded_and_says_so(tmp_path: Path) -> None:
    fill(tmp_path, {".env": "", "node_modules/a/.env": "", "src/b/.env": "", "src/b/c/d/.env": ""})
    look = look_through(str(tmp_path), bounds=Bounds(depth=2))
    assert words([look]) == (
        [str(tmp_path / one) for one in (".env", "node_modules/a/.env", "src/b/.env")],
        [str(tmp_path / "src/b/c")],
    )
    # The nearest first, and what is large and seldom holds secrets last.
    look = look_through(str(tmp_path), bounds=Bounds(names=8))
    assert str(tmp_path / "src/b/.env") in look.secrets
    assert look.unseen == [str(tmp_path / "node_modules")]
    assert look_through(str(tmp_path), bounds=Bounds(seconds=-1)).unseen == [str(tmp_path)]
    with pytest.raises(McptuiError, match="more than 2 secrets"):
        mount = PlannedMount(str(tmp_path), "/x")
        covers_for([mount], frozenset(), frozenset(), tmp_path, bounds=Bounds(covers=2))


def test_a_large_folder_is_looked_through_quickly(tmp_path: Path) -> None:
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        for other in range(100):
            (folder / f"{other}.py").touch()
    began = time.process_time()
    look = look_through(str(tmp_path))
    spent = time.process_time() - began
    assert (len(look.folders), look.unseen) == (101, [])
    watch = Watch([look], frozenset(), frozenset())
    watch.look()
    began = time.process_time()
    watch.look()
    assert spent < 1
    assert time.process_time() - began < spent


def old(folder: Path) -> None:
    """Long unchanged, as folders mostly are."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (1, 1), follow_symlinks=False)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize(
    "change",
    ["replaced", "replaced by its own inode", "new", "new folder", "moved in", "socket", "harmless",
     "edited"],
)  # fmt: skip
def test_what_comes_later_is_seen(
    tmp_path: Path, change: str, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    fill(root, {".env": "A=1", "src/a.py": "", "b.py": ""})
    fill(tmp_path, {"other/.env.local": "A=2"})
    if settled:
        old(root)
    watch = Watch([look_through(str(root))], frozenset({str(root / "shown.pem")}), frozenset())
    assert watch.look() == ""
    monkeypatch.chdir(root)
    shows = ""
    if change == "replaced":
        (root / "new").write_text("A=2")
        (root / "new").replace(root / ".env")
        shows = ".env"
    elif change == "replaced by its own inode":
        (root / ".env").unlink()
        (root / ".env").write_text("A=2")
        shows = ".env"
    elif change == "new":
        (root / "src" / "id_rsa").write_text(KEY)
        shows = "src/id_rsa"
    elif change == "new folder":
        fill(root, {"src/deep/er/.npmrc": "_auth=1"})
        shows = "src/deep/er/.npmrc"
    elif change == "moved in":
        (tmp_path / "other").rename(root / "src" / "other")
        shows = "src/other/.env.local"
    elif change == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("engine")
        shows = "engine"
    elif change == "harmless":
        fill(root, {"src/new.py": "", "more/x": "", "shown.pem": KEY})
        (root / "b.py").unlink()
    else:
        with (root / ".env").open("a") as file:
            file.write("B=2")
        # Where names may have changed as well, one that was edited is taken for another one.
        shows = "" if settled else ".env"
    assert watch.look() == (str(root / shows) if shows else "")
