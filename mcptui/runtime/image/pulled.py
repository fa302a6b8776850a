"""Bases from a registry, for hosts that cannot build them: macOS, Fedora, whatever has no apt.

A base is pulled by its digest and by nothing else, so what is run is what the person chose. Which
interpreter it has is asked of the interpreter itself, in a locked container.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from mcptui.errors import McptuiError, NotTrusted, UsageError
from mcptui.progress import StepState
from mcptui.runtime.image.base import Base, layer_path
from mcptui.runtime.image.loader import ARCHES, CHUNK
from mcptui.runtime.image.single import single
from mcptui.runtime.image.tree import Layer, Tree
from mcptui.runtime.image.work import Work, megabytes
from mcptui.visible import visible

_REFERENCE = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,250}@sha256:[0-9a-f]{64}")
_TEXT = "base image from its registry"
_OUT = "mcptui-probe"
_PLACES = {
    "python": ("/usr/bin/python3", "/usr/local/bin/python3"),
    "node": ("/usr/bin/node", "/usr/local/bin/node", "/nodejs/bin/node"),
}
_PYTHON = f"""
import json, os, platform, sys, sysconfig
json.dump({{"version": "%d.%d" % sys.version_info[:2], "site": sysconfig.get_path("purelib"),
    "libc": platform.libc_ver()}}, open("/{_OUT}/facts.json", "w"))
"""
_NODE = f"""
const glibc = process.report.getReport().header.glibcVersionRuntime || "";
require("fs").writeFileSync("/{_OUT}/facts.json", JSON.stringify(
    {{version: process.versions.node, site: "", libc: [glibc ? "glibc" : "", glibc]}}));
"""


def check_reference(reference: str, flavour: str) -> None:
    """Refuse a base that is not named by digest.

    Raises:
        UsageError: a tag could point elsewhere tomorrow.
    """
    if not _REFERENCE.fullmatch(reference):
        raise UsageError(
            f"The setting images.{flavour}_base does not name an image by its digest",
            visible(reference)[:200],
            "write it as repository@sha256:…",
        )


async def pulled_base(work: Work, flavour: str, reference: str, extra: Sequence[str]) -> Base:
    """Return a base that is pulled by digest.

    Args:
        work: the build.
        flavour: "python" or "node".
        reference: "repository@sha256:…".
        extra: Debian packages that the base must have already.

    Raises:
        UsageError: the reference has no digest.
        TryAgain: the registry does not answer.
        McptuiError: it cannot be had or cannot serve as a base.
    """
    check_reference(reference, flavour)
    key = hashlib.sha256(f"pulled 1 {flavour} {reference}".encode()).hexdigest()

    def waiting() -> None:
        work.step("base", _TEXT, StepState.WAITING, detail="waiting for another mcptui")

    async with single(work.cache / "locks" / f"base-{key[:16]}.lock", waiting):
        work.step("base", _TEXT, detail=reference)
        found = await work.thread(lambda: _base(work, flavour, reference, key))
    have = {package.partition("=")[0] for package in found.packages}
    if missing := sorted(set(extra) - have):
        raise McptuiError(
            f"The base image lacks {', '.join(missing)}, which this server needs",
            reference,
            "build it on a Debian or Ubuntu host, or set a base that says it has it",
        )
    work.step("base", _TEXT, StepState.DONE, detail=found.origin)
    return found


def _base(work: Work, flavour: str, reference: str, key: str) -> Base:
    image = work.loader.id_of(reference)
    if image is None:
        _pull(work, reference)
        image = work.loader.id_of(reference)
    if image is None:
        raise McptuiError("The engine pulled the base image and does not have it", reference)
    place = work.cache / "pulled" / key
    kept = Base.read(place)
    if kept is not None and kept.image == image:
        return kept
    folder = work.new_folder("pulled")
    config, layers = _layers(work, image, folder)
    made = _described(work, flavour, reference, key, image, config, layers)
    made.save(folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(work.new_folder("old") / "base")
    folder.rename(place)
    return made.moved(place)


def _pull(work: Work, reference: str) -> None:
    repository, _, digest = reference.partition("@")
    done: dict[str, tuple[int, int]] = {}
    for told in work.loader.pull(repository, digest):
        detail = cast("dict[str, Any]", told.get("progressDetail") or {})
        if told.get("status") == "Downloading":
            done[str(told.get("id"))] = (int(detail.get("current", 0)), int(detail.get("total", 0)))
            sums = [sum(column) for column in zip(*done.values(), strict=True)]
            work.step("base", _TEXT, done=sums[0], total=sums[1])


def _layers(work: Work, image: str, folder: Path) -> tuple[dict[str, Any], tuple[Layer, ...]]:
    """Take an image's configuration and layers out of the engine."""
    saved = folder / "saved.tar"
    work.loader.save(image, saved)
    with tarfile.open(saved) as archive:
        manifest = json.loads(_member(archive, "manifest.json").read())[0]
        config = cast("dict[str, Any]", json.loads(_member(archive, manifest["Config"]).read()))
        ids = [str(one) for one in config["rootfs"]["diff_ids"]]
        layers = [
            _layer(work, _member(archive, name), diff_id, folder)
            for name, diff_id in zip(manifest["Layers"], ids, strict=True)
        ]
    saved.unlink()
    work.step("base", _TEXT, detail=megabytes(sum(layer.size for layer in layers)))
    return config, tuple(layers)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    handle = archive.extractfile(name)
    if handle is None:
        raise McptuiError("The engine gave an image that is not whole", visible(name)[:100])
    return handle


