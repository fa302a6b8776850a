"""Images built on the real engine: what is in them, that they are the same each time, and that
a build that ends early leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.talk import talking
from mcptui.entry import Choices, Package
from mcptui.entry_read import entry_from_dict
from mcptui.errors import McptuiError, NotTrusted
from mcptui.progress import StepState
from mcptui.runtime.engine import Engine
from mcptui.runtime.image import owner
from mcptui.runtime.image.build import build, recipe_of
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import plan
from tests.runtime.image.parts import built, local_pip, parrot, seeded, wheel

pytestmark = pytest.mark.engine


@pytest.fixture
def words(request: pytest.FixtureRequest) -> str:
    """What this test's own parrot says, so that no two tests share an image."""
    return f"{request.node.name} {os.getpid()} {time.time_ns()}"


@pytest.fixture
def made(tmp_path: Path, words: str, engine: Engine) -> Iterator[Package]:
    """A package of two local wheels; its image is removed at the end."""
    package = parrot(tmp_path / "index", words)
    yield package
    for image in _images(engine, package):
        engine.client.api.remove_image(image, force=True)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which pip knows only the local wheels."""
    return local_pip(tmp_path / "index")


def _images(engine: Engine, package: Package) -> list[str]:
    wanted = {"label": [f"mcptui.lock={package.lock_sha256}"]}
    return [str(one["Id"]) for one in engine.client.api.images(filters=wanted)]


def _names(engine: Engine, image: str) -> dict[str, tarfile.TarInfo]:
    """All files of an image, out of a container that never runs."""
    container = engine.client.api.create_container(image, command=["x"])["Id"]
    try:
        with tempfile.TemporaryFile() as file:
            for part in engine.client.api.export(container):
                file.write(part)
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                return {member.name: member for member in archive}
    finally:
        engine.client.api.remove_container(container)


def _ask(engine: Engine, image: str, *command: str) -> Any:
    """Start the image locked down and return what its tool answers."""
    data = {"id": "parrot", "title": "Parrot", "image": {"local": True, "digest": image}}
    entry = entry_from_dict({**data, "command": list(command)}, "a test")
    made = plan(entry, Choices(), engine.image_facts(image), Owner.current())

    async def main() -> dict[str, Any]:
        async with talking(engine, made) as talk:
            await talk.listing()
            return await talk.ask("tools/call", {"name": "say"})

    return asyncio.run(main())


def test_a_server_out_of_wheels_answers_in_the_locked_container(
    made: Package, words: str, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    image, steps = asyncio.run(built(made, engine, cache, environ=environ))
    assert _ask(engine, image)["content"][0]["text"] == words
    facts = engine.image_facts(image)
    assert facts.entrypoint == ("/usr/bin/python3", "-I", "/usr/local/bin/parrot")
    assert facts.user == "65532:65532"
    sizes = [step for step in steps if step.key == "image" and step.total]
    assert sizes[-1].done == sizes[-1].total
    assert all(step.key and step.text for step in steps)

    again, steps = asyncio.run(built(made, engine, cache, environ={}))
    assert again == image
    assert [step.detail for step in steps] == ["already built"]


def test_the_image_has_no_shell_no_package_manager_and_nothing_setuid(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    image, _ = asyncio.run(built(made, engine, cache, environ=environ))
    names = _names(engine, image)
    programs = {name.rpartition("/")[2] for name, one in names.items() if not one.isdir()}
    unwanted = "sh bash dash ash busybox apt apt-get dpkg perl su sudo mount curl wget pip ldconfig"
    assert not programs & set(unwanted.split())
    assert [name for name, one in names.items() if one.mode & 0o6000] == []
    assert [name for name, one in names.items() if one.isdev() and one.size] == []
    assert names["tmp"].mode & 0o1777 == 0o1777
    site = "usr/local/lib/python3"
    assert any(name.startswith(site) and name.endswith(".pyc") for name in names)
    assert not [name for name in names if name.startswith(("usr/share/doc/", "usr/share/man/"))]
    for needed in ("etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Berlin"):
        assert needed in names
    passwd = engine.client.api.create_container(image, command=["x"])["Id"]
    try:
        stream, _ = engine.client.api.get_archive(passwd, "/etc/passwd")
        assert b"nonroot:x:65532:65532" in b"".join(stream)
    finally:
        engine.client.api.remove_container(passwd)


@pytest.mark.slow
def test_two_caches_give_the_same_image(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    """Everything anew, Debian packages and bytecode included."""
    first, _ = asyncio.run(built(made, engine, tmp_path / "one", environ=environ))
    engine.client.api.remove_image(first, force=True)
    second, _ = asyncio.run(built(made, engine, tmp_path / "two", environ=environ))
    assert second == first


def test_servers_share_the_layers_of_their_base(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    image, _ = asyncio.run(built(made, engine, cache, environ=environ))
    api = engine.client.api
    base = next(cache.glob("bases/*/base.json"))
    below = api.inspect_image(json.loads(base.read_text("utf-8"))["image"])["RootFS"]["Layers"]
    layers = api.inspect_image(image)["RootFS"]["Layers"]
    assert layers[: len(below)] == below
    assert len(layers) == len(below) + 1


def test_a_wrong_hash_leaves_no_image_and_no_file(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    wheel(tmp_path / "index", "parrot_words", files={"parrot_words.py": "import evil\n"})
    with pytest.raises(NotTrusted, match="parrot-words"):
        asyncio.run(built(made, engine, cache, environ=environ))
    assert _images(engine, made) == []
    assert list((cache / "tmp").iterdir()) == []


@pytest.mark.parametrize("key", ["base", "package", "bytecode", "image"])
def test_a_cancelled_build_leaves_nothing(
    key: str, made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    async def main(cache: Path) -> None:
        await seeded(engine, cache)

        async def follow() -> None:
            async for step in build(made, engine, cache, environ=environ):
                if step.key == key:
                    seen.set()
                if key == "image" and step.key == key and step.state is StepState.DONE:
                    raise AssertionError("the build was faster than the cancel")

        seen = asyncio.Event()
        task = asyncio.ensure_future(follow())
        await asyncio.wait_for(seen.wait(), 100)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    cache = tmp_path / "cache"
    asyncio.run(main(cache))
    assert list((cache / "tmp").iterdir()) == []
    assert _images(engine, made) == []
    marked = {"label": [f"{owner.LABEL}={owner.mine()}"]}
    assert engine.client.api.containers(all=True, filters=marked) == []


_BUILDER = """
import asyncio, os, sys
from pathlib import Path
from mcptui.entry import Package
from mcptui.runtime.find import find
from mcptui.runtime.image.build import build
lock = Path(sys.argv[1]).read_text()
package = Package("pypi", "parrot", "1.0", lock, sys.argv[2])
async def main():
    engine = find(dict(os.environ), Path.home())
    async for step in build(package, engine, Path(sys.argv[3])):
        print(step.key, step.state, step.detail, step.result or "", flush=True)
