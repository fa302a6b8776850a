"""Hostile catalog entries, tools, logs, answers and configs change nothing on the terminal.

The real program runs in a pty; what is looked at is every byte it writes.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

ROOT = Path(__file__).parents[2]
KEYS = {
    "catalog": [
        "j",
        "j",
        "enter",
        "esc",
        "/",
        "a",
        "esc",
        "i",
        "d",
        "d",
        "esc",
        "v",
        "S",
        "?",
        "esc",
    ],
    "servers": [
        "n",
        "j",
        "j",
        " ",
        "L",
        "esc",
        "y",
        "esc",
        "left",
        "j",
        "l",
        "]",
        "]",
        "]",
        "right",
        "j",
        "j",
        "j",
        "j",
        "enter",
        "esc",
        "esc",
        "u",
        "enter",
        "esc",
        "d",
        "esc",
        "!",
        ":",
        "s",
        "esc",
    ],  # fmt: skip
    "calls": ["k", "k", "n", "enter", "]", "]", "]", "j", "esc", "/", "e", "esc", "e", "esc"],
    "clients": ["j", "j", "enter", "esc", "c", "C", ":", "c", "esc"],
    "access": ["j", "enter", "esc", "?", "esc"],
    "doctor": ["j", "j", "enter", "r", "?", "esc"],
}
BYTES = {"enter": "\r", "esc": "\x1b", "right": "\x1b[C", "left": "\x1b[D"}
FORBIDDEN = {
    "an operating system command": rb"\x1b\]",
    "a device control string": rb"\x1b[PX^_]",
    "the hostile colours": rb"\x1b\[31;7;5m",
    "a bell, backspace, vertical tab or form feed": rb"[\x07\x08\x0b\x0c]",
    "a C1 control": rb"\xc2[\x80-\x9f]",
    "a direction override": rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]",
    "a zero-width character": rb"\xe2\x80[\x8b-\x8f]|\xef\xbb\xbf",
}


def run(folder: Path, room: str, keys: list[str], *more: str) -> tuple[bytes, pyte.Screen]:
    """Start it, press keys, click everywhere; gives all bytes and what a terminal makes of them."""
    environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8",
               "PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT)}  # fmt: skip
    spawn: Any = pexpect.spawn  # pyright: ignore[reportUnknownMemberType]
    child = spawn(
        sys.executable,
        ["-m", "tests.tui.hostile_app", room, *more],
        env=environ,
        cwd=str(ROOT),
        dimensions=(35, 120),
        timeout=60,
    )
    written = bytearray()

    def read(quiet: float = 0.4) -> None:
        last = time.monotonic()
        while time.monotonic() - last < quiet:
            try:
                data = child.read_nonblocking(65_536, timeout=0.1)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            written.extend(data)
            last = time.monotonic()

    deadline = time.monotonic() + 60
    while b"Quit" not in written and time.monotonic() < deadline and child.isalive():
        read(0.2)
    read(0.8)
    for key in keys:
        child.send(BYTES.get(key, key))
        read()
    for row in range(2, 34, 3):
        for column in (5, 30, 60, 90):
            child.send(f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")
        read(0.1)
    read()
    alive = child.isalive()
    screen = pyte.Screen(120, 35)
    pyte.ByteStream(screen).feed(re.sub(rb"\x1b\]22;[a-z]+\x07", b"", bytes(written)))
    child.send("\x1b\x1b\x1b")
    read(0.3)
    child.send("q")
    read()
    child.close(force=True)
    # Textual writes these itself: the pointer is an arrow, and a bell when it has to give up.
    plain = re.sub(rb"\x1b\]22;[a-z]+\x07|\x07(?=\x1b\[\?2004l)", b"", bytes(written))
    if not more:
        assert alive, plain[-2_000:]
    return plain, screen


@pytest.mark.parametrize("room", KEYS)
def test_nothing_steers_the_terminal(tmp_path: Path, room: str) -> None:
    written, screen = run(tmp_path, room, KEYS[room])
    assert b"EVIL" in written, "the hostile text was never drawn"
    for name, pattern in FORBIDDEN.items():
        found = re.search(pattern, written)
        assert found is None, f"{name}: {written[found.start() - 60 : found.end() + 60]!r}"
    assert screen.title == ""
    assert "Catalog" in screen.display[0]


def test_a_crash_carries_no_outside_text_to_the_terminal(tmp_path: Path) -> None:
    written, _ = run(tmp_path, "servers", ["!"], "crash")
    assert b"CRASHED" in written
    for name, pattern in FORBIDDEN.items():
        assert re.search(pattern, written) is None, name
