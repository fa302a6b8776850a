"""Clients of others over HTTP: the inspector in each era, and fastmcp."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.gateway.conftest import Serve
from tests.gateway.http_talk import HttpTalk
from tests.gateway.local import installed
from tests.tools import tools

_CALL = """
import asyncio, json, sys
import fastmcp

async def main():
    async with fastmcp.Client(sys.argv[1]) as client:
        names = [tool.name for tool in await client.list_tools()]
        result = await client.call_tool("s__echo", {"text": "hi"})
        print(json.dumps([names, result.content[0].text]))

asyncio.run(main())
"""


@pytest.mark.node
@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
def test_the_inspector_calls_a_tool(
    serve: Serve, scratch_environ: dict[str, str], era: str
) -> None:
    gateway = serve(installed("s"))
    assert HttpTalk(gateway).text("s__echo", {"text": "learnt"}, modern=True) == "learnt"
    done = subprocess.run(
        [*tools().inspector, "--cli", "--server-url", gateway.url, "--transport", "http",
         "--protocol-era", era, "-q", "--format", "json", "--method", "tools/call",
         "--tool-name", "s__echo", "--tool-arg", "text=hi"],
        env=scratch_environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["content"] == [{"type": "text", "text": "hi"}]


def test_fastmcp_lists_and_calls(serve: Serve, scratch_environ: dict[str, str]) -> None:
    gateway = serve(installed("s"))
    assert HttpTalk(gateway).text("s__echo", {"text": "learnt"}, modern=True) == "learnt"
    done = subprocess.run(
        [str(tools().python), "-c", _CALL, gateway.url],
        env=scratch_environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names, text = json.loads(done.stdout.splitlines()[-1])
    assert ("s__echo" in names, text) == (True, "hi")
