"""Locks as maintainers make them: exact, hashed, without any address."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from mcptui.actions.lock_package import lock, stripped
from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.image.lock import read_npm, read_pypi
from tests.runtime.image.parts import integrity, local_pip, sha256, tarball, wheel


def _wheels(index: Path) -> dict[str, list[str]]:
    """A server, a package with one wheel per machine, and one that only a newer Python needs."""
    wheel(index, files={"parrot/__init__.py": ""}, scripts="parrot = parrot:main")
    tags = [f"cp{v}-cp{v}-manylinux_2_28_{m}" for v in ("311", "312", "313", "314")
            for m in ("x86_64", "aarch64")]  # fmt: skip
    fast = [wheel(index, "fast", tag=tag) for tag in tags]
    newer = wheel(index, "newer")
    return {"fast": [sha256(path) for path in fast], "newer": [sha256(newer)]}


def _needing(index: Path) -> None:
    """Give the server its requirements, which `wheel` does not write."""
    import zipfile

    path = next(index.glob("parrot-*.whl"))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["parrot-1.0.dist-info/METADATA"] += (
        b'Requires-Dist: fast\nRequires-Dist: newer; python_version >= "3.13"\n'
        b'Requires-Dist: never; sys_platform == "win32"\nRequires-Dist: more; extra == "all"\n'
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.slow
def test_a_lock_holds_the_wheels_of_every_python_and_machine(tmp_path: Path) -> None:
    index = tmp_path / "index"
    hashes = _wheels(index)
    _needing(index)
    cache = tmp_path / "cache"
    text = asyncio.run(lock("pypi", "parrot", "1.0", cache=cache, environ=local_pip(index)))
    pins = {pin.name: set(pin.hashes) for pin in read_pypi(text, "parrot", "1.0")}
    assert set(pins) == {"parrot", "fast", "newer"}
    assert pins["fast"] == set(hashes["fast"])
    assert pins["newer"] == set(hashes["newer"])
    assert "://" not in text
    assert text.startswith("# wheels for 3.11/amd64 3.11/arm64 3.12/amd64")


def test_a_version_that_does_not_exist_is_told(tmp_path: Path) -> None:
    wheel(tmp_path / "index")
    with pytest.raises(McptuiError, match="parrot==2.0"):
        asyncio.run(
            lock("pypi", "parrot", "2.0", cache=tmp_path, environ=local_pip(tmp_path / "index"))
        )


def test_there_are_two_registries(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cargo"):
        asyncio.run(lock("cargo", "x", "1", cache=tmp_path, environ=dict(os.environ)))


def test_an_npm_lock_keeps_no_address(tmp_path: Path) -> None:
    digest = integrity(tarball({"package.json": "{}"}))
    made = {
        "name": "mcptui-lock",
        "version": "0.0.0",
        "packages": {
            "": {"dependencies": {"parrot": "1.0.0"}},
            "node_modules/parrot": {
                "version": "1.0.0",
                "resolved": "https://registry.example/parrot.tgz",
                "integrity": digest,
                "funding": {"url": "https://pay.example"},
                "engines": {"node": ">=18"},
            },
        },
    }
    text = stripped(made)
    assert "://" not in text
    assert [one.name for one in read_npm(text, "parrot", "1.0.0", "amd64")] == ["parrot"]
    assert json.loads(text)["packages"]["node_modules/parrot"] == {
        "version": "1.0.0",
        "integrity": digest,
    }


def test_an_npm_package_from_elsewhere_cannot_be_locked() -> None:
    made = {
        "name": "x",
        "version": "0",
        "packages": {"node_modules/a": {"resolved": "git+ssh://x"}},
    }
    with pytest.raises(McptuiError, match="does not come from the registry"):
        stripped(made)
