"""Is an image signed by the key its entry names: cosign's signatures, in both ways they are kept.

In this order, and nothing of an image runs before it is through: a signature over exact bytes by
the right key, those bytes name this very digest (a genuine signature copied to another image's
tag fails here), they name this repository, and where an entry asks for it the transparency log
has promised to hold the signature. Everything fails closed and is bounded. What a registry says
is given in by a `Signatures`, so that this module opens no connection.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

from mcptui.errors import NotTrusted
from mcptui.trust.image_keys import Key, read_key
from mcptui.trust.image_log import in_log
from mcptui.visible import visible

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_LOGGED = "dev.sigstore.cosign/bundle"
_INTOTO = "application/vnd.in-toto+json"
_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
_TYPE = "cosign container image signature"
_MOST = 64
_LARGEST = 1 << 20
"""Bytes of one signed payload or bundle."""


class Signatures(Protocol):
    """What a registry holds, by digest checked; sizes are bounded by whoever reads."""

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """A manifest or index by tag or digest, None when there is none."""
        ...

    def blob(self, repository: str, digest: str, most: int) -> bytes:
        """A blob of at most `most` bytes that has this digest."""
        ...

    def referrers(self, repository: str, digest: str) -> bytes | None:
        """The index of what refers to a digest, None where the registry does not list that."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a signature has to hold for.

    Args:
        repository: of the image, with its registry's host.
        digest: of the image, as the entry pins it.
        keys: PEM texts; any of them may have signed, so that keys can be rotated.
        kept_in: the repository that holds the signatures, "" for the image's own.
        least: how many of the keys must have signed.
        logged: the transparency log must have promised each signature.
    """

    repository: str
    digest: str
    keys: tuple[str, ...]
    kept_in: str = ""
    least: int = 1
    logged: bool = False


@dataclass(frozen=True, slots=True)
class _Signed:
    """One signature: over these bytes, about this payload."""

    over: bytes
    payload: bytes
    signature: bytes
    simple: bool
    log: Any


def verify(asked: Asked, held: Signatures) -> tuple[str, ...]:
    """Return the ids of the keys that signed the image.

    Raises:
        NotTrusted: too few good signatures; says what was wrong with those that are there.
        McptuiError: the registry gives no answer.
    """
    keys = [read_key(text) for text in asked.keys]
    good: dict[str, None] = {}
    wrong: dict[str, None] = {}
    found = 0
    for one in _all(asked, held, wrong):
        found += 1
        if found > _MOST:
            wrong[f"only the first {_MOST} are looked at"] = None
            break
        _judge(asked, one, keys, good, wrong)
        if len(good) >= asked.least:
            return tuple(good)
    what = f"The signature of {visible(asked.repository, limit=120)} does not hold"
    if not found and not wrong:
        what = f"{visible(asked.repository, limit=120)} is not signed"
        wrong[f"no signature of {asked.digest[:19]} in {asked.kept_in or 'its repository'}"] = None
    elif good:
        wrong[f"{len(good)} of {asked.least} signatures are good"] = None
    raise NotTrusted(what, visible("; ".join(list(wrong)[:6]), limit=400), "Nothing was run")


def _judge(
    asked: Asked, one: _Signed, keys: list[Key], good: dict[str, None], wrong: dict[str, None]
) -> None:
    signer = next((key for key in keys if key.signed(one.over, one.signature)), None)
    if signer is None:
        wrong["a signature is by another key, or its bytes were changed"] = None
        return
    try:
        problem = _claim(asked, one) or (
            in_log(one.log, one.payload, one.signature, signer) if asked.logged else ""
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problem = "what was signed is not in a known form"
    if problem:
        wrong[problem] = None
    else:
        good[signer.id] = None


def _claim(asked: Asked, one: _Signed) -> str:
    """What is wrong with the words that were signed, "" when they are about this image."""
    said = json.loads(one.payload)
    if not one.simple:
        return _statement(said, asked.digest)
    critical = said["critical"]
    if critical["type"] != _TYPE:
        return "what was signed is no claim about an image"
    if critical["image"]["docker-manifest-digest"] != asked.digest:
        return "the signature is about another image"
    named = str(critical["identity"]["docker-reference"])
    if _bare(named) != _bare(asked.repository):
        return f"the signature is for the repository {named[:120]}"
    return ""


def _statement(said: dict[str, Any], digest: str) -> str:
    """What is wrong with a statement; cosign names no repository in it, the digest is all."""
    if said["predicateType"] != _PREDICATE:
        return "what was signed is no claim about an image"
    about = [one["digest"].get("sha256") for one in said["subject"]]
    return (
        "" if about == [digest.removeprefix("sha256:")] else "the signature is about another image"
    )


def _bare(repository: str) -> str:
    """A repository without tag and digest; the two names of Docker's registry are one."""
    text = repository.partition("@")[0]
    folder, slash, last = text.rpartition("/")
    text = f"{folder}{slash}{last.partition(':')[0]}"
    return (
        "docker.io/" + text.removeprefix("index.docker.io/")
        if text.startswith("index.docker.io/")
        else text
    )


