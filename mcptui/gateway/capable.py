"""What a client said it can do, and how much of that each server is told.

Servers may only use what a client declared, down to the sub-modes: url elicitation, tools in
sampling. The gateway claims nothing for a client and passes no extension to a server that does
not have it. Pure functions and one frozen class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mcptui.gateway.wire import (
    INVALID_PARAMS,
    MALFORMED,
    METHOD_NOT_FOUND,
    Part,
    fields,
    joined,
    text,
)

TASKS = "io.modelcontextprotocol/tasks"
"""The extension whose results come later."""
UI = "io.modelcontextprotocol/ui"
"""The extension of interfaces: no methods of its own."""
NEEDS = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""What a client must be able to do to be asked something."""
_RELAYED = ("roots", "sampling", "elicitation", "extensions", "experimental")
"""What a client can do that we can pass on to it; its own tasks, say, we cannot."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """One client's capabilities.

    Args:
        names: what can be asked of it at all.
        form, url: the modes of elicitation it has.
        tools, context: the parts of sampling it has.
        extensions: ids.
    """

    names: frozenset[str] = frozenset()
    form: bool = False
    url: bool = False
    tools: bool = False
    context: bool = False
    extensions: frozenset[str] = frozenset()

    @staticmethod
    def of(capabilities: Part) -> Abilities:
        """Read a client's capabilities; what cannot be read is not there."""
        return _read(bytes(capabilities))

    def refusal(self, method: str, params: Part) -> tuple[int, str] | None:
        """Why a client cannot be asked something: a code and words; None when it can."""
        need = NEEDS.get(method)
        if need is None or need not in self.names:
            return METHOD_NOT_FOUND, f"The client cannot be asked {method[:100]}"
        try:
            asked = fields(params) if params else {}
            if method == "elicitation/create":
                url = text(asked.get("mode", b'"form"')) == "url"
                if not (self.url if url else self.form):
                    mode = "url" if url else "form"
                    return INVALID_PARAMS, f"The client has no elicitation of mode {mode}"
            elif method == "sampling/createMessage" and not self.tools:
                if "tools" in asked or "toolChoice" in asked:
                    return INVALID_PARAMS, "The client has no tools in sampling"
        except MALFORMED:
            return INVALID_PARAMS, "The params are not what they should be"
        return None


@lru_cache(64)
def _read(capabilities: bytes) -> Abilities:
    members = _object(capabilities)
    elicitation = _object(members.get("elicitation", b""))
    sampling = _object(members.get("sampling", b""))
    elicits = "elicitation" in members
    return Abilities(
        frozenset(members),
        form=elicits and ("form" in elicitation or not elicitation),
        url=elicits and "url" in elicitation,
        tools="tools" in sampling,
        context="context" in sampling,
        extensions=frozenset(_object(members.get("extensions", b""))),
    )


def _object(value: Part) -> dict[str, Part]:
    try:
        return fields(value) if value else {}
    except MALFORMED:
        return {}


@lru_cache(256)
def fitted(
    capabilities: bytes, offered: frozenset[str] | None, *, modern: bool, same_era: bool
) -> bytes:
    """A client's capabilities as one server may know them.

    Args:
        capabilities: as the client said them.
        offered: ids of the extensions the server has, None when nobody knows.
        modern: the server's era.
        same_era: the client is of that era too.
    """
    members = _object(capabilities)
    out = {key: members[key] for key in _RELAYED if key in members}
    if modern and not same_era and "roots" in out:
        out["roots"] = b"{}"  # no word of changed roots in this era
    if "extensions" in out:
        found = _object(out["extensions"])
        # A task's handle is of its era: the other one could not take it.
        barred = () if same_era else (TASKS,)
        kept = {
            key: value
            for key, value in found.items()
            if (offered is None or key in offered) and key not in barred
        }
        if kept:
            out["extensions"] = joined(kept)
        else:
            del out["extensions"]
    return joined(out)


def without_questions(capabilities: bytes) -> bytes:
    """The same without anything a server could ask: it serves several clients at once."""
    members = _object(capabilities)
    return joined({key: members[key] for key in ("extensions", "experimental") if key in members})


def without_roots(capabilities: bytes) -> bytes:
    """The same without roots."""
    members = _object(capabilities)
    return joined({key: value for key, value in members.items() if key != "roots"})


def extension_ids(capabilities: object) -> frozenset[str]:
    """The ids of the extensions a server has, from its decoded capabilities."""
    found: object = capabilities.get("extensions") if isinstance(capabilities, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return frozenset(map(str, found)) if isinstance(found, dict) else frozenset()  # pyright: ignore[reportUnknownArgumentType]
