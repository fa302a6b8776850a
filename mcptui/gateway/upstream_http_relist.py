"""Listing a remote server's tools anew, for the headers that a call of an unlisted one needs."""

from __future__ import annotations

import contextlib
import itertools

from mcptui.gateway.upstream_http_exchange import Exchange, Outgoing, Peer
from mcptui.gateway.wire import MALFORMED, decode_envelope, fields, joined, request_line

PAGES = 100
_numbers = itertools.count(1)


async def list_again(peer: Peer, sent: Outgoing) -> None:
    """List the tools, all pages; the exchange takes note of what each of them needs.

    Args:
        peer: the server.
        sent: the call for which it is done: the question is put in its client's name.

    Raises:
        Trouble: a page could not be had.
    """
    params = {"_meta": sent.members["_meta"]}
    for _ in range(PAGES):
        found: list[bytes] = []
        line = request_line(b'"again-%d"' % next(_numbers), "tools/list", joined(params))
        await Exchange(peer, Outgoing.of(line), found.append).run()
        cursor = b""
        with contextlib.suppress(*MALFORMED):
            answers = [one for one in map(decode_envelope, found) if one.result]
            cursor = fields(answers[-1].result).get("nextCursor", b"") if answers else b""
        if not cursor:
            return
        params["cursor"] = cursor
