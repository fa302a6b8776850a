"""Packages made on the spot, and registries that serve them on this machine."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mcptui.entry import Package
from mcptui.progress import Step
from mcptui.runtime.engine import Engine
from mcptui.runtime.image.bases import built_base
from mcptui.runtime.image.build import build
from mcptui.runtime.image.work import Work
from tests.fixtures.images import CACHE

SERVER = """\
import json
import sys

import parrot_words

TOOL = {"name": "say", "description": "Says it.", "inputSchema": {"type": "object"}}


def main():
    for line in sys.stdin:
        asked = json.loads(line)
        answers = {
            "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "parrot", "version": "1"}},
            "tools/list": {"tools": [TOOL]},
            "tools/call": {"content": [{"type": "text", "text": parrot_words.WORDS}]},
        }
        if "id" in asked:
            answer = {"jsonrpc": "2.0", "id": asked["id"]}
            if asked["method"] in answers:
                answer["result"] = answers[asked["method"]]
            else:
                answer["error"] = {"code": -32601, "message": "no such method"}
            print(json.dumps(answer), flush=True)
"""


def wheel(
    folder: Path,
    name: str = "parrot",
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
    scripts: str | None = None,
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    told = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    if scripts is not None:
        told[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in {**(files or {}), **told}.items():
            archive.writestr(inside, text)
    return path


def parrot(folder: Path, words: str = "Polly") -> Package:
    """A server of two wheels in `folder`, and the package that locks them."""
    main = wheel(folder, files={"parrot/__init__.py": SERVER}, scripts="parrot = parrot:main")
    other = wheel(folder, "parrot_words", files={"parrot_words.py": f"WORDS = {words!r}\n"})
    lock = f"parrot==1.0 --hash=sha256:{sha256(main)}\n"
    lock += f"parrot-words==1.0 \\\n    --hash=sha256:{sha256(other)}\n"
    return package("pypi", "parrot", "1.0", lock)


def package(registry: str, name: str, version: str, lock: str, **more: Any) -> Package:
    """A package with its lock's right hash."""
    digest = hashlib.sha256(lock.encode()).hexdigest()
    return Package(registry, name, version, lock, digest, **more)


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def local_pip(folder: Path) -> dict[str, str]:
    """An environment in which pip knows only the wheels of a folder."""
    return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


async def seeded(engine: Engine, cache: Path, flavour: str = "python") -> Path:
    """Give a new cache the bases that every test shares, so that it need not build them."""
    work = Work(engine.client, CACHE, dict(os.environ), lambda step: None)
    work.open()
    try:
        base = await built_base(work, flavour, ())
    finally:
        work.close()
    target = cache / "bases" / base.key
    target.mkdir(parents=True)
    for file in (CACHE / "bases" / base.key).iterdir():
        (target / file.name).hardlink_to(file)
    for pointer in (CACHE / "bases").glob("*.json"):
        if json.loads(pointer.read_text("utf-8"))["key"] == base.key:
            (cache / "bases" / pointer.name).write_bytes(pointer.read_bytes())
    return cache


async def built(made: Package, engine: Engine, cache: Path, **how: Any) -> tuple[str, list[Step]]:
    """Build and return the image ID and all steps."""
    steps = [step async for step in build(made, engine, cache, **how)]
    return str(steps[-1].result), steps


def tarball(files: Mapping[str, str]) -> bytes:
    """An npm tarball."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def integrity(data: bytes) -> str:
    """A tarball's "sha512-…"."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def npm_lock(name: str, version: str, hashes: Mapping[str, tuple[str, str]]) -> str:
    """A lock: package name → version and integrity; the first is the main one."""
    packages: dict[str, Any] = {"": {"name": "x", "dependencies": {name: version}}}
    for one, (its, digest) in hashes.items():
        packages[f"node_modules/{one}"] = {"version": its, "integrity": digest}
    return json.dumps({"name": "x", "lockfileVersion": 3, "packages": packages})


@contextmanager
def served(answer: Callable[[str], tuple[str, bytes] | None]) -> Generator[str]:
    """Serve over HTTP on a free port of this machine.

    Args:
        answer: path → content type and body, None for 404.

    Yields:
        "127.0.0.1:port".
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(self.path)
            self.send_response(404 if found is None else 200)
            kind, body = found or ("text/plain", b"no such thing")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if "manifest" in kind:
                digest = hashlib.sha256(body).hexdigest()
                self.send_header("Docker-Content-Digest", f"sha256:{digest}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def npm_registry(packages: Mapping[tuple[str, str], bytes]) -> Generator[str]:
    """A registry of npm packages: (name, version) → tarball. Yields its address."""
    place: list[str] = [""]

    def answer(path: str) -> tuple[str, bytes] | None:
        for (name, version), data in packages.items():
            if path == f"/{name}-{version}.tgz":
                return "application/octet-stream", data
            if path == f"/{name}":
                dist = {
                    "tarball": f"http://{place[0]}/{name}-{version}.tgz",
                    "integrity": integrity(data),
                }
                told = {"name": name, "version": version, "dist": dist}
                whole = {"name": name, "dist-tags": {"latest": version}}
                return "application/json", json.dumps(
                    {**whole, "versions": {version: told}}
                ).encode()
        return None

    with served(answer) as host:
        place[0] = host
        yield f"http://{host}/"
