"""The real command over HTTP with the real token: from a vault that a service's credential opens.

Right, missing, wrong and rotated tokens; and that the token lies around nowhere.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.conftest import until
from tests.gateway.http_talk import ROOT, HttpGateway, HttpTalk
from tests.gateway.remote import faulty, remote
from tests.real_keyring import without_keyring

Environ = dict[str, str]


@pytest.fixture
def environ(scratch_environ: Environ, tmp_path: Path) -> Environ:
    """The environment of a service: no desktop, and the passphrase as its credential."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mcptui-passphrase").write_text("a passphrase of a test\n")
    return {**without_keyring(scratch_environ, tmp_path), "CREDENTIALS_DIRECTORY": str(credentials)}


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """Ends what a test began."""
    with ExitStack() as stack:
        yield stack


def mcptui(environ: Environ, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "mcptui", *words], env={**environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def shown(environ: Environ, *words: str) -> str:
    """The token, as a person gets it."""
    done = mcptui(environ, "gateway", "token", "--show", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def statuses(gateway: HttpGateway, token: str, session: str = "") -> list[int]:
    """What every kind of request gets with a token."""
    talk = HttpTalk(gateway, token)
    talk.session, talk.version = session, "2025-11-25" if session else ""
    modern = {"Mcp-Session-Id": ""}
    return [
        talk.modern("tools/list", headers=modern).status,
        talk.legacy("tools/list").status,
        talk.request("POST", body=b"{").status,
        talk.request("GET", headers={"Accept": "text/plain"}).status,
    ]


def test_the_token_opens_and_a_rotated_one_does_not(environ: Environ, ends: ExitStack) -> None:
    gateway = HttpGateway(environ, real=True)
    ends.callback(gateway.close)
    first = shown(environ)
    talk = HttpTalk(gateway, first)
    talk.hello()
    with_session = [200, 200, 400, 406]
    assert statuses(gateway, first, talk.session) == with_session
    assert statuses(gateway, "", talk.session) == [401] * 4
    for wrong in (first[:-1], first + "x", first.swapcase(), "x", f"{first} {first}"):
        assert statuses(gateway, wrong, talk.session) == [401] * 4, wrong
    for scheme in ("Basic", "Token", ""):
        told = {"Authorization": f"{scheme} {first}".strip()}
        refused = talk.modern("tools/list", headers=told)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith('Bearer realm="mcptui"')
        assert refused.headers["cache-control"] == "no-store"
    assert talk.modern("tools/list", headers={"Authorization": f"bearer {first}"}).status == 200
    in_address = talk.request(
        "POST", f"/mcp?access_token={first}", b"{}", headers={"Authorization": ""}
    )
    assert in_address.status == 401
    assert talk.request("GET", "/health", headers={"Authorization": ""}).status == 200

    second = shown(environ, "--rotate")
    assert second != first
    assert statuses(gateway, first, talk.session) == [401] * 4
    assert statuses(gateway, second, talk.session) == with_session


def test_a_token_is_made_before_anybody_can_connect_and_shared(
    environ: Environ, ends: ExitStack
) -> None:
    gateways = [HttpGateway(environ, real=True) for _ in range(2)]
    for gateway in gateways:
        ends.callback(gateway.close)
    token = shown(environ)
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert [statuses(gateway, token)[0] for gateway in gateways] == [200, 200]
    assert [statuses(gateway, "")[0] for gateway in gateways] == [401, 401]


def test_the_token_lies_around_nowhere(
    environ: Environ, ends: ExitStack, home: Home, store: Store, tmp_path: Path
) -> None:
    base = ends.enter_context(faulty())
    store.put_install(remote("far", f"{base}/good"))
    out = tmp_path / "stdout"
    with out.open("wb") as written:
        gateway = HttpGateway(environ, real=True, out=written.fileno())
    ends.callback(gateway.close)
    token = shown(environ)
    talk = HttpTalk(gateway, token)
    talk.hello()
    for modern in (False, True):
        if modern:
            talk.session = ""
        assert talk.text("far__echo", {"text": "x"}, modern=modern) == "x"
    wrong = "".join(reversed(token))
    assert statuses(gateway, wrong)[0] == 401
    talk.request("POST", body=f'{{"{token}'.encode(), headers={"Authorization": "x"})
    until(lambda: [row.outcome for row in store.calls()] == ["ok", "ok"], 30)
    process = Path(f"/proc/{gateway.process.pid}")
    places = {name: (process / name).read_bytes() for name in ("cmdline", "environ")}
    far = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
    with contextlib.closing(far):
        far.request("GET", "/seen")
        places["what the server saw"] = far.getresponse().read()
    assert b"tools/call" in places["what the server saw"]
    assert gateway.close() == 0
    places["stderr"] = "".join(gateway.errors).encode()
    places["stdout"] = out.read_bytes()
    assert places["stdout"].decode() == f"{gateway.url}\n"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes()
    assert any(name.endswith(".db") for name in places), list(places)
    raw = token.encode()
    forms = [raw, raw[::-1], raw.hex().encode()]
    forms += [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    assert [name for name, data in places.items() for form in forms if form in data] == []


def test_without_a_vault_nothing_listens(environ: Environ) -> None:
    del environ["CREDENTIALS_DIRECTORY"]
    done = mcptui(environ, "gateway", "run", "--http", "127.0.0.1:0")
    assert done.returncode != 0
    assert "--http unix:PATH" in done.stderr
    assert "serving" not in done.stderr
    assert done.stdout == ""


def other_address() -> str:
    """An address of this machine that other machines know; else a second one of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        found: str = probe.getsockname()[0]
        return found


def test_other_machines_can_connect_when_that_is_said_and_need_the_token(
    environ: Environ, ends: ExitStack
) -> None:
    gateway = HttpGateway(environ, "--allow-remote", address="0.0.0.0:0", real=True)
    ends.callback(gateway.close)
    token = shown(environ)
    assert any("unencrypted" in line for line in gateway.errors)

    def status(token: str, **more: str) -> int:
        """Of a request over that address."""
        made = http.client.HTTPConnection(other_address(), gateway.port, timeout=30)
        headers = {"Accept": "*/*", "Content-Type": "application/json", **more}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with contextlib.closing(made):
            made.request("POST", "/mcp", b'{"jsonrpc":"2.0","id":1,"method":"ping"}', headers)
            return made.getresponse().status

    assert status("") == status("wrong") == 401
    assert status(token) == 400  # it belongs to no session
    assert status(token, Origin="http://evil.example") == 403
    assert statuses(gateway, token)[0] == 200


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--http", "0.0.0.0:0"), "--allow-remote"),
        (("--http", "[::]:0"), "--allow-remote"),
        (("--http", "0.0.0.0:0", "--allow-remote", "--no-token"), "--no-token"),
    ],
)
def test_other_machines_are_never_let_in_by_mistake(
    environ: Environ, words: tuple[str, ...], why: str
) -> None:
    done = mcptui(environ, "gateway", "run", *words)
    assert done.returncode == 2
    assert why in done.stderr
    assert "serving" not in done.stderr
