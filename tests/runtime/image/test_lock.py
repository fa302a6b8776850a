"""A lock holds names, versions and hashes; whatever else stands in it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mcptui.errors import NotTrusted
from mcptui.runtime.image.lock import checked_lock, read_npm, read_pypi
from tests.runtime.image.parts import package

H = "a" * 64
GOOD = f"parrot==1.0 --hash=sha256:{H}\n"
SHA512 = "sha512-" + "A" * 86 + "=="


def test_a_lock_is_read_and_written_for_pip() -> None:
    text = (
        f"# why\n\nParrot_Words==2.0 \\\n    --hash=sha256:{H} \\\n    --hash=sha256:{'b' * 64}\n"
    )
    words, main = sorted(read_pypi(text + GOOD, "parrot", "1.0"), key=lambda pin: -len(pin.name))
    assert words.requirement() == f"parrot-words==2.0 --hash=sha256:{H} --hash=sha256:{'b' * 64}"
    assert main.version == "1.0"


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://evil.example/simple",
        "--extra-index-url=https://evil.example/simple",
        "-e git+https://evil.example/x#egg=x",
        "-r /etc/passwd",
        f"x @ https://evil.example/x.whl --hash=sha256:{H}",
        "x==1.0",
        f"x>=1.0 --hash=sha256:{H}",
        f"x==1.0 --hash=md5:{'a' * 32}",
        f"x==1.0 --hash=sha256:{H} --config-settings=a=b",
        f"x==1.0 --hash=sha256:{H} ; python_version < '4'",
        f"x==1.0 --hash=sha256:{H[1:]}",
        f"Parrot==1.1 --hash=sha256:{H}",
    ],
)
def test_a_line_that_says_anything_else_is_refused(line: str) -> None:
    with pytest.raises(NotTrusted, match="lock was refused"):
        read_pypi(GOOD + line + "\n", "parrot", "1.0")


@pytest.mark.parametrize(("name", "version"), [("parrot", "1.1"), ("parot", "1.0")])
def test_a_lock_without_the_package_itself_is_refused(name: str, version: str) -> None:
    with pytest.raises(NotTrusted, match="does not lock the package"):
        read_pypi(GOOD, name, version)


def test_a_lock_that_is_not_the_entrys_is_refused() -> None:
    made = package("pypi", "parrot", "1.0", GOOD)
    assert checked_lock(made) == GOOD
    with pytest.raises(NotTrusted, match="not the one its entry names"):
        checked_lock(replace(made, lock=GOOD + "#"))


def _npm(**more: dict[str, Any]) -> str:
    packages: dict[str, Any] = {
        "": {},
        "node_modules/parrot": {"version": "1.0.0", "integrity": SHA512},
    }
    packages |= {f"node_modules/{name}": one for name, one in more.items()}
    return json.dumps({"lockfileVersion": 3, "packages": packages})


def _names(**more: dict[str, Any]) -> list[str]:
    return [one.name for one in read_npm(_npm(**more), "parrot", "1.0.0", "amd64")]


@pytest.mark.parametrize(
    "one",
    [
        {"version": "1.0.0", "integrity": SHA512, "resolved": "https://evil.example/x.tgz"},
        {"version": "1.0.0", "integrity": SHA512, "link": True},
        {"version": "1.0.0"},
        {"version": "1.0.0", "integrity": "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"version": "git+ssh://evil.example/x", "integrity": SHA512},
        {"version": "1.0.0", "integrity": SHA512, "name": "--registry=https://evil.example"},
        {"version": "1.0.0 --ignore-scripts=false", "integrity": SHA512},
    ],
)
def test_an_npm_package_that_is_not_just_name_version_and_sha512_is_refused(
    one: dict[str, Any],
) -> None:
    with pytest.raises(NotTrusted, match="lock was refused"):
        _names(words=one)


@pytest.mark.parametrize("path", ["../../etc", "node_modules/..", "node_modules/a/b", "src"])
def test_an_npm_package_that_goes_elsewhere_is_refused(path: str) -> None:
    data = json.loads(_npm())
    data["packages"][path] = {"version": "1.0.0", "integrity": SHA512}
    with pytest.raises(NotTrusted, match="odd place"):
        read_npm(json.dumps(data), "parrot", "1.0.0", "amd64")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lockfileVersion": 2, "packages": {}}', "{"])
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(NotTrusted, match="not a package-lock.json"):
        read_npm(text, "parrot", "1.0.0", "amd64")


def test_only_what_runs_on_this_platform_is_taken() -> None:
    def one(**more: Any) -> dict[str, Any]:
        return {"version": "1.0.0", "integrity": SHA512, **more}

    assert _names(
        mac=one(os=["darwin"]),
        arm=one(cpu=["arm64"]),
        musl=one(libc=["musl"]),
        here=one(os=["linux"], cpu=["x64"], libc=["glibc"]),
        anywhere=one(os=["!win32"]),
        nowhere=one(os=["!linux"]),
        dev=one(dev=True),
        inside=one(inBundle=True),
    ) == ["anywhere", "here", "parrot"]
