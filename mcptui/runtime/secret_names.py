"""Which files of a folder hold secrets: by their names or, where those say too little, a look."""

from __future__ import annotations

import contextlib
import os
import re

_FILES = frozenset((
    ".boto", ".databrickscfg", ".dockercfg", ".env", ".envrc", ".git-credentials", ".htpasswd",
    ".my.cnf", ".netrc", ".pgpass", ".s3cfg", ".vault-token", "_netrc", "id_dsa", "id_ecdsa",
    "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_rsa",
))  # fmt: skip
_ENDS = (".agekey", ".jks", ".kdbx", ".keystore", ".p12", ".pfx", ".ppk")
_FOLDERS = frozenset((
    ".aws", ".azure", ".docker", ".gcloud", ".gnupg", ".kube", ".oci", ".password-store", ".ssh",
))  # fmt: skip
_HARMLESS = (".defaults", ".dist", ".example", ".sample", ".schema", ".template", ".ts")
"""How files end that show what a `.env` looks like."""
_KEY = re.compile(rb"PRIVATE KEY")
_TOKEN = re.compile(rb"(?i)_auth|token\s*[=:]|password\s*[=:]")
_LOOKS = {
    ".key": _KEY, ".pem": _KEY, "credentials.json": _KEY, "service-account.json": _KEY,
    "service_account.json": _KEY, ".npmrc": _TOKEN, ".pypirc": _TOKEN, ".yarnrc": _TOKEN,
    ".yarnrc.yml": _TOKEN, "secrets.toml": _TOKEN,
}  # fmt: skip
"""Ends of names, and what such a file holds when it holds a secret."""
_ENOUGH = 64 << 10
"""Bytes that are looked at; a key may follow certificates."""


def secret_folder(name: str) -> bool:
    """Whether a folder of that name is there for credentials."""
    return name.casefold() in _FOLDERS


def secret_file(name: str, path: str) -> bool:
    """Whether a file holds secrets; one that cannot be looked at does.

    Args:
        name: its name.
        path: where it is, for a look into it.
    """
    name = name.casefold()
    if name in _FILES or name.endswith(_ENDS):
        return True
    if name.startswith(".env."):
        return not name.endswith(_HARMLESS)
    for end, pattern in _LOOKS.items():
        if name.endswith(end):
            return _holds(path, pattern)
    return False


def _holds(path: str, pattern: re.Pattern[bytes]) -> bool:
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        return pattern.search(os.read(descriptor, _ENOUGH)) is not None
    except FileNotFoundError:
        return False
    except OSError:
        return True
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
