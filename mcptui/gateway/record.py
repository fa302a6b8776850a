"""The scribe: one thread that writes everything a gateway has to say into the state database.

Calls, server states, logs and what servers said of themselves are put on a queue and written in
batches, so that neither a slow disk nor a locked or broken database ever delays or fails a call.
What could not be kept is counted, and the gap becomes a row of its own as soon as writing works
again. Bodies are redacted here, off the event loop.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui.errors import TryAgain
from mcptui.gateway.gist import gist
from mcptui.gateway.surrogates import show
from mcptui.guard.redact import LIMIT, redact
from mcptui.store.rows import CallEnd, CallStart, LogLine

if TYPE_CHECKING:
    from mcptui.store import Store

GATHER_SECONDS = 0.025
"""How long a batch is gathered; short calls become one row at once."""
QUEUE_BYTES = 64 << 20
QUEUE_ITEMS = 200_000
CROWDED_BYTES = 4 << 20
"""When so much waits to be written, only the beginnings of more bodies are kept: a flood of large
results costs neither memory nor the processor that answers them; their sizes are told all the same.
"""
CROWDED_BODY = 4 << 10
BATCH_BYTES = 4 << 20
"""Of bodies in one transaction."""
LOG_LINES = 500
"""Lines of one server's log kept per batch."""
BEAT_SECONDS = 10.0
RETRY_SECONDS = 0.2
MOST_JOBS = 5000
"""Small writes that wait for a database that is busy or full."""
SINGLY = 2000
"""Items of a batch that are tried one by one when the batch as a whole cannot be written."""

_log = logging.getLogger("mcptui.gateway")


class Began(msgspec.Struct, gc=False):
    """A call that began, as the event loop leaves it behind."""

    key: str
    at: float
    client: tuple[str, str, int]
    server: str
    tool: str
    method: str
    body: bytes
    size: int


class Ended(msgspec.Struct, gc=False):
    """A call that ended.

    `waited` are the seconds its server took to start, 0 when it ran; `note` is what else is to be
    told of it in a few words.
    """

    key: str
    outcome: str
    ms: float
    reason: str
    body: bytes
    size: int
    waited: float = 0.0
    note: str = ""


Item = Began | Ended


