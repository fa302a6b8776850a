"""The vault as a text: what stands in it, how it is sealed, and how a change of it is noticed.

Every value is AES-256-GCM (NIST SP 800-38D) with a random nonce; name, version and the vault's id
are bound to it. One more tag, the seal, covers the whole rest: a value put back from an older
file, a grant that was added, a name that was taken away all break it. What nobody can notice
without a second place to remember in: the whole file replaced by a whole older one.
Names, dates and grants are readable without the key, so that they can be listed; values are not.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from mcptui.access.passphrase import Argon2
from mcptui.errors import NotTrusted

FORMAT = 1
_NONCE = 12
_CHECK = b"mcptui vault"


@dataclass(frozen=True, slots=True)
class Item:
    """One value.

    Args:
        version: the vault's count of changes when it was written; never used again.
        created, changed: Unix seconds.
        servers: installed server → when it was installed: which install may have the value.
        sealed: nonce and AES-256-GCM text.
    """

    version: int
    created: float
    changed: float
    sealed: bytes = field(repr=False)
    servers: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Document:
    """A vault's whole content.

    Args:
        id: random, made once.
        argon2: how the key is made of a passphrase; None when it is in the keyring.
        check: tells a wrong key from a changed file.
        changes: counts every change.
        items: by name.
        seal: the tag over everything else.
    """

    id: str
    argon2: Argon2 | None
    check: bytes = b""
    changes: int = 0
    items: Mapping[str, Item] = field(default_factory=dict[str, Item])
    seal: bytes = b""

    @property
    def source(self) -> str:
        """Where the key comes from: "keyring" or "passphrase"."""
        return "keyring" if self.argon2 is None else "passphrase"

    def to_text(self) -> str:
        """As it stands in the file."""
        return json.dumps({**self._body(), "seal": _b64(self.seal)}, indent=1, sort_keys=True)

    def _body(self) -> dict[str, Any]:
        return {
            "mcptui-vault": FORMAT,
            "id": self.id,
            "key": {"from": self.source, **(self.argon2.to_dict() if self.argon2 else {})},
            "check": _b64(self.check),
            "changes": self.changes,
            "items": {
                name: {
                    "version": item.version,
                    "created": item.created,
                    "changed": item.changed,
                    "servers": dict(item.servers),
                    "sealed": _b64(item.sealed),
                }
                for name, item in self.items.items()
            },
        }

    def canonical(self) -> bytes:
        """What the seal covers."""
        body = json.dumps(self._body(), sort_keys=True, separators=(",", ":"))
        return b"mcptui vault seal\0" + body.encode("utf-8")

    def head(self) -> bytes:
        """What the key check is bound to: which vault, and how its key is made."""
        body = self._body()
        part = {name: body[name] for name in ("mcptui-vault", "id", "key")}
        text = json.dumps(part, sort_keys=True, separators=(",", ":"))
        return b"mcptui vault check\0" + text.encode("utf-8")

    def bound(self, name: str, version: int) -> bytes:
        """What a value is bound to."""
        return b"\0".join(
            (b"mcptui vault item", self.id.encode(), str(version).encode(), name.encode())
        )


def parse(text: str) -> Document:
    """Read a vault's text; nothing of it is trusted yet.

    Raises:
        NotTrusted: it is no vault, or only a part of one.
    """
    try:
        body = cast("dict[str, Any]", json.loads(text))
        if body["mcptui-vault"] != FORMAT:
            raise ValueError("another version of mcptui wrote it")
        source = body["key"]["from"]
        if source not in ("keyring", "passphrase"):
            raise ValueError("unknown source of its key")
        return Document(
            id=_text(body["id"]),
            argon2=Argon2.from_dict(body["key"]) if source == "passphrase" else None,
            check=b64decode(body["check"], validate=True),
            changes=int(body["changes"]),
            items={str(name): _item(said) for name, said in body["items"].items()},
            seal=b64decode(body["seal"], validate=True),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotTrusted(
            "The vault cannot be read", f"it is damaged or cut off ({error!s:.80})", DAMAGED
        ) from error


DAMAGED = (
    "Put the file back from a backup; or move it away and store the secrets again: nothing else "
    "can bring them back"
)


def _item(said: Mapping[str, Any]) -> Item:
    servers = {str(name): float(at) for name, at in said["servers"].items()}
    return Item(
        int(said["version"]),
        float(said["created"]),
        float(said["changed"]),
        b64decode(said["sealed"], validate=True),
        servers,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


class Box:
    """Seals and opens with one key.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aes = AESGCM(key)
        self._wrong: type[Exception] = InvalidTag

    def _seal(self, value: bytes, bound: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._aes.encrypt(nonce, value, bound)

    def _open(self, sealed: bytes, bound: bytes) -> bytes | None:
        try:
            return self._aes.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except (self._wrong, ValueError):
            return None

    def fits(self, document: Document) -> bool:
        """Whether this is the key of a vault."""
        return self._open(document.check, document.head()) == _CHECK

    def check(self, document: Document) -> bytes:
        """The key check of a new vault."""
        return self._seal(_CHECK, document.head())

    def verify(self, document: Document) -> None:
        """See that nothing in a vault was changed by anything but us.

        Raises:
            NotTrusted: something was.
        """
        if self._open(document.seal, document.canonical()) != b"":
            raise NotTrusted(
                "The vault was changed by something else than mcptui",
                "its seal does not hold: a value, a name or a grant was altered, added, removed or "
                "put back from an older file",
                DAMAGED,
            )

    def seal(self, document: Document) -> bytes:
        """The seal of a vault."""
        return self._seal(b"", document.canonical())

    def value(self, document: Document, name: str) -> str:
        """One value of a vault that was verified.

        Raises:
            NotTrusted: it does not belong where it stands.
        """
        item = document.items[name]
        found = self._open(item.sealed, document.bound(name, item.version))
        if found is None:
            raise NotTrusted(f"The value of {name} in the vault is damaged", "", DAMAGED)
        return found.decode("utf-8")

    def sealed(self, document: Document, name: str, version: int, value: str) -> bytes:
        """A value, sealed for its place."""
        return self._seal(value.encode("utf-8"), document.bound(name, version))


class Change:
    """A vault being changed; `document` is another one after the first change."""

    def __init__(self, document: Document, box: Box) -> None:
        self.document = document
        self.box = box

    def put(self, name: str, value: str, servers: Mapping[str, float], now: float) -> None:
        """Seal a value; who was granted the old one is granted the new one."""
        old = self.document.items.get(name)
        version = self.document.changes + 1
        item = Item(
            version,
            created=old.created if old is not None else now,
            changed=now,
            sealed=self.box.sealed(self.document, name, version, value),
            servers={**(old.servers if old is not None else {}), **servers},
        )
        self.set(name, item)

    def set(self, name: str, item: Item) -> None:
        """Put an item."""
        items = {**self.document.items, name: item}
        self.document = replace(self.document, items=items, changes=self.document.changes + 1)

    def drop(self, name: str) -> None:
        """Take an item out."""
        items = {key: item for key, item in self.document.items.items() if key != name}
        self.document = replace(self.document, items=items, changes=self.document.changes + 1)
