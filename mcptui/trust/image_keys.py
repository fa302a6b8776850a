"""Public keys that sign images: their forms, their ids, and the one that Docker publishes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from mcptui.errors import UsageError

DOCKER_MCP = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETcvGv5qypnoxKkFIQOdXZ+2H6JN8
8kmAQrMkTb6SmJ7BY59OJIOpTwdjD5joLot6zFs1Q7HHDmkF5HOaC8zSnA==
-----END PUBLIC KEY-----
"""
"""Docker's key for its `mcp/` images, published in its repository docker/keyring."""
NAMED = {"docker-mcp": DOCKER_MCP}
"""Keys that an entry may name instead of writing them out."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key.

    Args:
        id: sha256 of its SubjectPublicKeyInfo, hex.
        public: the key as `cryptography` has it.
    """

    id: str
    public: Any

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature over the data."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

        try:
            if isinstance(self.public, ed25519.Ed25519PublicKey):
                self.public.verify(signature, data)
            elif isinstance(self.public, ec.EllipticCurvePublicKey):
                self.public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            else:
                self.public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def read_key(text: str) -> Key:
    """Read a PEM public key, or the name of a known one.

    Raises:
        UsageError: it is no key of a kind that signs images.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        public = serialization.load_pem_public_key(NAMED.get(text, text).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError("The key of an image is no public key in PEM form") from error
    strong_rsa = isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048
    if not strong_rsa and not isinstance(
        public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    ):
        raise UsageError("The key of an image must be ECDSA, Ed25519 or RSA of 2048 bits or more")
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Key(hashlib.sha256(spki).hexdigest(), public)
