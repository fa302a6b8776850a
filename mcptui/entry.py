"""What a catalog says about one server, as frozen data.

On the ground floor because the catalog writes it, the runtime plans from it, the gateway
answers from it and the screens show it, and those rooms do not import each other. Parsing is
by hand (`entry_read.py`), so a broken entry gets an error that names the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mcptui.own_limits import OwnLimits
from mcptui.signed_by import SignedBy

CATEGORIES = (
    "cloud", "communication", "data", "development", "documents", "finance", "knowledge",
    "media", "monitoring", "productivity", "search", "security", "utilities", "web",
)  # fmt: skip
"""The closed list of categories."""
NETWORKS = ("listed", "any", "learn")
"""What a user may choose for a server's network."""
PROTOCOLS = ("tls", "http", "tcp")
"""How a server may speak with a host."""


VOLUME = "volume:"
"""What is picked for a mount in place of a path: a volume of the engine, for this server alone."""


class Kind(StrEnum):
    """How a server is run."""

    IMAGE = "image"
    PACKAGE = "package"
    REMOTE = "remote"


class Trust(StrEnum):
    """Where an entry comes from, and so how far it can be believed."""

    SIGNED = "signed"
    """From a catalog whose signature was verified."""
    UNSIGNED = "unsigned"
    """From a local file or image of the user's own."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a registry, built here into an image.

    Args:
        registry: "pypi" or "npm".
        name: the package's name there.
        version: the exact version.
        lock: every package it needs, exact versions and hashes: requirements text for PyPI,
            package-lock.json (version 3, without addresses) for npm.
        lock_sha256: hex digest of `lock`.
        script: which of its programs is the server, "" when that is plain.
        debian: Debian packages it needs besides ("git"), in the base's release.
    """

    registry: str
    name: str
    version: str
    lock: str
    lock_sha256: str
    script: str = ""
    debian: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image of an OCI registry, or one that the local engine already has.

    Args:
        repository: name without tag; "" for a local image.
        digest: "sha256:…" of the index or manifest, or the local image ID.
        local: True when the image is only in the local engine (own servers).
        signed_by: whose signature it must have, None when none is known.
    """

    repository: str
    digest: str
    local: bool = False
    signed_by: SignedBy | None = None


@dataclass(frozen=True, slots=True)
class Http:
    """How a server in a container listens, when it does not speak on stdin and stdout.

    It is reached without a network: the container has nothing but its own loopback.

    Args:
        port: TCP port on the container's loopback.
        path: of its endpoint.
        transport: "streamable-http" or "sse".
    """

    port: int
    path: str = "/mcp"
    transport: str = "streamable-http"


@dataclass(frozen=True, slots=True)
class OAuth:
    """What is known of a server's sign-in.

    Args:
        provider: a short name for a person.
        scopes: what it asks for.
        secret: env name of the token in a container that takes it, "" for remotes.
        issuer: the authorization server for such a container; remotes name theirs themselves.
    """

    provider: str
    scopes: tuple[str, ...] = ()
    secret: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """A server run by somebody else, reached over HTTPS.

    Args:
        url: its endpoint.
        transport: "streamable-http" or "sse".
        headers: header name → template with `${SECRET_ENV}` in it.
    """

    url: str
    transport: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that only the keyring may hold.

    Args:
        name: stable name, unique in the entry.
        env: the variable in which the server expects it.
        required: the server is useless without it.
        where: where a person gets one, plain words or an address.
        file: the variable holds the path of a file with the value, instead of the value.
    """

    name: str
    env: str
    required: bool = True
    where: str = ""
    file: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file the user picks at install.

    Args:
        name: its name among the choices.
        target: absolute path inside; `{name}` is the picked path's last part.
        description: what the server does with it.
        required: the server cannot start without one.
        many: more than one may be picked.
        writable: the server is useless when it may only read; still off until the user says so.
        argument: append the path inside to the command line.
    """

    name: str
    target: str
    description: str
    required: bool = True
    many: bool = False
    writable: bool = False
    argument: bool = False


@dataclass(frozen=True, slots=True)
class Volume:
    """A place where the server keeps data of its own, from run to run.

    Args:
        name: its name, told from those of mounts.
        target: absolute path inside.
        description: what is kept there.
    """

    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A network destination the server declares.

    Args:
        name: host name, `*.` and a name, or "*" for any host (stated, shown as "any").
        port: TCP port.
        why: what for.
        protocol: "tls", "http" where it is not encrypted, "tcp" for what is neither.
    """

    name: str
    port: int = 443
    why: str = ""
    protocol: str = "tls"


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits of one container. Memory in MiB, cpus in cores, tmp in MiB, pids a count."""

    memory: int = 256
    cpus: float = 1.0
    pids: int = 64
    tmp: int = 64


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A hardening control this server cannot bear, and why.

    Args:
        control: one of "read_only", "user", "noexec_tmp", "pids", "memory".
        reason: shown on the install sheet.
        value: what it becomes, where that is not plain ("0:0" for user).
    """

    control: str
    reason: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable; `{parameter}` in the value is replaced by the choice.

    A value with a parameter that was not chosen drops the variable.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Option:
    """Arguments appended to the command when `parameter` has a value."""

    parameter: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolPin:
    """One tool as it was when the entry was checked.

    Args:
        name: the server's own name for it.
        description: its description, for lists; the definition holds the exact text.
        hash: "sha256:" + hex of the RFC 8785 form of `definition`; "" when the tool is known by
            name only and was never seen.
        definition: the whole definition as the server gave it, None when not known.
        reads: it says it only reads.
        destroys: it says it may destroy.
    """

    name: str
    description: str
    hash: str
    definition: dict[str, Any] | None = None
    reads: bool = False
    destroys: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server said of itself when it was checked, besides its tools and instructions.

    Args:
        era: "legacy" (an initialize handshake) or "modern" (2026-07-28), "" when never started.
        protocol_version: the version it chose, "" when never started.
        server_info, capabilities, prompts, resources, templates: as it gave them.
    """

    era: str = ""
    protocol_version: str = ""
    server_info: dict[str, Any] = field(default_factory=dict[str, Any])
    capabilities: dict[str, Any] = field(default_factory=dict[str, Any])
    prompts: tuple[dict[str, Any], ...] = ()
    resources: tuple[dict[str, Any], ...] = ()
    templates: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What was tried before the entry was published.

    Args:
        on: ISO date.
        built, started, listed: which steps really worked.
        not_checked: what could not be tried here, and why; shown to the user.
    """

    on: str
    built: bool = False
    started: bool = False
    listed: bool = False
    not_checked: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One server. See `catalog/README.md` for the fields as a maintainer writes them."""

    id: str
    title: str
    description: str
    publisher: str
    category: str
    licence: str
    homepage: str
    source: str
    kind: Kind
    checked: Checked
    package: Package | None = None
    image: Image | None = None
    remote: Remote | None = None
    http: Http | None = None
    oauth: OAuth | None = None
    command: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    env: tuple[Variable, ...] = ()
    secrets: tuple[Secret, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    mounts: tuple[Mount, ...] = ()
    hosts: tuple[Host, ...] = ()
    resources: Resources = Resources()
    relaxes: tuple[Relaxation, ...] = ()
    stateless: bool = False
    tools: tuple[ToolPin, ...] = ()
    instructions: str = ""
    listing: Listing = Listing()
    volumes: tuple[Volume, ...] = ()

    @property
    def needs_network(self) -> bool:
        """Whether a container of this entry is of no use without the network."""
        return self.kind is not Kind.REMOTE and bool(self.hosts)

    @property
    def places(self) -> tuple[str, ...]:
        """Names of its mounts and volumes."""
        return tuple(one.name for one in (*self.mounts, *self.volumes))

    @property
    def needs(self) -> str:
        """What the user must bring: "sign-in", "token" or "none"."""
        if self.oauth is not None:
            return "sign-in"
        return "token" if any(secret.required for secret in self.secrets) else "none"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose for one installed server.

    Args:
        parameters: parameter name → value, checked against the entry's JSON Schema.
        mounts: mount name → picked (absolute host path, writable) pairs.
        network: one of `NETWORKS`: "listed" for the entry's hosts and the user's own, "any" for
            every public host, "learn" for the same while it is noted which ones are used.
        hosts: what the user allows besides the entry's hosts, as rules are written.
        hosts_off: hosts of the entry that the user took away, written likewise.
        tools_off: tools switched off.
        enabled: the server as a whole is on.
        image: image ID the user wants kept, "" for what the entry builds.
        exposed: credentials the server may read because the user said so, as exact paths.
        unmasked: files with secrets inside picked folders that it may see nevertheless.
        limits: what it may take of the machine, where that is not what its entry says.
        unsigned: its image may run although nobody signed it.
    """

    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    mounts: dict[str, tuple[tuple[str, bool], ...]] = field(
        default_factory=dict[str, tuple[tuple[str, bool], ...]]
    )
    network: str = "listed"
    hosts: tuple[str, ...] = ()
    hosts_off: frozenset[str] = frozenset()
    tools_off: frozenset[str] = frozenset()
    enabled: bool = True
    image: str = ""
    exposed: frozenset[str] = frozenset()
    unmasked: frozenset[str] = frozenset()
    limits: OwnLimits = OwnLimits()
    unsigned: bool = False
