"""The names under which clients see tools and prompts: `server__name`, the same every time.

Clients differ in what they take: Claude Desktop shows no tool at all when one name is not
`[a-zA-Z0-9_-]{1,64}`, Cursor drops tools when the gateway's own name and the tool's have more
than 60 characters together. So names keep to that alphabet and to LIMIT characters; what does
not fit is cut and ends in a hash of the full name. A name that needed no change always wins over
one that was changed to look like it. A gateway with one server may show its names without the
prefix; they keep to the same rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LIMIT = 50
SEPARATOR = "__"
_HASH = 8
_ODD = re.compile("[^A-Za-z0-9_-]")


def exposed_names(
    pairs: Iterable[tuple[str, str]], *, plain: bool = False
) -> dict[tuple[str, str], str]:
    """Give every (server, name) its name for clients.

    Args:
        pairs: what there is; the order does not matter.
        plain: without the prefix; for the names of one server.

    Returns:
        A name for each pair, no two alike. The name of a pair depends on the others only when
        two would be the same.
    """
    wanted: dict[str, list[tuple[str, str]]] = {}
    for pair in sorted(set(pairs)):
        wanted.setdefault(_clean(_full(pair, plain), pair), []).append(pair)
    taken: dict[tuple[str, str], str] = {}
    for name, rivals in wanted.items():
        winner = next((pair for pair in rivals if _full(pair, plain) == name), rivals[0])
        for pair in rivals:
            taken[pair] = name if pair is winner else _hashed(name, pair)
    return taken


def _full(pair: tuple[str, str], plain: bool) -> str:
    return pair[1] if plain else SEPARATOR.join(pair)


def _clean(full: str, pair: tuple[str, str]) -> str:
    clean = _ODD.sub("_", full)
    return clean if len(clean) <= LIMIT else _hashed(clean, pair)


def _hashed(clean: str, pair: tuple[str, str]) -> str:
    digest = hashlib.sha256("\0".join(pair).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{clean[: LIMIT - _HASH - 1]}_{digest[:_HASH]}"
