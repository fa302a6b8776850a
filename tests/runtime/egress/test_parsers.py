"""The three parsers that read what a hostile server writes: greeting, request head, question."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mcptui.runtime.egress.head import LIMIT as HEAD_LIMIT
from mcptui.runtime.egress.head import BadHead, Head, read_head
from mcptui.runtime.egress.hello import LIMIT as HELLO_LIMIT
from mcptui.runtime.egress.hello import Hello, NotTls, read_hello
from mcptui.runtime.egress.names import Question, answer, read_question
from tests.runtime.egress.tls import greeting, in_records, with_extension

HELLO = greeting("api.example.com")


def test_the_name_is_read_whatever_the_pieces() -> None:
    assert read_hello(HELLO) == Hello("api.example.com", False)
    assert read_hello(greeting(None)) == Hello("", False)
    for size in (1, 16, 32, 200):
        pieces = in_records(HELLO, size)
        assert read_hello(pieces) == Hello("api.example.com", False)
        for end in range(0, len(pieces) - 1, 7):
            assert read_hello(pieces[:end]) is None


def test_what_follows_the_greeting_is_not_looked_at() -> None:
    assert read_hello(HELLO + b"\x17\x03\x03\x00\x01x") == Hello("api.example.com", False)


def test_an_encrypted_greeting_is_told() -> None:
    assert read_hello(with_extension(HELLO, 0xFE0D, b"x")) == Hello("api.example.com", True)


BENT = {
    "plain HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "SSH": b"SSH-2.0-x\r\n",
    "one byte": b"\x00",
    "another record": b"\x17\x03\x03\x00\x05hello",
    "SSL 2": b"\x80\x2e\x01\x00\x02",
    "an empty record": b"\x16\x03\x01\x00\x00",
    "a huge record": b"\x16\x03\x01\xff\xff",
    "another message": b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    "a greeting without end": b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
    "half a body": b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03",
    "two names": with_extension(HELLO, 0, b"\x00\x09\x00\x00\x06a.test"),
    "no ASCII": with_extension(greeting(None), 0, b"\x00\x06\x00\x00\x03\xff\xfe\xfd"),
    "an empty name": with_extension(greeting(None), 0, b"\x00\x03\x00\x00\x00"),
    "names past their end": with_extension(greeting(None), 0, b"\x00\x09\x00\x00\x20a.test"),
    "a second name in the list": with_extension(
        greeting(None), 0, b"\x00\x12\x00\x00\x06a.test\x00\x00\x06b.test"
    ),
}


@pytest.mark.parametrize("what", BENT)
def test_what_is_no_greeting_is_not_tls(what: str) -> None:
    with pytest.raises(NotTls):
        read_hello(BENT[what])


def test_a_greeting_that_does_not_end_is_bounded() -> None:
    endless = b"\x16\x03\x01\x00\x01\x01" + b"\x16\x03\x01\x00\x01\x00" * HELLO_LIMIT
    with pytest.raises(NotTls):
        read_hello(endless[: HELLO_LIMIT + 100])


HEADS: dict[bytes, Head] = {
    b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n": Head(
        True, "api.example.com", 443, 49
    ),
    b"CONNECT [::1]:443 HTTP/1.0\r\n\r\n": Head(True, "[::1]", 443, 30),
    b"GET http://a.example/p?q HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: x\r\n\r\n": Head(
        False, "a.example", 80, 75,
        b"GET /p?q HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    ),
    b"POST / HTTP/1.1\r\nhost: a.example:8080\r\ncontent-length: 5\r\n\r\nhello": Head(
        False, "a.example", 8080, 60,
        b"POST / HTTP/1.1\r\nhost: a.example:8080\r\ncontent-length: 5\r\n"
        b"Connection: close\r\n\r\n", 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", HEADS)
def test_a_request_is_read(data: bytes) -> None:
    assert read_head(data) == HEADS[data]
    assert read_head(data[: HEADS[data].size - 1]) is None


BAD_HEADS = [
    b"CONNECT api.example.com HTTP/1.1\r\n\r\n",
    b"CONNECT api.example.com:0 HTTP/1.1\r\n\r\n",
    b"CONNECT api.example.com:99999 HTTP/1.1\r\n\r\n",
    b"CONNECT user@api.example.com:443 HTTP/1.1\r\n\r\n",
    b"CONNECT a b:443 HTTP/1.1\r\n\r\n",
    b"CONNECT  a:443 HTTP/1.1\r\n\r\n",
    b"connect a.example:443 HTTP/1.1\r\n\r\n",
    b"CONNECT a.example:443 HTTP/2\r\n\r\n",
    b"GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n",
    b"GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"GET http://x@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example:x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\nX: \x00\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +5\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    b"x" * HEAD_LIMIT,
]


@pytest.mark.parametrize("data", BAD_HEADS)
def test_a_bent_request_is_refused(data: bytes) -> None:
    with pytest.raises(BadHead):
        read_head(data)


def question(name: str, kind: int = 1, family: int = 1, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes((len(one),)) + one.encode() for one in name.split("."))
    head = b"\x12\x34" + flags.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\0"
    return head + labels + b"\0" + kind.to_bytes(2, "big") + family.to_bytes(2, "big")


def test_a_question_and_its_answers() -> None:
    asked = read_question(question("api.example.com"))
    assert asked is not None and (asked.name, asked.kind, asked.family) == ("api.example.com", 1, 1)
    said = answer(asked, "127.77.0.1")
    assert said[:2] == b"\x12\x34" and said[2:8] == b"\x85\x80\0\1\0\1"
    assert said.endswith(b"\0\4\x7f\x4d\0\1")
    assert answer(asked, "", 3)[2:8] == b"\x85\x83\0\1\0\0"


NO_QUESTIONS = [
    b"", b"\0" * 11, b"\0" * 12, question("a.b", flags=0x8100), question("a.b", flags=0x2900),
    question("a.b")[:-1], question("a.b")[:14], b"\x12\x34\1\0\0\2" + question("a.b")[6:],
    question("a.b")[:12] + b"\xc0\x0c\0\1\0\1", question("a.b")[:12] + b"\x3fabc\0\0\1\0\1",
    question(".".join(["a" * 60] * 5)), b"\0" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("data", NO_QUESTIONS)
def test_what_is_no_question(data: bytes) -> None:
    assert read_question(data) is None


def test_no_bytes_break_a_parser() -> None:
    """Seeded; anything but a refusal is a failure."""
    chance = random.Random(7)  # noqa: S311 repeatable, not secret
    seeds: list[tuple[Any, bytes]] = [
        (read_hello, HELLO),
        (read_hello, in_records(HELLO, 16)),
        (read_head, b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (read_head, b"POST http://a.example/x HTTP/1.1\r\nHost: a.example\r\n"
                    b"Content-Length: 5\r\n\r\n"),
        (read_question, question("api.example.com")),
    ]  # fmt: skip
    refused = kept = 0
    for _ in range(20_000):
        parse, seed = chance.choice(seeds)
        data = bytearray(seed)
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(data) + 1)
            how = chance.random()
            if how < 0.5 and at < len(data):
                data[at] = chance.randrange(256)
            elif how < 0.75:
                del data[at : at + chance.randrange(1, 40)]
            else:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 30)))
        try:
            found = parse(bytes(data))
        except (NotTls, BadHead):
            refused += 1
            continue
        kept += isinstance(found, Hello | Head | Question)
        if isinstance(found, Hello):
            assert found.name.isascii()
        if isinstance(found, Head):
            assert 0 < found.port < 65536 and "@" not in found.host and " " not in found.host
    assert refused > 1000 and kept > 1000
