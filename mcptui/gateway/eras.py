"""From one protocol era to the other: results, errors and `_meta`, as bytes.

Legacy is 2024-11-05 to 2025-11-25, modern is 2026-07-28. Where both sides are of one era nothing
here is called: what passes is not touched. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcptui.gateway.wire import (
    HOP_KEYS,
    INVALID_PARAMS,
    LEGACY_NOT_FOUND,
    MALFORMED,
    Part,
    anything,
    decode_error,
    encode,
    fields,
    joined,
    text,
)

CACHED = frozenset(
    ("server/discover", "tools/list", "prompts/list", "resources/list",
     "resources/templates/list", "resources/read")
)  # fmt: skip
"""Methods whose modern results must say how long they keep."""
RELAYED_CAPABILITIES = ("roots", "sampling", "elicitation", "extensions", "experimental")
"""What a client can do that we can pass on to it."""
_COMPLETE = b'"complete"'
_HINTS: dict[str, Part] = {"ttlMs": b"0", "cacheScope": b'"private"'}


def kind_of(members: Mapping[str, Part]) -> str:
    """The `resultType` among the members of a result.

    Raises:
        MALFORMED: it is no string.
    """
    kind = members.get("resultType")
    return text(kind) if kind is not None else "complete"


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


def error_to(error: Part, modern: bool) -> bytes:
    """An error in the words of the other era: only the code of "not found" differs."""
    try:
        found = decode_error(error)
    except MALFORMED:
        return bytes(error)
    if not modern or found.code != LEGACY_NOT_FOUND:
        return bytes(error)
    members = fields(error)
    members["code"] = b"%d" % INVALID_PARAMS
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


def relayable(capabilities: Part) -> bytes:
    """A client's capabilities as far as we can pass requests for them on."""
    try:
        members = fields(capabilities)
    except MALFORMED:
        return b"{}"
    return joined({key: members[key] for key in RELAYED_CAPABILITIES if key in members})


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
