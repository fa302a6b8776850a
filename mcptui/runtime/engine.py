"""One container engine: everything we ask of it, in our words, with errors a person can act on.

Methods block; from a loop, call them in a thread. They may be called from many threads at once.
The docker SDK is imported when the first of them is called.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcptui.errors import McptuiError, TryAgain
from mcptui.paths import Paths
from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.engine_facts import EngineFacts, read_facts
from mcptui.runtime.plan import ImageFacts
from mcptui.runtime.stats import Meter, Usage
from mcptui.visible import visible

OWN_IMAGE = "mcptui.image"
"""Label of every image that we built."""
_REMOVAL = 30.0
"""Seconds that the engine may take to remove a container."""
_OLDEST_API, _NEWEST_API = (1, 41), (1, 47)


@dataclass(frozen=True, slots=True)
class Found:
    """A container in a list.

    Args:
        id: its full ID.
        labels: all of them.
        running: its process lives, or is about to.
        created: Unix seconds.
    """

    id: str
    labels: Mapping[str, str]
    running: bool
    created: float


class Engine:
    """A container engine at a known place.

    Args:
        endpoint: where it listens.
        api: the newest API version it speaks, "" to ask it.
        folder: where sockets of running servers may be made; private to this user.
        routes: remembers by endpoint how stdio reaches its containers; keep it to spare the
            next process the trial.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        api: str = "",
        *,
        folder: Path | None = None,
        routes: MutableMapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.routes: MutableMapping[str, str] = {} if routes is None else routes
        self.folder = folder or Paths.of(os.environ).runtime
        self._api = api
        self._client: Any = None
        self._facts: EngineFacts | None = None
        self._arch = ""
        self._guard = threading.RLock()
        self._meter = Meter(self._raw_stats)

    @property
    def client(self) -> Any:
        """The SDK's `docker.DockerClient`, made when first asked for.

        Raises:
            TryAgain: the engine does not answer.
        """
        with self._guard:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        import docker

        options: dict[str, Any] = {"base_url": self.endpoint.url, "timeout": 60}
        if self.endpoint.tls is not None:
            tls = self.endpoint.tls
            pair = (tls.cert, tls.key) if tls.cert else None
            options["tls"] = docker.tls.TLSConfig(
                client_cert=pair, ca_cert=tls.ca or None, verify=tls.verify
            )
        if self.endpoint.scheme == "ssh":
            options["use_ssh_client"] = True
        with _told("The container engine does not answer"):
            if not self._api and self.endpoint.scheme not in ("ssh", "npipe"):
                # The SDK would leave sockets open while it finds out that nobody is there.
                self._api = self.endpoint.ping()
            version = _chosen_api(self._api)
            return docker.DockerClient(version=version, **options)

    def warm(self) -> None:
        """Import the SDK and make the client, so that the first container starts sooner."""
        with suppress(McptuiError):
            _ = self.client

    def facts(self) -> EngineFacts:
        """What the engine says of itself; asked once.

        Raises:
            TryAgain: it does not answer.
        """
        with self._guard:
            if self._facts is None:
                with _told("The container engine does not answer"):
                    version, info = self.client.version(), self.client.info()
                self._facts = read_facts(self.endpoint, self.client.api.api_version, version, info)
            return self._facts

    def arch(self) -> str:
        """Its processor as it names it; cheaper than all the facts.

        Raises:
            TryAgain: it does not answer.
        """
        with self._guard:
            if not self._arch:
                with _told("The container engine does not answer"):
                    self._arch = str(self.client.version().get("Arch", ""))
            return self._arch

    # Images

    def image_facts(self, image: str) -> ImageFacts:
        """What the engine knows of an image.

        Args:
            image: ID, name or digest reference.

        Raises:
            McptuiError: it has no such image.
        """
        with _told(f"The engine has no image {visible(image, limit=120)}"):
            told: dict[str, Any] = self.client.api.inspect_image(image)
        config: dict[str, Any] = told.get("Config") or {}
        return ImageFacts(
            id=str(told["Id"]),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            cmd=tuple(config.get("Cmd") or ()),
            env=tuple(config.get("Env") or ()),
            workdir=str(config.get("WorkingDir") or ""),
            user=str(config.get("User") or ""),
            volumes=tuple(config.get("Volumes") or ()),
        )

    def find_image(self, label: str, value: str) -> str:
        """The ID of an image with that label, "" when there is none."""
        found = self._images({"label": [f"{label}={value}"]})
        return found[0] if found else ""

    def own_images(self) -> list[str]:
        """IDs of the images that we built."""
        return self._images({"label": [f"{OWN_IMAGE}=1"]})

    def _images(self, filters: Mapping[str, list[str]]) -> list[str]:
        with _told("The engine does not list its images"):
            found: list[dict[str, Any]] = self.client.api.images(filters=dict(filters))
        return [str(image["Id"]) for image in found]

    def load(self, archive: Any) -> None:
        """Load a `docker save` archive: bytes, a file or an iterator of bytes."""
        with _told("The engine did not take the image"):
            for answer in self.client.api.load_image(archive):
                if isinstance(answer, dict) and "error" in answer:
                    why = visible(answer["error"], limit=300)  # pyright: ignore[reportUnknownArgumentType]
                    raise McptuiError("The engine did not take the image", why)

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image a name."""
        with _told(f"The image {visible(image, limit=120)} could not be named"):
            self.client.api.tag(image, repository, tag)

    def remove_image(self, image: str) -> None:
        """Remove an image; one that is gone already is no error.

        Raises:
            McptuiError: a container still uses it.
        """
        with _told(f"The image {visible(image, limit=120)} was not removed", missing_ok=True):
            self.client.api.remove_image(image, force=True)

    # Containers

    def create(self, body: Mapping[str, Any]) -> str:
        """Create a container from a request of the Engine API; returns its ID."""
        with _told("The engine did not create the container"):
            return str(self.client.api.create_container_from_config(dict(body))["Id"])

    def start(self, container: str) -> None:
        """Start a created container."""
        with _told("The engine did not start the container"):
            self.client.api.start(container)

    def state(self, container: str) -> dict[str, Any]:
        """The engine's State of a container; empty when there is none of that ID."""
        with _told("The engine does not tell of its container", missing_ok=True):
            return dict(self.client.api.inspect_container(container)["State"])
        return {}

    def inspect(self, container: str) -> dict[str, Any]:
        """Everything the engine knows of a container; empty when there is none of that ID."""
        with _told("The engine does not tell of its container", missing_ok=True):
            return dict(self.client.api.inspect_container(container))
        return {}

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Send a signal; a container that has ended already is no error."""
        with suppress(McptuiError), _told("The container was not killed", missing_ok=True):
            self.client.api.kill(container, signal)

    def remove(self, container: str) -> None:
        """Kill and remove a container, and return when it is gone; one that is gone is no error.

        Raises:
            McptuiError: the engine could not, or another's removal of it did not end.
        """
        what = "The container was not removed"
        try:
            with _told(what, missing_ok=True):
                self.client.api.remove_container(container, force=True, v=True)
        except McptuiError as error:
            # Another of us removes it at this moment: gone is what we promise, so wait for it.
            if "already in progress" not in error.why or not self._gone(container):
                raise

    def _gone(self, container: str) -> bool:
        until = time.monotonic() + _REMOVAL
        while time.monotonic() < until:
            if not self.inspect(container):
                return True
            time.sleep(0.05)
        return False

    def found(self, labels: Mapping[str, str]) -> list[Found]:
        """Containers, running or not, with all these labels; a value of "" stands for any."""
        wanted = [f"{name}={value}" if value else name for name, value in labels.items()]
        with _told("The engine does not list its containers"):
            listed: list[dict[str, Any]] = self.client.api.containers(
                all=True, filters={"label": wanted}
            )
        return [
            Found(
                str(one["Id"]),
                dict(one.get("Labels") or {}),
                str(one.get("State", "")) in ("created", "running", "restarting", "paused"),
                float(one.get("Created") or 0),
            )
            for one in listed
        ]

    def containers(self, labels: Mapping[str, str]) -> list[str]:
        """IDs of the containers, running or not, with all these labels."""
        return [found.id for found in self.found(labels)]

    def stats(self, ids: Iterable[str]) -> dict[str, Usage]:
        """What containers take now; those that are gone are left out."""
        return self._meter.usage(ids)

    def _raw_stats(self, container: str) -> Mapping[str, Any] | None:
        with _told("The engine does not measure its container", missing_ok=True):
            told: dict[str, Any] = self.client.api.stats(container, stream=False, one_shot=True)
            return told
        return None

    def fill_volume(self, name: str, image: str, folder: str, archive: bytes) -> None:
        """Put files into a named volume, through a container that is never started.

        Args:
            name: the volume, made when there is none.
            image: any image the engine has.
            folder: where the volume lies for the moment.
            archive: a tar of the files.
        """
        mount = {"Type": "volume", "Source": name, "Target": folder}
        body = {
            "Image": image,
            "Entrypoint": ["/never-started"],
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none", "Mounts": [mount]},
        }
        with _told("The engine did not take mcptui's start program"):
            self.client.api.create_volume(name, labels={"mcptui.shim": "1"})
        container = self.create(body)
        try:
            with _told("The engine did not take mcptui's start program"):
                self.client.api.put_archive(container, folder, archive)
        finally:
            with _told("The container was not removed", missing_ok=True):
                self.client.api.remove_container(container, force=True)

    def close(self) -> None:
        """Close the connections; the engine may be used again."""
        with self._guard:
            if self._client is not None:
                self._client.close()
                self._client = None


def _chosen_api(told: str) -> str:
    """The version to speak: the engine's, within what we know; "auto" when it did not say."""
    try:
        major, minor = (int(part) for part in told.split("."))
    except ValueError:
        return "auto"
    chosen = min((major, minor), _NEWEST_API)
    return "auto" if chosen < _OLDEST_API else f"{chosen[0]}.{chosen[1]}"


