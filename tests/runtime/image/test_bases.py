"""Bases that are no longer current go, but not from under a build that began with them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from mcptui.runtime.image.base import Base, layer_path
from mcptui.runtime.image.bases import remember
from mcptui.runtime.image.tree import Layer
from mcptui.runtime.image.work import Work

DAY = 24 * 3600.0


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A build without an engine: nothing here may need one."""
    (tmp_path / "bases").mkdir()
    return Work(None, tmp_path, {}, lambda step: None)


def _folders(work: Work) -> set[str]:
    return {path.name for path in (work.cache / "bases").iterdir() if path.is_dir()}


def test_a_superseded_base_stays_for_a_day(work: Work) -> None:
    for key in ("old", "new"):
        (work.cache / "bases" / key).mkdir()
    remember(work, "python", "old")
    remember(work, "python", "new")
    assert _folders(work) == {"old", "new"}
    mark = work.cache / "bases" / "old" / "superseded"
    os.utime(mark, (then := time.time() - 2 * DAY, then))
    remember(work, "python", "new")
    assert _folders(work) == {"new"}


def test_a_base_that_nothing_was_built_on_for_a_month_is_forgotten(work: Work) -> None:
    (work.cache / "bases" / "old").mkdir()
    remember(work, "python", "old")
    os.utime(work.cache / "bases" / "python.json", (then := time.time() - 31 * DAY, then))
    remember(work, "node", "new")
    assert [path.name for path in (work.cache / "bases").glob("*.json")] == ["node.json"]
    assert (work.cache / "bases" / "old" / "superseded").exists()


def _saved(folder: Path) -> Base:
    layer = Layer(f"sha256:{'a' * 64}", layer_path(folder, f"sha256:{'a' * 64}"), 3)
    layer.path.write_bytes(b"abc")
    made = Base(
        key="k", flavour="python", arch="amd64", origin="a test", image="sha256:0",
        layers=(layer,), interpreter="/usr/bin/python3", version="3.11", site="/s",
        glibc=(2, 36), env={"A": "b"}, packages=("libc6=2.36",),
    )  # fmt: skip
    made.save(folder)
    return made


def test_a_base_is_read_as_it_was_saved(tmp_path: Path) -> None:
    assert Base.read(tmp_path) is None
    made = _saved(tmp_path)
    assert Base.read(tmp_path) == made


def test_a_base_with_a_damaged_part_is_built_anew(tmp_path: Path) -> None:
    made = _saved(tmp_path)
    made.layers[0].path.write_bytes(b"ab")
    assert Base.read(tmp_path) is None
    made = _saved(tmp_path)
    told = json.loads((tmp_path / "base.json").read_text("utf-8"))
    (tmp_path / "base.json").write_text(json.dumps({**told, "unknown": 1}), "utf-8")
    assert Base.read(tmp_path) is None
    (tmp_path / "base.json").write_text("{", "utf-8")
    assert Base.read(tmp_path) is None
