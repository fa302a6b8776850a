"""Images of a real registry, pulled by the real engine: who signed them decides what may run."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.install import install, review
from mcptui.actions.install_words import runs
from mcptui.actions.servers import servers
from mcptui.actions.signed_images import signer_of
from mcptui.actions.update import update, update_review
from mcptui.cli import main
from mcptui.entry import Choices, Image
from mcptui.errors import McptuiError, NotTrusted, UsageError
from mcptui.home import Home
from mcptui.progress import Step
from mcptui.store.rows import Installed
from tests.oci import Oci, new_key, pem_of, running_registry

pytestmark = pytest.mark.engine
AGREED = Choices(unsigned=True)


@pytest.fixture(scope="module")
def oci(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oci]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def push(home: Home, oci: Oci, peer: str, version: str, tag: str = "1") -> str:
    """Push the peer under a tag, and take it out of the engine again; gives its digest."""
    api: Any = home.engine().client.api
    repository = f"{oci.host}/mcp/peer"
    text = f'FROM {peer}\nLABEL mcptui.version={version}\nCMD ["/srv/peer.py"]\n'.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        inside = tarfile.TarInfo("Dockerfile")
        inside.size = len(text)
        archive.addfile(inside, io.BytesIO(text))
    name = f"{repository}:{tag}"
    packed.seek(0)
    for answer in api.build(fileobj=packed, custom_context=True, tag=name, rm=True, decode=True):
        assert "error" not in answer, answer
    digest = ""
    for answer in api.push(repository, tag=tag, stream=True, decode=True, auth_config={}):
        assert "error" not in answer, answer
        digest = answer.get("aux", {}).get("Digest", digest)
    api.remove_image(name, force=True)
    return digest


def put(home: Home, target: str, choices: Choices) -> tuple[Installed, list[Step]]:
    async def run() -> list[Step]:
        return [step async for step in install(home, target, choices)]

    steps = asyncio.run(run())
    return steps[-1].result, steps


def signed_toml(folder: Path, oci: Oci, digest: str, pem: str) -> str:
    """An own entry with a registry's image and the key that signs it."""
    file = folder / "signed.toml"
    file.write_text(
        f'id = "signed"\n[image]\nrepository = "{oci.host}/mcp/peer"\ndigest = "{digest}"\n'
        f"[image.signed_by]\nkeys = [{json.dumps(pem)}]\n"
    )
    return str(file)


def test_an_unsigned_image_needs_a_word_of_its_own_and_is_pinned(
    home: Home, oci: Oci, peer_image: str
) -> None:
    first = push(home, oci, peer_image, "first")
    target = f"docker://{oci.host}/mcp/peer:1"
    look = review(home, target)
    assert [(one.kind, one.option) for one in look.missing] == [("unsigned", "--unsigned")]
    assert not look.image_ready
    assert "nobody signed it" in look.runs
    with pytest.raises(UsageError, match="needs something from you"):
        put(home, target, Choices())
    row, steps = put(home, target, AGREED)
    assert row.entry.image == Image(f"{oci.host}/mcp/peer", first)
    assert ("signature", "skipped") in [(step.key, step.state.value) for step in steps]
    assert row.image_id == home.engine().image_facts(f"{oci.host}/mcp/peer@{first}").id
    assert home.store.tool_states("peer")

    second = push(home, oci, peer_image, "second")
    assert second != first
    kept = home.store.installed("peer")
    assert kept is not None and kept.entry.image is not None and kept.entry.image.digest == first
    found = update_review(home, "peer")
    assert not found.newest
    assert found.changes[0] == f"version {first[:19]} → {second[:19]}"
    shown = next(one for one in servers(home) if one.name == "peer")
    assert shown.image_signed == "nobody signed it"
    third = push(home, oci, peer_image, "third")

    async def take() -> Installed:
        return [step async for step in update(home, "peer", exact=found.exact)][-1].result

    taken = asyncio.run(take())
    assert taken.entry.image is not None
    assert taken.entry.image.digest == second != third, "what was agreed to is what came"


