"""Single requests to an engine by the standard library: what starting a server takes, and no more.

The SDK costs 150 ms of a client's first call and 8 MiB for as long as the gateway lives; the few
requests that start, watch and end a container need neither.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.ping import Connection

SECONDS = 60.0
SCHEMES = ("unix", "tcp")
"""Engines that can be asked without the SDK."""


class Refused(Exception):
    """The engine answered with an error.

    Args:
        status: the HTTP status; 404 is something that is not there.
        explanation: the engine's words.
    """

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status = status
        self.explanation = explanation


def ask(
    endpoint: Endpoint, method: str, path: str, query: Mapping[str, str], body: object
) -> tuple[int, bytes]:
    """Send one request on a connection of its own; gives status and body.

    Args:
        endpoint: a unix or TCP engine.
        method: "GET" and the like.
        path: with the API version.
        query: added to it.
        body: sent as JSON; None sends none.

    Raises:
        OSError: the engine does not answer.
    """
    connection = Connection(endpoint, SECONDS)
    headers = {"Host": "docker", "Connection": "close"}
    data: bytes | None = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    elif method == "POST":
        data = b""
    try:
        connection.request(method, f"{path}?{urlencode(query)}" if query else path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"its answer is no HTTP: {error!r}") from error
    finally:
        connection.close()


def read(status: int, body: bytes) -> Any:
    """What an answer says; None when it says nothing.

    Raises:
        Refused: it is an error.
        OSError: it is no JSON.
    """
    try:
        said: Any = json.loads(body) if body.strip() else None
    except ValueError as error:
        if status < 400:
            raise ConnectionError("its answer is no JSON") from error
        said = None
    if status >= 400:
        words = said.get("message") if isinstance(said, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        raise Refused(status, str(words or body[:400].decode("utf-8", "replace") or status))  # pyright: ignore[reportUnknownArgumentType]
    return said
