"""Hand images to the container engine: one archive of shared layers, and the same ID each time.

The archive is written here byte by byte ("docker load" form, which Docker and Podman read), so
two builds of the same files give the same image, and servers on one base share its layers.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mcptui.errors import McptuiError, TryAgain
from mcptui.runtime.image import owner
from mcptui.runtime.image.tools import disk_full
from mcptui.runtime.image.tree import Layer
from mcptui.visible import visible

CHUNK = 1 << 20
USER = "65532:65532"
ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "amd64": "amd64", "arm64": "arm64"}


class Stopped(Exception):
    """The build was cancelled while a thread worked for it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """An image to load.

    Args:
        tag: repository and tag.
        layers: from the bottom up.
        arch: "amd64" or "arm64".
        entrypoint: absolute, no shell.
        env: environment.
        labels: labels.
        user: "uid:gid".
        folder: working directory.
        history: what made each layer, for a person.
    """

    tag: str
    layers: tuple[Layer, ...]
    arch: str
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    user: str = USER
    folder: str = "/"
    history: tuple[str, ...] = ()

    def config(self) -> bytes:
        """The image's configuration; its sha256 is the image ID."""
        past = self.history or ("",) * len(self.layers)
        made = "1970-01-01T00:00:00Z"
        return json.dumps(
            {
                "architecture": self.arch,
                "config": {
                    "Entrypoint": list(self.entrypoint) or None,
                    "Env": [f"{name}={value}" for name, value in sorted(self.env.items())],
                    "Labels": dict(sorted(self.labels.items())),
                    "User": self.user,
                    "WorkingDir": self.folder,
                },
                "created": made,
                "history": [{"created": made, "created_by": text} for text in past],
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in self.layers]},
            },
            sort_keys=True,
        ).encode()

    def archive(self) -> Iterator[bytes]:
        """Yield the archive that the engine loads."""
        config = self.config()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        names = [f"{layer.diff_id.partition(':')[2]}.tar" for layer in self.layers]
        manifest = [{"Config": name, "RepoTags": [self.tag], "Layers": names}]
        yield from _member(name, config)
        for layer, path in dict(zip(self.layers, names, strict=True)).items():
            yield _header(path, layer.size)
            with layer.path.open("rb") as file:
                while part := file.read(CHUNK):
                    yield part
            yield b"\0" * (-layer.size % tarfile.BLOCKSIZE)
        yield from _member("manifest.json", json.dumps(manifest).encode())
        yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)


def _member(name: str, data: bytes) -> Iterator[bytes]:
    yield _header(name, len(data)) + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)


