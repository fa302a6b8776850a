"""Wheels by hash: what is wrong, missing or odd is refused, and named."""

from __future__ import annotations

import asyncio
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError
from mcptui.runtime.image import pypi, wheels
from mcptui.runtime.image.base import Base
from mcptui.runtime.image.lock import read_pypi
from mcptui.runtime.image.tree import Tree
from tests.runtime.image.parts import local_pip, package, parrot, sha256, wheel

SITE = "/usr/local/lib/python3.11/dist-packages"
BASE = Base(
    key="k", flavour="python", arch="amd64", origin="a test", image="", layers=(),
    interpreter="/usr/bin/python3", version="3.11", site=SITE, glibc=(2, 36), env={}, packages=(),
)  # fmt: skip


def _fetch(
    lock: str, name: str, tmp_path: Path, environ: Mapping[str, str], version: str = "1.0"
) -> list[Path]:
    folder = tmp_path / "work"
    folder.mkdir()
    pins = read_pypi(lock, name, version)
    cache = tmp_path / "cache"
    return asyncio.run(pypi.fetch(pins, BASE, folder, cache, environ, lambda line: None))


def _unpacked(path: Path) -> Tree:
    tree = Tree()
    pypi.unpack([path], BASE, tree, lambda: None)
    return tree


def test_wheels_with_the_right_hashes_come(tmp_path: Path) -> None:
    made = parrot(tmp_path / "index")
    found = _fetch(made.lock, "parrot", tmp_path, local_pip(tmp_path / "index"))
    assert [path.name.split("-")[0] for path in found] == ["parrot", "parrot_words"]


def test_a_wheel_with_another_hash_is_refused_and_named(tmp_path: Path) -> None:
    made = parrot(tmp_path / "index")
    wheel(tmp_path / "index", "parrot_words", files={"parrot_words.py": "import evil\n"})
    with pytest.raises(NotTrusted, match="hash of parrot-words") as error:
        _fetch(made.lock, "parrot", tmp_path, local_pip(tmp_path / "index"))
    assert error.value.fix