def _layer(work: Work, packed: IO[bytes], diff_id: str, folder: Path) -> Layer:
    """Copy one layer, unpacked; engines keep them packed or not."""
    squeezed = packed.read(2) == b"\x1f\x8b"
    packed.seek(0)
    source: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if squeezed else packed
    path = layer_path(folder, diff_id)
    digest = hashlib.sha256()
    with path.open("wb") as out:
        while part := source.read(CHUNK):
            work.loader.check()
            digest.update(part)
            out.write(part)
    if f"sha256:{digest.hexdigest()}" != diff_id:
        raise NotTrusted("A layer of the base image does not have its hash", diff_id)
    return Layer(diff_id, path, path.stat().st_size)


def _described(
    work: Work,
    flavour: str,
    reference: str,
    key: str,
    image: str,
    config: Mapping[str, Any],
    layers: tuple[Layer, ...],
) -> Base:
    inner = cast("dict[str, Any]", config.get("config") or {})
    pairs = [one.partition("=") for one in cast("list[str]", inner.get("Env") or [])]
    env = {name: value for name, _, value in pairs}
    labels = cast("dict[str, str]", inner.get("Labels") or {})
    interpreter, facts = _facts(work, flavour, image)
    libc = cast("list[str]", facts["libc"])
    match = re.match(r"(\d+)\.(\d+)", libc[1])
    if libc[0] != "glibc" or match is None:
        raise McptuiError("The base image has no glibc", "packages are published for that library")
    return Base(
        key=key,
        flavour=flavour,
        arch=ARCHES.get(str(config.get("architecture")), ""),
        origin=reference,
        image=image,
        layers=layers,
        interpreter=interpreter,
        version=str(facts["version"]),
        site=str(facts["site"]),
        glibc=(int(match[1]), int(match[2])),
        env={**env, "HOME": "/tmp"},  # noqa: S108 - inside the container
        packages=tuple(labels.get("mcptui.packages", "").split()),
    )


def _facts(work: Work, flavour: str, image: str) -> tuple[str, dict[str, Any]]:
    """Ask the interpreter what it is, in a locked container without network."""
    given = Tree()
    given.add_folder(_OUT, 0o777)
    packed = io.BytesIO()
    given.write_tar(packed)
    why = ""
    for place in _PLACES[flavour]:
        script = ("-I", "-c", _PYTHON) if flavour == "python" else ("-e", _NODE)
        try:
            brought = work.loader.run_inside(
                image, (place, *script), packed.getvalue(), f"/{_OUT}", {}
            )
        except McptuiError as error:
            why = str(error)
            continue
        with tarfile.open(fileobj=io.BytesIO(brought)) as archive:
            return place, json.loads(_member(archive, f"{_OUT}/facts.json").read())
    raise McptuiError(f"The base image has no {flavour.title()} where it is looked for", why)
