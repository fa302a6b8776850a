"""JSON-RPC as bytes: envelopes are decoded, everything inside them stays as it came.

Ids, params and results are `Raw` slices of the line they arrived in, so odd characters, unknown
fields and number formats survive. What policy looks at is written anew from the decoded form:
an object is rebuilt key by key, so a duplicate key or an escaped one cannot tell the policy one
thing and the server another.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from mcptui.gateway.surrogates import hide
from mcptui.gateway.torn import must_be_text, one_line, without_mark

LEGACY_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Versions that open with `initialize`, oldest first."""
MODERN_VERSIONS = ("2026-07-28",)
"""Versions that carry who and what in every request."""
LATEST_LEGACY = LEGACY_VERSIONS[-1]
LATEST_MODERN = MODERN_VERSIONS[-1]

META = "io.modelcontextprotocol/"
VERSION_KEY = META + "protocolVersion"
CLIENT_KEY = META + "clientInfo"
CAPABILITIES_KEY = META + "clientCapabilities"
LOG_LEVEL_KEY = META + "logLevel"
SERVER_KEY = META + "serverInfo"
SUBSCRIPTION_KEY = META + "subscriptionId"
HOP_KEYS = frozenset((VERSION_KEY, CLIENT_KEY, CAPABILITIES_KEY, LOG_LEVEL_KEY))
"""Keys of `_meta` that concern one connection only."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
LEGACY_NOT_FOUND = -32002
URL_REQUIRED = -32042
HEADER_MISMATCH = -32020
LACKS_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022

LARGEST_ID = 2**53
_ID_LENGTH = 256

Part = Raw | bytes
"""A JSON value as it stands on the wire."""


class Envelope(msgspec.Struct, gc=False):
    """One JSON-RPC message; a missing part is empty."""

    jsonrpc: str = ""
    id: Raw = Raw()
    method: str = ""
    params: Raw = Raw()
    result: Raw = Raw()
    error: Raw = Raw()


class ErrorObject(msgspec.Struct, gc=False):
    """A JSON-RPC error."""

    code: int = INTERNAL_ERROR
    message: str = ""
    data: Raw = Raw()


encode = msgspec.json.Encoder().encode
_envelope = msgspec.json.Decoder(Envelope).decode
decode_batch = msgspec.json.Decoder(list[Raw]).decode
decode_error = msgspec.json.Decoder(ErrorObject).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_text = msgspec.json.Decoder(str).decode
_texts = msgspec.json.Decoder(list[str]).decode
_any = msgspec.json.Decoder().decode

MALFORMED = (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError)
"""What decoding raises on bytes that are not what they should be."""

_KNOWN_KEYS = {
    key: encode(key) + b":"
    for key in ("name", "arguments", "_meta", "uri", "ref", "argument", "progressToken",
                "inputResponses", "requestState", "context", VERSION_KEY, CLIENT_KEY,
                CAPABILITIES_KEY, LOG_LEVEL_KEY, "content", "structuredContent", "isError")
}  # fmt: skip


def decode_envelope(line: bytes) -> Envelope:
    """One message; it is UTF-8, and no part of it has a line end.

    Raises:
        MALFORMED: it is none.
    """
    if not line.isascii():
        must_be_text(line)
    try:
        message = _envelope(line)
    except msgspec.DecodeError:
        hidden = hide(without_mark(line))
        if hidden is line:
            raise
        line = hidden
        message = _envelope(line)
    if b"\r" in line or b"\n" in line:
        return _envelope(one_line(line))
    return message


def fields(value: Part) -> dict[str, Part]:
    """The members of a JSON object, values untouched; of duplicate keys the last one counts.

    Raises:
        MALFORMED: it is no object.
    """
    return _fields(value)  # pyright: ignore[reportReturnType] dict is invariant, Raw is a Part


def text(value: Part) -> str:
    """A JSON string, decoded.

    Raises:
        MALFORMED: it is no string.
    """
    return _text(value)


def texts(value: Part) -> list[str]:
    """A JSON array of strings, decoded.

    Raises:
        MALFORMED: it is none.
    """
    return _texts(value)


def objects(value: Part) -> list[Part]:
    """The items of a JSON array, untouched.

    Raises:
        MALFORMED: it is none.
    """
    return decode_batch(value)  # pyright: ignore[reportReturnType] list is invariant, Raw is a Part


def anything(value: Part) -> Any:
    """A JSON value, decoded.

    Raises:
        MALFORMED: it is not JSON.
    """
    return _any(value)


def joined(members: Mapping[str, Part]) -> bytes:
    """A JSON object of members, each key once and in plain form."""
    if not members:
        return b"{}"
    known = _KNOWN_KEYS
    parts: list[Part] = []
    mark = b"{"
    for key, value in members.items():
        parts += (mark, known.get(key) or encode(key) + b":", value)
        mark = b","
    parts.append(b"}")
    return _glue(parts)


def _glue(parts: list[Part]) -> bytes:
    # Joined, not formatted: formatting would copy a large part twice more.
    return b"".join(parts)  # pyright: ignore[reportArgumentType] Raw gives its buffer


def canonical_id(raw: Part) -> bytes | None:
    """The one form of a request's id, or None when it may not be an id.

    Strings and whole numbers up to 2**53 are ids; null, fractions and booleans are not: clients
    and servers disagree on what they mean.
    """
    value = bytes(raw)
    if value.isdigit():
        return value if len(value) < 16 or int(value) <= LARGEST_ID else None
    if value[:1] == b'"' and len(value) <= _ID_LENGTH:
        if b"\\" not in value:
            return value
        try:
            return encode(_text(value))
        except MALFORMED:
            return None
    if value[:1] == b"-" and value[1:].isdigit() and int(value) >= -LARGEST_ID:
        return value
    return None


def number_id(raw: Part) -> int:
    """The number of an answer to one of our own requests, -1 when it is none of ours."""
    value = bytes(raw)
    if value.isdigit() and len(value) < 16:
        return int(value)
    if value[:1] == b'"' and value[1:-1].isdigit() and len(value) < 18:
        return int(value[1:-1])  # some servers turn ids into strings
    if value.endswith(b".0") and value[:-2].isdigit() and len(value) < 18:
        return int(value[:-2])  # or into fractions, as languages with one kind of number do
    return -1


def error_body(code: int, message: str, data: Any = None) -> bytes:
    """An error object."""
    body: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return encode(body)


def error_line(identity: bytes, code: int, message: str, data: Any = None) -> bytes:
    """An error answer; `identity` is `null` when the request had no usable id."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identity, error_body(code, message, data))


def result_line(identity: bytes, result: Part) -> bytes:
    """A good answer."""
    return _glue([b'{"jsonrpc":"2.0","id":', identity, b',"result":', result, b"}"])


def fault_line(identity: bytes, error: Part) -> bytes:
    """An error answer whose error object is already on the wire."""
    return _glue([b'{"jsonrpc":"2.0","id":', identity, b',"error":', error, b"}"])


def request_line(identity: bytes, method: str, params: Part) -> bytes:
    """A request; empty `params` are left out."""
    head = [b'{"jsonrpc":"2.0","id":', identity, b',"method":', _methods(method)]
    return _glue([*head, b',"params":', params, b"}"] if params else [*head, b"}"])


def notification_line(method: str, params: Part = b"") -> bytes:
    """A notification; empty `params` are left out."""
    head = [b'{"jsonrpc":"2.0","method":', _methods(method)]
    return _glue([*head, b',"params":', params, b"}"] if params else [*head, b"}"])


@lru_cache(256)
def _methods(method: str) -> bytes:
    return encode(method)
