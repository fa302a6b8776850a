"""A real registry of Debian on this machine, and cosign's signatures made by hand in it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mcptui.trust.image_signature import BUNDLE, SIMPLE

PrivateKey = ec.EllipticCurvePrivateKey
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = """
version: 0.1
log: {accesslog: {disabled: true}, level: error}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: 127.0.0.1:%d}
"""


def digest_of(data: bytes) -> str:
    """The digest of bytes as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def new_key() -> PrivateKey:
    """A key for one test."""
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: PrivateKey) -> str:
    """The public half as entries write it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def claim(repository: str, digest: str) -> bytes:
    """What cosign signs."""
    critical = {
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}).encode()


def signature(key: PrivateKey, data: bytes) -> str:
    """An ECDSA signature in base64."""
    return base64.b64encode(key.sign(data, ec.ECDSA(hashes.SHA256()))).decode()


def promise(log: PrivateKey, key: PrivateKey, payload: bytes, made: str) -> dict[str, Any]:
    """What a transparency log answers for a signature."""
    body = {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest_of(payload)[7:]}},
            "signature": {
                "content": made,
                "publicKey": {"content": base64.b64encode(pem_of(key).encode()).decode()},
            },
        },
    }
    spki = log.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    said = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "integratedTime": 1_700_000_000,
        "logID": hashlib.sha256(spki).hexdigest(),
        "logIndex": 7,
    }
    form = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return {"SignedEntryTimestamp": signature(log, form), "Payload": said}


@dataclass(frozen=True)
class Oci:
    """A running registry.

    Args:
        host: address and port.
        folder: where it keeps everything.
    """

    host: str
    folder: Path

    @property
    def _base(self) -> str:
        return f"http://{self.host}/v2/"

    def put_blob(self, path: str, data: bytes) -> dict[str, Any]:
        """Store a blob; gives its descriptor without a media type."""
        start = httpx.post(f"{self._base}{path}/blobs/uploads/")
        place = start.headers["location"]
        mark = "&" if "?" in place else "?"
        done = httpx.put(f"{place}{mark}digest={digest_of(data)}", content=data)
        assert done.status_code == 201, done.text
        return {"digest": digest_of(data), "size": len(data)}

    def put_manifest(self, path: str, tag: str, said: dict[str, Any]) -> str:
        """Store a manifest under a tag; gives its digest."""
        data = json.dumps(said).encode()
        media = {"Content-Type": str(said["mediaType"])}
        tag = tag or digest_of(data)
        done = httpx.put(f"{self._base}{path}/manifests/{tag}", content=data, headers=media)
        assert done.status_code == 201, done.text
        return digest_of(data)

    def manifest(self, path: str, tag: str) -> dict[str, Any]:
        """A manifest as it is stored."""
        got = httpx.get(f"{self._base}{path}/manifests/{tag}", headers={"Accept": _MANIFEST})
        assert got.status_code == 200, got.text
        found: dict[str, Any] = got.json()
        return found

    def put_image(self, path: str, tag: str, text: str) -> str:
        """Store something that looks like an image; gives its digest."""
        return self.put_manifest(path, tag, self._manifest(path, text, []))

    def _manifest(self, path: str, text: str, layers: list[dict[str, Any]]) -> dict[str, Any]:
        config = self.put_blob(path, json.dumps({"made": text}).encode())
        media = "application/vnd.oci.image.config.v1+json"
        return {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": media, **config},
            "layers": layers,
        }

    def sign(
        self,
        path: str,
        digest: str,
        key: PrivateKey,
        *,
        repository: str = "",
        body: bytes = b"",
        kept_in: str = "",
        log: PrivateKey | None = None,
    ) -> dict[str, Any]:
        """Sign an image as cosign 2 does; gives the layer that holds the signature."""
        payload = body or claim(repository or f"{self.host}/{path}", digest)
        made = signature(key, payload)
        notes = {"dev.cosignproject.cosign/signature": made}
        if log is not None:
            notes["dev.sigstore.cosign/bundle"] = json.dumps(promise(log, key, payload, made))
        blob = self.put_blob(kept_in or path, payload)
        layer = {"mediaType": SIMPLE, **blob, "annotations": notes}
        self.put_signatures(kept_in or path, digest, [layer])
        return layer

    def put_signatures(self, path: str, digest: str, layers: list[dict[str, Any]]) -> None:
        """Store layers as the signatures of an image."""
        tag = f"{digest.replace(':', '-')}.sig"
        self.put_manifest(path, tag, self._manifest(path, "signatures", layers))

    def sign_bundle(self, path: str, digest: str, key: PrivateKey, *, about: str = "") -> None:
        """Sign an image as cosign 3 does; the registry lists no referrers, so a tag does."""
        said: dict[str, Any] = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": (about or digest).removeprefix("sha256:")}}],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        }
        payload = json.dumps(said).encode()
        kind = "application/vnd.in-toto+json"
        over = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        bundle = {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": "a test"}},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": kind,
                "signatures": [{"sig": signature(key, over)}],
            },
        }
        blob = self.put_blob(path, json.dumps(bundle).encode())
        made = self._manifest(path, "bundle", [{"mediaType": BUNDLE, **blob}])
        data = json.dumps(made).encode()
        row = {"mediaType": _MANIFEST, "digest": self.put_manifest(path, "", made)}
        index = {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [{**row, "size": len(data), "artifactType": BUNDLE}],
        }
        self.put_manifest(path, digest.replace(":", "-"), index)

    def on_disk(self, digest: str) -> Path:
        """Where the registry keeps a blob's bytes."""
        hexed = digest.removeprefix("sha256:")
        blobs = self.folder / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return blobs / hexed[:2] / hexed / "data"


@contextmanager
def running_registry(folder: Path) -> Generator[Oci]:
    """Run Debian's docker-registry until the block ends."""
    from tests.tools import programs

    programs()
    program = shutil.which("docker-registry")
    assert program is not None, "docker-registry is not installed, and we may not install it"
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(_CONFIG % (folder, port))
    words = [program, "serve", str(folder / "config.yml")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield Oci(f"127.0.0.1:{port}", folder)
        finally:
            process.kill()


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/v2/")
        except httpx.HTTPError:
            assert time.monotonic() < until, "the registry does not answer"
            time.sleep(0.05)
        else:
            return
