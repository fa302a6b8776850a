"""A gateway process over stdio: put together, kept in step with the store, ended in good order.

The handshake and the lists are answered from what is stored, before anything else is done; the
reaper and the container engine come later and on threads. SIGTERM, or the end of the client's
input, ends everything within a few seconds: open calls are answered, containers removed, records
written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.client import Client
from mcptui.gateway.dispatch import Dispatch
from mcptui.gateway.hook_watch import HookWatch
from mcptui.gateway.hub import Hub, Launcher
from mcptui.gateway.limits import Limits
from mcptui.gateway.profile import Offer, offer_mark, read_offer
from mcptui.gateway.record import Scribe
from mcptui.gateway.session import Session
from mcptui.gateway.settings import Settings
from mcptui.gateway.stdio_front import StdioFront
from mcptui.gateway.wire import INVALID_REQUEST, error_body
from mcptui.guard.interceptors import Interceptor
from mcptui.store.rows import GatewayRow

if TYPE_CHECKING:
    from mcptui.home import Home

POLL_SECONDS = 0.1
SWEEP_TURNS = 5
REAP_AFTER = 1.0
"""Seconds before the reaper loads the engine's library: a client's first questions go before."""
LINGER_TURNS = 10
"""Tenths of a second in which open calls may still be answered after the client's last word."""
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
    """One process between one client and its servers.

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
        self.hub = Hub(self.scribe, self.id, limits, home.clock)
        self.hub.settings = settings or Settings()
        self.hooks = HookWatch(home.paths.interceptors, interceptors)
        self.client = Client(client or "", os.getppid())
        self.started = home.clock()
        self._wish = 0
        self._mark = ""
        self._deaf = False
        self._ended: asyncio.Event | None = None

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

    async def run(self, source: int, sink: int) -> int:
        """Serve one client at two descriptors until it or the system ends it."""
        loop = asyncio.get_running_loop()
        ended = self._ended = asyncio.Event()
        reasons: list[str] = []

        def end(reason: str) -> None:
            reasons.append(reason)
            ended.set()

        def take(line: bytes) -> None:
            session.on_line(line)

        front = StdioFront(
            source,
            sink,
            self.hub.limits.line,
            take,
            lambda size: front.answer(
                b"null",
                b"",
                error_body(INVALID_REQUEST, f"A message of {size} bytes is over the limit"),
            ),
            lambda: end("the client closed the connection"),
        )
        session = Session(self.hub, front, self.client)
        self.hub.sessions.append(session)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, end, f"the gateway got {number.name}")
        self.begin()
        front.start()
        reaper = threading.Timer(REAP_AFTER, self._reap)
        reaper.daemon = True
        reaper.start()
        await self._keep_step(ended, session, front)
        reaper.cancel()
        front.stop()
        self._watchdog()
        if not front.broken and reasons[0].startswith("the client"):
            await self._finish_open(session)
        await self._end(front, reasons[0])
        return 0

    async def _keep_step(self, ended: asyncio.Event, session: Session, front: StdioFront) -> None:
        turn = 0
        while not ended.is_set():
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await ended.wait()
            except TimeoutError:
                pass
            turn += 1
            if turn % SWEEP_TURNS == 0:
                self.hub.sweep()
            front.hold("held", session.ledger.held > self.hub.limits.held)
            self._look()

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

    async def _finish_open(self, session: Session) -> None:
        """A client that sent its questions and closed still gets its answers, for a moment."""
        for _ in range(LINGER_TURNS):
            if not session.ledger.calls:
                return
            await asyncio.sleep(0.1)

    async def _end(self, front: StdioFront, reason: str) -> None:
        await self.hub.close(reason)
        self.scribe.do(lambda store: store.stop_gateway(self.id))
        front.finish(LAST_WORDS)
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


def serve(gateway: Gateway, source: int, sink: int) -> int:
    """Run a gateway on the fastest event loop there is."""
    # The scribe works in bursts; the loop must not wait the usual 5 ms for its turn.
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(gateway.run(source, sink))
    return uvloop.run(gateway.run(source, sink))
