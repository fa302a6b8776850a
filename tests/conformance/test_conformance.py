"""The official conformance suite against the gateway, in front of a server of each era."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.store import Store
from tests.conformance.suite import FIXTURE, Expected, faults, gateway_at, make_ready, run_suite
from tests.gateway.local import installed
from tests.own_server import peer_image_id, toml_writer
from tests.world import install_server

REVISIONS = ("2026-07-28", "2025-11-25", "2025-06-18")
pytestmark = [pytest.mark.node, pytest.mark.slow]


def check(environ: Mapping[str, str], revision: str, era: str, folder: Path) -> None:
    """Run a revision and compare."""
    with gateway_at(environ) as url:
        make_ready(url)
        found = run_suite(url, revision, folder)
    wrong = faults(found, Expected.read(revision, era))
    assert not wrong, "\n  ".join(["", *wrong])


@pytest.mark.engine
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_server_of_both_eras_in_its_container(
    home: Home, scratch_environ: dict[str, str], tmp_path: Path, revision: str
) -> None:
    server = toml_writer(tmp_path, peer_image_id())("conformance")
    text = server.read_text("utf-8").replace("peer.py", "conformance_server.py")
    server.write_text(text)
    install_server(home, server)
    check(scratch_environ, revision, "dual", tmp_path / "found")


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_server_of_one_era(
    store: Store, scratch_environ: dict[str, str], tmp_path: Path, revision: str, era: str
) -> None:
    command = (sys.executable, str(FIXTURE), "--era", era)
    store.put_install(installed("conformance", *command))
    check(scratch_environ, revision, era, tmp_path / "found")
