"""Bytes and connections through the proxy of a server, beside none and beside squid.

All stand between the same client and the same host, on this machine's loopback, in one run and in
turns. Squid does less: it neither resolves and judges addresses here nor tells of contacts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from tests.bench.http_talk import free_port

SQUID = """
http_port 127.0.0.1:{port}
acl all_ports port 1-65535
http_access allow CONNECT all_ports
cache deny all
access_log none
cache_log /dev/null
pid_filename none
shutdown_lifetime 0 seconds
coredump_dir {folder}
"""
_NAME = {"mcptui": "host.docker.internal", "squid": "127.0.0.1"}


def run(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Measure; contestant → "MB/s", "connections/s" and, beside the first one, their ratios."""
    size, rounds, seconds = (16 << 20, 1, 0.3) if quick else (256 << 20, 5, 2.0)
    found: dict[str, dict[str, list[float]]] = {}
    with contextlib.ExitStack() as all_:
        folder = all_.enter_context(tempfile.TemporaryDirectory(prefix="mcptui-bench-"))
        host = free_port()
        all_.enter_context(_running([*_ends("host"), str(host)], host))
        ports = {"direct": 0, "mcptui": free_port()}
        proxy = [*_ends("proxy"), str(ports["mcptui"]), str(host)]
        all_.enter_context(_running(proxy, ports["mcptui"]))
        if program := squid():
            ports["squid"] = free_port()
            config = Path(folder) / "squid.conf"
            config.write_text(SQUID.format(port=ports["squid"], folder=folder))
            all_.enter_context(_running([program, "-N", "-f", str(config)], ports["squid"]))
        for _ in range(rounds):
            for who, port in ports.items():
                values = found.setdefault(who, {"MB/s": [], "connections/s": []})
                values["MB/s"].append(_bulk(who, port, host, size))
                values["connections/s"].append(_connections(who, port, host, seconds))
    medians = {
        who: {what: statistics.median(many) for what, many in values.items()}
        for who, values in found.items()
    }
    for values in medians.values():
        for what in ("MB/s", "connections/s"):
            values[f"{what} of direct"] = values[what] / medians["direct"][what]
    return medians


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """One line a contestant."""
    return [
        f"{who:10}" + "".join(f"{what:>26} {value:10.2f}" for what, value in values.items())
        for who, values in found.items()
    ]


def _ends(what: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.egress_ends", what]


def squid() -> str:
    """Squid, from Debian's package when this is Debian and we may; "" where it is not to be had."""
    place = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
    if place is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "squid"]
        subprocess.run(words, env=environ, capture_output=True, check=False)
        place = shutil.which("squid", path="/usr/sbin")
        # The package may start one of its own; that one is ended, and no other.
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(Path("/run/squid.pid").read_text()), signal.SIGTERM)
    return place or ""


@contextlib.contextmanager
def _running(arguments: list[str], port: int) -> Generator[None]:
    program = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if program.poll() is not None:
                raise RuntimeError(f"{arguments[:4]} ended with {program.returncode}")
            time.sleep(0.05)
        yield
    finally:
        program.kill()
        program.wait()


def _through(who: str, port: int, host: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port or host), 10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if port:
        place = f"{_NAME[who]}:{host}"
        made.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said:
            said += made.recv(4096) or b"\r\n\r\n"
        if b" 200 " not in said[:20]:
            raise RuntimeError(f"{who} refused: {said[:200]!r}")
    return made


def _bulk(who: str, port: int, host: int, size: int) -> float:
    room = bytearray(1 << 20)
    with _through(who, port, host) as made:
        began = time.perf_counter()
        made.sendall(b"%d\n" % size)
        left = size
        while left:
            got = made.recv_into(room)
            if not got:
                raise RuntimeError(f"{who} ended {left} bytes too early")
            left -= got
        return size / 1e6 / (time.perf_counter() - began)


def _connections(who: str, port: int, host: int, seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        with _through(who, port, host) as made:
            made.sendall(b"1\n")
            if made.recv(1) != b"x":
                raise RuntimeError(f"{who} answered nothing")
        count += 1
    return count / (time.perf_counter() - began)
