"""The first start of a server, in the container it will always run in: shake hands, list, stop.

The gateway's own handshake is used, so that what works here works there. A server that dies or
stays silent gives an error with its reason and the end of its log; no container is left either way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcptui import __version__
from mcptui.errors import McptuiError
from mcptui.gateway.handshake import CannotOpen, Hello, drain, shake
from mcptui.gateway.limits import Limits
from mcptui.gateway.link import Link, ServerError
from mcptui.gateway.view import well_formed
from mcptui.gateway.wire import Part, encode
from mcptui.store.rows import Definitions
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.gateway.call import Call
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.plan import ContainerPlan

TAIL = 12
"""Lines of a failed server's log that are told."""
KEPT = 400
"""Lines of log kept of a first start."""
LISTS = (
    ("tools/list", "tools", "tools"),
    ("prompts/list", "prompts", "prompts"),
    ("resources/list", "resources", "resources"),
    ("resources/templates/list", "resourceTemplates", "resources"),
)
"""Method, member of its result, and the capability that offers it."""


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What a server said when it was started for the first time.

    Args:
        definitions: ready to be stored.
        log: what it wrote to its stderr, raw.
        notes: what was left out of its lists, and why.
    """

    definitions: Definitions
    log: tuple[str, ...]
    notes: tuple[str, ...]


class DiedAtStart(McptuiError):
    """A server could not be started or did not answer; `log` holds its last words, raw."""

    def __init__(self, name: str, reason: str, log: tuple[str, ...]) -> None:
        tail = [visible(line, limit=300) for line in log[-TAIL:] if line.strip()]
        told = visible(reason, limit=400)
        said = "; its log ends with:\n    " + "\n    ".join(tail) if tail else "; its log is empty"
        if len(tail) == 1 and tail[0] in told:
            said = ""
        super().__init__(
            f"{name} did not start",
            f"{told}{said}",
            "Nothing was installed; its image is kept for the next try",
        )
        self.reason = reason
        self.log = log


@dataclass(slots=True)
class _Witness:
    """The owner of a link that only looks on."""

    log: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def answered(self, call: Call, result: Part, error: Part) -> None: ...
    def down(self, call: Call, words: str) -> None: ...
    def goes_on(self, call: Call, link: Link) -> None: ...

    def stamp(self, link: Link) -> dict[str, Part]:
        """Nobody's level or capabilities."""
        return {}

    def progressed(self, call: Call, params: dict[str, Part]) -> None: ...
    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """Nobody sits at the other end yet: an empty list of roots is the honest answer."""
        link.reply(identity, b'{"roots":[]}' if method == "roots/list" else b"{}")

    def notified(self, link: Link, method: str, params: Part) -> None: ...
    def ended(self, link: Link, reason: str) -> None: ...
    def stderr(self, link: Link, text: str) -> None:
        self.log.append(text)

    def failed(self, call: Call, reason: str) -> None: ...


async def first_start(
    engine: Engine, plan: ContainerPlan, name: str, *, at: float, limits: Limits | None = None
) -> FirstStart:
    """Start a server, hear what it offers, and stop it.

    Args:
        engine: where.
        plan: the exact container.
        name: the server's name, for the definitions and errors.
        at: unix seconds, stored as the time of the definitions.
        limits: bounds of the handshake and the lists.

    Raises:
        DiedAtStart: it died, stayed silent or speaks no known protocol.
        McptuiError: the engine refused the container.
    """
    from mcptui.gateway.upstream_container import started

    witness, limits = _Witness(), limits or Limits()
    link = Link(name, witness, limits)
    running = await started(engine, plan, link, limits.line)
    link.running = running
    notes: list[str] = []
    try:
        client = encode({"name": "mcptui", "version": __version__})
        hello = await shake(link, "", client, lambda modern, known: b"{}", None)
        link.ready = True
        lists = await _lists(link, hello, notes)
    except (CannotOpen, ServerError, TimeoutError) as error:
        reason = link.dead or str(error) or "it did not answer in time"
        raise DiedAtStart(name, reason, tuple(witness.log)) from error
    finally:
        await running.stop()
    tools = well_formed(lists["tools/list"], notes.append)
    return FirstStart(
        Definitions(
            server=name,
            era="modern" if hello.modern else "legacy",
            protocol_version=hello.version,
            capabilities=hello.capabilities,
            server_info=hello.server_info,
            instructions=hello.instructions,
            tools=tools,
            prompts=_objects(lists["prompts/list"], "name"),
            resources=_objects(lists["resources/list"], "uri"),
            templates=_objects(lists["resources/templates/list"], "uriTemplate"),
            seen_at=at,
        ),
        tuple(witness.log),
        tuple(notes),
    )


async def _lists(link: Link, hello: Hello, notes: list[str]) -> dict[str, list[Any]]:
    """Every list the server says it has; only the tools' list may fail the start."""
    found: dict[str, list[Any]] = {method: [] for method, _, _ in LISTS}
    for method, key, capability in LISTS:
        if capability not in hello.capabilities and method != "tools/list":
            continue
        try:
            found[method] = await drain(link, method, key, notes.append)
        except (ServerError, TimeoutError) as error:
            if link.dead or (method == "tools/list" and "tools" in hello.capabilities):
                raise
            notes.append(f"{method}: {error}")
    return found


def _objects(items: list[Any], key: str) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict) and isinstance(item.get(key), str)]  # pyright: ignore[reportUnknownMemberType]
