"""Build a package of PyPI or npm into an image: the one door of this folder.

Same lock, same image: it is named by what it is made of and found again by its label. One
builder works at a time for one image, whatever the number of processes. A build that ends early,
by an error, a cancel or a kill, leaves no image; its temporary files go now or at the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from mcptui.entry import Package
from mcptui.progress import Step, StepState
from mcptui.runtime.image import node, npm, pypi
from mcptui.runtime.image.base import Base, write_layer
from mcptui.runtime.image.bases import built_base
from mcptui.runtime.image.bytecode import compiled
from mcptui.runtime.image.loader import ARCHES, Spec
from mcptui.runtime.image.lock import canonical, checked_lock, read_npm, read_pypi
from mcptui.runtime.image.single import single
from mcptui.runtime.image.tree import Tree
from mcptui.runtime.image.work import Work, megabytes
from mcptui.tasks import spawn

RECIPE = 1
"""Raised when the same lock would give another image."""


_Make = Callable[[Work, Package, str, Base], Awaitable[tuple[Tree, tuple[str, ...]]]]


class HasClient(Protocol):
    """The part of `mcptui.runtime.engine.Engine` that building needs."""

    @property
    def client(self) -> Any:
        """A `docker.DockerClient`."""
        ...


def recipe_of(package: Package, arch: str, bases: Mapping[str, str] | None = None) -> str:
    """Name an image by all it is made of, as 64 hex digits.

    Args:
        package: what is built.
        arch: the engine's machine type, in any of its spellings.
        bases: as for `build`.
    """
    base = (bases or {}).get(_flavour(package), "")
    parts = [
        RECIPE, package.registry, package.name, package.version, package.lock_sha256,
        package.script, sorted(package.debian), ARCHES.get(arch, arch), base,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


async def build(
    package: Package,
    engine: HasClient,
    cache: Path,
    *,
    bases: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Step]:
    """Build a package into an image, or find the one that was built before.

    Args:
        package: what to build, with its lock.
        engine: where the image is wanted.
        cache: the user's cache folder.
        bases: "python" and "node" → "repository@sha256:…" of a base to pull instead of building
            one from Debian's archive; needed on hosts without apt.
        environ: the environment for apt, pip and npm; this process's by default.

    Yields:
        Steps; the last one's result is the image ID.

    Raises:
        NotTrusted: a hash or signature does not hold; the error names the package.
        TryAgain: the network, the registry or the engine does not answer.
        McptuiError: the disk is full, or this package cannot be built here.
    """
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[Step | BaseException] = asyncio.Queue()

    def tell(step: Step) -> None:
        loop.call_soon_threadsafe(steps.put_nowait, step)

    world = os.environ if environ is None else environ
    work = Work(engine.client, cache, world, tell)

    async def whole() -> None:
        try:
            found = await _build(work, package, bases or {})
        except Exception as error:  # noqa: BLE001 - raised again where the steps are read
            steps.put_nowait(error)
            return
        await asyncio.sleep(0)  # lets steps that threads told go first
        steps.put_nowait(found)

    task = spawn(whole(), f"build {package.name}")
    try:
        while True:
            step = await steps.get()
            if isinstance(step, BaseException):
                raise step
            yield step
            if step.result is not None:
                return
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _build(work: Work, package: Package, bases: Mapping[str, str]) -> Step:
    lock = checked_lock(package)
    text = f"{package.name} {package.version}"
    arch = await work.thread(work.loader.arch)
    recipe = recipe_of(package, arch, bases)
    try:
        await work.thread(work.open)
        waits = "waiting for another mcptui that builds it"
        async with single(
            work.cache / "locks" / f"{recipe[:32]}.lock",
            lambda: work.step("package", text, StepState.WAITING, detail=waits),
        ):
            found = await work.thread(lambda: work.loader.find({"mcptui.recipe": recipe}))
            if found is not None:
                return Step("image", text, StepState.DONE, detail="already built", result=found)
            return await _made(work, package, lock, recipe, bases)
    finally:
        await asyncio.shield(asyncio.to_thread(work.close))


def _flavour(package: Package) -> str:
    return "node" if package.registry == "npm" else "python"


async def _made(
    work: Work, package: Package, lock: str, recipe: str, bases: Mapping[str, str]
) -> Step:
    flavour = _flavour(package)
    if pulled := bases.get(flavour, ""):
        from mcptui.runtime.image.pulled import pulled_base

        base = await pulled_base(work, flavour, pulled, package.debian)
    else:
        base = await built_base(work, flavour, package.debian)
    make: _Make = _from_npm if flavour == "node" else _from_pypi
    tree, entrypoint = await make(work, package, lock, base)
    folder = work.new_folder("image")
    text = f"image of {package.name} {package.version}"
    work.step("image", text, detail="writing")
    layer = await work.thread(lambda: write_layer(tree, folder))
    plain = canonical(package.name.replace("@", "").replace("/", "-"))
    spec = Spec(
        tag=f"mcptui-{package.registry}-{plain}:{recipe[:16]}",
        layers=(*base.layers, layer),
        arch=base.arch,
        entrypoint=entrypoint,
        env=base.env,
        labels=_labels(package, base, recipe),
        history=(*("mcptui base" for _ in base.layers), f"{package.registry} {package.name}"),
    )

    def sent(done: int, total: int) -> None:
        work.step("image", text, done=done, total=total)

    image = await work.thread(lambda: work.loader.load(spec, sent))
    size = megabytes(sum(one.size for one in spec.layers))
    detail = f"{megabytes(layer.size)} on a base, {size} in all"
    return Step("image", text, StepState.DONE, layer.size, layer.size, detail, image)


def _labels(package: Package, base: Base, recipe: str) -> dict[str, str]:
    return {
        "mcptui.image": "1",
        "mcptui.lock": package.lock_sha256,
        "mcptui.recipe": recipe,
        "mcptui.package": f"{package.registry}:{package.name}@{package.version}",
        "mcptui.on": base.key,
        "mcptui.origin": base.origin,
    }


class _Counted:
    """Counts a tool's lines about downloads and tells how many there were."""

    def __init__(
        self, work: Work, text: str, total: int, starts: tuple[str, ...], has: str = ""
    ) -> None:
        self._work, self._text, self._total = work, text, total
        self._starts, self._has = starts, has
        self._seen = 0

    def line(self, line: str) -> None:
        """Take one line of the tool's."""
        if line.strip().startswith(self._starts) and self._has in line:
            self._seen += 1
            self._work.step("package", self._text, detail=f"{self._seen} of {self._total}")