@contextmanager
def _told(what: str, *, missing_ok: bool = False) -> Generator[None, None, None]:
    """Turn the SDK's errors into ours.

    Args:
        what: what failed.
        missing_ok: what is not there any more is no error.
    """
    # The packages before their modules: two threads that import both in other orders would meet
    # half-made ones.
    import docker
    import docker.errors
    import requests
    import requests.exceptions

    try:
        yield
    except docker.errors.NotFound as error:
        if not missing_ok:
            raise McptuiError(what, _explained(error)) from error
    except docker.errors.APIError as error:
        raise McptuiError(what, _explained(error), _fix(str(error))) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        why = visible(getattr(error, "strerror", None) or error, limit=300)
        raise TryAgain(
            "The container engine does not answer", why, "`mcptui doctor` looks into it"
        ) from error


def _explained(error: Any) -> str:
    return visible(getattr(error, "explanation", "") or error, limit=400)


def _fix(why: str) -> str:
    hints: tuple[tuple[Callable[[str], bool], str], ...] = (
        (lambda text: "no space left" in text, "Free some disk space"),
        (lambda text: "NanoCPUs" in text or "cgroup" in text, "The engine lacks a limit we need; "
         "`mcptui doctor` tells which"),
        (lambda text: "being used by" in text, "Stop the server that uses it first"),
    )  # fmt: skip
    return next((fix for test, fix in hints if test(why)), "")
