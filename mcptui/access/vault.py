"""Where values are kept that nobody else may see: an encrypted file, its key in the keyring.

The key is fetched when the first value is needed, never before, and stays in this process. On a
machine without a keyring the key is made of a passphrase. Every change reads, checks and writes
the file under its lock, so that of two writers both survive. Names with a "/" are mcptui's own
(sign-ins, the gateway's token); the others are secrets a person stored.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcptui.access.keychain import KEY_BYTES, Keychain, NoKeyring
from mcptui.access.passphrase import Argon2, Passphrases
from mcptui.access.sealed import Box, Change, Document, parse
from mcptui.access.vault_file import VaultFile
from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError

if TYPE_CHECKING:
    from mcptui.home import Home

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:@[a-z0-9][a-z0-9-]{0,63})?")
_OWN = re.compile(r"[a-z]{1,16}/[\x21-\x7e]{1,200}")
LONGEST = 64 * 1024
"""Bytes of a value: it must fit into an environment."""


def check_name(name: str) -> None:
    """See that a secret may have this name.

    Raises:
        UsageError: it may not.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:40]!r} is no name of a secret",
            "it is made of letters, digits, dots, dashes and underscores",
        )


class WrongPassphrase(NotTrusted):
    """The passphrase is not the vault's."""


class NoSecret(McptuiError):
    """The vault holds no value of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no secret {name}",
            "the vault does not hold it",
            f"`mcptui secret set {name}`",
        )


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A stored secret without its value.

    Args:
        created, changed: Unix seconds.
        servers: installed server → when that install was made: who was granted it.
    """

    name: str
    created: float
    changed: float
    servers: Mapping[str, float]


