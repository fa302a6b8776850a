"""What a remote server is shown so that it lets us in: a seam, and its simplest filling.

Whoever speaks HTTP asks a `Credentials` for headers before each request and tells it of a
refusal. Header values from the entry's templates and the user's secrets are filled here; a
sign-in is another filling of the same seam.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mcptui.errors import McptuiError
from mcptui.store.rows import Installed

SIGN_IN = "needs sign-in"
"""Begins the reason of a server that does not let us in; its calls have the outcome "sign in"."""
SecretsOf = Callable[[Installed], Mapping[str, str]]
"""Gives the secrets of a server by name, from the keyring; called on a thread."""

_SECRET = re.compile(r"\$\{([^}]*)\}")
_VALUE = re.compile(r"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")


class Credentials(Protocol):
    """Headers for a remote server; values never appear in an error, a log or a row."""

    async def headers(self, installed: Installed, origin: str) -> Mapping[str, str]:
        """The headers for the next request.

        Args:
            installed: the server.
            origin: "https://host:port" they will be sent to, and nowhere else.

        Raises:
            McptuiError: there are none, though they are needed; says what to do.
        """
        ...

    async def refused(
        self, installed: Installed, status: int, www_authenticate: Sequence[str]
    ) -> bool:
        """The server answered 401 or 403.

        Args:
            installed: the server.
            status: 401 or 403.
            www_authenticate: its challenges, as they came.

        Returns:
            Whether to try once more, with new headers.
        """
        ...


def no_secrets(installed: Installed) -> Mapping[str, str]:
    """No secrets."""
    return {}


def sign_in_advice(installed: Installed) -> str:
    """What a person does about a server that does not let us in."""
    name = installed.name
    if installed.entry.secrets:
        secret = installed.entry.secrets[0].name
        return f"Its user stores a valid value with `mcptui secret set {secret}`"
    return (
        f"Its user signs in with `mcptui oauth authorize {name}`, or with the key a in the Access "
        "room of mcptui"
    )


class HeaderSecrets:
    """Headers from the entry's templates, `${VARIABLE}` filled with the secret of that variable.

    Args:
        secrets: where the values come from.
    """

    def __init__(self, secrets: SecretsOf = no_secrets) -> None:
        self._secrets = secrets
        self._made: dict[str, Mapping[str, str]] = {}

    async def headers(self, installed: Installed, origin: str) -> Mapping[str, str]:
        """See `Credentials.headers`."""
        remote = installed.entry.remote
        if remote is None or not remote.headers:
            return {}
        if installed.name not in self._made:
            self._made[installed.name] = await asyncio.to_thread(self._fill, installed)
        return self._made[installed.name]

    async def refused(
        self, installed: Installed, status: int, www_authenticate: Sequence[str]
    ) -> bool:
        """See `Credentials.refused`: a value that was changed meanwhile is worth a second try."""
        before = self._made.pop(installed.name, {})
        return status == 401 and dict(await self.headers(installed, "")) != dict(before)

    def _fill(self, installed: Installed) -> Mapping[str, str]:
        entry = installed.entry
        known = self._secrets(installed)
        values = {secret.env: known.get(secret.name, "") for secret in entry.secrets}
        optional = {secret.env for secret in entry.secrets if not secret.required}
        made: dict[str, str] = {}
        for name, template in entry.remote.headers if entry.remote is not None else ():
            wanted = _SECRET.findall(template)
            missing = [env for env in wanted if not values.get(env)]
            if missing and optional.issuperset(missing):
                continue
            if missing:
                raise McptuiError(
                    f"{installed.name} needs the secret {missing[0]}", "it is not stored here"
                )
            value = _SECRET.sub(lambda found: values[found[1]], template)
            if not _VALUE.fullmatch(value):
                raise McptuiError(
                    f"The secret {', '.join(wanted)} of {installed.name} cannot be sent",
                    "it holds a line end or another character no header may have",
                    "Store it again without it",
                )
            made[name] = value
        return made
