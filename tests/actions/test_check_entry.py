"""Checking an entry on the real engine: what is written is what the server said, or nothing."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.actions.check_entry import Result, check_entry, read_source, read_trial
from mcptui.entry_read import entry_from_toml
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.trust.pins import tool_hash
from tests.runtime.image.parts import local_pip, parrot, seeded

_ENTRY = """\
# Reviewed by hand.
id = "parrot"
title = "Parrot"
description = "Says what it was taught."
publisher = "Tests"
category = "utilities"
licence = "MIT"
homepage = "https://example.com"
source = "https://example.com"
kind = "package"

[package]
registry = "pypi"
name = "parrot"
version = "1.0"
lock_file = "parrot.txt"
"""


@pytest.fixture
def source(tmp_path: Path, home: Home) -> Iterator[Path]:
    """A catalog of one entry whose wheels lie on this machine."""
    words = f"check {os.getpid()} {time.time_ns()}"
    package = parrot(tmp_path / "index", words)
    for folder in ("servers", "locks", "checks"):
        (tmp_path / "catalog" / folder).mkdir(parents=True)
    (tmp_path / "catalog" / "locks" / "parrot.txt").write_text(package.lock, "utf-8")
    file = tmp_path / "catalog" / "servers" / "parrot.toml"
    file.write_text(_ENTRY, "utf-8")
    home.environ = {**home.environ, **local_pip(tmp_path / "index")}
    asyncio.run(seeded(home.engine(), home.paths.cache))
    yield file
    wanted = {"label": [f"mcptui.lock={package.lock_sha256}"]}
    for image in home.engine().client.api.images(filters=wanted):
        home.engine().client.api.remove_image(image["Id"], force=True)


def _check(home: Home, file: Path) -> Result:
    async def main() -> Result:
        results = [step.result async for step in check_entry(home, file) if step.result]
        assert isinstance(results[0], Result)
        return results[0]

    return asyncio.run(main())


def _trial(source: Path, text: str) -> None:
    (source.parent.parent / "checks" / "parrot.toml").write_text(text, "utf-8")


@pytest.mark.engine
def test_what_the_server_said_is_pinned(source: Path, home: Home) -> None:
    _trial(source, '[[calls]]\ntool = "say"\narguments = { loud = true }\n')
    result = _check(home, source)
    assert [name for name, _ in result.calls] == ["say"]
    assert "check " in result.calls[0][1]
    text = source.read_text("utf-8")
    assert text.startswith("# Reviewed by hand.\n")
    folder = source.parent.parent
    said = (folder / "tools" / "parrot.json").read_text("utf-8")
    assert json.loads(said)["tools"][0]["description"] == "Says it."
    entry = entry_from_toml(
        text,
        "parrot.toml",
        lambda name: (folder / "locks" / name).read_text("utf-8"),
        lambda name: said,
    )
    assert entry.checked.built
    assert entry.checked.started
    assert entry.checked.listed
    assert entry.listing.era == "legacy"
    pin = entry.tools[0]
    assert pin.definition is not None
    assert pin.hash == tool_hash(pin.definition)

    _check(home, source)
    assert source.read_text("utf-8") == text, "a second check of the same changes nothing"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('script = "gone"\n', "no console script"),
        ('\n[[mounts]]\nname = "f"\ntarget = "/etc/x"\n', "mounts"),
    ],
)
def test_a_check_that_fails_writes_nothing(source: Path, home: Home, more: str, words: str) -> None:
    text = source.read_text("utf-8") + more
    source.write_text(text, "utf-8")
    with pytest.raises(McptuiError, match=words):
        _check(home, source)
    assert source.read_text("utf-8") == text
    assert not (source.parent.parent / "tools").exists()


def test_pins_of_an_earlier_check_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "servers").mkdir()
    lock = f"parrot==1.0 --hash=sha256:{'0' * 64}\n"
    (tmp_path / "locks" / "parrot.txt").write_text(lock, "utf-8")
    file = tmp_path / "servers" / "parrot.toml"
    pin = f'\n[[tools]]\nname = "say"\nhash = "sha256:{"0" * 64}"\n'
    file.write_text(_ENTRY + pin, "utf-8")
    assert read_source(file).tools == ()


def test_a_check_file_with_a_field_nobody_knows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    assert read_trial(file).calls == ()
    file.write_text("paramters = {}\n", "utf-8")
    with pytest.raises(UsageError, match=r"x\.toml"):
        read_trial(file)
