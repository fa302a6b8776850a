"""Bases by digest out of a registry on this machine, pulled by the real engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcptui.entry import Package
from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.engine import Engine
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.loader import Spec
from mcptui.runtime.image.settings import read_bases
from tests.runtime.image.parts import built, local_pip, parrot, seeded, served

_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@contextmanager
def _registry(spec: Spec) -> Generator[str]:
    """Serve one image by digest, as a registry does; yields its reference."""
    config = spec.config()
    blobs = {hashlib.sha256(config).hexdigest(): config}
    layers: list[dict[str, object]] = []
    for layer in spec.layers:
        blobs[layer.diff_id.removeprefix("sha256:")] = layer.path.read_bytes()
        layers.append({"mediaType": _LAYER, "size": layer.size, "digest": layer.diff_id})
    told = {"mediaType": _CONFIG, "size": len(config), "digest": f"sha256:{next(iter(blobs))}"}
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": _MANIFEST, "config": told, "layers": layers}
    ).encode()
    digest = hashlib.sha256(manifest).hexdigest()

    def answer(path: str) -> tuple[str, bytes] | None:
        kind, _, name = path.rpartition("/")
        if path == "/v2/":
            return "application/json", b"{}"
        if kind.endswith("/manifests") and name == f"sha256:{digest}":
            return _MANIFEST, manifest
        if kind.endswith("/blobs") and name.removeprefix("sha256:") in blobs:
            return "application/octet-stream", blobs[name.removeprefix("sha256:")]
        return None

    with served(answer) as host:
        yield f"{host}/base-python@sha256:{digest}"


async def _base_spec(engine: Engine, folder: Path) -> Spec:
    """Our own base as one to push, with a label so that the engine does not have it yet."""
    await seeded(engine, folder)
    base = Base.read(next(folder.glob("bases/*/base.json")).parent)
    assert base is not None
    return Spec(
        tag="unused:1",
        layers=base.layers,
        arch=base.arch,
        env=base.env,
        labels={"test": f"{os.getpid()} {time.time_ns()}"},
    )


@pytest.mark.engine
def test_a_base_is_pulled_by_digest_and_built_upon(engine: Engine, tmp_path: Path) -> None:
    made = parrot(tmp_path / "index", f"pulled {os.getpid()} {time.time_ns()}")
    spec = asyncio.run(_base_spec(engine, tmp_path / "own"))
    environ, cache = local_pip(tmp_path / "index"), tmp_path / "cache"
    images: list[str] = []
    with _registry(spec) as reference:
        try:
            bases = {"python": reference}
            image, _ = asyncio.run(built(made, engine, cache, bases=bases, environ=environ))
            images.append(image)
            facts = engine.image_facts(image)
            assert facts.entrypoint[0] == "/usr/bin/python3"
            layers = engine.client.api.inspect_image(image)["RootFS"]["Layers"]
            assert layers[:-1] == [layer.diff_id for layer in spec.layers]
            labels = engine.client.api.inspect_image(image)["Config"]["Labels"]
            assert labels["mcptui.origin"] == reference
            again, steps = asyncio.run(built(made, engine, cache, bases=bases, environ=environ))
            assert again == image
            assert steps[-1].detail == "already built"
            _refuses_missing_packages(made, engine, cache, bases)
        finally:
            for one in (*images, reference):
                if engine.client.api.images(name=one) or one.startswith("sha256:"):
                    engine.client.api.remove_image(one, force=True)


def _refuses_missing_packages(
    made: Package, engine: Engine, cache: Path, bases: dict[str, str]
) -> None:
    from dataclasses import replace

    with pytest.raises(McptuiError, match="lacks git"):
        asyncio.run(built(replace(made, debian=("git",)), engine, cache, bases=bases))


@pytest.mark.engine
def test_a_registry_without_the_digest_is_told(engine: Engine, tmp_path: Path) -> None:
    made = parrot(tmp_path / "index")
    with served(lambda path: ("application/json", b"{}") if path == "/v2/" else None) as host:
        bases = {"python": f"{host}/base@sha256:{'0' * 64}"}
        with pytest.raises(McptuiError):
            asyncio.run(built(made, engine, tmp_path / "cache", bases=bases))
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "reference",
    ["python:3.11", "python@sha256:abc", "python", f"-x@sha256:{'0' * 64}", "a b@sha256:0"],
)
def test_a_base_without_a_whole_digest_is_refused(tmp_path: Path, reference: str) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(f'[images]\npython_base = "{reference}"\n', "utf-8")
    with pytest.raises(UsageError, match=r"images\.python_base") as error:
        read_bases(settings)
    assert "@sha256:" in error.value.fix


def test_settings_name_bases(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    assert read_bases(settings) == {}
    reference = f"registry.example:5000/team/node@sha256:{'a' * 64}"
    settings.write_text(f'[images]\nnode_base = "{reference}"\n[other]\nx = 1\n', "utf-8")
    assert read_bases(settings) == {"node": reference}


@pytest.mark.parametrize("text", ["images = 1", "[images", "\udcff"])
def test_broken_settings_are_told(tmp_path: Path, text: str) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(UsageError, match=r"config\.toml"):
        read_bases(settings)
