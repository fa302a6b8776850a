"""mcp-server-fetch, which goes where its client says, behind the list: public pages, none inside.

The real package, from the signed catalog, in its locked container; the Internet is the lab's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.entry import Choices, Mount, Variable
from mcptui.home import Home
from tests.gateway.conftest import until
from tests.gateway.talk import Talk
from tests.lab import Lab, lab
from tests.world import install_server, make_home, world_environ

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lab]:
    (tmp_path / "lab").mkdir()
    with lab(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, place: Lab) -> Iterator[Home]:
    made = make_home(tmp_path / "home")
    install_server(made, "fetch", Choices(network="any"))
    row = made.store.installed("fetch")
    assert row is not None
    # The lab's Internet has an authority of its own; nothing else is different.
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "ca.pem").write_bytes(place.trusted.read_bytes())
    entry = replace(
        row.entry,
        env=(*row.entry.env, Variable("SSL_CERT_FILE", "/trust/ca.pem")),
        mounts=(Mount("trust", "/trust", "the lab's authority"),),
    )
    choices = replace(row.choices, mounts={"trust": ((str(trust), False),)})
    made.store.put_install(replace(row, entry=entry, choices=choices))
    yield made
    made.close()


def page(talk: Talk, url: str) -> str:
    return talk.text("fetch__fetch", {"url": url, "raw": True}, modern=True)


def test_any_public_page_and_none_inside(home: Home, place: Lab) -> None:
    command = [sys.executable, "-m", "mcptui", "gateway", "run"]
    talk = place.host.do(lambda: Talk(command, world_environ(home)))
    try:
        place.forget()
        assert page(talk, "https://api.example.com/x").endswith("\nhttp api")
        inner = (
            "https://private.example.com/", "https://metadata.example.com/",
            "https://inside.example.com/", "http://169.254.169.254/", "https://192.168.77.2/",
            "http://api.example.com/", "https://127.0.0.1/",
        )  # fmt: skip
        for url in inner:
            assert page(talk, url).startswith("Error executing tool fetch: "), url
        # The host's own resolver is asked, by us and for public names alone.
        assert set(place.reached()) <= {"tls api", "resolver"}, place.reached()
    finally:
        talk.close()
    until(lambda: len(home.store.contacts("fetch")) >= 4)
    rows = {(one.host, one.port): one for one in home.store.contacts("fetch") if one.allowed}
    assert set(rows) == {("api.example.com", 443)}
    assert rows["api.example.com", 443].bytes_in > 500
