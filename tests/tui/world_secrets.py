"""Made-up secrets for exact pictures; there are no values in it but those that a test types."""

from __future__ import annotations

from typing import Any

from mcptui.actions.install_secrets import Given
from mcptui.actions.planning import Missing
from mcptui.actions.secrets import ServerSecret, StoredSecret
from mcptui.entry import Entry, Secret
from mcptui.tui.feed import Feed

NOW = 1_763_128_935.0
DAY = 86_400.0
_GITHUB = Secret("github.token", "GITHUB_TOKEN", True, "https://github.com/settings/tokens")
_WEATHER = Secret("weather.key", "WEATHER_KEY", True, "weather.example, Settings")

STORED = [
    StoredSecret("OPENAI_API_KEY", (), (), NOW - 400 * DAY, NOW - 31 * DAY, 0.0),
    StoredSecret(
        "github.token", ("git-local",), ("fetch",), NOW - 40 * DAY, NOW - 11 * DAY, NOW - 125.0
    ),
]
WANTED = [
    ServerSecret("fetch", _GITHUB, "github.token", granted=False),
    ServerSecret("git-local", _GITHUB, "github.token", granted=True),
    ServerSecret("time", _WEATHER, "", granted=False),
]


class FakeSecrets(Feed):
    """The part of the made-up feed that concerns secrets; writes down what it was told to do."""

    did: list[tuple[Any, ...]]

    def keep_secrets(self) -> None:
        """Begin with nothing stored and nothing wanted."""
        self.stored_secrets: list[StoredSecret] = []
        self.wanted_secrets: list[ServerSecret] = []
        self.given: list[Given] = []

    def secrets(self) -> list[StoredSecret]:
        return self.stored_secrets

    def server_secrets(self) -> list[ServerSecret]:
        return self.wanted_secrets

    def stored_for(self, entry: Entry) -> frozenset[str]:
        names = {row.name for row in self.stored_secrets}
        return frozenset(one.name for one in entry.secrets if one.name in names)

    def lacking(self, entry: Entry, given: Given) -> tuple[Missing, ...]:
        """What an install still wants."""
        stored = self.stored_for(entry)
        return tuple(
            Missing("secret", one.name, f"the secret {one.name} ({one.env})")
            for one in entry.secrets
            if one.required
            and not given.get(one.name)
            and not (one.name in given and one.name in stored)
        )

    def put_secret(self, name: str, value: str, servers: tuple[str, ...]) -> tuple[str, ...]:
        self.did.append(("put", name, value, servers))
        return servers

    def forget_secret(self, name: str) -> tuple[str, ...]:
        self.did.append(("forget", name))
        return ()

    def grant_secret(self, name: str, server: str, on: bool) -> None:
        self.did.append(("grant", name, server, on))
