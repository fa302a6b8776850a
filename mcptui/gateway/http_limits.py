"""How long and how much over HTTP: every bound of the HTTP front. Seconds, bytes and counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one HTTP front; those of servers and calls are in `limits.py`.

    Args:
        body: bytes of one request's body.
        bodies: bytes of bodies kept at any time, of all connections.
        connections: open at once; above it the longest idle one is closed, or the new one.
        head: seconds a request's head may take.
        receive: seconds its body may take.
        keep_alive: seconds a connection may be idle.
        unread: seconds a client may leave what was sent to it untaken.
        unread_bytes: of one stream, after which what can be done without is left out and a
            subscription ends.
        comment: seconds after which a silent stream shows that it lives.
        patient: seconds an older client's request may take until its answer becomes a stream that
            it can come back to.
        sessions: of older clients at once.
        session_idle: seconds after which a session that nobody uses ends.
        groups: of modern clients that share servers, at once.
        group_idle: seconds after which one that nobody uses ends.
        replay: events kept per session for a client that comes back.
        replay_bytes: the same in bytes.
        waiting: messages kept for an older client that has no stream open.
    """

    body: int = 16 << 20
    bodies: int = 128 << 20
    connections: int = 512
    head: float = 10.0
    receive: float = 60.0
    keep_alive: float = 120.0
    unread: float = 60.0
    unread_bytes: int = 4 << 20
    comment: float = 15.0
    patient: float = 0.5
    sessions: int = 64
    session_idle: float = 1800.0
    groups: int = 64
    group_idle: float = 900.0
    replay: int = 256
    replay_bytes: int = 4 << 20
    waiting: int = 64
