"""Accidents of a refresh, with real processes: killed, doubled, no room on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mcptui.errors import TryAgain
from mcptui.trust.tuf_copy import best
from tests.forge import CatalogForge, Client

CHILD = """
import sys, time
from pathlib import Path
from mcptui.errors import McptuiError
from mcptui.trust.tuf_copy import Place
from mcptui.trust.tuf_fetch import FolderFetcher
from mcptui.trust.tuf_update import refresh

anchor, shipped, refreshed, repository, mode = sys.argv[1:]

class Slow(FolderFetcher):
    def _chunks(self, path):
        data = path.read_bytes()
        yield data[: len(data) // 2]
        if mode == "hang" and path.name.endswith(".sqlite"):
            print("half", flush=True)
            time.sleep(120)
        yield data[len(data) // 2 :]

if mode == "full":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
place = Place(Path(anchor).read_bytes(), Path(shipped), Path(refreshed))
try:
    print("version", refresh(place, Slow(Path(repository)), time.time).version)
except McptuiError as error:
    print("refused", error)
"""


def child(forge: CatalogForge, client: Client, mode: str) -> subprocess.Popen[str]:
    anchor = forge.folder / "anchor.json"
    anchor.write_bytes(forge.anchor)
    place = client.place
    arguments = [anchor, place.shipped, place.refreshed, forge.repository, mode]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_kill_9_in_the_middle(forge: CatalogForge, client: Client) -> None:
    forge.next()
    client.refresh()
    forge.next()
    process = child(forge, client, "hang")
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    assert (client.place.refreshed / ".new" / "timestamp.json").exists()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert client.version() == 2
    assert best(client.place).warning == ""
    assert client.refresh().version == 3
    assert not (client.place.refreshed / ".new").exists()


def test_two_refreshes_at_once(forge: CatalogForge, client: Client) -> None:
    forge.next()
    process = child(forge, client, "hang")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "half\n"
        with pytest.raises(TryAgain, match="refreshed by another mcptui"):
            client.refresh()
        assert client.version() == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert client.refresh().version == 2


def test_a_disk_without_room(forge: CatalogForge, client: Client) -> None:
    forge.next()
    process = child(forge, client, "full")
    said, _ = process.communicate(timeout=60)
    assert said.startswith("refused The catalog was not refreshed")
    assert "no room on the disk" in said
    assert client.version() == 1
    assert not (client.place.refreshed / ".new").exists()
    assert client.refresh().version == 2
