"""The passphrase of a vault on a machine without a keyring: where it may come from, and its key.

A file descriptor, a systemd credential or a person at a terminal; never an argument and never the
environment, which other processes and crash reports can read. The key is made by Argon2id
(RFC 9106) with the parameters that the vault's header names, within bounds.
"""

from __future__ import annotations

import os
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcptui.errors import McptuiError, UsageError

CREDENTIAL = "mcptui-passphrase"
"""The systemd credential (`LoadCredential=mcptui-passphrase:…`) that is read."""
SHORTEST = 12
"""Characters of a new passphrase: a file that is stolen can be tried against for years."""
LONGEST = 4096
TRIES = 3
_MEMORY = (8 * 1024, 1024 * 1024)
_PASSES = (1, 16)
_LANES = (1, 16)


class NoPassphrase(McptuiError):
    """Nobody gives the passphrase here."""


@dataclass(frozen=True, slots=True)
class Argon2:
    """How a key is made of a passphrase.

    Args:
        salt: random bytes of this vault.
        memory: KiB.
        passes: over that memory.
        lanes: side by side.
    """

    salt: bytes
    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def to_dict(self) -> dict[str, Any]:
        """For the vault's header."""
        return {
            "kdf": "argon2id",
            "salt": b64encode(self.salt).decode("ascii"),
            "memory_kib": self.memory,
            "passes": self.passes,
            "lanes": self.lanes,
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Argon2:
        """From a vault's header.

        Raises:
            ValueError, KeyError, TypeError: it is none; numbers out of bounds would let a changed
                file take the machine's memory.
        """
        found = cls(
            b64decode(said["salt"], validate=True),
            said["memory_kib"],
            said["passes"],
            said["lanes"],
        )
        numbers = ((found.memory, _MEMORY), (found.passes, _PASSES), (found.lanes, _LANES))
        if said["kdf"] != "argon2id" or not 16 <= len(found.salt) <= 64:
            raise ValueError("unknown key derivation")
        if not all(type(value) is int and low <= value <= high for value, (low, high) in numbers):
            raise ValueError("key derivation out of bounds")
        return found

    def key(self, passphrase: str) -> bytes:
        """The 32 bytes; takes a noticeable part of a second on purpose.

        Raises:
            McptuiError: this Python's cryptography cannot do it.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        try:
            return Argon2id(
                salt=self.salt,
                length=32,
                iterations=self.passes,
                lanes=self.lanes,
                memory_cost=self.memory,
            ).derive(unicodedata.normalize("NFC", passphrase).encode("utf-8"))
        except UnsupportedAlgorithm as error:
            raise McptuiError(
                "A vault with a passphrase cannot be opened",
                "the cryptography package here has no Argon2id",
                "Use the cryptography wheel that mcptui's lock file names",
            ) from error


class Passphrases:
    """Where the passphrase comes from.

    Args:
        environ: tells where systemd's credentials are; the passphrase itself is never in it.
        descriptor: of `--passphrase-fd`, None when not given.
        ask: puts a question to the person at the terminal without echo; None where nobody is.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        descriptor: int | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._ask = ask
        self._read = ""
        folder = environ.get("CREDENTIALS_DIRECTORY", "")
        self._credential = Path(folder) / CREDENTIAL if folder.startswith("/") else None

    @property
    def given(self) -> bool:
        """Whether a machine was told it on purpose: such a vault needs no keyring."""
        if self._descriptor is not None:
            return True
        return self._credential is not None and self._credential.is_file()

    @property
    def tries(self) -> int:
        """How often a wrong one may be followed by another: a person can type again."""
        return TRIES if self._ask is not None and not self.given else 1

    def possible(self) -> bool:
        """Whether one can be had."""
        return self.given or self._ask is not None

    def existing(self) -> str:
        """The passphrase of a vault that is there.

        Raises:
            NoPassphrase: nobody gives one here.
            UsageError: the descriptor or the credential cannot be read.
        """
        if self.given:
            return self._from_machine()
        if self._ask is None:
            raise NoPassphrase(
                "The vault needs its passphrase",
                "there is no terminal to ask at, and none was given",
                "Give it by --passphrase-fd N, or as the systemd credential mcptui-passphrase",
            )
        return self._ask("Passphrase of the vault: ")

    def new(self) -> str:
        """A passphrase for a new vault; typed twice by a person.

        Raises:
            NoPassphrase, UsageError: as for `existing`, or it is too short, or typed differently.
        """
        if self.given or self._ask is None:
            found = self.existing()
        else:
            found = self._ask(f"New passphrase for the vault ({SHORTEST} characters or more): ")
            if len(found) >= SHORTEST and self._ask("The same again: ") != found:
                raise UsageError("The two passphrases differ", fix="Do it again")
        if len(found) < SHORTEST:
            raise UsageError(
                "The passphrase is too short",
                f"whoever gets the file can try words for years; it needs {SHORTEST} characters",
                "Take four or five words that do not belong together",
            )
        return found

    def _from_machine(self) -> str:
        if self._read:
            return self._read  # a pipe gives it once
        try:
            if self._descriptor is not None:
                with os.fdopen(self._descriptor, "rb", closefd=self._descriptor > 2) as pipe:
                    data = pipe.read(LONGEST + 1)
            else:
                assert self._credential is not None  # noqa: S101  # `given` says so
                with self._credential.open("rb") as file:
                    data = file.read(LONGEST + 1)
            text = data.decode("utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError("The passphrase cannot be read", reason or "") from error
        self._read = text.removesuffix("\n").removesuffix("\r")
        if not self._read or len(data) > LONGEST or "\n" in self._read:
            self._read = ""
            raise UsageError(
                "The passphrase that was given is none",
                f"it must be one line of at most {LONGEST} bytes",
            )
        return self._read
