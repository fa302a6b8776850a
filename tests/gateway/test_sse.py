"""The event stream's framing: the standard's cases, any cut of the bytes, bounds, linear time."""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest

from mcptui.gateway.sse import Event, EventParser, TooLarge

STREAM = (
    b"\xef\xbb\xbf: a comment\r\n"
    b"event: first\r\ndata: one\r\ndata:two\r\n\r\n"
    b"data: alone\n\n"
    b"id: 7\rretry: 250\rdata\rdata:  spaced\r\r"
    b"event: empty\n\n"
    b"id: bad\0id\nretry: -1\nretry: soon\nunknown: x\ndata: {\"a\":\"\xc3\xa9\xe2\x80\xa8\"}\n\n"
    b"data: never finished"
)  # fmt: skip
EVENTS = [
    Event("first", b"one\ntwo"),
    Event("message", b"alone"),
    Event("message", b"\n spaced"),
    Event("message", b'{"a":"\xc3\xa9\xe2\x80\xa8"}'),
]


def parsed(chunks: list[bytes], limit: int = 1 << 20) -> tuple[list[Event], EventParser]:
    """The events of some chunks."""
    found: list[Event] = []
    parser = EventParser(found.append, limit)
    for chunk in chunks:
        parser.feed(chunk)
    return found, parser


def test_the_whole_at_once_and_byte_by_byte() -> None:
    for chunks in ([STREAM], [bytes([byte]) for byte in STREAM]):
        found, parser = parsed(chunks)
        assert found == EVENTS
        assert parser.last_id == "7"
        assert parser.retry == 0.25


def test_any_cut_gives_the_same() -> None:
    cuts = random.Random(7)  # noqa: S311 the same cuts each time
    for _ in range(300):
        at = sorted(cuts.sample(range(1, len(STREAM)), cuts.randint(1, 12)))
        chunks = [STREAM[a:b] for a, b in zip([0, *at], [*at, len(STREAM)], strict=True)]
        assert parsed(chunks)[0] == EVENTS


def test_an_id_without_data_is_kept_and_a_stream_goes_on_from_it() -> None:
    _, parser = parsed([b"id: here\nretry: 10\ndata:\n\n"])
    assert parser.last_id == "here"
    second = EventParser(lambda event: None, 100)
    second.go_on(parser)
    second.feed(b"data: x\n\n")
    assert (second.last_id, second.retry) == ("here", 0.01)


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: y\n" * 8000, b"data:\n" * 10000])
def test_no_event_is_larger_than_the_limit(piece: bytes) -> None:
    found: list[Event] = []
    parser = EventParser(found.append, 1 << 20)
    parser.feed(b"data: ")
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            for _ in range(10_000):
                parser.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert found == []


def test_a_comment_that_never_ends_is_bounded_too() -> None:
    parser = EventParser(lambda event: None, 1000)
    with pytest.raises(TooLarge):
        for _ in range(100):
            parser.feed(b": zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")


def test_many_small_events_are_no_large_one() -> None:
    found, _ = parsed([b"data: 0123456789\n\n" * 1000], limit=100)
    assert len(found) == 1000


def test_time_grows_with_the_bytes_and_memory_with_the_line() -> None:
    def seconds(megabytes: int) -> float:
        piece = b"x" * 4096
        parser = EventParser(lambda event: None, 1 << 30)
        began = time.perf_counter()
        parser.feed(b"data: ")
        for _ in range(megabytes << 8):
            parser.feed(piece)
        parser.feed(b"\n\n")
        return time.perf_counter() - began

    small = min(seconds(2) for _ in range(3))
    assert seconds(32) < 16 * max(small, 0.002) * 5
    big: list[Event] = []
    parser = EventParser(big.append, 1 << 30)
    tracemalloc.start()
    parser.feed(b"data: ")
    for _ in range(16 << 4):
        parser.feed(b"x" * 65536)
    parser.feed(b"\n\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(big[0].data) == 16 << 20
    assert peak < 3 * len(big[0].data)