def test_a_tag_that_moves_between_the_question_and_the_answer_is_not_followed(
    home: Home, oci: Oci, peer_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = push(home, oci, peer_image, "before", "moves")
    monkeypatch.setattr(Home, "real", classmethod(lambda cls, environ=None: home))  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]

    def swap(*_: object) -> bool:
        push(home, oci, peer_image, "after", "moves")
        return True

    monkeypatch.setattr("mcptui.cli.install.agreed", swap)
    code = main(["install", f"docker://{oci.host}/mcp/peer:moves", "--unsigned", "--json"])
    assert code == 0
    row = home.store.installed("peer")
    assert row is not None and row.entry.image is not None
    assert row.entry.image.digest == before


def test_a_signed_image_is_checked_before_it_is_pulled(
    home: Home, oci: Oci, peer_image: str, tmp_path: Path
) -> None:
    key = new_key()
    digest = push(home, oci, peer_image, "signed", "signed")
    target = signed_toml(tmp_path, oci, digest, pem_of(key))
    with pytest.raises(NotTrusted, match="is not signed"):
        put(home, target, Choices())
    oci.sign("mcp/peer", digest, new_key())
    with pytest.raises(NotTrusted, match="by another key"):
        put(home, target, AGREED)
    with pytest.raises(McptuiError):
        home.engine().image_facts(f"{oci.host}/mcp/peer@{digest}")
    assert home.store.installed("signed") is None

    oci.sign("mcp/peer", digest, key)
    row, steps = put(home, target, Choices())
    done = {step.key: step for step in steps if step.state.value == "done"}
    assert done["signature"].detail.startswith("signed by key ")
    assert "signed by key" in runs(row.entry)

    oci.put_signatures("mcp/peer", digest, [])
    row, steps = put_again(home, target)
    done = {step.key: step for step in steps if step.state.value == "done"}
    assert done["signature"].detail.endswith("(found right before)")


def put_again(home: Home, target: str) -> tuple[Installed, list[Step]]:
    """Install the same under another name."""

    async def run() -> list[Step]:
        return [step async for step in install(home, target, Choices(), "again")]

    steps = asyncio.run(run())
    return steps[-1].result, steps


def test_a_rollback_to_another_signed_image_is_stopped_by_the_pin(
    home: Home, oci: Oci, peer_image: str, tmp_path: Path
) -> None:
    key = new_key()
    old = push(home, oci, peer_image, "old", "roll")
    new = push(home, oci, peer_image, "new", "roll")
    oci.sign("mcp/peer", old, key)
    oci.sign("mcp/peer", new, key)
    place = oci.on_disk(new)
    place.write_bytes(oci.on_disk(old).read_bytes())
    with pytest.raises(NotTrusted, match="digest"):
        put(home, signed_toml(tmp_path, oci, new, pem_of(key)), Choices())


def test_the_rule_that_all_is_signed_outranks_a_persons_word(
    home: Home, oci: Oci, peer_image: str, tmp_path: Path
) -> None:
    digest = push(home, oci, peer_image, "rule", "rule")
    home.paths.settings.parent.mkdir(parents=True, exist_ok=True)
    home.paths.settings.write_text('[trust]\nrequire = "signed"\n')
    with pytest.raises(NotTrusted, match="is not signed"):
        put(home, f"docker://{oci.host}/mcp/peer:rule", AGREED)
    key = new_key()
    oci.sign("mcp/peer", digest, key)
    row, _ = put(home, signed_toml(tmp_path, oci, digest, pem_of(key)), Choices())
    assert row.name == "signed"
    home.paths.settings.write_text('[trust]\nrequire = "singed"\n')
    with pytest.raises(UsageError, match="require"):
        put(home, f"docker://{oci.host}/mcp/peer:rule", AGREED)


def test_dockers_own_images_need_dockers_signature_in_the_log() -> None:
    digest = "sha256:" + "0" * 64
    for name in ("mcp/time", "docker.io/mcp/time", "index.docker.io/mcp/time"):
        signer = signer_of(Image(name, digest))
        assert signer is not None and signer.logged
        assert (signer.keys, signer.signatures) == (("docker-mcp",), "docker.io/mcp/signatures")
    assert signer_of(Image("evil.example/mcp/time", digest)) is None
    assert signer_of(Image("docker.io/mcpx/time", digest)) is None
