"""In which form secrets reach a server: as variables, or as files in its memory-only /tmp.

Either way the gateway writes them into the frame that the shim reads; the engine never has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcptui.entry import Entry, Secret

_FOLDER = "/tmp"  # noqa: S108  inside the container, where it is a file system in memory


def secret_variables(entry: Entry, secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables of an entry's secrets: the value, or the path of the file that holds it."""
    return {
        one.env: _file_of(one) if one.file else secrets[one.name]
        for one in entry.secrets
        if secrets.get(one.name)
    }


def secret_files(entry: Entry, secrets: Mapping[str, str]) -> dict[str, str]:
    """The files of those secrets that the server reads from files: path → value."""
    return {
        _file_of(one): secrets[one.name]
        for one in entry.secrets
        if one.file and secrets.get(one.name)
    }


def _file_of(secret: Secret) -> str:
    return f"{_FOLDER}/.secret-{secret.env}"


def secret_needs(entry: Entry, secrets: Mapping[str, str]) -> list[str]:
    """The required secrets that are missing, in words."""
    return [
        f"the secret {one.name} ({one.env})"
        for one in entry.secrets
        if one.required and not secrets.get(one.name)
    ]
