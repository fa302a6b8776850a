"""Has the transparency log promised to hold a signature: checked offline, by the log's key.

The promise (a signed entry timestamp of Rekor) is over the entry; the entry has to be about this
very payload, signature and key, else it is somebody else's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from mcptui.trust.image_keys import Key, read_key

REKOR = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr
kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==
-----END PUBLIC KEY-----
"""
"""The public log's key, as in the trusted root of sigstore's public instance."""
_FIELDS = ("body", "integratedTime", "logID", "logIndex")


def in_log(
    promise: Any, payload: bytes, signature: bytes, signer: Key, log_key: str = REKOR
) -> str:
    """Return what is wrong with the log's promise, "" when it holds.

    Args:
        promise: `SignedEntryTimestamp` and `Payload`, None when there is none.
        payload: what was signed.
        signature: over it.
        signer: whose it is.
        log_key: the log's public key, PEM.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is in no known form.
    """
    if promise is None:
        return "the transparency log's promise is missing"
    log = read_key(log_key)
    said = promise["Payload"]
    if said["logID"] != log.id:
        return "the promise is of an unknown transparency log"
    form = json.dumps({name: said[name] for name in _FIELDS}, sort_keys=True, separators=(",", ":"))
    if not log.signed(form.encode(), base64.b64decode(promise["SignedEntryTimestamp"])):
        return "the transparency log's promise does not hold"
    entry = json.loads(base64.b64decode(said["body"], validate=True))
    return "" if _about(entry, payload, signature, signer) else "the log's entry is about another"


def _about(entry: dict[str, Any], payload: bytes, signature: bytes, signer: Key) -> bool:
    digest = hashlib.sha256(payload).hexdigest()
    spec = entry["spec"]
    if entry["kind"] == "hashedrekord":
        named, hashed = spec["signature"], spec["data"]["hash"]
        made, key = named["content"], named["publicKey"]["content"]
    elif entry["kind"] == "dsse":
        (named,), hashed = spec["signatures"], spec["payloadHash"]
        made, key = named["signature"], named["verifier"]
    else:
        return False
    pem = base64.b64decode(key, validate=True).decode("ascii")
    return (
        hashed == {"algorithm": "sha256", "value": digest}
        and base64.b64decode(made, validate=True) == signature
        and read_key(pem).id == signer.id
    )