async def _from_pypi(
    work: Work, package: Package, lock: str, base: Base
) -> tuple[Tree, tuple[str, ...]]:
    pins = read_pypi(lock, package.name, package.version)
    text = f"{len(pins)} wheels from PyPI"
    folder = work.new_folder("pypi")
    work.step("package", text)
    counted = _Counted(work, text, len(pins), ("Downloading ", "Using cached "))
    getting = pypi.fetch(pins, base, folder, work.cache, work.environ, counted.line)
    wheels: list[Path] = await work.watched("package", text, folder, 0, getting)
    size = sum(path.stat().st_size for path in wheels)
    work.step("package", text, StepState.DONE, done=size, total=size, detail=megabytes(size))
    work.step("bytecode", "unpack and compile")

    def make() -> tuple[Tree, tuple[str, ...]]:
        tree = Tree()
        pypi.unpack(wheels, base, tree, work.loader.check)
        entrypoint = pypi.entry_point(package, base, tree)
        roots = (base.site.lstrip("/"),)
        made = compiled(work.loader, base.image, base.interpreter, tree, roots)
        tree.nodes.update(made.nodes)
        return tree, entrypoint

    made = await work.thread(make)
    work.step("bytecode", "unpack and compile", StepState.DONE, detail=megabytes(made[0].size))
    return made


async def _from_npm(
    work: Work, package: Package, lock: str, base: Base
) -> tuple[Tree, tuple[str, ...]]:
    tarballs = read_npm(lock, package.name, package.version, base.arch)
    command = await host_npm(work)
    text = f"{len(tarballs)} packages from npm"
    folder = work.new_folder("npm")
    work.step("package", text)
    counted = _Counted(work, text, len(tarballs), ("npm http fetch GET 200",), ".tgz")
    await npm.fetch(tarballs, command, folder, work.cache, work.environ, counted.line)
    work.step("package", text, detail="unpacking")

    def make() -> tuple[Tree, tuple[str, ...]]:
        tree = Tree()
        npm.unpack(tarballs, work.cache, tree, work.loader.check)
        return tree, npm.entry_point(package, base, tree)

    made = await work.thread(make)
    work.step("package", text, StepState.DONE, detail=megabytes(made[0].size))
    return made


async def host_npm(work: Work) -> list[str]:
    """Return the command that starts npm on this host, fetching Node's wheel if it is missing.

    Raises:
        NotTrusted, TryAgain, McptuiError: as `node.wheel`.
    """
    place = node.host_folder(work.cache)
    if (command := node.npm_command(place)) is not None:
        return command
    text = "Node and npm for this host"
    folder = work.new_folder("tool")
    getting = node.wheel(folder, work.cache, work.environ, arch=None)
    wheel: Path = await work.watched("npm", text, folder, 0, getting)
    made = folder / "node"

    def unpack() -> list[str]:
        node.unpack_host(wheel, made)
        return node.keep_host(made, work.cache)

    command = await work.thread(unpack)
    work.step("npm", text, StepState.DONE, detail=f"Node {node.pinned().version}")
    return command
