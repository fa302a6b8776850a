"""Servers as containers: the launcher the real gateway uses.

The container engine's library is loaded here, on a thread, when the first server is started and
not before. Everything about a container is decided by `runtime.plan`; this only brings together
what it needs, and says in words what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from mcptui.entry import Kind
from mcptui.errors import McptuiError
from mcptui.gateway.lifecycle import Full
from mcptui.runtime.channel import LINE_LIMIT, Listener, Running
from mcptui.store.rows import Installed
from mcptui.store.written import WrittenRow
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.runtime.container import Container
    from mcptui.runtime.egress.limits import Contact
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.runtime.written import Run

Report = Callable[[str, "Contact"], None]
"""Told of a server's contact with the network."""
SecretsOf = Callable[[Installed], Mapping[str, str]]
"""Gives the secrets of a server by name, from the keyring."""


def no_secrets(installed: Installed) -> Mapping[str, str]:
    """No secrets: the plan says which ones are missing."""
    return {}


async def started(
    engine: Engine,
    plan: ContainerPlan,
    listener: Listener,
    line_limit: int = LINE_LIMIT,
    report: Callable[[Contact], None] | None = None,
    wrote: Callable[[Run], None] | None = None,
) -> Running:
    """Start a planned container, whichever way its server speaks.

    Args:
        engine: where.
        plan: the exact container.
        listener: told what the server says, its log and its end.
        line_limit: bytes of the longest message.
        report: told what the server reaches and is refused.
        wrote: told what it wrote, once it has ended, on another thread.

    Raises:
        McptuiError: it cannot be started; says why and what to do.
    """
    from mcptui.runtime.launch import launch

    if plan.http is None:
        return await launch(
            engine, plan, listener, line_limit=line_limit, report=report, wrote=wrote
        )
    from mcptui.gateway.inward import open_inward

    def start(log: Listener) -> Awaitable[Container]:
        return launch(engine, plan, log, report=report, wrote=wrote)

    return await open_inward(plan.server, plan.http, listener, start, line_limit)


class ContainerLauncher:
    """Starts installed servers as containers.

    Args:
        home: engine and folders.
        session: this gateway's id; on every container as a label.
        line_limit: bytes of the longest message.
        secrets: where secrets come from; called on a thread.
        most: containers all gateways of this user may have at once, about; 0 for any number.
        report: told by server what it reaches and is refused.
    """

    def __init__(
        self,
        home: Home,
        session: str,
        line_limit: int,
        secrets: SecretsOf = no_secrets,
        most: int = 0,
        report: Report | None = None,
    ) -> None:
        self._most = most
        self._report = report
        self._home = home
        self._session = session
        self._line_limit = line_limit
        self._secrets = secrets

    async def __call__(self, installed: Installed, listener: Listener) -> Running:
        """Start one server.

        Raises:
            Full: this user's gateways have too many already.
            McptuiError: it cannot be started; says why and what to do.
        """
        engine, plan = await asyncio.to_thread(self._plan, installed)
        report = self._report
        tell = partial(report, installed.name) if report is not None else None
        wrote = partial(self._wrote, installed.name)
        return await started(engine, plan, listener, self._line_limit, tell, wrote)

    def _wrote(self, server: str, run: Run) -> None:
        """Keep what a server wrote in one run, on a thread."""
        if run.files:
            files = tuple((one.path, one.size, one.where) for one in run.files)
            row = WrittenRow(server, run.began, run.ended, files, run.more)
            self._home.store.put_written(row)

    def _must_have_room(self, engine: Engine, state: str) -> None:
        """Count the containers of all gateways by their labels; the engine alone knows them."""
        if not self._most:
            return
        from mcptui.runtime.owner import HOME

        running = sum(found.running for found in engine.found({HOME: state}))
        if running >= self._most:
            raise Full(
                f"{plural(running, 'server')} of all your clients run already",
                "no more are started at once",
                "Call again later, or close a client; `containers_all` in config.toml is the limit",
            )

    def _plan(self, installed: Installed) -> tuple[Engine, ContainerPlan]:
        entry, choices = installed.entry, installed.choices
        if entry.kind is Kind.REMOTE:
            raise McptuiError(
                f"{installed.name} is a remote server",
                "this version of the gateway runs containers only",
            )
        from mcptui.runtime.deny import Deny
        from mcptui.runtime.owner import Owner
        from mcptui.runtime.plan import plan

        engine = self._home.engine()
        paths = self._home.paths
        self._must_have_room(engine, str(paths.state))
        found = plan(
            entry,
            choices,
            engine.image_facts(choices.image or installed.image_id),
            Owner.current(self._session, str(paths.state)),
            self._secrets(installed),
            name=installed.name,
            deny=Deny(
                homes=(paths.home,),
                private=(paths.state, paths.config, paths.cache, paths.runtime),
            ),
        )
        if found.needs:
            raise McptuiError(
                f"{installed.name} cannot be started, it needs {'; '.join(found.needs)}",
                fix=f"Choose it with `mcptui install {entry.id}`, or in the Servers room",
            )
        return engine, found
