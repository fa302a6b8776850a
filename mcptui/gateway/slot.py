"""One installed server in one gateway: what is known of it, how it fares, whether to start it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from mcptui.entry import Choices
from mcptui.gateway.capable import extension_ids
from mcptui.gateway.credentials import SIGN_IN, sign_in_advice
from mcptui.gateway.limits import Limits
from mcptui.gateway.view import ServerView
from mcptui.guard.switches import Verdict
from mcptui.runtime.channel import Reaching, Running
from mcptui.store.rows import Definitions, Installed, ToolState


def reaches(installed: Installed) -> bool:
    """Whether a server reaches any host; what makes its way there is made at its start."""
    entry, choices = installed.entry, installed.choices
    if choices.network != "listed" or choices.hosts:
        return True
    # The rules are read in another module, which the first lists need not wait for.
    if not any(host.name != "*" for host in entry.hosts):
        return False
    from mcptui.runtime.reach import policy_of

    return policy_of(entry, choices).reaches


@dataclass(slots=True)
class Slot:
    """A server's place in the gateway.

    Args:
        view: what clients may see of it.
        limits: bounds.
        state: off, starting, running, down or stopped; as the store shows it.
        reason: why it is down or stopped.
        restarts: starts after the first one.
        live: what it said in this process, which counts more than what is remembered.
    """

    view: ServerView
    limits: Limits
    state: str = "stopped"
    reason: str = ""
    container: str = ""
    restarts: int = 0
    starts: int = 0
    quick_deaths: int = 0
    last_death: float = 0.0
    live: Definitions | None = None
    seen: dict[str, ToolState] = field(default_factory=dict[str, ToolState])

    @property
    def name(self) -> str:
        """The installed server's name."""
        return self.view.name

    @property
    def era(self) -> str:
        """The era it was found to be of, "" when nobody knows."""
        return self.view.said.era if self.view.said is not None else ""

    @property
    def extensions(self) -> frozenset[str] | None:
        """Ids of its extensions as far as they are remembered, None when nobody knows."""
        return extension_ids(self.view.said.capabilities) if self.view.said is not None else None

    def update(
        self,
        installed: Installed,
        said: Definitions | None,
        states: dict[str, ToolState],
        only: frozenset[str] | None = None,
    ) -> bool:
        """Take over new rows; returns whether a running server no longer fits them."""
        before = self.view.installed
        stale = (
            before.entry != installed.entry
            or before.image_id != installed.image_id
            or _of_container(before.choices) != _of_container(installed.choices)
            or reaches(before) != reaches(installed)
        )
        if stale:
            self.live, self.seen, self.quick_deaths = None, {}, 0
        merged = dict(states)
        for name, own in self.seen.items():
            row = states.get(name)
            approved = row.approved_hash if row is not None else own.approved_hash
            # What the server shows was seen here; what was approved is decided in the store.
            merged[name] = replace(own, approved_hash=approved or own.approved_hash)
        self.view = ServerView(installed, self.live or said, merged, only)
        return stale

    def keep_to_hosts(self, running: Running | None) -> None:
        """Have a running process reach what is chosen now, no more and no less."""
        if isinstance(running, Reaching):
            from mcptui.runtime.reach import policy_of

            installed = self.view.installed
            running.keep_to(policy_of(installed.entry, installed.choices))

    def learned(self, said: Definitions, changes: list[ToolState]) -> None:
        """Take over what the running server says."""
        self.live = said
        self.seen |= {row.tool: row for row in changes}
        states = {**self.view.states, **self.seen}
        self.view = ServerView(self.view.installed, said, states, self.view.only)

    def hold(self) -> Verdict | None:
        """Why the server is not started for a call, None when it may be."""
        name = self.name
        if not self.view.shown:
            return Verdict(
                "blocked", "server switched off", f"The server {name!r} is switched off."
            )
        if self.quick_deaths >= self.limits.deaths:
            return Verdict(
                "error",
                f"down: {self.reason}",
                f"The server {name!r} is down: it failed {self.quick_deaths} times in a row "
                f"({self.reason}), so it is not started again. {self.advice} "
                "Other servers are not affected.",
            )
        return None

    @property
    def advice(self) -> str:
        """What a person can do about a server that is down."""
        name = self.name
        if self.reason.startswith(SIGN_IN):
            return f"{sign_in_advice(self.view.installed)}."
        return f"Its log is in the Servers room of mcptui; `mcptui restart {name}` tries again."

    def delay(self) -> float:
        """Seconds to wait before the next start: none at first, more after each quick death."""
        if self.quick_deaths < 2:
            return 0.0
        pause = self.limits.backoff * 2.0 ** (self.quick_deaths - 2)
        return max(0.0, self.last_death + pause - time.monotonic())

    def died(self, lived: float, *, counts: bool = True) -> None:
        """The server ended by itself or could not be started."""
        self.last_death = time.monotonic()
        if lived > self.limits.quick_death:
            self.quick_deaths = 0
        elif counts and not self.reason.startswith(SIGN_IN):
            self.quick_deaths += 1


def _of_container(choices: Choices) -> Choices:
    """What of the choices a running container was made by, and cannot take over."""
    none: frozenset[str] = frozenset()
    hosts = replace(choices, network="listed", hosts=(), hosts_off=none)
    return replace(hosts, tools_off=none, limits=choices.limits.fixed)
