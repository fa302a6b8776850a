"""The one place that starts a server.

Three routes bring a container its stdio; the first that works with an engine is remembered:

    socket   the shim connects to a socket of ours and gets the ends of three pipes: the engine
             copies no byte, our death is the server's end of file
    stdin    the engine's attach stream, the shim mounted from this machine
    volume   the same, the shim brought in a volume: for engines that do not see our files
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar

from mcptui.errors import McptuiError, TryAgain, UsageError
from mcptui.runtime.attach import AttachStream, attached
from mcptui.runtime.channel import LINE_LIMIT, Listener
from mcptui.runtime.container import Container
from mcptui.runtime.covers import Covers, covers_for
from mcptui.runtime.frame import frame
from mcptui.runtime.pinned import Pinned, pin
from mcptui.runtime.pipes import PipeChannel, PipeReader, wide_pipe
from mcptui.runtime.plan import USER
from mcptui.runtime.shim import shim
from mcptui.runtime.sockets import StdioSocket, private_folder
from mcptui.runtime.volumes import fill_volume, make_volumes
from mcptui.runtime.written import Run, Writings
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from mcptui.runtime.egress.limits import Contact
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.plan import ContainerPlan

Result = TypeVar("Result")
ROUTES = ("socket", "stdin", "volume")
DOORS = (
    ("tcp", "127.0.0.1", 3128),
    ("udp", "127.0.0.1", 53),
    ("tcp", "127.0.0.1", 53),
)
"""What listens in a container that reaches hosts: our proxy, and answers to names."""
_SOCKET_FOLDER = "/run/mcptui"
_SHIM_FILE = "/run/mcptui-shim"
_SHIM_NAME = "mcptui-shim"
_PATIENCE = 30.0
"""Seconds a started container may take to connect."""
_LOOK = 0.5
"""Seconds between looks whether it ended instead."""


class _RouteClosed(Exception):
    """This route does not work with this engine; the server was not started."""

    def __init__(self, cause: McptuiError) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def launch(
    engine: Engine,
    plan: ContainerPlan,
    listener: Listener,
    *,
    line_limit: int = LINE_LIMIT,
    routes: MutableMapping[str, str] | None = None,
    tested: bool = False,
    report: Callable[[Contact], None] | None = None,
    wrote: Callable[[Run], None] | None = None,
) -> Container:
    """Start a server.

    Args:
        engine: where.
        plan: the exact container.
        listener: told what comes out of it, on this loop's thread.
        line_limit: bytes a message may have.
        routes: endpoint → the route that worked before; the engine's own memory unless given.
        report: told what the server reaches and is refused, on this loop's thread.
        wrote: told what it wrote, once it has ended, on another thread.
        tested: do not test first whether this engine's containers are cut off from the network.

    Returns:
        The server, whose process begins as this returns.

    Raises:
        UsageError: the plan lacks something, or a picked folder is gone.
        McptuiError: the engine refused the container.
        NotTrusted: the engine's containers are not cut off from the network.
        TryAgain: it does not answer.
    """
    if plan.needs:
        raise UsageError(f"{plan.server} lacks what it needs", "; ".join(plan.needs))
    if not tested:
        from mcptui.runtime.self_test import must_be_cut_off

        await must_be_cut_off(engine, plan)
    sockets = DOORS if plan.policy.reaches else ()
    known = engine.routes if routes is None else routes
    closed = McptuiError(f"{plan.server} did not start", "no route to its stdio works")
    for route in _order(engine, known.get(engine.endpoint.url, "")):
        if sockets and route != "socket":
            raise _no_way_out(plan.server, closed)
        attempt = _Attempt(engine, plan, listener, line_limit, route, report or _nobody)
        attempt.wrote = wrote
        try:
            started = await attempt.run()
        except _RouteClosed as error:
            closed = error.cause
            continue
        known[engine.endpoint.url] = route
        return started
    raise closed


def _nobody(contact: Contact) -> None:
    """Whoever only tries a server keeps no list."""


def _no_way_out(server: str, closed: McptuiError) -> McptuiError:
    return McptuiError(
        f"{server} did not start",
        "it is to reach hosts, and only containers of a Linux engine on this machine can be given "
        f"a way there{f' ({closed.why})' if closed.why else ''}",
        "Use such an engine, or take its hosts away",
    )


def _order(engine: Engine, remembered: str) -> list[str]:
    usual: list[str] = list(ROUTES)
    if engine.endpoint.far or sys.platform != "linux":
        usual.remove("socket")
    if remembered in ROUTES:
        usual = [remembered, *(route for route in usual if route != remembered)]
    return usual


async def _settled(call: Callable[[], Result]) -> Result:
    """Run a blocking call to its end even when we are cancelled: what it makes has to be known
    before it can be taken away."""
    running = spawn(asyncio.to_thread(call), "engine")
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class _Attempt:
    """One try to start one container by one route; leaves nothing behind when it fails."""

    def __init__(
        self,
        engine: Engine,
        plan: ContainerPlan,
        listener: Listener,
        limit: int,
        route: str,
        report: Callable[[Contact], None],
    ) -> None:
        self.report = report
        self.engine = engine
        self.plan = plan
        self.listener = listener
        self.limit = limit
        self.route = route
        self.container = ""
        self.socket: StdioSocket | None = None
        self.pinned = Pinned()
        self.covers = Covers()
        self.writings = Writings(plan)
        self.wrote: Callable[[Run], None] | None = None

    async def run(self) -> Container:
        try:
            body = await _settled(self._body)
            head, records = frame(
                self.plan.environment,
                self.plan.files,
                self._mounted(),
                DOORS if self.plan.policy.reaches else (),
                self.writings.places() if self.wrote is not None else (),
            )
            await _settled(lambda: self._create(body))
            if self.socket is not None:
                return await self._by_socket(self.socket, head, records)
            return await self._by_stream(head + records)
        except BaseException:
            if self.container:
                await _settled(self._remove)
            raise
        finally:
            self.pinned.close()
            if self.socket is not None:
                self.socket.close()

    def _mounted(self) -> list[tuple[str, str]]:
        """What the start program is to find; an engine elsewhere numbers files its own way."""
        if self.engine.endpoint.far or sys.platform != "linux":
            return []
        found = [(check.ident, check.target) for check in self.pinned.checks]
        # A server that is another than who started it may not look everywhere, and cannot change
        # that: a place it cannot see into needs no cover.
        stranger = "?" if os.geteuid() == 0 and self.plan.user == USER else ""
        return found + [(stranger + one.ident, one.target) for one in self.covers.checks]

    def _opened(
        self, made: Container, channel: PipeChannel | AttachStream, outputs: int,
        control: socket.socket | None,
    ) -> Container:  # fmt: skip
        made.open(channel, outputs, control)
        if self.covers.watch is not None:
            made.watch_folders(self.covers.watch)
        return made

    # Blocking parts

    def _body(self) -> dict[str, Any]:
        body = self.plan.create_body()
        host: dict[str, Any] = body["HostConfig"]
        make_volumes(self.engine, self.plan.mounts, self.plan.image, self.plan.labels)
        self.pinned = pin(self.plan.mounts, self.plan.deny, self.plan.exposed)
        mounts = self.plan.mount_bodies(self.pinned.mounts)
        host["Mounts"] = mounts
        folder = private_folder(self.engine.folder)
        self.covers = covers_for(
            self.pinned.mounts, self.plan.unmasked, self.plan.exposed, folder,
            far=self.engine.endpoint.far,
        )  # fmt: skip
        mounts += self.covers.bodies
        program = shim(self.engine.arch(), folder)
        if self.route == "volume":
            mounts.append(_volume(self.engine, self.plan.image, program.read_bytes()))
            inside = f"{_SHIM_FILE}/{_SHIM_NAME}"
        else:
            mounts.append(_bind(str(program), _SHIM_FILE))
            inside = _SHIM_FILE
        if self.route == "socket":
            self.socket = StdioSocket(folder)
            mounts.append(_bind(str(self.socket.folder), _SOCKET_FOLDER))
        else:
            streams = ("AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce")
            body |= dict.fromkeys(streams, True)
        word = "socket" if self.route == "socket" else "stdin"
        body["Entrypoint"] = [inside, word, *self.plan.command]
        return body

    def _create(self, body: dict[str, Any]) -> None:
        def create() -> None:
            self.container = self.engine.create(body)

        self._on_route(create)

    def _start(self) -> None:
        self._on_route(lambda: self.engine.start(self.container))

    def _on_route(self, call: Callable[[], None]) -> None:
        try:
            call()
        except TryAgain:
            raise
        except McptuiError as error:
            # What we mount for ourselves is what this route stands on.
            words = ("mcptui", "bind source", "mounts denied", "not shared", "invalid mount")
            if any(word in error.why for word in words):
                raise _RouteClosed(error) from error
            raise

    def _remove(self) -> None:
        with contextlib.suppress(McptuiError):  # the reaper tries again
            self.engine.remove(self.container)

    # Over the socket

    async def _by_socket(self, door: StdioSocket, head: bytes, records: bytes) -> Container:
        accepting = spawn(door.accept(self.container), "accept")
        try:
            await _settled(self._start)
            await self._connected(accepting)
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])
        connection = door.take()
        if connection is None:
            why = "containers of this engine cannot reach mcptui's socket"
            raise _RouteClosed(McptuiError(f"{self.plan.server} did not start", why))
        try:
            return await self._wire(connection, head, records)
        except BaseException:
            connection.close()
            raise

    async def _connected(self, accepting: asyncio.Task[None]) -> None:
        """Wait for the shim to connect, or to have ended because it cannot."""
        for _ in range(int(_PATIENCE / _LOOK)):
            done, _ = await asyncio.wait([accepting], timeout=_LOOK)
            if done:
                return
            state = await asyncio.to_thread(self.engine.state, self.container)
            if not state.get("Running"):
                return

    async def _wire(self, connection: socket.socket, head: bytes, records: bytes) -> Container:
        loop = asyncio.get_running_loop()
        pipes = [wide_pipe(), wide_pipe(), os.pipe()]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        try:
            connection.setblocking(False)
            socket.send_fds(connection, [head], theirs)
            with contextlib.suppress(ConnectionError):
                # It may have found a reason to end already; its last words tell which.
                await loop.sock_sendall(connection, records)
        except BaseException as error:
            for descriptor in ours:
                os.close(descriptor)
            if isinstance(error, OSError):
                why = f"its start program hung up: {error}"
                raise McptuiError(f"{self.plan.server} did not start", why) from error
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        made = Container(self.engine, self.plan, self.container, self.listener, self.limit)
        made.tell_written(self.writings, self.wrote)
        sockets = made.dialler.expect(len(DOORS)) if self.plan.policy.reaches else []
        PipeReader(loop, ours[1], made.lines.feed, made.output_ended)
        PipeReader(loop, ours[2], made.log.feed, made.output_ended)
        self._opened(made, PipeChannel(loop, ours[0]), 2, connection)
        if sockets:
            try:
                await made.open_network(sockets, self.report)
            except BaseException:
                made.kill_now()
                raise
        return made

    # Over the attach stream

    async def _by_stream(self, told: bytes) -> Container:
        made = Container(self.engine, self.plan, self.container, self.listener, self.limit)
        made.tell_written(self.writings, self.wrote)
        api = await asyncio.to_thread(lambda: str(self.engine.client.api.api_version))
        stream = await attached(
            self.engine.endpoint,
            api,
            self.container,
            made.lines.feed,
            made.log.feed,
            made.output_ended,
        )
        try:
            await _settled(self._start)
        except BaseException:
            stream.close()
            raise
        stream.write(told)
        return self._opened(made, stream, 1, None)


def _bind(source: str, target: str) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": True}


def _volume(engine: Engine, image: str, program: bytes) -> dict[str, Any]:
    """Have the shim in a volume of the engine, named by its content."""
    import tarfile

    name = f"mcptui-shim-{hashlib.sha256(program).hexdigest()[:16]}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(_SHIM_NAME)
        member.size, member.mode = len(program), 0o755
        archive.addfile(member, io.BytesIO(program))
    fill_volume(engine, name, image, _SHIM_FILE, packed.getvalue(), {"mcptui.shim": "1"})
    return {"Type": "volume", "Source": name, "Target": _SHIM_FILE, "ReadOnly": True}
