"""Bytes into lines: every cut, every size, linear in time and bounded in memory."""

from __future__ import annotations

import random
import time
import tracemalloc

from mcptui.runtime.lines import LineSplitter, LogLines


class Heard:
    def __init__(self, limit: int = 1 << 20) -> None:
        self.lines: list[bytes] = []
        self.sizes: list[int] = []
        self.splitter = LineSplitter(
            self.lines.append, lambda size, ends: self.sizes.append(size), limit
        )

    def feed(self, *pieces: bytes) -> Heard:
        for piece in pieces:
            self.splitter.feed(piece)
        return self


def test_any_cut_gives_the_same_lines() -> None:
    lines = [b"a", b"", b"bc\r", b"x" * 300, b"\r", b"d"]
    data = b"\n".join(lines) + b"\n"
    wanted = [b"a", b"bc", b"x" * 300, b"d"]
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311  a test's cuts
        cuts = sorted(chance.choices(range(len(data) + 1), k=chance.randrange(12)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert Heard().feed(*pieces).lines == wanted
    assert Heard().feed(*(data[i : i + 1] for i in range(len(data)))).lines == wanted


def test_overlong_lines_are_counted_and_dropped() -> None:
    heard = Heard(limit=10)
    heard.feed(b"0123456789\n", b"01234567890\n", b"ok\n", b"x" * 8, b"y" * 8, b"z\nok2", b"\n")
    assert heard.lines == [b"0123456789", b"ok", b"ok2"]
    assert heard.sizes == [11, 17]


def test_the_last_line_needs_no_end() -> None:
    heard = Heard().feed(b'{"a":1}\n{"b"', b":2}")
    heard.splitter.end()
    heard.splitter.end()
    assert heard.lines == [b'{"a":1}', b'{"b":2}']


def test_a_message_that_cannot_be_borne_costs_no_other() -> None:
    heard: list[bytes] = []

    def hear(line: bytes) -> None:
        heard.append(line)
        if line == b"bad":
            raise ValueError(line)

    LineSplitter(hear, print, 100).feed(b"one\nbad\ntwo\n")
    assert heard == [b"one", b"bad", b"two"]


def test_fifty_megabytes_take_little_time_and_memory() -> None:
    size, piece = 50 << 20, b"x" * (64 << 10)
    sizes: list[int] = []
    splitter = LineSplitter(lambda line: sizes.append(len(line)), print, 64 << 20)
    tracemalloc.start()
    begun = time.process_time()
    for _ in range(size // len(piece)):
        splitter.feed(bytes(bytearray(piece)))  # a fresh copy, as a read gives one
    splitter.feed(b"\n")
    took = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [size]
    assert peak < 2.1 * size
    assert took < 5, "a quadratic splitter takes minutes"


def test_the_log_is_text_of_bounded_length() -> None:
    heard: list[str] = []
    log = LogLines(heard.append, longest=10)
    log.feed(b"caf\xc3\xa9\r\nbroken \xff\n0123456789abc\n\npart")
    log.end()
    assert heard == ["café", "broken \ufffd", "0123456789… (3 bytes more)", "", "part"]
    assert log.last == "part"


def test_the_log_is_bounded_in_rate() -> None:
    heard: list[str] = []
    now = [0.0]
    log = LogLines(heard.append, per_second=100, clock=lambda: now[0])
    log.feed(b"x" * 49 + b"\n")
    log.feed(b"y" * 200 + b"\n")
    log.feed(b"z\n")
    assert len(heard) == 1
    now[0] = 1.5
    log.feed(b"\nnext\n")
    assert heard[1] == "mcptui: 153 bytes of log dropped, the server writes too much"
    assert heard[2:] == ["y" * 50, "next"]
