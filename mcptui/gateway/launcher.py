"""Starts installed servers, each the way its entry says: a container here, or a server elsewhere.

A machine without a container engine can use remote servers: what containers need is loaded when
the first of them is started.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcptui.entry import Kind
from mcptui.errors import McptuiError
from mcptui.gateway.credentials import Credentials, HeaderSecrets, SecretsOf, no_secrets
from mcptui.gateway.upstream_container import ContainerLauncher, Report
from mcptui.runtime.channel import Listener, Running
from mcptui.store.rows import Installed

if TYPE_CHECKING:
    from mcptui.home import Home


class ServerLauncher:
    """The launcher the real gateway uses.

    Args:
        home: engine and folders.
        session: this gateway's id; on every container as a label.
        line_limit: bytes of the longest message.
        secrets: where secrets come from; called on a thread.
        credentials: what lets us in at remote servers; None for the user's sign-ins and secrets.
        most: containers all gateways of this user may have at once, about; 0 for any number.
        report: told by server what it reaches of the network and is refused.
    """

    def __init__(
        self,
        home: Home,
        session: str,
        line_limit: int,
        secrets: SecretsOf = no_secrets,
        credentials: Credentials | None = None,
        most: int = 0,
        report: Report | None = None,
    ) -> None:
        self._containers = ContainerLauncher(home, session, line_limit, secrets, most, report)
        self._credentials = credentials
        self._home = home
        self._secrets = secrets
        self._limit = line_limit

    async def __call__(self, installed: Installed, listener: Listener) -> Running:
        """Start one server.

        Raises:
            McptuiError: it cannot be started; says why and what to do.
        """
        if installed.entry.kind is Kind.REMOTE:
            if self._credentials is None:
                self._credentials = await asyncio.to_thread(self._users)
            return await connect(installed, listener, self._limit, self._credentials)
        return await self._containers(installed, listener)

    def _users(self) -> Credentials:
        # What signs in loads the HTTP library: on a thread, and when the first remote is asked.
        from mcptui.access.tokens import tokens_of
        from mcptui.gateway.signed_in import SignedIn

        return SignedIn(tokens_of(self._home), HeaderSecrets(self._secrets))


async def connect(
    installed: Installed, listener: Listener, limit: int, credentials: Credentials
) -> Running:
    """Begin a conversation with a remote server; the network is not used yet.

    Raises:
        McptuiError: it has no address that may be asked.
    """
    import importlib

    # The HTTP library takes a tenth of a second to load: the calls of other servers go on.
    await asyncio.to_thread(importlib.import_module, "httpx")
    from mcptui.gateway.upstream_http import RemoteServer

    remote = installed.entry.remote
    if remote is None:
        raise McptuiError(f"{installed.name} has no address", "its entry is not complete")
    return RemoteServer(installed, listener, remote.url, limit=limit, credentials=credentials)