asyncio.run(main())
"""


def _builder(made: Package, cache: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    lock = cache.parent / "lock.txt"
    lock.write_text(made.lock, "utf-8")
    return subprocess.Popen(
        [sys.executable, "-c", _BUILDER, str(lock), made.lock_sha256, str(cache)],
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=Path(__file__).parents[3],
    )


def test_two_builders_at_once_build_once(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    builders = [_builder(made, cache, environ) for _ in range(2)]
    outputs = [builder.communicate(timeout=200)[0] for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0]
    images = {output.strip().rpartition(" ")[2] for output in outputs}
    assert len(images) == 1
    assert sorted("already built" in output for output in outputs) == [False, True]


def test_what_a_killed_builder_left_goes_at_the_next_start(
    made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    cache = asyncio.run(seeded(engine, tmp_path / "cache"))
    builder = _builder(made, cache, environ)
    assert builder.stdout is not None
    for line in builder.stdout:
        if line.startswith("bytecode"):
            break
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    assert list((cache / "tmp").iterdir()) != []
    assert _images(engine, made) == []
    asyncio.run(built(made, engine, cache, environ=environ))
    assert list((cache / "tmp").iterdir()) == []
    left = engine.client.api.containers(all=True, filters={"label": [owner.LABEL]})
    assert [one for one in left if f":{builder.pid}:" in one["Labels"][owner.LABEL]] == []


_FULL = """
import os, subprocess, sys
size = "size=" + sys.argv[4]
subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", sys.argv[3]], check=True)
try:
    exec(compile(sys.argv[5], "builder", "exec"))
except Exception as error:
    print("ended:", type(error).__name__, error)
    print("left:", os.listdir(os.path.join(sys.argv[3], "tmp")))
"""


@pytest.mark.parametrize("size", ["200k", "30m"])
def test_a_full_disk_is_told_as_one(
    size: str, made: Package, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    """Once while packages come, once while the base is unpacked."""
    cache = tmp_path / "small"
    cache.mkdir()
    lock = tmp_path / "lock.txt"
    lock.write_text(made.lock, "utf-8")
    alone = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    command = [*alone, sys.executable, "-c", _FULL, str(lock), made.lock_sha256, str(cache)]
    done = subprocess.run(
        [*command, size, _BUILDER],
        capture_output=True,
        text=True,
        env=environ,
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=200,
    )
    assert "ended: McptuiError The disk is full" in done.stdout, done.stdout + done.stderr
    assert "free some space" in done.stdout
    assert "left: []" in done.stdout
    assert _images(engine, made) == []


def test_the_recipe_names_all_that_makes_an_image(made: Package) -> None:
    plain = recipe_of(made, "amd64")
    assert plain == recipe_of(made, "x86_64")
    others = [
        recipe_of(made, "arm64"),
        recipe_of(made, "amd64", {"python": "r@sha256:0"}),
        recipe_of(Package("pypi", "parrot", "1.0", made.lock, "0" * 64), "amd64"),
        recipe_of(
            Package("pypi", "parrot", "1.0", made.lock, made.lock_sha256, debian=("git",)), "amd64"
        ),
    ]
    assert len({plain, *others}) == 5
    assert recipe_of(made, "amd64", {"node": "r@sha256:0"}) == plain


def test_a_host_without_apt_is_told_which_setting_helps(
    made: Package, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcptui.runtime.image.bases.available", lambda: False)
    with pytest.raises(McptuiError, match="no apt") as error:
        asyncio.run(built(made, engine, tmp_path / "cache"))
    assert "python_base" in error.value.fix
