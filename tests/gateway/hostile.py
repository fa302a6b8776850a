"""What the tests of hostile peers share: a server that follows a script, and a bystander."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcptui.store import Store
from mcptui.store.rows import Definitions, Installed
from tests.fixtures.hostile_server import TOOLS
from tests.gateway.local import installed
from tests.gateway.talk import Talk

SERVER = Path(__file__).parent.parent / "fixtures" / "hostile_server.py"
Step = list[Any]
RESULT = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"%s"}]}}'


def hostile(name: str = "bad", **script: Any) -> Installed:
    """An installed server that follows a script; keys of two words are written `tools_list`."""
    spelled = {key.replace("_", "/"): steps for key, steps in script.items()}
    given = json.dumps(spelled)
    if len(given) > 1000:  # too long for a command
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            file.write(given)
        given = f"@{file.name}"
    return installed(name, sys.executable, str(SERVER), given)


def known(store: Store, name: str = "bad", **script: Any) -> Installed:
    """The same, of a server that ran before: nothing starts it but a call."""
    store.put_definitions(Definitions(name, "legacy", "2025-11-25", {"tools": {}}, tools=TOOLS))
    return hostile(name, **script)


def order(*steps: Step, server: str = "bad", token: Any = None) -> dict[str, Any]:
    """The params of a call that makes a server take steps."""
    params: dict[str, Any] = {"name": f"{server}__do", "arguments": {"steps": list(steps)}}
    return params if token is None else {**params, "_meta": {"progressToken": token}}


def do(talk: Talk, *steps: Step, server: str = "bad", modern: bool = False) -> str:
    """Make a server take steps that end with an answer; gives the text of the answer."""
    answer = talk.ask("tools/call", order(*steps, server=server), modern=modern)
    assert "result" in answer, answer
    text: str = answer["result"]["content"][0]["text"]
    return text


def steady(talk: Talk, calls: int = 50, server: str = "good") -> float:
    """Calls of a server that does no harm, one by one, each answered; gives the p90 in seconds."""
    took: list[float] = []
    for number in range(calls):
        began = time.perf_counter()
        assert talk.text(f"{server}__echo", {"text": str(number)}) == str(number)
        took.append(time.perf_counter() - began)
    return sorted(took)[int(calls * 0.9)]


def unhurt(quiet: float, noisy: float) -> None:
    """Assert that a bystander's calls took about as long as without the noise.

    Generous: the noise and the test share the machine's two cores with other tests.
    """
    assert noisy < 20 * quiet + 0.5, (quiet, noisy)


def memory(talk: Talk, key: str = "VmHWM") -> int:
    """Bytes of memory a gateway has, or had at most."""
    status = Path(f"/proc/{talk.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if key in line) << 10


def log(store: Store, server: str = "bad") -> str:
    """A server's log in one text."""
    return "\n".join(line.text for line in store.log(server))
