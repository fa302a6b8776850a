"""Finds the container engine: what the user named, else whatever usually listens here.

Docker's own way comes first (DOCKER_HOST, contexts), then the sockets of Docker, rootless Docker,
Docker Desktop, Colima, OrbStack, Rancher Desktop and Podman. An engine that the user named is the
only one tried: to work with another behind their back would surprise.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcptui.errors import TryAgain, UsageError
from mcptui.paths import Paths
from mcptui.runtime.endpoint import Endpoint, TlsFiles
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.runtime.engine import Engine

_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe")


def candidates(environ: Mapping[str, str], home: Path, platform: str) -> list[Endpoint]:
    """List where an engine may listen, best first, none twice.

    Args:
        environ: DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, XDG_RUNTIME_DIR and others.
        home: the user's home folder.
        platform: as `sys.platform`.

    Raises:
        UsageError: the user named a context that does not exist.
    """
    named = _named(environ, home)
    if named is not None:
        return [named]
    found: dict[str, Endpoint] = {}
    for endpoint in (*_contexts(environ, home, current=True), *_usual(environ, home, platform),
                     *_contexts(environ, home, current=False)):  # fmt: skip
        found.setdefault(endpoint.url, endpoint)
    return list(found.values())


def find(environ: Mapping[str, str], home: Path, platform: str = sys.platform) -> Engine:
    """Find the first engine that answers.

    Raises:
        TryAgain: none does; says which were asked and what to do.
        UsageError: the user named one that makes no sense.
    """
    failures: list[tuple[Endpoint, OSError]] = []
    for endpoint in candidates(environ, home, platform):
        try:
            version = "" if endpoint.scheme in ("ssh", "npipe") else endpoint.ping()
        except OSError as error:
            failures.append((endpoint, error))
            continue
        from mcptui.runtime.engine import Engine

        return Engine(endpoint, version, folder=Paths.of(environ, platform).runtime)
    raise _nothing(failures, platform)


def _named(environ: Mapping[str, str], home: Path) -> Endpoint | None:
    if url := environ.get("DOCKER_HOST"):
        if url.partition("://")[0] not in _SCHEMES or "://" not in url:
            fix = "Name it like unix:///var/run/docker.sock, or unset DOCKER_HOST"
            raise UsageError(
                f"DOCKER_HOST is no engine's address: {visible(url, limit=80)}", "", fix
            )
        return Endpoint(url, "DOCKER_HOST", True, _environment_tls(environ, home))
    if (name := environ.get("DOCKER_CONTEXT")) and name != "default":
        for endpoint in _all_contexts(environ, home):
            if endpoint.source == f"context {name}":
                return Endpoint(endpoint.url, endpoint.source, True, endpoint.tls)
        raise UsageError(
            f"DOCKER_CONTEXT names the context {visible(name, limit=80)!r}, which does not exist",
            "",
            "`docker context ls` lists them",
        )
    return None


def _environment_tls(environ: Mapping[str, str], home: Path) -> TlsFiles | None:
    if not environ.get("DOCKER_TLS_VERIFY") and not environ.get("DOCKER_TLS"):
        return None
    folder = Path(environ.get("DOCKER_CERT_PATH") or home / ".docker")
    return _tls_files(folder, verify=bool(environ.get("DOCKER_TLS_VERIFY")))


def _tls_files(folder: Path, *, verify: bool) -> TlsFiles:
    files = {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    there = {name: str(path) if path.is_file() else "" for name, path in files.items()}
    return TlsFiles(there["ca"], there["cert"], there["key"], verify)


def _docker_folder(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or home / ".docker")


def _json(path: Path) -> dict[str, Any]:
    try:
        read: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


def _all_contexts(environ: Mapping[str, str], home: Path) -> Iterator[Endpoint]:
    folder = _docker_folder(environ, home) / "contexts"
    for meta in sorted((folder / "meta").glob("*/meta.json")):
        described = _json(meta)
        try:
            docker = described["Endpoints"]["docker"]
            url, verify = str(docker["Host"]), not docker.get("SkipTLSVerify", False)
        except (KeyError, TypeError, AttributeError):
            continue
        if url.partition("://")[0] not in _SCHEMES:
            continue
        keys = folder / "tls" / meta.parent.name / "docker"
        tls = _tls_files(keys, verify=verify) if keys.is_dir() else None
        yield Endpoint(url, f"context {described.get('Name', '')}", tls=tls)


def _contexts(environ: Mapping[str, str], home: Path, *, current: bool) -> Iterator[Endpoint]:
    name = _json(_docker_folder(environ, home) / "config.json").get("currentContext", "")
    for endpoint in _all_contexts(environ, home):
        if (endpoint.source == f"context {name}") == current:
            yield endpoint


def _usual(environ: Mapping[str, str], home: Path, platform: str) -> Iterator[Endpoint]:
    if platform == "win32":
        yield Endpoint("npipe:////./pipe/docker_engine", "Docker Desktop")
        yield Endpoint("npipe:////./pipe/podman-machine-default", "Podman")
        return
    for path, source in _sockets(environ, home):
        yield Endpoint(f"unix://{path}", source)
    if host := environ.get("CONTAINER_HOST", ""):
        yield Endpoint(host, "CONTAINER_HOST")


def _sockets(environ: Mapping[str, str], home: Path) -> Iterator[tuple[Path, str]]:
    session = environ.get("XDG_RUNTIME_DIR", "")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield Path("/var/run/docker.sock"), "Docker"
    if session.startswith("/"):
        yield Path(session) / "docker.sock", "rootless Docker"
    yield home / ".docker" / "run" / "docker.sock", "Docker Desktop"
    yield home / ".docker" / "desktop" / "docker.sock", "Docker Desktop"
    colima = environ.get("COLIMA_HOME")
    for folder in (Path(colima) if colima else home / ".colima", config / "colima"):
        yield folder / "default" / "docker.sock", "Colima"
    yield home / ".orbstack" / "run" / "docker.sock", "OrbStack"
    yield home / ".rd" / "docker.sock", "Rancher Desktop"
    if session.startswith("/"):
        yield Path(session) / "podman" / "podman.sock", "rootless Podman"
    yield Path("/run/podman/podman.sock"), "Podman"
    machine = data / "containers" / "podman" / "machine"
    for name in ("podman.sock", "qemu/podman.sock", "podman-machine-default/podman.sock"):
        yield machine / name, "Podman machine"


def _nothing(failures: list[tuple[Endpoint, OSError]], platform: str) -> TryAgain:
    """Tell what stands in the way: of all that failed, the one nearest to working."""
    # "No such socket" says the least: that engine is simply not installed.
    there = [
        one for one in failures if not isinstance(one[1], FileNotFoundError) or one[0].explicit
    ]
    if not there:
        fix = "Start Docker or Podman; on Debian and Ubuntu `mcptui doctor --fix engine` gets one"
        if platform in ("darwin", "win32"):
            fix = "Start Docker Desktop, Colima, OrbStack, Rancher Desktop or Podman"
        return TryAgain("No container engine was found", "none of the usual sockets is there", fix)
    endpoint, error = next((one for one in there if isinstance(one[1], PermissionError)), there[0])
    what = f"The container engine at {visible(endpoint.url, limit=200)} does not answer"
    if isinstance(error, PermissionError):
        what = f"You may not use the container engine at {visible(endpoint.url, limit=200)}"
        fix = 'Join its group with `sudo usermod -aG docker "$USER"`, then log in again'
    elif endpoint.explicit:
        fix = f"Start that engine, or change {endpoint.source.partition(' ')[0]}"
    else:
        fix = f"Start {endpoint.source}, for example with `sudo systemctl start docker`"
        if platform in ("darwin", "win32") or endpoint.source != "Docker":
            fix = f"Start {endpoint.source}"
    return TryAgain(what, f"{endpoint.source}: {error.strerror or error}", fix)
