"""Get the base image a package needs: from the cache, or built from the host's Debian archive."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcptui.errors import McptuiError
from mcptui.progress import StepState
from mcptui.runtime.image import base as bases
from mcptui.runtime.image import node, owner
from mcptui.runtime.image.apt import Apt, Deb, Outdated, available
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.bytecode import compiled
from mcptui.runtime.image.loader import Spec
from mcptui.runtime.image.single import single
from mcptui.runtime.image.tree import Layer, Tree
from mcptui.runtime.image.work import Work, megabytes

_FRESH = 24 * 3600.0
"""Seconds for which a base is taken without asking apt whether its packages are current."""
_FORGOTTEN = 30 * 24 * 3600.0
"""Seconds after which a base that nothing was built on is dropped."""
_TEXT = "base image from Debian's archive"


async def built_base(work: Work, flavour: str, extra: Sequence[str]) -> Base:
    """Return a base, built if there is none that is current.

    Args:
        work: the build.
        flavour: "python" or "node".
        extra: more Debian packages.

    Raises:
        TryAgain: the network does not answer.
        NotTrusted: a signature or hash is wrong.
    """
    if not available():
        raise McptuiError(
            "This host cannot build base images: it has no apt",
            "they are made from Debian's or Ubuntu's own archive",
            f'name one by digest in the settings: [images] {flavour}_base = "repository@sha256:…"',
        )
    arch = await work.thread(work.loader.arch)
    wanted = json.dumps([bases.RECIPE, flavour, arch, sorted(extra), node.pinned().version])
    name = hashlib.sha256(wanted.encode()).hexdigest()[:32]
    waits = "waiting for another mcptui that builds it"

    def waiting() -> None:
        work.step("base", _TEXT, StepState.WAITING, detail=waits)

    async with single(work.cache / "locks" / "base.lock", waiting):
        if (found := await work.thread(lambda: _recent(work, name))) is None:
            apt = Apt(work.cache, work.environ)
            try:
                found = await _current(work, apt, flavour, arch, extra)
            except Outdated:  # the archive has moved on since the host last asked it
                await apt.update()
                found = await _current(work, apt, flavour, arch, extra)
            await work.thread(lambda: remember(work, name, found.key))
            work.step("base", _TEXT, StepState.DONE, detail=found.origin)
        else:
            work.step("base", _TEXT, StepState.DONE, detail="already here")
        return found


def _recent(work: Work, name: str) -> Base | None:
    try:
        told: Any = json.loads((work.cache / "bases" / f"{name}.json").read_text("utf-8"))
        if not 0 <= time.time() - float(told["at"]) < _FRESH:
            return None
        return _kept(work, str(told["key"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remember(work: Work, name: str, key: str) -> None:
    """Note which base is current, and drop those that have not been for a day: until then a
    build that began with one may still read it."""
    place = work.cache / "bases"
    (place / f"{name}.json").write_text(json.dumps({"key": key, "at": time.time()}), "utf-8")
    current: set[str] = set()
    for file in place.glob("*.json"):
        if time.time() - file.stat().st_mtime < _FORGOTTEN:
            current.add(str(json.loads(file.read_text("utf-8"))["key"]))
        else:
            file.unlink()
    for folder in place.iterdir():
        if not folder.is_dir() or folder.name in current:
            continue
        mark = folder / "superseded"
        if not mark.exists():
            mark.touch()
        elif time.time() - mark.stat().st_mtime > _FRESH:
            if (old := Base.read(folder)) is not None:
                work.loader.remove(_spec(old).tag)
            shutil.rmtree(folder, ignore_errors=True)


def _kept(work: Work, key: str) -> Base | None:
    """A base of the cache; the engine gets it again if it was removed there. Blocks."""
    found = Base.read(work.cache / "bases" / key)
    if found is None:
        return None
    (work.cache / "bases" / key / "superseded").unlink(missing_ok=True)
    if work.loader.id_of(found.image) is None:
        found = replace(found, image=work.loader.load(_spec(found)))
    return found


def _spec(base: Base) -> Spec:
    return Spec(
        tag=f"mcptui-base-{base.flavour}:{base.key[:16]}",
        layers=base.layers,
        arch=base.arch,
        entrypoint=(base.interpreter,),
        env=base.env,
        labels={
            "mcptui.base": base.key,
            "mcptui.origin": base.origin,
            "mcptui.packages": " ".join(base.packages),
        },
        history=tuple(f"mcptui base {base.flavour}: {base.origin}" for _ in base.layers),
    )


async def _current(work: Work, apt: Apt, flavour: str, arch: str, extra: Sequence[str]) -> Base:
    work.step("base", _TEXT, detail="asking apt")
    roots = bases.ROOTS[flavour]
    debs = await apt.closure(roots, arch)
    more = [f"node {node.pinned().version}"] if flavour == "node" else []
    key = bases.base_key(flavour, arch, debs, more)
    found = await work.thread(lambda: _kept(work, key))
    if found is None:
        found = await _plain(work, apt, flavour, arch, debs, key)
    if not extra:
        return found
    plain = {deb.label for deb in debs}
    all_debs = await apt.closure([*roots, *extra], arch)
    rest = [deb for deb in all_debs if deb.label not in plain]
    key = bases.base_key(flavour, arch, all_debs, [*more, "extra"])
    extended = await work.thread(lambda: _kept(work, key))
    return extended or await _extended(work, apt, found, rest, key)


async def _debs(work: Work, apt: Apt, debs: Sequence[Deb]) -> list[tuple[Deb, Path]]:
    folder = work.new_folder("debs")
    total = sum(deb.size for deb in debs)
    detail = f"{len(debs)} packages, {megabytes(total)}"
    work.step("base", _TEXT, total=total, detail=detail)
    paths = await work.watched("base", _TEXT, folder, total, apt.download(debs, folder))
    return list(zip(debs, paths, strict=True))


async def _plain(
    work: Work, apt: Apt, flavour: str, arch: str, debs: Sequence[Deb], key: str
) -> Base:
    files = await _debs(work, apt, debs)
    folder = work.new_folder("base")
    binary = await _node(work, arch) if flavour == "node" else None
    work.step("base", _TEXT, detail="unpacking")

    def make() -> Base:
        tree = Tree()
        bases.unpack(files, tree)
        bases.finish(tree, flavour)
        work.loader.check()
        layers = [bases.write_layer(tree, folder)]
        if binary is not None:
            layers.append(bases.write_layer(_node_tree(binary), folder))
        made = _told(flavour, arch, key, debs, tuple(layers), tree)
        return _finished(work, made, tree, folder)

    return await work.thread(make)


def _told(
    flavour: str, arch: str, key: str, debs: Sequence[Deb], layers: tuple[Layer, ...], tree: Tree
) -> Base:
    python = bases.python_version(tree) if flavour == "python" else ""
    env = {"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin"}  # noqa: S108
    if flavour == "node":
        env["NODE_ENV"] = "production"
    return Base(
        key=key,
        flavour=flavour,
        arch=arch,
        origin=bases.host_release(),
        image="",
        layers=layers,
        interpreter="/usr/bin/python3" if python else "/usr/bin/node",
        version=python or node.pinned().version,
        site=f"/usr/local/lib/python{python}/dist-packages" if python else "",
        glibc=bases.glibc_version(debs),
        env=env,
        packages=tuple(deb.label for deb in debs),
    )


def _node_tree(wheel: Path) -> Tree:
    tree = Tree()
    tree.add_file("usr/bin/node", node.interpreter(wheel), executable=True)
    return tree


async def _node(work: Work, arch: str) -> Path:
    folder = work.new_folder("node")
    text = "Node from its pinned wheel"
    getting = node.wheel(folder, work.cache, work.environ, arch=arch)
    found: Path = await work.watched("node", text, folder, 0, getting)
    work.step("node", text, StepState.DONE, detail=megabytes(found.stat().st_size))
    return found


async def _extended(work: Work, apt: Apt, plain: Base, rest: Sequence[Deb], key: str) -> Base:
    files = await _debs(work, apt, rest)
    folder = work.new_folder("base")
    work.step("base", _TEXT, detail="unpacking")

    def make() -> Base:
        tree = Tree()
        bases.unpack(files, tree)
        made = replace(
            plain,
            key=key,
            layers=(*plain.layers, bases.write_layer(tree, folder)),
            packages=(*plain.packages, *(deb.label for deb in rest)),
        )
        return _stored(work, made, folder)

    return await work.thread(make)


def _finished(work: Work, made: Base, tree: Tree, folder: Path) -> Base:
    """Add the bytecode of Python's own library, then keep the base. Blocks."""
    if made.flavour == "python":
        work.step("base", _TEXT, detail="compiling Python's library")
        marked = {owner.LABEL: owner.mine()}  # removed at the next start if this one is killed
        raw = replace(_spec(made), tag=f"mcptui-raw:{made.key[:16]}", labels=marked)
        image = work.loader.load(raw)
        try:
            root = f"usr/lib/python{made.version}"
            pycs = compiled(work.loader, image, made.interpreter, tree, (root,), inside=True)
        finally:
            work.loader.remove(image)
        if not pycs.nodes:
            raise McptuiError("Python's own library could not be compiled")
        made = replace(made, layers=(*made.layers, bases.write_layer(pycs, folder)))
    return _stored(work, made, folder)


def _stored(work: Work, made: Base, folder: Path) -> Base:
    """Load a base and move it into the cache. Blocks."""
    work.loader.check()
    work.step("base", _TEXT, detail="loading")
    for layer in made.layers:  # layers of the plain base below an extended one
        mine = bases.layer_path(folder, layer.diff_id)
        if not mine.exists():
            mine.hardlink_to(layer.path)
    made = replace(made, image=work.loader.load(_spec(made)))
    place = work.cache / "bases" / made.key
    made.save(folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    return made.moved(place)
