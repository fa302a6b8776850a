"""Every place where an engine may listen, with sockets that answer as one does."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from mcptui.errors import TryAgain, UsageError
from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.find import candidates, find

VERSION = {
    "Version": "5.4.0",
    "ApiVersion": "1.41",
    "Arch": "arm64",
    "Components": [{"Name": "Podman Engine", "Version": "5.4.0"}],
}
INFO = {
    "Driver": "overlay",
    "CgroupVersion": "2",
    "MemoryLimit": True,
    "OperatingSystem": "fedora",
    "SecurityOptions": ["name=seccomp", "name=rootless"],
}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told: object = {"/_ping": "OK"}.get(self.path)
        if self.path.endswith("/version"):
            told = VERSION
        if self.path.endswith("/info"):
            told = INFO
        body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(200 if told is not None else 404)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a name short enough for sockets."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mf") as folder:
        yield Path(folder)


class Fakes:
    """Listening sockets that answer as an engine does."""

    def __init__(self) -> None:
        self.servers: list[ThreadingUnixStreamServer] = []

    def listen(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        server = ThreadingUnixStreamServer(str(path), _Answers)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.servers.append(server)

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    made = Fakes()
    yield made
    made.close()


def context(home: Path, name: str, host: str, *, current: bool = False) -> None:
    """Write a docker context as its command line does."""
    folder = home / ".docker" / "contexts" / "meta" / name.encode().hex()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    if current:
        (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def test_the_order(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": "/run/user/1000"}
    context(tmp_path, "one", "unix:///one.sock")
    context(tmp_path, "two", "tcp://10.1.1.1:2375", current=True)
    sources = [one.source for one in candidates(environ, tmp_path, "linux")]
    assert sources == [
        "context two", "Docker", "rootless Docker", "Docker Desktop", "Docker Desktop", "Colima",
        "Colima", "OrbStack", "Rancher Desktop", "rootless Podman", "Podman", "Podman machine",
        "Podman machine", "Podman machine", "context one",
    ]  # fmt: skip
    assert candidates({}, tmp_path, "win32")[1].scheme == "npipe"


@pytest.mark.parametrize(
    ("place", "source", "far"),
    [
        ("run/docker.sock", "rootless Docker", False),
        ("home/.docker/run/docker.sock", "Docker Desktop", True),
        ("home/.docker/desktop/docker.sock", "Docker Desktop", True),
        ("home/.colima/default/docker.sock", "Colima", True),
        ("home/.orbstack/run/docker.sock", "OrbStack", True),
        ("home/.rd/docker.sock", "Rancher Desktop", True),
        ("run/podman/podman.sock", "rootless Podman", False),
        (
            "home/.local/share/containers/podman/machine/podman.sock",
            "Podman machine",
            True,
        ),
    ],
)
def test_each_usual_socket(
    short: Path, fakes: Fakes, place: str, source: str, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcptui.runtime import find as module

    real = module.candidates
    # The machine under test has a real engine at the system's own place.

    def here(environ: Mapping[str, str], home: Path, platform: str) -> list[Endpoint]:
        return [one for one in real(environ, home, platform) if one.path.startswith(str(short))]

    monkeypatch.setattr(module, "candidates", here)
    fakes.listen(short / place)
    environ = {"XDG_RUNTIME_DIR": str(short / "run")}
    engine = find(environ, short / "home", "linux")
    assert (engine.endpoint.source, engine.endpoint.far) == (source, far)
    facts = engine.facts()
    assert (facts.version, facts.api, facts.cgroup) == ("5.4.0", "1.41", "2")
    assert facts.rootless
    assert facts.arch == engine.arch() == "arm64"
    assert facts.endpoint == f"unix://{short / place}"
    if not far:
        assert facts.kind == "Podman"
    engine.close()


def test_what_the_user_named_is_the_only_one(short: Path, fakes: Fakes) -> None:
    fakes.listen(short / "a.sock")
    url = f"unix://{short}/a.sock"
    engine = find({"DOCKER_HOST": url}, short, "linux")
    assert engine.endpoint == Endpoint(url, "DOCKER_HOST", True)
    context(short, "named", url)
    assert find({"DOCKER_CONTEXT": "named"}, short, "linux").endpoint.source == "context named"
    with pytest.raises(TryAgain, match="does not answer") as told:
        find({"DOCKER_HOST": f"unix://{short}/none.sock"}, short, "linux")
    assert told.value.fix == "Start that engine, or change DOCKER_HOST"
    with pytest.raises(UsageError, match="no engine's address"):
        find({"DOCKER_HOST": "docker"}, short, "linux")
    with pytest.raises(UsageError, match="does not exist"):
        find({"DOCKER_CONTEXT": "nothing"}, short, "linux")


def test_certificates_of_a_context(tmp_path: Path) -> None:
    context(tmp_path, "far", "tcp://10.1.1.1:2376", current=True)
    keys = tmp_path / ".docker" / "contexts" / "tls" / b"far".hex() / "docker"
    keys.mkdir(parents=True)
    for name in ("ca", "cert", "key"):
        (keys / f"{name}.pem").touch()
    endpoint = candidates({}, tmp_path, "linux")[0]
    assert endpoint.tls is not None
    assert (endpoint.tls.ca, endpoint.tls.verify) == (str(keys / "ca.pem"), True)
    assert endpoint.far
    environ = {"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(keys)}
    named = candidates(environ, tmp_path, "linux")[0]
    assert named.tls is not None
    assert named.tls.key == str(keys / "key.pem")
    assert named.address == ("h", 1)


def test_broken_contexts_are_passed_over(tmp_path: Path) -> None:
    for name, text in (
        ("a", "{"),
        ("b", "[]"),
        ("c", '{"Endpoints": {}}'),
        ("d", '{"Endpoints": 1}'),
    ):
        folder = tmp_path / ".docker" / "contexts" / "meta" / name
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(text)
    (tmp_path / ".docker" / "config.json").write_text("not json")
    assert all(not one.source.startswith("context") for one in candidates({}, tmp_path, "linux"))


def test_what_stands_in_the_way_is_told(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcptui.runtime import find as module

    places = [Endpoint(f"unix://{short}/{name}.sock", name) for name in ("none", "stale", "closed")]
    count = 1

    def some(environ: Mapping[str, str], home: Path, platform: str) -> list[Endpoint]:
        return places[:count]

    monkeypatch.setattr(module, "candidates", some)
    with pytest.raises(TryAgain, match="No container engine was found"):
        find({}, short, "linux")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(short / "stale.sock"))
    count = 2
    with pytest.raises(TryAgain, match=r"stale\.sock does not answer"):
        find({}, short, "linux")

    def refuse(self: Endpoint, timeout: float = 3.0) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Endpoint, "ping", refuse)
    with pytest.raises(TryAgain, match="You may not use") as told:
        find({}, short, "linux")
    assert "docker" in told.value.fix


def test_something_else_that_listens(short: Path) -> None:
    path = short / "x.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer() -> None:
            line, _ = other.accept()
            with line:
                line.recv(1000)
                line.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConnectionError, match="no container engine"):
            Endpoint(f"unix://{path}", "test").ping()
        thread.join()


@pytest.mark.engine
def test_the_real_one() -> None:
    engine = find(os.environ, Path.home())
    facts = engine.facts()
    assert facts.version
    assert facts.cgroup in ("1", "2")
    assert facts.storage
    engine.close()
