"""The tokens of signed-in servers: handed out fresh, renewed once for all processes, ended.

Gateways, commands and the TUI each have one of these over the same vault. A renewal is made under
a lock file per server: whoever comes second finds the new token in the vault instead of using the
old refresh token again, which a careful issuer would take for theft.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mcptui.access.challenge import Challenge
from mcptui.access.grant import Grant, TokenRefused
from mcptui.access.public_web import PublicWeb
from mcptui.access.standing import granted, needed, stand, standing
from mcptui.access.token_endpoint import renew, revoke
from mcptui.access.url_gate import UrlPolicy, UrlRefused, origin
from mcptui.errors import McptuiError, TryAgain
from mcptui.store.memory import MemoryStore

if TYPE_CHECKING:
    from mcptui.home import Home

PREFIX = "oauth/"
"""Begins the names under which the vault keeps sign-ins."""
LOCK_SECONDS = 40.0
_FINAL = frozenset(("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope"))
"""Errors after which the same refresh token is of no use any more (RFC 6749 §5.2)."""


class Kept(Protocol):
    """What is needed of the vault; called on threads."""

    def find(self, name: str) -> str | None:
        """A value, None when there is none."""
        ...

    def keep(self, name: str, value: str) -> None:
        """Store a value."""

    def drop(self, name: str) -> None:
        """Forget a value; one that is not there is no error."""

    def mark(self) -> object:
        """Differs after any change, cheaply told."""
        ...


class Tokens:
    """See the module.

    Args:
        vault: gives where grants are kept, opened when first needed.
        store: gives the state database.
        folder: for lock files; this user's own.
        clock: Unix seconds.
        web: makes the way to an issuer.
    """

    def __init__(
        self,
        vault: Callable[[], Kept],
        store: Callable[[], MemoryStore],
        folder: Path,
        clock: Callable[[], float],
        web: Callable[[UrlPolicy], PublicWeb] = PublicWeb,
    ) -> None:
        self._vault = vault
        self._store = store
        self._folder = folder
        self._clock = clock
        self._web = web
        self._locks: dict[str, asyncio.Lock] = {}
        self._seen: dict[str, tuple[object, Grant | None]] = {}

    async def grant(self, server: str) -> Grant | None:
        """The grant of an installed server, None when there is none."""
        return await asyncio.to_thread(self._read, server)

    def _read(self, server: str) -> Grant | None:
        vault = self._vault()
        mark = vault.mark()
        seen = self._seen.get(server)
        if seen is not None and seen[0] == mark:
            return seen[1]
        text = vault.find(PREFIX + server)
        grant = None
        if text is not None:
            with suppress(McptuiError):  # another release's: as good as none, sign in again
                grant = Grant.from_text(text)
        self._seen[server] = (mark, grant)
        return grant

    async def bearer(self, server: str, url: str) -> str | None:
        """The access token for a server, renewed when it is about to end; None without a grant.

        Args:
            server: the installed server's name.
            url: its endpoint; a grant of another origin is not for it.

        Raises:
            TryAgain: the token is over and the issuer does not answer.
        """
        if not standing(self._store(), server).issuer:
            return None  # nobody signed in: the keyring need not be opened
        grant = await self.grant(server)
        if grant is None or origin(grant.server) != origin(url):
            return None
        now = self._clock()
        if grant.fresh(now):
            return grant.access_token
        if not grant.refresh_token:
            return grant.access_token if not grant.expires_at or now < grant.expires_at else None
        try:
            renewed = await self._renewed(server, grant.access_token)
        except (TryAgain, UrlRefused, TokenRefused):
            if now < grant.expires_at:
                return grant.access_token  # good for a moment yet
            raise
        return renewed.access_token if renewed is not None else None

    async def refused(
        self, server: str, url: str, used: str, challenge: Challenge | None, status: int
    ) -> bool:
        """A server did not take a token; whether there is another one to try now.

        Args:
            server: the installed server's name.
            url: its endpoint.
            used: the token that was sent, "" for none.
            challenge: what the server said.
            status: 401 or 403.
        """
        before = standing(self._store(), server)
        if status == 401 and before.issuer:
            grant = await self.grant(server)
            if grant is not None and origin(grant.server) == origin(url):
                if grant.access_token != used and grant.fresh(self._clock()):
                    return True
                if used and grant.refresh_token and await self._renewed(server, used) is not None:
                    return True
        if status == 401 or (challenge is not None and challenge.error == "insufficient_scope"):
            reason = "the server asks for it" if not used else "the server refused the token"
            if challenge is not None and challenge.error == "insufficient_scope":
                reason = f"the server wants the scopes {challenge.scope[:200]}"
            await asyncio.to_thread(
                stand, self._store(), needed(standing(self._store(), server), reason, challenge)
            )
        return False

    async def _renewed(self, server: str, used: str) -> Grant | None:
        async with self._alone(server):
            grant = await self.grant(server)
            if grant is None or not grant.refresh_token:
                return None
            now = self._clock()
            if grant.access_token != used and grant.fresh(now):
                return grant  # another of us was faster
            web = self._web(UrlPolicy.of(grant.server))
            try:
                said = await renew(web, grant)
            except TokenRefused as error:
                if error.code in _FINAL:
                    await self.drop(server, f"{grant.issuer} no longer renews it ({error.code})")
                    return None
                raise
            finally:
                await web.close()
            renewed = grant.renewed(said, self._clock())
            await self._kept(server, renewed)
            return renewed

    async def _kept(self, server: str, renewed: Grant) -> None:
        """Store what a renewal gave; the old refresh token may be of no use from here on."""
        try:
            await self.keep(server, renewed)
        except McptuiError:
            # A full disk or a shut keyring: at least this process goes on with it.
            self._seen[server] = (await asyncio.to_thread(self._vault().mark), renewed)

    async def keep(self, server: str, grant: Grant) -> None:
        """Store a grant: first the tokens, then how it stands."""

        def write() -> None:
            self._vault().keep(PREFIX + server, grant.to_text())
            stand(self._store(), granted(server, grant))

        await asyncio.to_thread(write)

    async def drop(self, server: str, reason: str) -> None:
        """Forget a grant; the server then needs a sign-in, and nobody is signed in."""

        def forget() -> None:
            self._vault().drop(PREFIX + server)
            row = needed(standing(self._store(), server), reason)
            stand(
                self._store(),
                replace(row, issuer="", scopes="", expires_at=0.0, renews=False, since=0.0),
            )

        await asyncio.to_thread(forget)

    async def revoke(self, server: str) -> bool:
        """Tell the issuer and forget the grant; whether the issuer took it (RFC 7009).

        The grant is gone here in any case: an issuer that is out of reach must not keep it.
        """
        async with self._alone(server):
            grant = await self.grant(server)
            if grant is None:
                return False
            told = False
            web = self._web(UrlPolicy.of(grant.server))
            try:
                with suppress(McptuiError):
                    told = await revoke(web, grant)
            finally:
                await web.close()
                await self.drop(server, "you signed out")
            return told

    @asynccontextmanager
    async def _alone(self, server: str) -> AsyncGenerator[None]:
        """No other task or process of this user renews this server's tokens meanwhile."""
        import fcntl

        async with self._locks.setdefault(server, asyncio.Lock()):
            name = hashlib.sha256(server.encode()).hexdigest()[:16]
            path = self._folder / f"sign-in-{name}.lock"
            with path.open("w") as handle:
                try:
                    async with asyncio.timeout(LOCK_SECONDS):
                        while True:
                            with suppress(BlockingIOError):
                                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                                break
                            await asyncio.sleep(0.05)
                except TimeoutError as error:
                    raise TryAgain(
                        f"The sign-in of {server} is in use", "another mcptui has renewed it for "
                        f"more than {LOCK_SECONDS:.0f} s",
                    ) from error  # fmt: skip
                yield


def tokens_of(home: Home) -> Tokens:
    """The tokens of a user; neither vault nor keyring is opened before one is needed."""
    home.paths.private(home.paths.state)
    return Tokens(home.vault, lambda: home.store, home.paths.state, home.clock)
