"""Attacks on images' signatures, in a real registry: each one is refused, and told in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mcptui.errors import McptuiError, NotTrusted
from mcptui.runtime.image.reference import read_reference
from mcptui.runtime.image.registry import Registry
from mcptui.trust import image_log
from mcptui.trust.image_keys import DOCKER_MCP, read_key
from mcptui.trust.image_signature import Asked, verify
from tests.oci import Oci, PrivateKey, claim, new_key, pem_of, running_registry

PATH = "mcp/demo"


@pytest.fixture(scope="module")
def oci(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oci]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return new_key()


@pytest.fixture
def digest(oci: Oci, request: pytest.FixtureRequest) -> str:
    """An image of this test's own."""
    return oci.put_image(PATH, "1", request.node.name)


def check(oci: Oci, digest: str, *keys: PrivateKey, **more: Any) -> tuple[str, ...]:
    """Verify as an install does: the image's bytes first, then who signed them."""
    repository = more.pop("repository", f"{oci.host}/{PATH}")
    with Registry(read_reference(f"{repository}@{digest}"), {"HOME": "/nowhere"}) as registry:
        assert registry.manifest(repository, digest) is not None
        return verify(Asked(repository, digest, tuple(map(pem_of, keys)), **more), registry)


def test_a_good_signature_names_its_key(oci: Oci, key: PrivateKey, digest: str) -> None:
    oci.sign(PATH, digest, key)
    assert check(oci, digest, key) == (read_key(pem_of(key)).id,)


def test_an_unsigned_image_is_refused(oci: Oci, key: PrivateKey, digest: str) -> None:
    with pytest.raises(NotTrusted, match="is not signed"):
        check(oci, digest, key)


def test_another_key_is_refused(oci: Oci, key: PrivateKey, digest: str) -> None:
    oci.sign(PATH, digest, key)
    with pytest.raises(NotTrusted, match="by another key"):
        check(oci, digest, new_key())


