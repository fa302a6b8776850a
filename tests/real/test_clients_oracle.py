"""Microsoft's parser, which VS Code uses, reads our edits as we do, over thousands of files."""

from __future__ import annotations

import json
import os
import random
import subprocess
from typing import Any

import pytest

from mcptui.clients.jsonc import Dialect, Document, Malformed
from mcptui.clients.splice import insert
from tests.clients.random_jsonc import Maker
from tests.tools import HERE, tools

LENIENT = Dialect(comments=True, trailing_commas=True)
ENTRY = {"type": "stdio", "command": "/opt/é/mcptui", "args": ["gateway", "run"]}
COUNT = int(os.environ.get("MCPTUI_FUZZ", "2000"))


def verdicts(samples: list[dict[str, Any]]) -> list[str]:
    """What the parser says of each sample, "" for no objection."""
    with_it = tools()
    done = subprocess.run(
        [str(with_it.node), str(HERE / "oracle.mjs"), str(with_it.modules)],
        input=json.dumps(samples),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.node
def test_it_reads_our_edits_as_we_do() -> None:
    maker = Maker(99, comments=True)
    choose = random.Random(99)  # noqa: S311 - tests must be repeatable
    samples: list[dict[str, Any]] = []
    for _ in range(COUNT):
        path = choose.choice([("mcpServers",), ("servers",), ("mcp", "servers")])
        text = maker.text(path)
        patch = insert(Document(text, LENIENT), path, "mcptui", ENTRY, trailing_comma=True)
        samples.append({"before": text, "after": patch.apply(text), "path": path, "entry": ENTRY})
    said = verdicts(samples)
    assert len(said) == COUNT
    assert [(why, sample) for why, sample in zip(said, samples, strict=True) if why] == []


@pytest.mark.node
def test_it_reads_every_damaged_file_that_we_read() -> None:
    maker = Maker(5, comments=True)
    choose = random.Random(5)  # noqa: S311 - tests must be repeatable
    samples: list[dict[str, Any]] = []
    for _ in range(COUNT * 2):
        text = maker.text(("servers",))
        at = choose.randrange(len(text) + 1)
        text = text[:at] + choose.choice(["", ",", "}", '"', "/", "\\", "{", "0"]) + text[at + 1 :]
        try:
            Document(text, LENIENT)
        except Malformed:
            continue
        samples.append({"before": text})
    assert len(samples) > COUNT / 10
    said = verdicts(samples)
    assert [sample for why, sample in zip(said, samples, strict=True) if why] == []
