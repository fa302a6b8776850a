"""A running container as its owner holds it: what comes out of it, how it ends, how to end it.

However a server ends, its listener hears of it exactly once, with the reason, after its last
line; and no container is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from mcptui.errors import McptuiError
from mcptui.runtime.channel import Channel, Death, Listener
from mcptui.runtime.covers import shows
from mcptui.runtime.death import words
from mcptui.runtime.inward import ANSWER, Dialler, receive
from mcptui.runtime.lines import LineSplitter, LogLines
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcptui.runtime.attach import AttachStream
    from mcptui.runtime.egress.limits import Contact
    from mcptui.runtime.egress.proxy import Egress
    from mcptui.runtime.egress.rules import Policy
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.masks import Watch
    from mcptui.runtime.pipes import PipeChannel
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.runtime.written import Run, Writings

_log = logging.getLogger("mcptui.runtime")
_LAST_OUTPUT = 2.0
"""Seconds to wait for the rest of the output once the process is gone."""
_LOOKS = 2.0
"""Seconds between looks at its folders."""
_SETTLES = 5.0
"""Seconds that the engine may take to notice that a process is gone."""


class Container:
    """One started server; a `Running`.

    Args:
        engine: where it runs.
        plan: what it is.
        container_id: the engine's name for it.
        listener: whom to tell.
        line_limit: bytes a message may have.
    """

    def __init__(
        self,
        engine: Engine,
        plan: ContainerPlan,
        container_id: str,
        listener: Listener,
        line_limit: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        self._plan = plan
        self._listener = listener
        self._id = container_id
        self._started_at = time.time()
        self.lines = LineSplitter(listener.on_line, listener.on_overlong, line_limit)
        self.log = LogLines(self._heard)
        self._last_words = ""
        self._writings: Writings | None = None
        self._wrote: Callable[[Run], None] | None = None
        self._channel: PipeChannel | AttachStream | None = None
        self._control: socket.socket | None = None
        self.dialler = Dialler(self._order)
        self._egress: Egress | None = None
        self._outputs = 0
        self._code: int | None = None
        self._exited = asyncio.Event()
        self._silent = asyncio.Event()
        self._stopped = False
        self._reason = ""
        self._stopping: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def channel(self) -> Channel:
        """Its stdin and stdout."""
        if self._channel is None:
            raise RuntimeError("the container was not opened")
        return self._channel

    @property
    def container_id(self) -> str:
        """The engine's name for its container."""
        return self._id

    @property
    def reachable(self) -> bool:
        """Whether sockets can be had from inside it; an attach stream brings none."""
        return self._control is not None

    @property
    def started_at(self) -> float:
        """When it was started, Unix seconds."""
        return self._started_at

    # What launch() wires up

    def open(
        self, channel: PipeChannel | AttachStream, outputs: int, control: socket.socket | None
    ) -> None:
        """Begin to watch it.

        Args:
            channel: its stdin.
            outputs: how many times `output_ended` will be called.
            control: the shim's line; without one, the end of the output is the end of it.
        """
        self._channel = channel
        self._outputs += outputs
        self._control = control
        if control is not None:
            control.setblocking(False)
            self._loop.add_reader(control.fileno(), self._read_control, control)
        self._watching = spawn(self._watch(channel), f"watch {self._plan.server}")

    async def open_network(
        self, sockets: list[asyncio.Future[socket.socket]], report: Callable[[Contact], None]
    ) -> None:
        """Judge what the server wants of the network from now on.

        Args:
            sockets: the proxy's and the two for names, as the shim hands them out.
            report: told of each contact.

        Raises:
            McptuiError: the shim could not make them.
        """
        from mcptui.runtime.egress.proxy import Egress

        try:
            proxy, udp, tcp = await asyncio.gather(*sockets)
        except OSError as error:
            for one in sockets:
                one.add_done_callback(_closed)
            why = f"its way to the network could not be made: {error.strerror or error}"
            raise McptuiError(f"{self._plan.server} did not start", why) from error
        self._egress = Egress(self._plan.policy, report, self.dialler.listen)
        self._egress.start(proxy, udp, tcp)

    def keep_to(self, policy: Policy) -> None:
        """Have the server reach other hosts from now on; it had some before."""
        if self._egress is not None:
            self._egress.change(policy)

    def watch_folders(self, watch: Watch) -> None:
        """End it when a secret comes to light in a folder that it has."""
        spawn(self._look(watch), f"folders of {self._plan.server}")

    async def _look(self, watch: Watch) -> None:
        while not self._exited.is_set():
            began = time.monotonic()
            if path := await asyncio.to_thread(watch.look):
                self._reason = shows(path)
                self.kill_now()
                return
            # A look at many folders takes a hundredth of one core at most.
            pause = max(_LOOKS, 100 * (time.monotonic() - began))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), pause)

    def tell_written(self, writings: Writings, wrote: Callable[[Run], None] | None) -> None:
        """Have it told, on another thread, what the server wrote, once it has ended."""
        self._writings, self._wrote = writings, wrote

    def _heard(self, text: str) -> None:
        mine = self._writings.heard(text) if self._writings is not None else text
        if text and not mine:
            return
        if mine.strip():
            self._last_words = mine
        self._listener.on_stderr(mine)

    def _tell_wrote(self) -> None:
        if self._writings is None or self._wrote is None:
            return
        try:
            changes = [] if self._plan.read_only else self._engine.changes(self._id)
            self._wrote(self._writings.run(changes))
        except Exception as error:
            _log.warning("what %s wrote is not known: %s", self._plan.server, error)

    def output_ended(self) -> None:
        """One of its outputs is at its end."""
        self._outputs -= 1
        if self._outputs <= 0:
            self.lines.end()
            self.log.end()
            self._silent.set()
            if self._control is None:
                self._exited.set()

    def _read_control(self, control: socket.socket) -> None:
        try:
            told, descriptors = receive(control)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            told, descriptors = b"", []
        if len(told) == ANSWER and told[1]:
            self.dialler.answered(told[0], descriptors)
            return
        if told:
            self._code = told[0]
            return  # its end follows at once
        self.dialler.end()
        self._loop.remove_reader(control.fileno())
        control.close()
        self._exited.set()

    # Its end

    async def _watch(self, channel: PipeChannel | AttachStream) -> None:
        try:
            await self._exited.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._silent.wait(), _LAST_OUTPUT)
            death = await self._death()
            channel.close()
            try:
                self._listener.on_exit(death)
            except Exception:
                _log.exception("the end of %s could not be handled", self._plan.server)
        finally:
            if self._egress is not None:
                await self._egress.close()
            await asyncio.to_thread(self._tell_wrote)
            await asyncio.to_thread(self._remove)

    async def _death(self) -> Death:
        code, oom, error = self._code, False, ""
        if code is None or (code != 0 and not self._stopped):
            state = await asyncio.to_thread(self._settled_state)
            oom = bool(state.get("OOMKilled"))
            error = str(state.get("Error") or "") if code is None else ""
            if code is None and state and not state.get("Running"):
                code = int(state.get("ExitCode", 0))
        told = words(
            code,
            oom=oom,
            stopped=self._stopped,
            memory=await asyncio.to_thread(self._memory) if oom else 0,
            last_log=self._last_words,
            error=error,
        )
        return Death(code, oom, self._reason or told, time.time())

    def _settled_state(self) -> dict[str, Any]:
        """The engine's state once it has noticed the end; empty when it tells nothing."""
        until = time.monotonic() + _SETTLES
        while True:
            try:
                state = self._engine.state(self._id)
            except McptuiError:
                return {}
            if not state.get("Running") or time.monotonic() > until:
                return state
            time.sleep(0.02)

    def _memory(self) -> int:
        """Bytes it was allowed in the end: that can be changed while a container runs."""
        with contextlib.suppress(McptuiError):
            host: dict[str, Any] = self._engine.inspect(self._id).get("HostConfig") or {}
            return int(host.get("Memory") or self._plan.memory)
        return self._plan.memory

    def _remove(self) -> None:
        try:
            self._engine.remove(self._id)
        except McptuiError as error:
            _log.warning("container %s was not removed: %s", self._id[:12], error)

    # Ending it

    async def stop(self, grace: float = 2.0) -> None:
        """End it: end of file, SIGTERM, kill, remove. Returns when no container is left.

        Args:
            grace: seconds each of the two polite steps may take.
        """
        if self._stopping is None:
            self._stopping = spawn(self._stop(grace), f"stop {self._plan.server}")
        await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> None:
        if not self._exited.is_set():
            self._stopped = True
            self.channel.close_input()
            # A server that listens need not care for the end of its input.
            if self._plan.http or not await self._exits_within(grace):
                await self._signal(signal.SIGTERM)
                if not await self._exits_within(grace):
                    await asyncio.to_thread(self._remove)
        if self._watching is not None:
            await asyncio.wait([self._watching])

    async def _exits_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._exited.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _signal(self, number: signal.Signals) -> None:
        if not self._by_control(number):
            await asyncio.to_thread(self._engine.kill, self._id, number.name)

    def _order(self, order: bytes) -> int:
        if self._control is None or self._exited.is_set():
            raise ConnectionError("its container has no control line")
        return self._control.send(order)

    def _by_control(self, number: signal.Signals) -> bool:
        if self._control is None or self._exited.is_set():
            return False
        try:
            return self._control.send(bytes([number])) == 1
        except OSError:
            return False

    def kill_now(self) -> None:
        """End it without waiting; what is left of it, the reaper removes."""
        if self._exited.is_set():
            return
        self._stopped = True
        if not self._by_control(signal.SIGKILL):
            self._engine.kill(self._id)


def _closed(came: asyncio.Future[socket.socket]) -> None:
    """Close a socket that nobody wants any more, also one that is still to come."""
    if not came.cancelled() and came.exception() is None:
        came.result().close()
