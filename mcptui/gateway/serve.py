"""A gateway process: put together, kept in step with the store, ended in good order.

What its clients are connected by is beside it: `stdio_run.py` and `http_run.py`. The handshake
and the lists are answered from what is stored, before anything else is done; the reaper and the
container engine come later and on threads. SIGTERM, or the end of its one client, ends everything
within a few seconds: open calls are answered, containers removed, records written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.client import Client
from mcptui.gateway.contacts import Contacts
from mcptui.gateway.dispatch import Dispatch
from mcptui.gateway.hook_watch import HookWatch
from mcptui.gateway.hub import Hub, Launcher
from mcptui.gateway.limits import Limits
from mcptui.gateway.profile import Offer, offer_mark, read_offer
from mcptui.gateway.record import Scribe
from mcptui.gateway.settings import Settings
from mcptui.guard.interceptors import Interceptor
from mcptui.store.rows import GatewayRow

if TYPE_CHECKING:
    from mcptui.home import Home

POLL_SECONDS = 0.1
SWEEP_TURNS = 5
REAP_AFTER = 1.0
"""Seconds before the reaper loads the engine's library: a client's first questions go before."""
LAST_WORDS = 0.5
SWITCH_SECONDS = 0.0005
_log = logging.getLogger("mcptui.gateway")


def process_start(pid: int) -> str:
    """When a process started, in a form that tells a reused pid from the real one; "" if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


class Gateway:
    """One process between its clients and their servers.

    Args:
        home: folders, store and clock.
        limits: bounds.
        profile: the servers to offer, None for all.
        client: what the client's config calls it.
        reap: removes what dead gateways left, on a thread of its own.
        settings: how servers are kept.
        interceptors: hooks of this gateway alone, after those of the user's file.
    """

    def __init__(
        self,
        home: Home,
        limits: Limits,
        *,
        profile: str | None = None,
        client: str | None = None,
        reap: Callable[[], object] | None = None,
        settings: Settings | None = None,
        interceptors: tuple[Interceptor, ...] = (),
    ) -> None:
        self.home = home
        self.profile = profile
        self.reap = reap
        self.id = os.urandom(8).hex()
        self.pid = os.getpid()
        self.scribe = Scribe(lambda: home.store, self.id, home.clock)
        self.contacts = Contacts(self.scribe, home.clock)
        self.hub = Hub(self.scribe, self.id, limits, home.clock)
        self.hub.settings = settings or Settings()
        self.hooks = HookWatch(home.paths.interceptors, interceptors)
        self.client = Client(client or "", os.getppid())
        self.started = home.clock()
        self._wish = 0
        self._mark = ""
        self._deaf = False

    def launch_with(self, launcher: Launcher) -> None:
        """Set what starts servers."""
        self.hub.launcher = launcher

    def load(self) -> None:
        """Read what is installed; a store that cannot be read leaves the gateway empty."""
        self.hub.guards.load(self.hooks.load())
        try:
            self._wish = self.home.store.last_wish()
            self.home.store.changed()
            self._mark = offer_mark(self.home.store, self.profile)
            self._offer(read_offer(self.home.store, self.profile))
        except UsageError:
            raise
        except McptuiError as error:
            _log.error("%s", error)

    def _offer(self, offer: Offer) -> None:
        self.hub.warm_all = offer.warm
        self.hub.load(offer.rows, offer.only)

    def begin(self) -> None:
        """Write that this gateway lives."""
        self.scribe.start()
        self.hub.on_client = self._put_row
        self._put_row(None)

    def _put_row(self, session: Dispatch | None) -> None:
        client = self.client
        row = GatewayRow(
            self.id, self.pid, process_start(self.pid), client.name, client.version, client.pid,
            self.started, self.home.clock(),
        )  # fmt: skip
        self.scribe.do(lambda store: store.put_gateway(row))

    async def keep_step(
        self, reasons: list[str], ended: asyncio.Event, turn: Callable[[], object]
    ) -> None:
        """Follow the store and the time until the gateway is to end.

        Args:
            reasons: filled with why it ends.
            ended: set when it is to end; signals of the system do so too.
            turn: called ten times a second.
        """
        loop = asyncio.get_running_loop()

        def end(reason: str) -> None:
            reasons.append(reason)
            ended.set()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, end, f"the gateway got {number.name}")
        reaper = threading.Timer(REAP_AFTER, self._reap)
        reaper.daemon = True
        reaper.start()
        turns = 0
        while not ended.is_set():
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await ended.wait()
            except TimeoutError:
                pass
            turns += 1
            if turns % SWEEP_TURNS == 0:
                self.hub.sweep()
            turn()
            self._look()
        reaper.cancel()
        self._watchdog()

    def _look(self) -> None:
        """Take over what other processes changed in the store, and changed interceptors."""
        if (hooks := self.hooks.changed()) is not None:
            self.hub.guards.load(hooks)
        try:
            store = self.home.store
            if not store.changed():
                return
            for wish in store.wishes(self._wish):
                self._wish = wish.id
                self.hub.wish(wish)
            mark = offer_mark(store, self.profile)
            if mark != self._mark:
                self._mark = mark
                self._offer(read_offer(store, self.profile))
            self._deaf = False
        except UsageError:  # the profile is gone, and so is what it offered
            self._offer(Offer([], {}))
        except McptuiError as error:
            if not self._deaf:  # said once, not ten times a second
                _log.warning("could not read the state database: %s", error)
            self._deaf = True

    async def end(self, reason: str, last_words: Callable[[], Awaitable[object]]) -> None:
        """End the servers, let the fronts say what is left, and write the last rows."""
        await self.hub.close(reason)
        self.scribe.do(lambda store: store.stop_gateway(self.id))
        await last_words()
        if self.reap is not None and self.hub.launched:
            reaper = threading.Thread(target=self._reap, daemon=True)
            reaper.start()
            reaper.join(LAST_WORDS)
        self.scribe.close(LAST_WORDS * 2)

    def _watchdog(self) -> None:
        # A thread that hangs in the engine must not keep the process: the client waits for it.
        timer = threading.Timer(self.hub.limits.end + 0.5, os._exit, (0,))
        timer.daemon = True
        timer.start()

    def _reap(self) -> None:
        try:
            self._bury()
            self.home.store.prune_calls(self.home.clock() - self.hub.limits.kept)
            if self.reap is not None:
                self.reap()
        except Exception as error:
            _log.warning("clearing up after dead gateways: %s", error)

    def _bury(self) -> None:
        """Close the rows of gateways that died without a word."""
        store = self.home.store
        dead = [
            row.id
            for row in store.gateways(live=True)
            if row.id != self.id and process_start(row.pid) != row.pid_start
        ]
        if dead:
            store.lose_gateways(dead)
            for gateway in dead:
                store.stop_gateway(gateway)


def run_on_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run a gateway on the fastest event loop there is."""
    # The scribe works in bursts; the loop must not wait the usual 5 ms for its turn.
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
