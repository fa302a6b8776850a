"""The sorts of calls of a soak: how each is asked, and whether an answer is the right one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Args:
        kind: its sort.
        method, params: as they go out.
        recorded: its method gets a row.
        right: whether a result is the right one.
        error: the tool was asked to report an error.
    """

    kind: str
    method: str
    params: dict[str, Any]
    recorded: bool
    right: Callable[[Answer], bool]
    error: bool = False


def some_call(token: str, servers: Sequence[str], chance: random.Random) -> Ask:
    """A call of a random sort, with the token in it."""
    server = chance.choice(servers)
    roll = chance.random()
    if roll < 0.5:
        return _tool("small", server, "echo", {"text": token}, token)
    if roll < 0.6:
        text = token + "x" * 100_000
        return _tool("100 KB", server, "echo", {"text": text}, text)
    if roll < 0.68:
        arguments = {"text": token, "steps": 3, "pause": round(chance.uniform(0.01, 0.3), 3)}
        return _tool("slow", server, "slow", arguments, token)
    if roll < 0.75:
        return _tool("error", server, "fail", {"text": token}, token, error=True)
    if roll < 0.82:
        return _prompt(server, token)
    if roll < 0.9:
        return _resource(token)
    return _list(chance.choice(list(LISTS)), servers)


def _tool(
    kind: str, server: str, tool: str, arguments: dict[str, Any], text: str, *, error: bool = False
) -> Ask:
    def right(result: Answer) -> bool:
        said = result.get("content")
        return said == [{"type": "text", "text": text}] and result.get("isError", False) is error

    params = {"name": f"{server}__{tool}", "arguments": arguments}
    return Ask(kind, "tools/call", params, True, right, error)


def _prompt(server: str, token: str) -> Ask:
    params = {"name": f"{server}__greet", "arguments": {"who": token}}
    return Ask(
        "prompt", "prompts/get", params, True, lambda result: f"Hello {token}" in json.dumps(result)
    )


def _resource(token: str) -> Ask:
    uri = f"test://by/{token}/data"

    def right(result: Answer) -> bool:
        return result.get("contents") == [{"uri": uri, "text": f"content of {uri}"}]

    return Ask("resource", "resources/read", {"uri": uri}, True, right)


def _list(method: str, servers: Sequence[str]) -> Ask:
    def right(result: Answer) -> bool:
        items: list[dict[str, Any]] = result.get(LISTS[method]) or []
        names = {str(item.get("name")) for item in items}
        if method == "tools/list":
            return {f"{server}__echo" for server in servers} <= names
        if method == "prompts/list":
            return {f"{server}__greet" for server in servers} <= names
        return bool(names)

    return Ask("list", method, {}, False, right)


def is_reason(method: str, answer: Answer) -> bool:
    """Whether an answer is the gateway's own word on why there is none of the server's."""
    if "error" in answer:
        text = str(answer["error"].get("message", ""))
    elif method == "tools/call" and answer["result"].get("isError") is True:
        text = str(answer["result"]["content"][0].get("text", ""))
    else:
        return False
    return "The server '" in text or text.startswith(("This call was not finished", "The gateway"))