class Scribe:
    """Writes for one gateway.

    Args:
        open_store: gives the store; called on the scribe's own thread.
        gateway: the gateway's id.
        clock: unix seconds.
    """

    def __init__(
        self, open_store: Callable[[], Store], gateway: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._open_store = open_store
        self._gateway = gateway
        self._clock = clock
        self._queue: deque[Item] = deque()
        self._jobs: deque[Callable[[Store], object]] = deque()
        self._lines: deque[LogLine] = deque()
        self._kept: list[Item] = []
        self._queued_bytes = 0
        self._taken_bytes = 0
        self._crowded = False
        self._gap = 0
        self._gaps = itertools.count(1)
        self._idle = False
        self._ending = False
        self._stuck = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcptui-scribe", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def room(self) -> int:
        """Bytes of one body that should be kept now; few until a crowd is nearly gone."""
        waiting = self._queued_bytes - self._taken_bytes
        self._crowded = waiting > (CROWDED_BYTES // 16 if self._crowded else CROWDED_BYTES)
        return CROWDED_BODY if self._crowded else LIMIT

    def write(self, item: Item) -> None:
        """Keep one item; drops and counts it when far too much is waiting."""
        waiting = self._queued_bytes - self._taken_bytes
        if waiting > QUEUE_BYTES or len(self._queue) > QUEUE_ITEMS:
            self._gap += 1
            return
        self._queued_bytes += len(item.body) + 200
        self._queue.append(item)
        if self._idle:
            self._wake.set()

    def do(self, job: Callable[[Store], object]) -> None:
        """Run a small write on the scribe's thread; a failure is logged and forgotten."""
        self._jobs.append(job)
        self._wake.set()

    def log(self, server: str, text: str) -> None:
        """Keep one line of a server's log."""
        if len(self._lines) < 20 * LOG_LINES:
            line = text[:4000].encode("utf-8", "replace").decode("utf-8")
            self._lines.append(LogLine(0, server, self._gateway, self._clock(), line))
            if self._idle:
                self._wake.set()

    def close(self, seconds: float) -> bool:
        """Write what is left; returns whether it was done in time."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        next_beat = time.monotonic() + BEAT_SECONDS
        while True:
            if not (self._queue or self._jobs or self._lines or self._kept or self._ending):
                self._sleep(max(0.0, next_beat - time.monotonic()))
            ending = self._ending
            if not ending:
                time.sleep(GATHER_SECONDS)
            self._write_jobs()
            self._write_calls()
            while ending and self._queue:
                self._write_calls()
            self._write_logs()
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + BEAT_SECONDS
                self._attempt(lambda store: store.beat(self._gateway))
            if ending:
                self._write_jobs()
                if self._gap:  # no batch comes any more that would tell of it
                    self._attempt(lambda store: store.record(self._gap_rows()))
                return
            if (self._kept or self._stuck) and not self._ending:
                time.sleep(RETRY_SECONDS)

    def _sleep(self, seconds: float) -> None:
        self._wake.clear()
        self._idle = True
        # Looked at again after the flag is up: an item put in between would wait for nothing.
        if not (self._queue or self._jobs or self._lines) or self._kept:
            self._wake.wait(seconds)
        self._idle = False

    def _write_jobs(self) -> None:
        """Run the jobs in their order; one that only has to wait is tried again later."""
        while self._jobs:
            job = self._jobs[0]
            try:
                job(self._open_store())
            except TryAgain as error:
                self._stuck = True
                if len(self._jobs) <= MOST_JOBS:
                    _log.warning("writing to the state database has to wait: %s", error)
                    return
                _log.warning("could not write to the state database: %s", error)
            except Exception as error:
                _log.warning("could not write to the state database: %s", error)
            self._jobs.popleft()
        self._stuck = False

    def _attempt(self, job: Callable[[Store], object]) -> bool:
        try:
            job(self._open_store())
        except Exception as error:
            # Nothing here may ever reach a call: the database can be full, locked or broken.
            _log.warning("could not write to the state database: %s", error)
            return False
        return True

    def _write_calls(self) -> None:
        batch = self._kept
        size = 0
        while self._queue and size < BATCH_BYTES:
            batch.append(item := self._queue.popleft())
            size += len(item.body) + 200
        self._kept = []
        if not batch:
            return
        try:
            rows = [self._row(item) for item in batch]
            gap = self._gap
            rows.extend(self._gap_rows())
            self._open_store().record(rows)
        except TryAgain:
            self._keep_or_drop(batch)
            return
        except Exception as error:
            self._write_singly(batch, error)
        else:
            self._gap -= gap
        self._forget(batch)

    def _write_singly(self, batch: list[Item], error: Exception) -> None:
        """Something in a batch cannot be written: that and nothing else is lost."""
        lost = 0
        for item in batch if len(batch) <= SINGLY else ():
            try:
                self._open_store().record([self._row(item)])
            except Exception as fault:
                error = fault
                lost += 1
        lost = lost if len(batch) <= SINGLY else len(batch)
        if lost:
            _log.warning("%d records of calls were lost: %s", lost, error)
            self._gap += lost

    def _keep_or_drop(self, batch: list[Item]) -> None:
        if len(batch) <= QUEUE_ITEMS and self._queued_bytes - self._taken_bytes <= QUEUE_BYTES:
            self._kept = batch
            return
        self._gap += len(batch)
        self._forget(batch)

    def _forget(self, batch: list[Item]) -> None:
        self._taken_bytes += sum(len(item.body) + 200 for item in batch)

    def _row(self, item: Item) -> CallStart | CallEnd:
        text = redact(show(item.body))
        if isinstance(item, Ended):
            waited = f"waited {item.waited:.1f} s for its container to start"
            notes = (waited if item.waited else "", item.note)
            return CallEnd(
                item.key, item.outcome, round(item.ms, 3), item.reason, text, item.size,
                note=" · ".join(note for note in notes if note),
            )  # fmt: skip
        name, version, pid = item.client
        return CallStart(
            item.key, self._gateway, item.at, name, version, pid, item.server, item.tool,
            item.method, text, item.size, gist(text),
        )  # fmt: skip

    def _gap_rows(self) -> list[CallStart | CallEnd]:
        if not self._gap:
            return []
        key = f"{self._gateway}:gap{next(self._gaps)}"
        reason = f"{self._gap} records of calls could not be kept"
        now = self._clock()
        return [
            CallStart(key, self._gateway, now, "mcptui", "", 0, "", "", "gap", "", 0),
            CallEnd(key, "error", 0.0, reason),
        ]

    def _write_logs(self) -> None:
        lines: list[LogLine] = []
        seen: dict[str, int] = {}
        dropped: dict[str, int] = {}
        while self._lines:
            line = self._lines.popleft()
            seen[line.server] = seen.get(line.server, 0) + 1
            if seen[line.server] <= LOG_LINES:
                lines.append(line)
            else:
                dropped[line.server] = dropped.get(line.server, 0) + 1
        lines.extend(
            LogLine(0, server, self._gateway, self._clock(), f"[mcptui] {count} lines left out")
            for server, count in dropped.items()
        )
        if lines:
            self._attempt(lambda store: store.append_log(lines))