class Loader:
    """What building needs of the engine. Every method blocks; call them in a thread.

    Args:
        client: a `docker.DockerClient`.
        stop: set when the build was cancelled; long work ends soon after.
    """

    def __init__(self, client: Any, stop: threading.Event | None = None) -> None:
        self.client = client
        self.stop = stop or threading.Event()

    def arch(self) -> str:
        """Debian's name of the engine's machine type.

        Raises:
            McptuiError: none that images are built for.
        """
        told = str(_call(lambda: self.client.version()).get("Arch", ""))
        if told not in ARCHES:
            raise McptuiError(f"Images cannot be built for the engine's machine type {told!r}")
        return ARCHES[told]

    def find(self, labels: Mapping[str, str]) -> str | None:
        """Return the ID of an image with all these labels, None when there is none."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        found = _call(lambda: self.client.api.images(filters={"label": wanted}))
        return str(found[0]["Id"]) if found else None

    def id_of(self, tag: str) -> str | None:
        """Return the image ID behind a tag or reference, None when the engine has no such."""
        from docker.errors import ImageNotFound

        try:
            return str(self.client.api.inspect_image(tag)["Id"])
        except ImageNotFound:
            return None

    def load(self, spec: Spec, on_bytes: Callable[[int, int], None] | None = None) -> str:
        """Load an image and return its ID.

        Args:
            spec: what to load.
            on_bytes: told bytes sent and bytes in all.
        """
        total = sum(layer.size for layer in spec.layers)
        sent = self._sent(spec, total, on_bytes)
        # Not quiet: what it says while it works keeps a slow load from looking dead.
        answers = _call(lambda: list(self.client.api.load_image(sent, quiet=False)))
        self.check()
        for answer in answers:
            if isinstance(answer, dict) and "error" in answer:
                raise _told(str(cast("dict[str, Any]", answer)["error"]))
        found = self.id_of(spec.tag)
        if found is None:
            raise McptuiError(
                "The engine did not keep the image it was given", repr(answers)[-300:]
            )
        return found

    def _sent(
        self, spec: Spec, total: int, on_bytes: Callable[[int, int], None] | None
    ) -> Iterator[bytes]:
        done = 0
        for part in spec.archive():
            if self.stop.is_set():
                raise Stopped
            yield part
            done += len(part)
            if on_bytes is not None:
                on_bytes(min(done, total), total)

    def check(self) -> None:
        """End this thread's work when the build was cancelled."""
        if self.stop.is_set():
            raise Stopped

    def pull(self, repository: str, digest: str) -> Iterator[dict[str, Any]]:
        """Pull an image by digest and yield what the engine tells meanwhile.

        Raises:
            McptuiError: the registry does not have it.
            TryAgain: the registry does not answer.
        """
        api = self.client.api
        answers = _call(lambda: api.pull(repository, tag=digest, stream=True, decode=True))
        for answer in cast("Iterator[dict[str, Any]]", answers):
            self.check()
            if "error" in answer:
                raise _told(str(answer["error"]))
            yield answer

    def save(self, image: str, path: Path) -> None:
        """Write an image as an archive to `path`."""
        with path.open("wb") as file:
            for part in _call(lambda: self.client.api.get_image(image)):
                self.check()
                file.write(part)

    def remove(self, image: str) -> None:
        """Remove a tag or image; one that is not there or in use is left alone."""
        from docker.errors import APIError

        with suppress(APIError):
            self.client.api.remove_image(image, force=True, noprune=True)

    def run_inside(
        self, image: str, command: Sequence[str], given: bytes, folder: str, env: Mapping[str, str]
    ) -> bytes:
        """Run a program in a locked container without network and return the tar of a folder.

        Args:
            image: the image to run.
            command: absolute argument list.
            given: a tar that is unpacked over the image's files first.
            folder: what to bring back when the program has ended.
            env: its environment.

        Raises:
            McptuiError: the program failed.
        """
        api = self.client.api
        limits = api.create_host_config(
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=64,
            mem_limit=1 << 30,
        )
        body = _call(
            lambda: api.create_container(
                image,
                entrypoint=list(command[:1]),
                command=list(command[1:]),
                user=USER,
                environment=dict(env),
                host_config=limits,
                labels={owner.LABEL: owner.mine()},
            )
        )
        try:
            return self._inside(body["Id"], given, folder, command)
        finally:
            self._drop(str(body["Id"]))

    def _inside(self, container: str, given: bytes, folder: str, command: Sequence[str]) -> bytes:
        api = self.client.api
        _call(lambda: api.put_archive(container, "/", given))
        self.check()
        _call(lambda: api.start(container))
        while _call(lambda: api.inspect_container(container))["State"]["Running"]:
            self.check()
            self.stop.wait(0.1)
        code = _call(lambda: api.inspect_container(container))["State"]["ExitCode"]
        if code:
            said = _call(lambda: api.logs(container, tail=20)).decode("utf-8", "replace")
            raise McptuiError(f"{command[0]} ended with {code} in the image", visible(said)[-600:])
        stream, _ = _call(lambda: api.get_archive(container, folder))
        brought = io.BytesIO()
        for part in stream:
            self.check()
            brought.write(part)
        return brought.getvalue()

    def sweep(self) -> None:
        """Remove containers and images that builders of this host left when they were killed."""
        api = self.client.api
        marked = {"label": [owner.LABEL]}
        for container in _call(lambda: api.containers(all=True, filters=marked)):
            if owner.dead(_mark(container)):
                self._drop(str(container["Id"]))
        for image in _call(lambda: api.images(filters=marked)):
            if owner.dead(_mark(image)):
                self.remove(str(image["Id"]))

    def _drop(self, container: str) -> None:
        from docker.errors import APIError

        with suppress(APIError):
            self.client.api.remove_container(container, force=True, v=True)


def _mark(thing: Mapping[str, Any]) -> str:
    return str(cast("dict[str, str]", thing["Labels"] or {}).get(owner.LABEL, ""))


def _call(work: Callable[[], Any]) -> Any:
    """Do something with the engine and turn its errors into ours."""
    import docker.errors
    import requests

    try:
        return work()
    except docker.errors.APIError as error:
        raise _told(str(error.explanation or error)) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise TryAgain(
            "The container engine went away", visible(str(error))[:300], "mcptui doctor tells more"
        ) from error


def _told(text: str) -> McptuiError:
    if "no space left" in text.lower():
        return disk_full("the container engine's")
    if re.search(r"dial tcp|no such host|i/o timeout|connection re(?:fused|set)|TLS hands", text):
        return TryAgain("The registry does not answer", visible(text)[:300])
    return McptuiError("The container engine refused", visible(text)[:600])
