"""From one protocol era to the other: results, errors and `_meta`, as bytes.

Legacy is 2024-11-05 to 2025-11-25, modern is 2026-07-28. Where both sides are of one era nothing
here is called: what passes is not touched. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mcptui.gateway.wire import (
    HEADER_MISMATCH,
    HOP_KEYS,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    LEGACY_NOT_FOUND,
    MALFORMED,
    UNSUPPORTED_VERSION,
    URL_REQUIRED,
    Part,
    anything,
    decode_error,
    encode,
    fields,
    joined,
    objects,
    text,
)

CACHED = frozenset(
    ("server/discover", "tools/list", "prompts/list", "resources/list",
     "resources/templates/list", "resources/read")
)  # fmt: skip
"""Methods whose modern results must say how long they keep."""
FIRST_RESERVED, LAST_RESERVED = -32099, -32020
"""Codes that only the newer era gives a meaning."""
_COMPLETE = b'"complete"'
_HINTS: dict[str, Part] = {"ttlMs": b"0", "cacheScope": b'"private"'}


class _Head(msgspec.Struct, gc=False):
    resultType: str = "complete"  # noqa: N815 the protocol's name


_head = msgspec.json.Decoder(_Head).decode


def kind_of(result: Part) -> str:
    """The `resultType` of a modern server's result.

    Raises:
        MALFORMED: it is no string, or the result is no object.
    """
    return _head(result).resultType


def to_modern(result: Part, method: str) -> bytes:
    """A legacy server's result for a modern client."""
    members = fields(result)
    out: dict[str, Part] = {"resultType": _COMPLETE}
    if method in CACHED:
        out |= _HINTS
    out |= {key: value for key, value in members.items() if key not in out}
    return joined(out)


def to_legacy(members: dict[str, Part]) -> bytes:
    """A modern server's complete result for a legacy client.

    Structured content that is no object is left out: older clients reject the whole answer for
    it, and the content says the same.
    """
    out = {k: v for k, v in members.items() if k not in ("resultType", "ttlMs", "cacheScope")}
    structured = out.get("structuredContent")
    if structured is not None and bytes(memoryview(structured)[:1]) != b"{":
        del out["structuredContent"]
    return joined(out)


def error_to(error: Part, method: str, *, modern: bool) -> bytes:
    """A server's error in the words of the client's era.

    Codes that speak of the hop between us and the server mean nothing to the client; those that
    only one era has would be taken for something else by the other.

    Args:
        error: as the server sent it.
        method: what the client asked for.
        modern: the client's era; the server is of the other one.
    """
    try:
        found = decode_error(error)
    except MALFORMED:
        return bytes(error)
    code = found.code
    if modern:
        if code == LEGACY_NOT_FOUND:
            code = INVALID_PARAMS
        elif code == URL_REQUIRED or FIRST_RESERVED <= code <= LAST_RESERVED:
            code = INTERNAL_ERROR
    elif code == INVALID_PARAMS and method == "resources/read" and _names_uri(found.data):
        code = LEGACY_NOT_FOUND
    elif FIRST_RESERVED <= code <= LAST_RESERVED:
        code = INTERNAL_ERROR
    if code == found.code:
        return bytes(error)
    members = fields(error)
    members["code"] = b"%d" % code
    return joined(members)


def hop_error(error: Part) -> bytes:
    """A modern server's error for a modern client: what it holds against us is no fault of his."""
    try:
        code = decode_error(error).code
    except MALFORMED:
        return bytes(error)
    if code not in (HEADER_MISMATCH, UNSUPPORTED_VERSION):
        return bytes(error)
    members = fields(error)
    members["code"] = b"%d" % INTERNAL_ERROR
    return joined(members)


def _names_uri(data: Part) -> bool:
    try:
        return bool(data) and "uri" in fields(data)
    except MALFORMED:
        return False


def urls_of(error: Part) -> list[Part]:
    """The addresses a legacy server wants opened before it goes on, as params of elicitations.

    Empty when the error is another one, or is not what it should be.
    """
    try:
        found = decode_error(error)
        if found.code != URL_REQUIRED:
            return []
        asked = objects(fields(found.data)["elicitations"])
        return [one for one in asked if text(fields(one)["mode"]) == "url"]
    except (*MALFORMED, KeyError):
        return []


def named_urls(error: Part, server: str) -> bytes:
    """The same error, with the server named in each of its elicitations."""
    urls = urls_of(error)
    if not urls:
        return bytes(error)
    members = fields(error)
    data = fields(members["data"])
    data["elicitations"] = b"[%b]" % b",".join(attributed(url, server) for url in urls)
    members["data"] = joined(data)
    return joined(members)


def for_modern(method: str, params: Part, *, context: bool) -> bytes:
    """The params of a legacy server's question as a modern client takes them.

    Args:
        method: what is asked.
        params: as the server sent them.
        context: the client gives servers context in sampling.

    Raises:
        MALFORMED: they are no object.
    """
    if not params:
        return b"{}"
    members = fields(params)
    members.pop("elicitationId", None)
    if method == "sampling/createMessage" and not context and "includeContext" in members:
        members["includeContext"] = b'"none"'
    raw = members.pop("_meta", None)
    if raw is not None and (meta := plain_meta(fields(raw))):
        members["_meta"] = joined(meta)
    return joined(members)


def for_legacy(method: str, params: Part, identity: str) -> Part:
    """The params of a modern server's question as a legacy client takes them.

    Args:
        method: what is asked.
        params: as the server sent them.
        identity: the id of this elicitation; addresses have one in that era.

    Raises:
        MALFORMED: they are no object.
    """
    if method != "elicitation/create":
        return params
    members = fields(params)
    if text(members.get("mode", b'"form"')) == "url":
        members.setdefault("elicitationId", encode(identity))
    return joined(members)


def tool_for_legacy(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's definition as older clients take it: an output schema must be of type object."""
    schema = definition.get("outputSchema")
    if schema is None or (isinstance(schema, dict) and schema.get("type") == "object"):  # pyright: ignore[reportUnknownMemberType]
        return definition
    return {key: value for key, value in definition.items() if key != "outputSchema"}


def plain_meta(meta: Mapping[str, Part]) -> dict[str, Part]:
    """`_meta` without what concerns one connection only."""
    return {
        key: value for key, value in meta.items() if key not in HOP_KEYS and key != "progressToken"
    }


def asks_of(members: Mapping[str, Part]) -> list[tuple[str, str, Part]]:
    """What a modern server wants to know before it goes on: (key, method, params) each.

    Raises:
        MALFORMED: the requests are not what they should be.
    """
    requests = members.get("inputRequests")
    if requests is None:
        return []
    found: list[tuple[str, str, Part]] = []
    for key, request in fields(requests).items():
        parts = fields(request)
        found.append((key, text(parts.get("method", b"null")), parts.get("params", b"{}")))
    return found


def attributed(params: Part, server: str) -> bytes:
    """An elicitation's params with the server named in the message: the user must see who asks.

    Raises:
        MALFORMED: the params are no object.
    """
    members = fields(params)
    message = anything(members.get("message", b'""'))
    members["message"] = encode(f"[{server}] {message if isinstance(message, str) else ''}")
    return joined(members)
