"""Text passes byte for byte in all four combinations of the eras, whatever it is made of."""

from __future__ import annotations

import json

import pytest

from tests.gateway.bridge import peer
from tests.gateway.conftest import Start
from tests.gateway.talk import MODERN_META

ODD = (
    r'"\u200d family: 👩‍👩‍👧 bom:﻿ rtl:‏‮ repl:� private: del:'
    + "\x7f"
    + r' nbsp:  half:\ud83d esc:\u0041 nul:\u0000 ls:  "'
).encode()
NUMBERS = b"[123456789012345678901234567890,1e400,-0.0,1.10,9007199254740993]"
TWICE = b'{"a":1,"a":2}'


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("as_modern", [False, True])
def test_arguments_and_results_are_not_touched(start: Start, era: str, as_modern: bool) -> None:
    talk = start(peer("one", era))
    talk.hello()
    talk.call("one__echo")
    meta = b',"_meta":' + json.dumps(MODERN_META).encode() if as_modern else b""
    body = b'{"text":%b,"numbers":%b,"twice":%b}' % (ODD, NUMBERS, TWICE)
    talk.write(
        b'{"jsonrpc":"2.0","id":"q","method":"tools/call",'
        b'"params":{"name":"one__raw","arguments":%b%b}}' % (body, meta)
    )
    text = talk.wait("q")["result"]["content"][0]["text"]
    assert text.encode("utf-8", "surrogatepass").find(b'"arguments":' + body) > 0
    # And back: the server writes an answer of its own making, the client gets these very bytes.
    kind = b'"resultType":"complete",' if era == "modern" else b""
    odd = b'"x-odd":%b,"x-numbers":%b,"x-twice":%b' % (ODD, NUMBERS, TWICE)
    result = b'{%b"content":[{"type":"text","text":%b}],%b}' % (kind, ODD, odd)
    line = '{"jsonrpc":"2.0","id":$ID,"result":' + result.decode() + "}"
    number = talk.start("tools/call", {"name": "one__bytes", "arguments": {"line": line}},
                        modern=as_modern)  # fmt: skip
    assert "result" in talk.wait(number)
    (answered,) = [one for one in talk.raw if b'"x-odd"' in one and b'"result"' in one]
    for part in (ODD, b'"x-odd":' + ODD, b'"x-numbers":' + NUMBERS, b'"x-twice":' + TWICE):
        assert part in answered, answered