def test_a_source_distribution_is_never_built(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    (tmp_path / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", "utf-8")
    with tarfile.open(index / "parrot-1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "setup.py", "parrot-1.0/setup.py")
    lock = f"parrot==1.0 --hash=sha256:{sha256(index / 'parrot-1.0.tar.gz')}\n"
    with pytest.raises(McptuiError, match="no wheel of parrot==1.0 for Python 3.11") as error:
        _fetch(lock, "parrot", tmp_path, local_pip(index))
    assert "run the package's code" in error.value.why
    assert not (tmp_path / "ran").exists()


def test_wheels_are_taken_for_the_base_not_for_the_host(tmp_path: Path) -> None:
    index = tmp_path / "index"
    right = wheel(index, tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(index, tag="cp311-cp311-macosx_11_0_arm64")
    lock = f"parrot==1.0 --hash=sha256:{sha256(right)}\n"
    assert [path.name for path in _fetch(lock, "parrot", tmp_path, local_pip(index))] == [
        right.name
    ]


@pytest.mark.parametrize("tag", ["cp39-cp39-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"])
def test_a_wheel_for_another_python_or_system_does_not_serve(tmp_path: Path, tag: str) -> None:
    made = wheel(tmp_path / "index", tag=tag)
    lock = f"parrot==1.0 --hash=sha256:{sha256(made)}\n"
    with pytest.raises(McptuiError, match="no wheel of parrot"):
        _fetch(lock, "parrot", tmp_path, local_pip(tmp_path / "index"))


def test_a_dead_network_is_told_as_one(tmp_path: Path) -> None:
    dead = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "no_proxy": "127.0.0.1",
    }
    made = parrot(tmp_path / "index")
    with pytest.raises(TryAgain, match="does not answer") as error:
        _fetch(made.lock, "parrot", tmp_path, dead)
    assert "try again" in error.value.fix


def test_options_of_the_user_cannot_make_pip_build_or_skip_hashes(tmp_path: Path) -> None:
    kept = pypi.package_environ(
        {"PIP_NO_BINARY": ":all:", "PIP_TARGET": "/x", "PYTHONPATH": "/x", "PIP_INDEX_URL": "y"}
    )
    assert "PIP_NO_BINARY" not in kept
    assert "PIP_TARGET" not in kept
    assert "PYTHONPATH" not in kept
    assert kept["PIP_INDEX_URL"] == "y"


def test_a_wheel_is_spread_as_it_says_and_its_scripts_are_left_out(tmp_path: Path) -> None:
    made = wheel(
        tmp_path,
        files={
            "a.py": "",
            "parrot-1.0.data/purelib/b.py": "",
            "parrot-1.0.data/scripts/run": "#!/bin/sh",
            "parrot-1.0.data/data/share/c": "",
        },
    )
    names = [name for name, _ in _unpacked(made).files() if ".dist-info" not in name]
    site = SITE.lstrip("/")
    assert names == [f"{site}/a.py", f"{site}/b.py", "usr/local/share/c"]


def _with_link(path: Path) -> None:
    link = zipfile.ZipInfo("out")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")


def _with_climber(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../../../etc/passwd", "x")


def _broken(path: Path) -> None:
    path.write_bytes(b"PK\3\4 not a zip")


@pytest.mark.parametrize("spoil", [_with_link, _with_climber, _broken])
def test_an_odd_wheel_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    made = wheel(tmp_path)
    spoil(made)
    with pytest.raises(NotTrusted, match="parrot-1.0"):
        _unpacked(made)


def _entry_point(tmp_path: Path, scripts: str | None, script: str = "") -> tuple[str, str]:
    tree = _unpacked(wheel(tmp_path, scripts=scripts))
    made = replace(package("pypi", "parrot", "1.0", ""), script=script)
    found = pypi.entry_point(made, BASE, tree)
    assert found[:2] == ("/usr/bin/python3", "-I")
    data = tree.nodes[found[2].lstrip("/")].data
    assert data is not None
    return found[2], data.decode()


def test_the_script_with_the_packages_name_is_the_server(tmp_path: Path) -> None:
    path, text = _entry_point(tmp_path, "other = a:b\nparrot = parrot.cli:app.main")
    assert path == "/usr/local/bin/parrot"
    assert "from parrot.cli import app\n" in text
    assert "sys.exit(app.main())" in text


def test_an_entry_can_name_the_script(tmp_path: Path) -> None:
    path, _ = _entry_point(tmp_path, "other = a:b\nparrot = parrot:main", script="other")
    assert path == "/usr/local/bin/other"


@pytest.mark.parametrize("scripts", [None, "a = b:c\nd = e:f", "parrot = os; import evil:main"])
def test_what_is_no_plain_server_is_refused(tmp_path: Path, scripts: str | None) -> None:
    with pytest.raises(UsageError, match="parrot"):
        _entry_point(tmp_path, scripts)


def test_wheels_that_came_before_are_not_asked_for_again(tmp_path: Path) -> None:
    made = parrot(tmp_path / "index")
    found = _fetch(made.lock, "parrot", tmp_path, local_pip(tmp_path / "index"))
    (tmp_path / "work").rename(tmp_path / "before")
    nowhere = local_pip(tmp_path / "empty")
    assert _fetch(made.lock, "parrot", tmp_path, nowhere) == found

    found[1].write_bytes(b"changed on disk")
    (tmp_path / "work").rename(tmp_path / "before that")
    again = _fetch(made.lock, "parrot", tmp_path, local_pip(tmp_path / "index"))
    assert again == found
    assert sha256(found[1]) in made.lock


def test_a_kept_wheel_serves_only_the_target_it_came_for(tmp_path: Path) -> None:
    made = wheel(tmp_path / "index")
    pins = read_pypi(f"parrot==1.0 --hash=sha256:{sha256(made)}\n", "parrot", "1.0")
    stored = wheels.keep([made], BASE, tmp_path)
    assert wheels.kept(pins, BASE, tmp_path) == (stored, [])
    for other in (replace(BASE, version="3.13"), replace(BASE, arch="arm64")):
        assert wheels.kept(pins, other, tmp_path) == ([], pins)