def _all(asked: Asked, held: Signatures, wrong: dict[str, None]) -> Iterator[_Signed]:
    """Every signature of the image, one at a time; what cannot be read is told in `wrong`."""
    place = asked.kept_in or asked.repository
    tag = asked.digest.replace(":", "-")
    for layer, read in (
        *((layer, _simple) for layer in _layers(held.manifest(place, f"{tag}.sig"), SIMPLE, wrong)),
        *((layer, _bundle) for layer in _bundles(held, place, asked.digest, wrong)),
    ):
        try:
            digest, size = str(layer["digest"]), int(layer["size"])
            if not 0 < size <= _LARGEST:
                raise ValueError(size)
            body = held.blob(place, digest, _LARGEST)
            yield read(layer, body)
        except NotTrusted as error:
            wrong[str(error)] = None
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            wrong["a signature is not in a known form"] = None


def _layers(manifest: bytes | None, media: str, wrong: dict[str, None]) -> list[dict[str, Any]]:
    if manifest is None:
        return []
    try:
        listed = cast("list[dict[str, Any]]", json.loads(manifest)["layers"])
        found = [layer for layer in listed if layer.get("mediaType") == media]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        wrong["the list of signatures cannot be read"] = None
        return []
    return found[: _MOST + 1]


def _bundles(
    held: Signatures, place: str, digest: str, wrong: dict[str, None]
) -> Iterator[dict[str, Any]]:
    """Layers of the bundles that refer to the image, by the list or by the tag in its place."""
    index = held.referrers(place, digest) or held.manifest(place, digest.replace(":", "-"))
    if index is None:
        return
    try:
        listed = cast("list[dict[str, Any]]", json.loads(index)["manifests"])
        wanted = [str(one["digest"]) for one in listed if one.get("artifactType") in (BUNDLE, None)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        wrong["the list of signatures cannot be read"] = None
        return
    for one in wanted[:_MOST]:
        yield from _layers(held.manifest(place, one), BUNDLE, wrong)


def _simple(layer: dict[str, Any], body: bytes) -> _Signed:
    notes = layer["annotations"]
    signature = base64.b64decode(notes[_SIGNATURE], validate=True)
    log: Any = json.loads(notes[_LOGGED]) if _LOGGED in notes else None
    return _Signed(body, body, signature, True, log)


def _bundle(_layer: dict[str, Any], body: bytes) -> _Signed:
    said = json.loads(body)
    envelope = said["dsseEnvelope"]
    if said["mediaType"] != BUNDLE or envelope["payloadType"] != _INTOTO:
        raise ValueError(said["mediaType"])
    payload = base64.b64decode(envelope["payload"], validate=True)
    (only,) = envelope["signatures"]
    over = b"DSSEv1 %d %s %d %s" % (len(_INTOTO), _INTOTO.encode(), len(payload), payload)
    entries = said["verificationMaterial"].get("tlogEntries") or [None]
    signature = base64.b64decode(only["sig"], validate=True)
    return _Signed(over, payload, signature, False, _promise(entries[0]))


def _promise(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """A bundle's log entry in the form that cosign's annotation has."""
    if entry is None:
        return None
    try:
        log_id = base64.b64decode(entry["logId"]["keyId"], validate=True).hex()
        return {
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logIndex": int(entry["logIndex"]),
                "logID": log_id,
            },
        }
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
