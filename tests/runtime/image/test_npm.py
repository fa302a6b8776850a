"""Tarballs by hash, with the real npm and a registry on this machine: nothing of them ever runs."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import Package
from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError
from mcptui.progress import Step
from mcptui.runtime.engine import Engine
from mcptui.runtime.image import npm
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.build import host_npm
from mcptui.runtime.image.lock import Tarball
from mcptui.runtime.image.tree import Tree
from mcptui.runtime.image.work import Work
from tests.fixtures.images import CACHE
from tests.runtime.image.parts import (
    built,
    integrity,
    npm_lock,
    npm_registry,
    package,
    seeded,
    tarball,
)

SERVER = """\
const lines = require("readline").createInterface({input: process.stdin});
lines.on("line", (line) => {
  const asked = JSON.parse(line);
  const result = {words: require("words").words};
  if (asked.id) console.log(JSON.stringify({jsonrpc: "2.0", id: asked.id, result}));
});
"""
BASE = Base(
    key="k", flavour="node", arch="amd64", origin="a test", image="", layers=(),
    interpreter="/usr/bin/node", version="24", site="", glibc=(2, 36), env={}, packages=(),
)  # fmt: skip


def _files(mark: Path | None = None, **more: Any) -> dict[str, str]:
    """A server whose scripts would leave a mark on the host if anything ran them."""
    import json

    told: dict[str, Any] = {"name": "chatter", "version": "1.0.0", "bin": "cli.js", **more}
    if mark is not None:
        hooks = ("preinstall", "install", "postinstall", "prepare", "prepack")
        told["scripts"] = dict.fromkeys(hooks, f"touch {mark}")
    return {"package.json": json.dumps(told), "cli.js": SERVER}


WORDS = tarball({"package.json": '{"name":"words","version":"2.0.0"}',
                 "index.js": "exports.words = 'hello';\n"})  # fmt: skip


@pytest.fixture(scope="session")
def npm_command() -> list[str]:
    """npm out of the pinned wheel, in the cache that tests share."""
    work = Work(None, CACHE, dict(os.environ), lambda step: None)
    (CACHE / "tmp").mkdir(parents=True, exist_ok=True)
    work.folder = Path(tempfile.mkdtemp(dir=CACHE / "tmp"))
    try:
        return asyncio.run(host_npm(work))
    finally:
        work.close()


@pytest.fixture
def cache(tmp_path: Path, npm_command: list[str]) -> Path:
    """A cache of this test's own that has npm already."""
    made = tmp_path / "cache"
    (made / "tools").mkdir(parents=True)
    home = Path(npm_command[0]).parents[2]
    (made / "tools" / home.name).symlink_to(home)
    return made


def _environ(registry: str) -> dict[str, str]:
    return {**os.environ, "npm_config_registry": registry}


def _fetch(
    tarballs: list[Tarball], command: list[str], cache: Path, tmp_path: Path, registry: str
) -> None:
    environ = _environ(registry)
    asyncio.run(npm.fetch(tarballs, command, tmp_path, cache, environ, lambda line: None))


@pytest.fixture
def locked(tmp_path: Path) -> tuple[Package, bytes]:
    """A package with a postinstall script, and its tarball."""
    data = tarball(_files(tmp_path / "ran"))
    hashes = {"chatter": ("1.0.0", integrity(data)), "words": ("2.0.0", integrity(WORDS))}
    return package("npm", "chatter", "1.0.0", npm_lock("chatter", "1.0.0", hashes)), data


@pytest.fixture
def no_images(engine: Engine, locked: tuple[Package, bytes]) -> Iterator[None]:
    """Remove what a test built."""
    yield
    wanted = {"label": [f"mcptui.lock={locked[0].lock_sha256}"]}
    for image in engine.client.api.images(filters=wanted):
        engine.client.api.remove_image(image["Id"], force=True)


@pytest.mark.engine
@pytest.mark.node
@pytest.mark.usefixtures("no_images")
def test_a_server_out_of_tarballs_runs_and_its_install_scripts_never_did(
    locked: tuple[Package, bytes], engine: Engine, cache: Path, tmp_path: Path
) -> None:
    made, data = locked
    asyncio.run(seeded(engine, cache, "node"))
    with npm_registry({("chatter", "1.0.0"): data, ("words", "2.0.0"): WORDS}) as address:
        image, steps = asyncio.run(built(made, engine, cache, environ=_environ(address)))
    assert not (tmp_path / "ran").exists()
    assert _states(steps)["package"] == "done"
    facts = engine.image_facts(image)
    assert facts.entrypoint == ("/usr/bin/node", "/app/node_modules/chatter/cli.js")
    assert facts.user == "65532:65532"
    assert asyncio.run(_ask(engine, image)) == {"words": "hello"}


