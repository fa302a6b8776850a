"""Servers and words for the tests of the bridge between the eras."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mcptui.store.rows import Installed
from tests.gateway.local import installed
from tests.gateway.talk import META, MODERN_META, Talk

PEER = Path(__file__).parent.parent / "fixtures" / "bridge_peer.py"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
FORM: dict[str, Any] = {
    "method": "elicitation/create",
    "params": {"message": "Name?", "requestedSchema": SCHEMA},
}
URL: dict[str, Any] = {
    "method": "elicitation/create",
    "params": {"mode": "url", "url": "https://example.com/in", "message": "Sign in"},
}
SAMPLE: dict[str, Any] = {
    "method": "sampling/createMessage",
    "params": {"messages": [], "maxTokens": 5, "includeContext": "thisServer"},
}
ROOTS: dict[str, Any] = {"method": "roots/list", "params": {}}
ABLE: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
ANN: dict[str, Any] = {"action": "accept", "content": {"name": "Ann"}}


def peer(name: str, era: str, *options: str) -> Installed:
    """A server of one era that does what the bridge is about."""
    return installed(name, sys.executable, str(PEER), "--era", era, *options)


def meta(**capabilities: Any) -> dict[str, Any]:
    """The `_meta` of a modern client with some capabilities."""
    return {"_meta": {**MODERN_META, META + "clientCapabilities": capabilities}}


def modern(
    talk: Talk, params: dict[str, Any], method: str = "tools/call", able: Any = None
) -> dict[str, Any]:
    """A modern client's request; gives the answer."""
    said = meta(**(ABLE if able is None else able))["_meta"]
    merged = {**params, "_meta": {**said, **params.get("_meta", {})}}
    return talk.ask(method, merged, modern=True)


def told(talk: Talk, server: str = "one", **call: Any) -> dict[str, Any]:
    """Everything a server has received."""
    said: dict[str, Any] = json.loads(talk.text(f"{server}__told", **call))
    return said


def content(answer: dict[str, Any]) -> str:
    """The text of a tool's answer."""
    text: str = answer["result"]["content"][0]["text"]
    return text
