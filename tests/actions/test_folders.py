"""Folders as a person picks them: seen on the sheet, changed, shown and covered, taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcptui.actions.folders import folders_of, set_folders, unseen_words
from mcptui.actions.install import review
from mcptui.actions.planning import real_path
from mcptui.actions.undo import undo
from mcptui.entry import Choices
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.store.rows import Installed
from tests.actions.conftest import put_in
from tests.own_server import Toml

MOUNTS = """
[[mounts]]
name = "files"
target = "/data"
description = "what it reads"
"""
ENTRY = {"mounts": [{"name": "files", "target": "/data", "description": "what it reads"}]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "deep").mkdir(parents=True)
    for name in (".env", "id_rsa", "deep/.netrc", "deep/.envrc", "plain"):
        (made / name).touch()
    return made


def picked(path: Path, writable: bool = False) -> Choices:
    return Choices(mounts={"files": ((str(path), writable),)})


@pytest.mark.engine
def test_the_sheet_says_what_is_covered(home: Home, toml: Toml, project: Path) -> None:
    look = review(home, str(toml(more=MOUNTS)), picked(project))
    assert look.reads == (
        f"{project} (read only; covered: .env, deep/.envrc, deep/.netrc and 1 more)"
    )
    row, _ = put_in(home, toml(more=MOUNTS), choices=picked(project))
    assert folders_of(home, row.name)[0].path == str(project)


@pytest.mark.engine
def test_credentials_are_asked_for_by_name(home: Home, toml: Toml) -> None:
    kube = home.paths.home / ".kube"
    kube.mkdir(parents=True)
    (kube / "config").write_text("token: x")
    file, choices = toml(more=MOUNTS), picked(kube / "config")
    (missing,) = review(home, str(file), choices).missing
    assert (missing.kind, missing.name) == ("credentials", str(kube / "config"))
    assert missing.option == f"--credentials {kube / 'config'}"
    said = Choices(mounts=choices.mounts, exposed=frozenset({str(kube / "config")}))
    look = review(home, str(file), said)
    assert look.missing == ()
    assert f"it may read credentials of yours: {kube / 'config'}" in look.warnings
    assert look.reads == f"{kube / 'config'} (your credentials, read only)"
    writable = Choices(mounts=picked(kube / "config", True).mounts, exposed=said.exposed)
    assert [one.kind for one in review(home, str(file), writable).missing] == ["mount"]
    row, _ = put_in(home, file, choices=said)
    assert row.choices.exposed == said.exposed


def test_folders_are_changed_and_taken_back(
    home: Home, put: Callable[..., Installed], project: Path, tmp_path: Path
) -> None:
    put(entry=ENTRY, choices=picked(project))
    (link := tmp_path / "link").symlink_to(project)
    said = set_folders(home, "parrot", unmask=[str(link / ".env")])
    assert said == "parrot: 1 folder, from its next start"
    (one,) = folders_of(home, "parrot")
    assert one.shown == (str(project / ".env"),)
    assert len(one.covered) == 3
    set_folders(home, "parrot", mask=[str(project / ".env")])
    assert len(folders_of(home, "parrot")[0].covered) == 4
    undo(home)
    undo(home)
    row = home.store.installed("parrot")
    assert row is not None
    assert row.choices == picked(project)
    set_folders(home, "parrot", mounts={"files": ((str(project / "deep"), True),)})
    assert folders_of(home, "parrot")[0].text == (
        f"{project / 'deep'} (read and write; covered: .envrc, .netrc)"
    )
    assert [wish.kind for wish in home.store.wishes(0)] == ["reload"] * 5
    assert "already" in set_folders(home, "parrot", mask=[str(project / "plain")])
    for wrong in (
        {"mounts": {"files": (("/etc", False),)}},
        {"mounts": {"files": ((str(tmp_path / "link"), False),)}},
        {"mounts": {"other": ((str(project), False),)}},
        {"unmask": ["/etc/passwd"]},
    ):
        with pytest.raises(UsageError):
            set_folders(home, "parrot", **wrong)  # pyright: ignore[reportArgumentType]


def test_what_was_not_looked_through_is_told(
    home: Home, put: Callable[..., Installed], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcptui.actions import folders
    from mcptui.runtime.masks import Bounds

    put(entry=ENTRY, choices=picked(project))
    monkeypatch.setattr(folders, "_QUICK", Bounds(depth=0))
    (text,) = unseen_words(folders_of(home, "parrot"))
    assert text.endswith(f"is too large: {project / 'deep'}")
    assert real_path("~nobody-of-this-name/x").endswith("/~nobody-of-this-name/x")