async def _ask(engine: Engine, image: str) -> dict[str, Any]:
    from mcptui.actions.talk import talking
    from mcptui.entry import Choices
    from mcptui.entry_read import entry_from_dict
    from mcptui.runtime.owner import Owner
    from mcptui.runtime.plan import plan

    data = {"id": "chatter", "title": "Chatter", "image": {"local": True, "digest": image}}
    entry = entry_from_dict(data, "a test")
    made = plan(entry, Choices(), engine.image_facts(image), Owner.current())
    async with talking(engine, made) as talk:
        return await talk.ask("tools/list")


def _states(steps: list[Step]) -> dict[str, str]:
    return {step.key: step.state.value for step in steps}


@pytest.mark.node
def test_a_tarball_with_another_hash_is_refused_and_named(
    npm_command: list[str], cache: Path, tmp_path: Path
) -> None:
    evil = tarball({"package.json": "{}", "index.js": "evil()"})
    wanted = Tarball("node_modules/words", "words", "2.0.0", integrity(WORDS))
    with (
        npm_registry({("words", "2.0.0"): evil}) as address,
        pytest.raises(NotTrusted, match=r"words@2.0.0"),
    ):
        _fetch([wanted], npm_command, cache, tmp_path, address)


@pytest.mark.node
def test_a_tarball_changed_in_the_cache_is_refused(
    npm_command: list[str], cache: Path, tmp_path: Path
) -> None:
    wanted = Tarball("node_modules/words", "words", "2.0.0", integrity(WORDS))
    with npm_registry({("words", "2.0.0"): WORDS}) as address:
        _fetch([wanted], npm_command, cache, tmp_path, address)
    kept = npm.content(cache, wanted.integrity)
    kept.chmod(0o600)
    kept.write_bytes(WORDS + b"\0")
    with pytest.raises(NotTrusted, match=r"words@2.0.0"):
        npm.unpack([wanted], cache, Tree(), lambda: None)
    assert not kept.exists()


@pytest.mark.node
def test_a_version_that_is_gone_is_told_by_name(
    npm_command: list[str], cache: Path, tmp_path: Path
) -> None:
    wanted = Tarball("node_modules/words", "words", "2.0.0", integrity(WORDS))
    with npm_registry({}) as address, pytest.raises(McptuiError, match="words") as error:
        _fetch([wanted], npm_command, cache, tmp_path, address)
    assert not isinstance(error.value, TryAgain | NotTrusted)


@pytest.mark.node
def test_a_dead_network_is_told_as_one(npm_command: list[str], cache: Path, tmp_path: Path) -> None:
    wanted = Tarball("node_modules/words", "words", "2.0.0", integrity(WORDS))
    with pytest.raises(TryAgain, match="does not answer"):
        _fetch([wanted], npm_command, cache, tmp_path, "http://127.0.0.1:9/")


def _kept(cache: Path, data: bytes, name: str = "chatter") -> Tarball:
    made = Tarball(f"node_modules/{name}", name, "1.0.0", integrity(data))
    place = npm.content(cache, made.integrity)
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    return made


def test_a_tarball_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    made = _kept(tmp_path, tarball({"../../../../etc/passwd": "root::0:0::/:"}))
    with pytest.raises(NotTrusted, match=r"chatter@1.0.0"):
        npm.unpack([made], tmp_path, Tree(), lambda: None)


def test_what_is_no_tarball_is_refused(tmp_path: Path) -> None:
    made = _kept(tmp_path, b"<html>login please</html>")
    with pytest.raises(NotTrusted, match="no tarball"):
        npm.unpack([made], tmp_path, Tree(), lambda: None)


def _entry_point(tmp_path: Path, script: str = "", **told: Any) -> tuple[str, ...]:
    made = _kept(tmp_path, tarball(_files(**told)))
    tree = Tree()
    npm.unpack([made], tmp_path, tree, lambda: None)
    return npm.entry_point(package("npm", "chatter", "1.0.0", "", script=script), BASE, tree)


@pytest.mark.parametrize(
    ("told", "script"),
    [
        ({"bin": "./cli.js"}, ""),
        ({"bin": {"chatter": "cli"}}, ""),
        ({"bin": {"one": "cli.js"}}, ""),
        ({"bin": {"one": "cli.js", "two": "cli.js"}}, ""),
        ({"bin": {"one": "cli.js", "two": "other.js"}}, "one"),
    ],
)
def test_the_program_is_found(tmp_path: Path, told: dict[str, Any], script: str) -> None:
    found = _entry_point(tmp_path, script, **told)
    assert found == ("/usr/bin/node", "/app/node_modules/chatter/cli.js")


@pytest.mark.parametrize(
    "told",
    [{"bin": {"one": "cli.js", "two": "x.js"}}, {"bin": None}, {"bin": "gone.js"}, {"bin": {}}],
)
def test_what_is_no_plain_server_is_refused(tmp_path: Path, told: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="chatter"):
        _entry_point(tmp_path, **told)