def test_keys_can_be_rotated_and_two_can_be_asked_for(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    other = new_key()
    first = oci.sign(PATH, digest, key)
    assert check(oci, digest, other, key) == (read_key(pem_of(key)).id,)
    oci.put_signatures(PATH, digest, [first, first])
    with pytest.raises(NotTrusted, match="1 of 2"):
        check(oci, digest, other, key, least=2)
    second = oci.sign(PATH, digest, other)
    oci.put_signatures(PATH, digest, [first, second])
    assert len(check(oci, digest, other, key, least=2)) == 2


def test_a_moved_tag_gives_another_digest_and_no_signature(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    oci.sign(PATH, digest, key)
    evil = oci.put_image(PATH, "1", "evil")
    with Registry(read_reference(f"{oci.host}/{PATH}:1"), {"HOME": "/nowhere"}) as registry:
        assert registry.digest(f"{oci.host}/{PATH}", "1") == evil != digest
    with pytest.raises(NotTrusted, match="is not signed"):
        check(oci, evil, key)
    assert check(oci, digest, key)


def test_a_signature_copied_to_another_image_is_refused(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    layer = oci.sign(PATH, digest, key)
    evil = oci.put_image(PATH, "2", "evil with a copied signature")
    oci.put_signatures(PATH, evil, [layer])
    with pytest.raises(NotTrusted, match="about another image"):
        check(oci, evil, key)


def test_a_signature_for_another_repository_is_refused(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    oci.sign(PATH, digest, key, repository=f"{oci.host}/mcp/other")
    with pytest.raises(NotTrusted, match="for the repository"):
        check(oci, digest, key)


def test_a_rewritten_payload_is_refused(oci: Oci, key: PrivateKey, digest: str) -> None:
    layer = oci.sign(PATH, digest, key)
    evil = oci.put_image(PATH, "3", "evil with a rewritten payload")
    blob = oci.put_blob(PATH, claim(f"{oci.host}/{PATH}", evil))
    oci.put_signatures(PATH, evil, [{**layer, **blob}])
    with pytest.raises(NotTrusted, match="bytes were changed"):
        check(oci, evil, key)


def _flipped(layer: dict[str, Any]) -> dict[str, Any]:
    import base64

    flipped = copy.deepcopy(layer)
    notes = flipped["annotations"]
    raw = bytearray(base64.b64decode(notes["dev.cosignproject.cosign/signature"]))
    raw[-1] ^= 1
    notes["dev.cosignproject.cosign/signature"] = base64.b64encode(raw).decode()
    return flipped


def test_one_bit_flipped_is_refused_and_junk_before_a_good_one_is_not(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    layer = oci.sign(PATH, digest, key)
    junk = _flipped(layer)
    oci.put_signatures(PATH, digest, [junk])
    with pytest.raises(NotTrusted, match="bytes were changed"):
        check(oci, digest, key)
    oci.put_signatures(PATH, digest, [*[junk] * 40, {**layer, "annotations": {}}, layer])
    assert check(oci, digest, key)
    oci.put_signatures(PATH, digest, [*[junk] * 64, layer])
    with pytest.raises(NotTrusted, match="first 64"):
        check(oci, digest, key)


@pytest.mark.parametrize("which", ["the image", "the payload"])
def test_bytes_changed_on_the_registrys_disk_are_refused(
    oci: Oci, key: PrivateKey, digest: str, which: str
) -> None:
    layer = oci.sign(PATH, digest, key)
    place = oci.on_disk(digest if which == "the image" else layer["digest"])
    before = place.read_bytes()
    place.write_bytes(before[:-1] + b" ")
    with pytest.raises(McptuiError):
        check(oci, digest, key)
    place.write_bytes(before)
    assert check(oci, digest, key)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"critical": 1}', b"[" * 100_000, b'{"critical":{"type":null}}']
)
def test_signed_nonsense_is_refused(oci: Oci, key: PrivateKey, digest: str, body: bytes) -> None:
    oci.sign(PATH, digest, key, body=body)
    with pytest.raises(NotTrusted, match="does not hold"):
        check(oci, digest, key)


def test_a_bundle_is_found_by_the_tag_in_place_of_referrers(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    oci.sign_bundle(PATH, digest, key)
    assert check(oci, digest, key)
    with pytest.raises(NotTrusted, match="by another key"):
        check(oci, digest, new_key())


def test_a_bundle_about_another_image_is_refused(oci: Oci, key: PrivateKey, digest: str) -> None:
    oci.sign_bundle(PATH, digest, key, about="sha256:" + "1" * 64)
    with pytest.raises(NotTrusted, match="about another image"):
        check(oci, digest, key)


def test_signatures_may_lie_in_a_repository_of_their_own(
    oci: Oci, key: PrivateKey, digest: str
) -> None:
    oci.sign(PATH, digest, key, kept_in="mcp/signatures")
    assert check(oci, digest, key, kept_in=f"{oci.host}/mcp/signatures")
    with pytest.raises(NotTrusted, match="own registry only"):
        check(oci, digest, key, kept_in="elsewhere.example/mcp/signatures")


def test_the_transparency_logs_promise_is_checked_offline(
    oci: Oci, key: PrivateKey, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = new_key()
    oci.sign(PATH, digest, key)
    with pytest.raises(NotTrusted, match="promise is missing"):
        check(oci, digest, key, logged=True)
    layer = oci.sign(PATH, digest, key, log=log)
    with pytest.raises(NotTrusted, match="unknown transparency log"):
        check(oci, digest, key, logged=True)
    defaults = (pem_of(log),)
    monkeypatch.setattr(image_log.in_log, "__defaults__", defaults)
    assert check(oci, digest, key, logged=True)
    said = json.loads(layer["annotations"]["dev.sigstore.cosign/bundle"])
    said["Payload"]["logIndex"] += 1
    notes = {**layer["annotations"], "dev.sigstore.cosign/bundle": json.dumps(said)}
    oci.put_signatures(PATH, digest, [{**layer, "annotations": notes}])
    with pytest.raises(NotTrusted, match="promise does not hold"):
        check(oci, digest, key, logged=True)
    other = oci.sign(PATH, oci.put_image(PATH, "o", "another image"), key, log=log)
    name = "dev.sigstore.cosign/bundle"
    notes = {**layer["annotations"], name: other["annotations"][name]}
    oci.put_signatures(PATH, digest, [{**layer, "annotations": notes}])
    with pytest.raises(NotTrusted, match="about another"):
        check(oci, digest, key, logged=True)


def test_dockers_key_and_the_logs_are_the_published_ones() -> None:
    docker = "017233c7b898d802fdb5b5b59519988eb1c973e6ba996572dc9a7601f19812b0"
    assert read_key(DOCKER_MCP).id == read_key("docker-mcp").id == docker
    log = "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d"
    assert read_key(image_log.REKOR).id == log
