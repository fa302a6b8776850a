"""Messages that cannot be read: which request they answer, told from their first and last bytes.

A message over the limit is dropped while it arrives and one that is no JSON cannot be decoded,
but the request it answers should not wait until its time is over. Only an id that stands where a
message has its own counts: one further in may be anything. And whatever is read here is checked
against what is open, so a wrong guess costs the server that wrote the line and nobody else.
"""

from __future__ import annotations

import codecs
import re

END = 512
"""Bytes looked at of each end of a message."""
_OPENING = 80
_PIECE = 1 << 20
_BOM = b"\xef\xbb\xbf"
_NUMBER = rb'"id"\s{0,4}:\s{0,4}("?)(-?\d{1,16}|[A-Za-z0-9_.:-]{1,64})\1'
_VERSION = rb'"jsonrpc"\s{0,4}:\s{0,4}"2\.0"\s{0,4}'
_FIRST = re.compile(rb"\s{0,8}\{\s{0,8}(?:" + _VERSION + rb",\s{0,8})?" + _NUMBER)
_LAST = re.compile(
    rb",\s{0,8}" + _NUMBER + rb"\s{0,8}(?:,\s{0,8}" + _VERSION + rb")?\}\s{0,8}\Z"
)  # fmt: skip
_FLAT = bytes.maketrans(b"\r\n", b"  ")


def answered(ends: bytes) -> bytes:
    """The id of an answer; empty when it has none that can be told, or is a question itself."""
    return b"" if b'"method"' in ends[:_OPENING] else whose(ends)


def whose(ends: bytes) -> bytes:
    """The id of a message, as it is written there, from its first and last bytes; empty if none.

    Args:
        ends: a whole message, or what is left of one.
    """
    found = _FIRST.match(ends[:END].removeprefix(_BOM)) or _LAST.search(ends[-END:])
    return b"" if found is None else found[1] + found[2] + found[1]


def must_be_text(line: bytes) -> None:
    """Look at every byte of a message: our decoder does not look into what it passes on.

    What is not UTF-8 is no JSON (RFC 8259), and ends the conversation in clients and servers that
    decode strictly. A large message is looked at in pieces, so that it costs no memory.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    decode = codecs.getincrementaldecoder("utf-8")().decode
    view = memoryview(line)
    for start in range(0, len(view), _PIECE):
        decode(view[start : start + _PIECE])
    decode(b"", True)


def without_mark(line: bytes) -> bytes:
    """`line` without the byte order mark that some programs put first; RFC 8259 lets us."""
    return line.removeprefix(_BOM)


def one_line(line: bytes) -> bytes:
    """A JSON text, known to be valid, without line ends.

    In valid JSON they stand between values only and mean nothing; but a program that takes a
    carriage return for the end of a line would read what follows as a message of its own, which
    nobody has looked at.
    """
    return line.translate(_FLAT)
