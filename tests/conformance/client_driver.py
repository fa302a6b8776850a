"""What the conformance suite starts as the client under test: `mcptui gateway run` and its client.

The last argument is the server's address; MCP_CONFORMANCE_SCENARIO, …_PROTOCOL_VERSION and
…_CONTEXT say what is tried. The gateway is the real command on its pipes, its one server remote;
this is its client, of the era the scenario is for.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from mcptui.home import Home
from mcptui.paths import Paths
from tests.gateway.remote import remote
from tests.gateway.talk import META, Talk
from tests.world import ROOT, scratch_environ

SERVER = "far"
ADD = [("add_numbers", {"a": 5, "b": 3})]
CALLS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "tools_call": ADD,
    "request-metadata": ADD,
    "http-standard-headers": ADD,
    "initialize": [],
    "json-schema-ref-no-deref": [],
    "sep-2322-client-request-state": [
        (f"test_mrtr_{name}", {}) for name in ("echo_state", "unrelated", "no_state",
                                               "no_result_type")
    ],
}  # fmt: skip
"""What to call; where nothing is said, the first tool with the least it wants."""
STUBS: dict[str, Any] = {
    "string": "x", "integer": 0, "number": 0, "boolean": False, "object": {}, "array": [],
}  # fmt: skip
ABLE: dict[str, Any] = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the user of this client says to a question: the defaults, or yes."""
    params: dict[str, Any] = request.get("params") or {}
    if request["method"] == "sampling/createMessage":
        text = {"type": "text", "text": ""}
        return {"role": "assistant", "content": text, "model": "stub"}
    if request["method"] == "roots/list":
        return {"roots": []}
    schema: dict[str, Any] = params.get("requestedSchema") or {}
    properties: dict[str, dict[str, Any]] = schema.get("properties") or {}
    content = {key: one["default"] for key, one in properties.items() if "default" in one}
    if not content and "confirmed" in properties:
        content = {"confirmed": True}
    return {"action": "accept", "content": content}


def call(talk: Talk, name: str, arguments: dict[str, Any], *, modern: bool) -> dict[str, Any]:
    """Call a tool, answering what the server wants to know on the way."""
    params: dict[str, Any] = {"name": name, "arguments": arguments}
    meta = {META + "clientCapabilities": ABLE}
    for _ in range(10):
        said = talk.ask(
            "tools/call", {**params, "_meta": meta} if modern else params, modern=modern
        )
        result: dict[str, Any] = said.get("result") or {}
        if result.get("resultType") != "input_required":
            return said
        asked: dict[str, dict[str, Any]] = result.get("inputRequests") or {}
        params = {"name": name, "arguments": arguments}
        if asked:
            params["inputResponses"] = {key: answer(one) for key, one in asked.items()}
        if "requestState" in result:
            params["requestState"] = result["requestState"]
    return {}


def least(tool: dict[str, Any]) -> dict[str, Any]:
    """Arguments with what a tool cannot do without."""
    schema: dict[str, Any] = tool.get("inputSchema") or {}
    properties: dict[str, dict[str, Any]] = schema.get("properties") or {}
    names = cast("list[str]", schema.get("required") or [])
    return {name: STUBS.get(properties.get(name, {}).get("type", ""), "x") for name in names}


def listed(talk: Talk, *, modern: bool) -> list[dict[str, Any]]:
    """The tools, once the gateway knows the server."""
    deadline = time.monotonic() + 30
    while True:
        said = talk.ask("tools/list", modern=modern)
        tools: list[dict[str, Any]] = said["result"]["tools"]
        if tools or time.monotonic() > deadline:
            return tools
        time.sleep(0.05)


def read_all(talk: Talk) -> None:
    """Get every prompt and read every resource there is; both lists come after the tools."""
    deadline = time.monotonic() + 20
    prompts: list[dict[str, Any]] = []
    resources: list[dict[str, Any]] = []
    while not (prompts and resources) and time.monotonic() < deadline:
        prompts = talk.ask("prompts/list", modern=True)["result"]["prompts"]
        resources = talk.ask("resources/list", modern=True)["result"]["resources"]
        time.sleep(0.1)
    for prompt in prompts:
        talk.ask("prompts/get", {"name": prompt["name"]}, modern=True)
    for resource in resources:
        talk.ask("resources/read", {"uri": resource["uri"]}, modern=True)
    print("read", prompts, resources, file=sys.stderr)


def drive(talk: Talk, scenario: str, version: str) -> None:
    """Do what the scenario is about."""
    modern = version >= "2026"
    talk.answer = answer
    if modern:
        talk.ask("server/discover", modern=True)
    else:
        talk.hello(version or "2025-11-25", **ABLE)
    tools = listed(talk, modern=modern)
    names = {tool["name"].removeprefix(f"{SERVER}__"): tool for tool in tools}
    print("tools", list(names), file=sys.stderr)
    calls = CALLS.get(scenario)
    if scenario == "http-custom-headers":
        context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
        wanted = cast("list[dict[str, Any]]", context["toolCalls"])
        calls = [(str(one["name"]), dict(one.get("arguments") or {})) for one in wanted]
    if calls is None:
        chosen = names if scenario == "http-invalid-tool-headers" else list(names)[:1]
        calls = [(name, least(names[name])) for name in chosen]
    for name, arguments in calls:
        said = call(talk, f"{SERVER}__{name}", arguments, modern=modern)
        print("call", name, str(said)[:300], file=sys.stderr)
    if scenario == "http-standard-headers":
        read_all(talk)
    if scenario == "sse-retry":
        time.sleep(1.5)


def main(url: str) -> int:
    """Install the suite's server in a world of its own and be its client."""
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")
    with tempfile.TemporaryDirectory() as folder:
        environ = scratch_environ(Path(folder))
        environ = {name: value for name, value in environ.items() if "CONFORMANCE" not in name}
        environ["PYTHONPATH"] = str(ROOT)
        home = Home(Paths.of(environ), environ=environ)
        home.store.put_install(remote(SERVER, url))
        home.close()
        talk = Talk([sys.executable, "-m", "mcptui", "gateway", "run"], environ)
        try:
            drive(talk, scenario, version)
        finally:
            code = talk.close()
            print(b"".join(talk.errors).decode(), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]))
