"""Who talks to the gateway over HTTP now: sessions and groups, found, bounded and ended."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING

from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_sessions import Conversation, Group, LegacySession
from mcptui.gateway.wire import CAPABILITIES_KEY, CLIENT_KEY, VERSION_KEY, Part
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from mcptui.gateway.hub import Hub

_Key = tuple[bytes, bytes, bytes, bytes]


class Conversations:
    """See the module.

    Args:
        hub: the servers.
        limits: bounds.
    """

    def __init__(self, hub: Hub, limits: HttpLimits) -> None:
        self.hub = hub
        self.limits = limits
        self.sessions: dict[str, LegacySession] = {}
        self.groups: dict[_Key, Group] = {}

    def group(
        self, principal: bytes, pid: int, meta: dict[str, Part], longest: int
    ) -> Group | None:
        """The group a modern request belongs to; None when its client says too much of itself.

        Args:
            principal: the credential.
            pid: of the client's process, 0 when nobody knows.
            meta: of the request.
            longest: bytes its client may say of itself.
        """
        info, able = bytes(meta.get(CLIENT_KEY, b"")), bytes(meta[CAPABILITIES_KEY])
        if len(info) + len(able) > longest:
            return None
        key = (principal, info, able, bytes(meta[VERSION_KEY]))
        found = self.groups.get(key)
        if found is None:
            if len(self.groups) >= self.limits.groups:
                self._push_out_group()
            found = self.groups[key] = Group(self.hub, self.limits, principal, pid)
            found.client.modern_who(meta)
            self.hub.client_ready(found.session)
        return found

    def _push_out_group(self) -> None:
        idle = [key for key, group in self.groups.items() if not group.busy]
        if idle:
            oldest = min(idle, key=lambda key: self.groups[key].used)
            self._end(self.groups.pop(oldest), "other clients came")

    def open_session(self, principal: bytes, pid: int) -> LegacySession | None:
        """A new session; None when there are too many and all are in use."""
        if len(self.sessions) >= self.limits.sessions:
            idle = [one for one in self.sessions.values() if not one.busy]
            if not idle:
                return None
            # A client that opens ever new sessions pushes out its own, not those of others.
            many = Counter(one.client.name for one in idle)
            self.drop(
                min(idle, key=lambda one: (one.connected, -many[one.client.name], one.used)),
                "too many sessions",
            )
        session = LegacySession(self.hub, self.limits, principal, pid)
        self.sessions[session.id] = session
        return session

    def session(self, name: bytes, principal: bytes) -> LegacySession | None:
        """The session of an id, if it belongs to this credential."""
        found = self.sessions.get(name.decode("latin-1"))
        if found is None or not secrets.compare_digest(found.principal, principal):
            return None
        return found

    def drop(self, session: LegacySession, reason: str) -> None:
        """End a session and its servers."""
        if self.sessions.pop(session.id, None) is not None:
            self._end(session, reason)

    def _end(self, conversation: Conversation, reason: str) -> None:
        conversation.session.close(reason)
        if isinstance(conversation, LegacySession):
            conversation.close()
        spawn(self.hub.drop(conversation.session, reason), "end a conversation")

    def sweep(self, now: float) -> None:
        """Keep silent streams alive, end what nobody uses."""
        for conversation in (*self.sessions.values(), *self.groups.values()):
            conversation.tick(now)
        limits = self.limits
        for session in list(self.sessions.values()):
            abandoned = not session.busy and not session.connected
            if abandoned and now - session.used > limits.session_idle:
                self.drop(session, "nobody used its session")
        for key, group in list(self.groups.items()):
            if not group.busy and now - group.used > limits.group_idle:
                self._end(self.groups.pop(key), "its client is gone")

    def close(self) -> None:
        """End the streams that are left."""
        for session in self.sessions.values():
            session.close()