class Vault:
    """A user's secrets; safe to use from several threads.

    Args:
        file: where they are kept.
        keychain: the operating system's keyring.
        passphrases: where there is none.
        clock: Unix seconds.
    """

    def __init__(
        self,
        file: VaultFile,
        keychain: Keychain,
        passphrases: Passphrases,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._keychain = keychain
        self._passphrases = passphrases
        self._clock = clock
        self._guard = threading.RLock()
        self._box: tuple[bytes, Box] | None = None
        self._shut: tuple[float, TryAgain] | None = None

    # ---- without the key

    def mark(self) -> object:
        """Differs after any change of the vault, also another process's; costs one look."""
        return self._file.mark()

    def source(self) -> str:
        """Where the key comes from: "keyring", "passphrase", or "" before the first secret.

        Raises:
            McptuiError: the file cannot be read.
        """
        found = self._read()
        return found.source if found is not None else ""

    def names(self) -> tuple[SecretRow, ...]:
        """The secrets a person stored, by name; nothing is decrypted, so nothing is asked.

        Raises:
            McptuiError: the file cannot be read.
        """
        found = self._read()
        return tuple(
            SecretRow(name, item.created, item.changed, item.servers)
            for name, item in sorted(found.items.items() if found is not None else ())
            if "/" not in name
        )

    # ---- with it

    def get(self, name: str) -> str:
        """A value.

        Raises:
            NoSecret: there is none of that name.
            McptuiError: the vault cannot be opened; says why.
        """
        value = self.find(name)
        if value is None:
            raise NoSecret(name)
        return value

    def find(self, name: str) -> str | None:
        """A value, None when there is none.

        Raises:
            McptuiError: the vault cannot be opened; says why.
        """
        return self.granted((name,)).get(name)

    def granted(
        self, names: tuple[str, ...], server: str = "", since: float = 0.0
    ) -> dict[str, str]:
        """The values of those names that are there and, with a server, granted to that install.

        Raises:
            McptuiError: the vault cannot be opened; says why.
        """
        asked = time.monotonic()
        with self._guard:
            document = self._read()
            if document is None or not any(name in document.items for name in names):
                return {}
            if self._shut is not None and self._shut[0] > asked:
                raise self._shut[1]  # who waited meanwhile need not ask a shut keyring again
            box = self._opened(document)
            box.verify(document)
            return {
                name: box.value(document, name)
                for name in names
                if name in document.items
                and (not server or document.items[name].servers.get(server) == since)
            }

    def look(self) -> None:
        """See that what is stored can be read; nothing is written.

        Raises:
            McptuiError: the vault cannot be opened; says why.
        """
        with self._guard:
            document = self._read()
            if document is not None:
                self._opened(document).verify(document)

    def open(self) -> None:
        """Make sure that values can be stored, before work is done that needs it.

        Raises:
            McptuiError: they cannot; says why.
        """
        with self._changing():
            pass

    def put(self, name: str, value: str, servers: Mapping[str, float] | None = None) -> None:
        """Store a value; who was granted the old one keeps the new one.

        Args:
            name: letters, digits, dots, dashes and underscores; "@" and a server's name may follow.
            value: not empty, without NUL.
            servers: installs that may have it besides, as in `SecretRow`.

        Raises:
            UsageError: name or value cannot be.
            McptuiError: it cannot be stored; says why, and the vault is as it was.
        """
        check_name(name)
        self._put(name, value, servers or {})

    def keep(self, name: str, value: str) -> None:
        """Store a value of mcptui's own under a name with a "/"; raises as `put`."""
        if not _OWN.fullmatch(name):
            raise ValueError(name)
        self._put(name, value, {})

    def ensure(self, name: str, make: Callable[[], str]) -> str:
        """A value of mcptui's own; made by the first who asks, the same for all.

        Raises:
            McptuiError: the vault cannot be opened or written; says why.
        """
        with self._changing() as change:
            if name in change.document.items:
                return change.box.value(change.document, name)
            value = make()
            change.put(name, value, {}, self._clock())
            return value

    def remove(self, name: str) -> None:
        """Forget a value.

        Raises:
            NoSecret: there is none of that name.
            McptuiError: the vault cannot be opened or written; says why.
        """
        with self._changing() as change:
            if name not in change.document.items:
                raise NoSecret(name)
            change.drop(name)

    def drop(self, name: str) -> None:
        """Forget a value; one that is not there is no error, else as `remove`."""
        found = self._read()
        if found is not None and name in found.items:
            with contextlib.suppress(NoSecret):
                self.remove(name)

    def grant(self, server: str, name: str, since: float) -> None:
        """Let an installed server have a secret.

        Args:
            since: when that install was made: another one of the same name has no such right.

        Raises:
            NoSecret: there is none of that name.
            McptuiError: the vault cannot be opened or written; says why.
        """
        self._grants(name, lambda servers: {**servers, server: since})

    def revoke(self, server: str, name: str) -> None:
        """Take a secret from a server; raises as `grant`."""
        self._grants(name, lambda servers: {k: v for k, v in servers.items() if k != server})

    def _grants(
        self, name: str, turned: Callable[[Mapping[str, float]], Mapping[str, float]]
    ) -> None:
        with self._changing() as change:
            item = change.document.items.get(name)
            if item is None:
                raise NoSecret(name)
            change.set(name, replace(item, servers=turned(item.servers)))

    def _put(self, name: str, value: str, servers: Mapping[str, float]) -> None:
        if not value or "\0" in value:
            raise UsageError(f"The value for {name} is empty or holds a NUL character")
        if len(value.encode("utf-8", "surrogatepass")) > LONGEST:
            raise UsageError(f"The value for {name} is longer than {LONGEST} bytes")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(f"The value for {name} is not UTF-8") from error
        with self._changing() as change:
            change.put(name, value, servers, self._clock())

    # ---- the key and the file

    def _read(self) -> Document | None:
        text = self._file.read()
        return parse(text) if text is not None else None

    @contextlib.contextmanager
    def _changing(self) -> Generator[Change]:
        """Read, let the caller change, write: all under the lock, and only a vault that holds."""
        with self._guard:
            if (found := self._read()) is not None:
                self._opened(found)  # a person who is asked must not keep others from the lock
        with self._guard, self._file.locked():
            document = self._read()
            made = document is None
            if document is None:
                document = self._created()
            try:
                box = self._opened(document)
                if not made:
                    box.verify(document)
                change = Change(document, box)
                yield change
                if made or change.document is not document:
                    sealed = replace(change.document, seal=box.seal(change.document))
                    self._file.write(sealed.to_text())
            except BaseException:
                if made:
                    self._uncreated(document)
                raise

    def _created(self) -> Document:
        """A new vault, its key made and kept."""
        identity = secrets.token_hex(8)
        if not self._passphrases.given:
            key = secrets.token_bytes(KEY_BYTES)
            try:
                self._keychain.write(f"vault {identity}", key)
            except NoKeyring:
                if not self._passphrases.possible():
                    raise
            else:
                return self._checked(Document(identity, None), key)
        argon2 = Argon2(secrets.token_bytes(16))
        return self._checked(Document(identity, argon2), argon2.key(self._passphrases.new()))

    def _checked(self, document: Document, key: bytes) -> Document:
        box = Box(key)
        document = replace(document, check=box.check(document))
        self._box = (document.check, box)
        return document

    def _uncreated(self, document: Document) -> None:
        self._box = None
        if document.argon2 is None:
            with contextlib.suppress(McptuiError):
                self._keychain.forget(f"vault {document.id}")

    def _opened(self, document: Document) -> Box:
        if self._box is not None and self._box[0] == document.check:
            return self._box[1]
        if document.argon2 is None:
            try:
                key = self._keychain.read(f"vault {document.id}")
            except NoKeyring as error:
                raise NoKeyring(
                    "The vault's key is in a keyring that is not here",
                    error.why,
                    "Use the desktop session it belongs to, or start its keyring",
                ) from error
            except TryAgain as error:
                self._shut = (time.monotonic(), error)
                raise
            if key is None:
                raise NotTrusted(
                    "The vault's key is not in the keyring",
                    "the keyring was replaced or emptied, or the vault came from another machine",
                    f"Restore the keyring; or move {self._file.path} away and store the secrets "
                    "again",
                )
            box = Box(key)
            if not box.fits(document):
                raise NotTrusted(
                    "The key in the keyring is not the vault's",
                    "one of the two was changed",
                    f"Restore them; or move {self._file.path} away and store the secrets again",
                )
        else:
            box = self._by_passphrase(document, document.argon2)
        self._box = (document.check, box)
        return box

    def _by_passphrase(self, document: Document, argon2: Argon2) -> Box:
        for _ in range(self._passphrases.tries):
            box = Box(argon2.key(self._passphrases.existing()))
            if box.fits(document):
                return box
        raise WrongPassphrase(
            "The passphrase is not the vault's",
            "it differs, or the head of the vault's file was changed",
            "Nothing was changed; do it again with the right one",
        )


def vault_of(home: Home) -> Vault:
    """The vault of a user; nothing is read yet."""
    home.paths.private(home.paths.state)
    return Vault(
        VaultFile(home.paths.vault),
        Keychain(home.environ, home.platform),
        Passphrases(home.environ, home.passphrase_fd, home.ask_secret),
        home.clock,
    )
