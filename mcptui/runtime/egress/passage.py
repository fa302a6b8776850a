"""One connection on its way through: what it wants, whether it may, and that it is what it says.

What the rule asks for has to be shown by the connection itself, the name in the TLS greeting or
the Host of a plain request, before the host is called at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcptui.runtime.egress.head import BadHead, Head, read_head
from mcptui.runtime.egress.hello import NotTls, read_hello
from mcptui.runtime.egress.rules import Policy, Rule, normal_address, normal_host
from mcptui.runtime.egress.targets import Resolve, Unreachable, addresses
from mcptui.runtime.egress.tunnel import Peer
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.runtime.egress.limits import EgressLimits

_CONNECTED = b"HTTP/1.1 200 Connected\r\n\r\n"


class Refused(Exception):
    """A connection that does not go through; says why.

    Args:
        why: in words.
        status: what an HTTP client is told.
    """

    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.status = status


class Passage:
    """A connection on its way, and a tunnel once it is through.

    Args:
        peer: the server's end of it.
        how: "proxy", or "direct" to an address that stands for a host.
        host, port: of that host; the proxy's are named by the request.
        policy: the rules of the moment.
        resolve: looks up allowed names.
        limits: seconds it may take.
    """

    def __init__(
        self,
        peer: Peer,
        how: str,
        host: str,
        port: int,
        policy: Callable[[], Policy],
        resolve: Resolve,
        limits: EgressLimits,
    ) -> None:
        self.peer = peer
        self.how = how
        self.host = host
        self.port = port
        self.far: Peer | None = None
        self.told_out = self.told_in = 0
        self._policy = policy
        self._resolve = resolve
        self._limits = limits
        self._answers = how == "proxy"

    @property
    def allowed(self) -> bool:
        """Whether the rules of the moment let it through."""
        return self._policy().match(self.host, self.port) is not None

    async def open(self) -> None:
        """Judge it and call the host; the two ends are not joined yet.

        Raises:
            Refused: it may not, or the host cannot be reached.
            TimeoutError: it does not say what it wants.
            ConnectionError: it is gone.
        """
        head: Head | None = None
        if self.how == "proxy":
            async with asyncio.timeout(self._limits.greeting):
                head = await self._head()
        rule = self._rule(head)
        found = await self._addresses(rule)
        tunnel = head is not None and head.connect
        if tunnel and rule.protocol != "tcp":
            self._say_connected()
        async with asyncio.timeout(self._limits.greeting):
            if rule.protocol == "tls":
                await self._greeted()
            elif rule.protocol == "http" and (head is None or tunnel):
                head = await self._plain()
        self.far = far = await self._connect(found)
        if not rule.private and far.is_here:
            raise Refused("its name leads to this machine")
        if tunnel and rule.protocol == "tcp":
            self._say_connected()
        if head is not None and not head.connect:
            self.peer.hand_over(head.size, head.onward, head.body, far)
        # Rules may have changed, and programs given up, while the host was waited for.
        if not self.allowed:
            raise Refused("it is not on the list any more")
        if self.peer.lost.done():
            raise ConnectionError("it is gone")

    def refuse(self, refused: Refused) -> None:
        """Tell an HTTP client why; others are cut off."""
        if not self._answers:
            self.peer.abort()
            return
        words = f"mcptui: {self.host}:{self.port} is refused: {refused}\n".encode(
            "ascii", "replace"
        )
        head = f"HTTP/1.1 {refused.status} Refused\r\nContent-Type: text/plain\r\n"
        head += f"Content-Length: {len(words)}\r\nConnection: close\r\n\r\n"
        self.peer.write(head.encode() + words)
        self.peer.close()

    def abort(self) -> None:
        """Cut both ends."""
        self.peer.abort()
        if self.far is not None:
            self.far.abort()

    def _say_connected(self) -> None:
        self.peer.write(_CONNECTED)
        self._answers = False

    async def _head(self) -> Head:
        try:
            head = await self.peer.until(read_head)
        except BadHead as bad:
            raise Refused(str(bad), bad.status) from bad
        if head is None:
            raise ConnectionError("it said nothing")
        self.host, self.port = visible(head.host, limit=255), head.port
        if head.connect:
            del self.peer.held[: head.size]
        return head

    def _rule(self, head: Head | None) -> Rule:
        asked = self.host if head is None else head.host
        host = normal_host(asked) or normal_address(asked)
        if not host:
            raise Refused("it is no name of a host")
        self.host = host
        rule = self._policy().match(host, self.port)
        if rule is None:
            address = "; an address is none a server may name" if normal_address(host) else ""
            raise Refused(f"it is not on the list{address}")
        if head is not None and not head.connect and rule.protocol != "http":
            raise Refused("plain HTTP is not allowed there")
        return rule

    async def _addresses(self, rule: Rule) -> list[str]:
        try:
            return await addresses(rule, self.host, self._resolve)
        except Unreachable as error:
            raise Refused(str(error), 403 if error.refused else 502) from error

    async def _greeted(self) -> None:
        """The TLS greeting has to name the host."""
        try:
            hello = await self.peer.until(read_hello)
        except NotTls as bad:
            raise Refused(str(bad)) from bad
        if hello is None:
            raise Refused("it ended before its TLS greeting")
        if normal_host(hello.name) != self.host and normal_address(self.host) == "":
            name = visible(hello.name, limit=120)
            raise Refused(f"its TLS greeting asks for {name}" if name else "it asks for no name")

    async def _plain(self) -> Head:
        """The request of a program that came to a plain host's own address, or through CONNECT."""
        try:
            head = await self.peer.until(read_head)
        except BadHead as bad:
            raise Refused(str(bad)) from bad
        if head is None:
            raise Refused("it ended before its request")
        named = normal_host(head.host) or normal_address(head.host)
        if head.connect or named != self.host:
            raise Refused(f"its Host is {visible(head.host, limit=120)}")
        return head

    async def _connect(self, found: list[str]) -> Peer:
        loop, why = asyncio.get_running_loop(), ""
        for address in found:
            try:
                async with asyncio.timeout(self._limits.connect):
                    _, far = await loop.create_connection(Peer, address, self.port)
                return far
            except TimeoutError:
                why = "it does not answer"
            except OSError as error:
                why = visible(error.strerror or error, limit=100)
        raise Refused(f"it cannot be reached: {why}", 502)
