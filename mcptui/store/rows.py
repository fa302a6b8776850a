"""What the store gives and takes: frozen rows, no behaviour. Times are unix seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mcptui.entry import Choices, Entry, Trust


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed server.

    Args:
        name: what clients see before `__`; the entry's id unless the user chose another.
        entry: the entry as it was when installed, pins included.
        choices: what the user chose.
        trust: whether a signed catalog vouches for the entry.
        origin: "catalog 42", a file path or an image reference.
        image_id: the exact image that runs, "" for remotes.
    """

    name: str
    entry: Entry
    choices: Choices
    trust: Trust
    origin: str
    image_id: str
    installed_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a server last said of itself; lists are its own words, unchanged.

    Args:
        era: "legacy" or "modern".
        protocol_version: the version agreed on.
    """

    server: str
    era: str
    protocol_version: str
    capabilities: dict[str, Any] = field(default_factory=dict[str, Any])
    server_info: dict[str, Any] = field(default_factory=dict[str, Any])
    instructions: str = ""
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    prompts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    resources: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    templates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ToolState:
    """Which text of a tool was approved, and which one the server shows now.

    Args:
        approved_hash: "" when the tool was never approved.
        seen_hash: "" when the server no longer offers it.
    """

    server: str
    tool: str
    approved_hash: str
    seen_hash: str
    seen_definition: dict[str, Any] | None = None

    @property
    def quarantined(self) -> bool:
        """The server shows something else than what was approved."""
        return bool(self.seen_hash) and self.seen_hash != self.approved_hash


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """One gateway process. `pid_start` tells a reused pid from the real one."""

    id: str
    pid: int
    pid_start: str
    client_name: str
    client_version: str
    client_pid: int
    started_at: float
    beat_at: float
    stopped_at: float | None = None


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server as one gateway sees it: off, starting, running, down or stopped."""

    gateway: str
    server: str
    state: str
    reason: str = ""
    container: str = ""
    since: float = 0.0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call that began. `key` is unique over all gateways; `request` is redacted and bounded."""

    key: str
    gateway: str
    at: float
    client_name: str
    client_version: str
    client_pid: int
    server: str
    tool: str
    method: str
    request: str
    request_bytes: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call that ended: ok, error, blocked, refused, timed out or cancelled.

    `note` is added to what the row tells of the call: a first call that waited for a container.
    """

    key: str
    outcome: str
    ms: float
    reason: str = ""
    answer: str = ""
    answer_bytes: int = 0
    findings: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as a list shows it. Outcome "open" while it runs, "lost" when its gateway died."""

    id: int
    key: str
    gateway: str
    at: float
    client_name: str
    client_version: str
    client_pid: int
    server: str
    tool: str
    method: str
    outcome: str
    ms: float
    bytes_in: int
    bytes_out: int
    reason: str
    what: str
    findings: int


@dataclass(frozen=True, slots=True)
class CallBody:
    """The stored texts of a call, redacted and bounded."""

    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class ContactSeen:
    """One thing a server did on the network, to be added to its place's row.

    Args:
        host, port: the place as the server named it.
        allowed: it was let through.
        at: when.
        times: 1 for a connection or a refusal, 0 for more bytes of a known connection.
        bytes_out, bytes_in: what passed since the last row.
        reason: why it was refused, in words.
        how: "proxy", "name" or "direct".
    """

    server: str
    host: str
    port: int
    allowed: bool
    at: float
    times: int = 1
    bytes_out: int = 0
    bytes_in: int = 0
    reason: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """All that a server did at one place with one verdict, summed up."""

    server: str
    host: str
    port: int
    allowed: bool
    first_at: float
    last_at: float
    times: int
    bytes_out: int
    bytes_in: int
    reason: str
    how: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a server wrote to its stderr. `id` is 0 before it is stored."""

    id: int
    server: str
    gateway: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Something every gateway should do: start, stop, restart, switch or reload."""

    id: int
    at: float
    kind: str
    server: str
    payload: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was written into a client's config, so that it can be taken out again exactly."""

    client: str
    path: str
    at: float
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UndoRow:
    """A change that can be taken back; `kind` names who knows how."""

    id: int
    at: float
    label: str
    kind: str
    payload: dict[str, Any]
