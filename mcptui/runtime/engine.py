"""One container engine: everything we ask of it, in our words, with errors a person can act on.

Methods block; from a loop, call them in a thread. They may be called from many threads at once.
The docker SDK is imported when something is asked that starting a server does not take.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mcptui.errors import McptuiError
from mcptui.paths import Paths
from mcptui.runtime import plain
from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.engine_facts import EngineFacts, read_facts
from mcptui.runtime.plan import ImageFacts
from mcptui.runtime.stats import Meter, Usage
from mcptui.runtime.told import told
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

    `tested` remembers by endpoint what the last test of the engine's isolation said.
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
        self.tested: MutableMapping[str, str] = {}
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
        with told("The container engine does not answer"):
            if not self._api and self.endpoint.scheme not in ("ssh", "npipe"):
                # The SDK would leave sockets open while it finds out that nobody is there.
                self._api = self.endpoint.ping()
            version = _chosen_api(self._api)
            return docker.DockerClient(version=version, **options)

    def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None
    ) -> Any:
        """Send one request; gives what the engine says."""
        if self.endpoint.scheme not in plain.SCHEMES:
            return self._ask_sdk(method, path, query, body)
        with self._guard:
            if not self._api:
                self._api = self.endpoint.ping()
        version = _chosen_api(self._api)
        prefix = "" if version == "auto" else f"/v{version}"
        return plain.read(*plain.ask(self.endpoint, method, prefix + path, query or {}, body))

    def _ask_sdk(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object
    ) -> Any:
        api = self.client.api
        url = f"{api.base_url}/v{api.api_version}{path}"
        answer = api.request(method, url, params=query, json=body, timeout=plain.SECONDS)
        return plain.read(answer.status_code, answer.content)

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
                with told("The container engine does not answer"):
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
                with told("The container engine does not answer"):
                    self._arch = str(self.ask("GET", "/version").get("Arch", ""))
            return self._arch

    def identity(self) -> str:
        """What is another after an update of the engine, of a part of it or of the kernel.

        Raises:
            TryAgain: it does not answer.
        """
        with told("The container engine does not answer"):
            said: dict[str, Any] = self.ask("GET", "/version")
        self._arch = str(said.get("Arch", ""))
        parts: list[dict[str, Any]] = said.get("Components") or [said]
        names = [f"{part.get('Name', '')} {part.get('Version', '')}" for part in parts]
        words = [*sorted(names), str(said.get("KernelVersion", ""))]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()

    def gateways(self) -> list[str]:
        """Addresses this machine has in the engine's networks, of the first few."""
        with told("The engine does not list its networks"):
            listed: list[dict[str, Any]] = self.ask("GET", "/networks") or []
        pools: list[dict[str, Any]] = []
        for one in listed[:16]:
            addresses: dict[str, Any] = one.get("IPAM") or {}
            pools += addresses.get("Config") or []
        found = [str(pool.get("Gateway") or _first_address(pool.get("Subnet"))) for pool in pools]
        return [address for address in found if address]

    # Images

    def image_facts(self, image: str) -> ImageFacts:
        """What the engine knows of an image.

        Args:
            image: ID, name or digest reference.

        Raises:
            McptuiError: it has no such image.
        """
        with told(f"The engine has no image {visible(image, limit=120)}"):
            said: dict[str, Any] = self.ask("GET", f"/images/{quote(image, safe='/:@')}/json")
        config: dict[str, Any] = said.get("Config") or {}
        return ImageFacts(
            id=str(said["Id"]),
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
        with told("The engine does not list its images"):
            found: list[dict[str, Any]] = self.client.api.images(filters=dict(filters))
        return [str(image["Id"]) for image in found]

    def load(self, archive: Any) -> None:
        """Load a `docker save` archive: bytes, a file or an iterator of bytes."""
        with told("The engine did not take the image"):
            for answer in self.client.api.load_image(archive):
                if isinstance(answer, dict) and "error" in answer:
                    why = visible(answer["error"], limit=300)  # pyright: ignore[reportUnknownArgumentType]
                    raise McptuiError("The engine did not take the image", why)

    def pull(
        self, repository: str, digest: str, login: Mapping[str, str]
    ) -> Iterator[Mapping[str, Any]]:
        """Pull an image by digest and yield what the engine tells meanwhile.

        Args:
            repository, digest: what; the engine checks the digest.
            login: "username" and "password" for the registry, empty for none.
        """
        with told(f"The engine did not pull {visible(repository, limit=160)}"):
            # An empty sign-in keeps the SDK from running the user's credential helper itself.
            answers = self.client.api.pull(
                repository, tag=digest, stream=True, decode=True, auth_config=dict(login)
            )
            for answer in answers:
                if "error" in answer:
                    why = visible(answer["error"], limit=300)
                    raise McptuiError("The engine did not pull the image", why)
                yield answer

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image a name."""
        with told(f"The image {visible(image, limit=120)} could not be named"):
            self.client.api.tag(image, repository, tag)

    def remove_image(self, image: str) -> None:
        """Remove an image; one that is gone already is no error.

        Raises:
            McptuiError: a container still uses it.
        """
        with told(f"The image {visible(image, limit=120)} was not removed", missing_ok=True):
            self.client.api.remove_image(image, force=True)

    # Containers

    def create(self, body: Mapping[str, Any]) -> str:
        """Create a container from a request of the Engine API; returns its ID."""
        with told("The engine did not create the container"):
            return str(self.ask("POST", "/containers/create", body=dict(body))["Id"])

    def start(self, container: str) -> None:
        """Start a created container."""
        with told("The engine did not start the container"):
            self.ask("POST", f"/containers/{container}/start")

    def state(self, container: str) -> dict[str, Any]:
        """The engine's State of a container; empty when there is none of that ID."""
        with told("The engine does not tell of its container", missing_ok=True):
            return dict(self.ask("GET", f"/containers/{container}/json")["State"])
        return {}

    def inspect(self, container: str) -> dict[str, Any]:
        """Everything the engine knows of a container; empty when there is none of that ID."""
        with told("The engine does not tell of its container", missing_ok=True):
            return dict(self.ask("GET", f"/containers/{container}/json"))
        return {}

    def update(self, container: str, limits: Mapping[str, Any]) -> None:
        """Give a running container other limits.

        Raises:
            McptuiError: the kernel or the engine cannot, as when more is used already.
        """
        with told("The engine did not change the container's limits", missing_ok=True):
            self.ask("POST", f"/containers/{container}/update", body=dict(limits))

    def changes(self, container: str) -> list[tuple[str, bool]]:
        """What was changed of a container's image: path, and whether it is gone."""
        with told("The engine does not tell what was changed", missing_ok=True):
            said: list[dict[str, Any]] = self.ask("GET", f"/containers/{container}/changes") or []
            return [(str(one["Path"]), one.get("Kind") == 2) for one in said]
        return []

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Send a signal; a container that has ended already is no error."""
        with suppress(McptuiError), told("The container was not killed", missing_ok=True):
            self.ask("POST", f"/containers/{container}/kill", {"signal": signal})

    def remove(self, container: str) -> None:
        """Kill and remove a container, and return when it is gone; one that is gone is no error.

        Raises:
            McptuiError: the engine could not, or another's removal of it did not end.
        """
        what = "The container was not removed"
        try:
            with told(what, missing_ok=True):
                self.ask("DELETE", f"/containers/{container}", {"force": "1", "v": "1"})
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
        with told("The engine does not list its containers"):
            query = {"all": "1", "filters": json.dumps({"label": wanted})}
            listed: list[dict[str, Any]] = self.ask("GET", "/containers/json", query)
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
        with told("The engine does not measure its container", missing_ok=True):
            said: dict[str, Any] = self.client.api.stats(container, stream=False, one_shot=True)
            return said
        return None

    def close(self) -> None:
        """Close the connections; the engine may be used again."""
        with self._guard:
            if self._client is not None:
                self._client.close()
                self._client = None


def _first_address(subnet: object) -> str:
    """What a bridge has unless it was told otherwise; "" for no subnet."""
    import ipaddress

    try:
        return str(next(iter(ipaddress.ip_network(str(subnet)).hosts())))
    except (ValueError, StopIteration):
        return ""


def _chosen_api(told: str) -> str:
    """The version to speak: the engine's, within what we know; "auto" when it did not say."""
    try:
        major, minor = (int(part) for part in told.split("."))
    except ValueError:
        return "auto"
    chosen = min((major, minor), _NEWEST_API)
    return "auto" if chosen < _OLDEST_API else f"{chosen[0]}.{chosen[1]}"
