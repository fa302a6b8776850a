"""One object that holds what touches the world, so that every action runs in tests against
real or injected parts: folders, clock, browser, state, engine and catalog.

Each part is made when first asked for; nothing here costs time at start.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.paths import Paths

# Not late: two threads that first import a package and one of its modules can meet half-made ones.
from mcptui.store import Store
from mcptui.store.remembered import Remembered

if TYPE_CHECKING:
    from mcptui.access.vault import Vault
    from mcptui.catalog.load import Catalog
    from mcptui.runtime.engine import Engine


def _open_page(url: str, environ: Mapping[str, str]) -> None:
    from mcptui.access.browser import open_browser

    open_browser(url, environ)


def _open_nothing(url: str) -> None:
    raise RuntimeError(f"this home opens no browser, asked for {url}")


class Home:
    """A user's mcptui.

    Args:
        paths: folders and files.
        environ: the environment, read nowhere else.
        platform: as `sys.platform`.
        clock: unix seconds.
        open_url: opens an address that was checked before.
        find_engine: gives the container engine, or raises TryAgain with what to do.
        find_catalog: gives the verified catalog.
        gateway_command: absolute argument list that starts mcptui, for clients' configs.

    Two more are set by whoever has them, before the vault is first asked for: `ask_secret`, which
    puts a question to the person at the terminal without echo, and `passphrase_fd`.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        environ: Mapping[str, str],
        platform: str = sys.platform,
        clock: Callable[[], float] = time.time,
        open_url: Callable[[str], None] = _open_nothing,
        find_engine: Callable[[Home], Engine] | None = None,
        find_catalog: Callable[[Home], Catalog] | None = None,
        gateway_command: tuple[str, ...] | None = None,
    ) -> None:
        self.paths = paths
        self.environ = environ
        self.platform = platform
        self.clock = clock
        self.open_url = open_url
        self._find_engine = find_engine or _real_engine
        self._find_catalog = find_catalog or _real_catalog
        self._gateway_command = gateway_command
        self.ask_secret: Callable[[str], str] | None = None
        self.passphrase_fd: int | None = None
        self._vault: Vault | None = None
        self._engine: Engine | None = None
        self._catalog: Catalog | None = None
        self._store: Store | None = None
        self._guard = threading.RLock()
        # Locks of their own: a slow engine or a long verification must not hold up the store.
        self._engine_guard = threading.RLock()
        self._catalog_guard = threading.RLock()

    @classmethod
    def real(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The home of the user who runs this process."""
        world = dict(os.environ if environ is None else environ)
        return cls(Paths.of(world), environ=world, open_url=lambda url: _open_page(url, world))

    @property
    def store(self) -> Store:
        """The state database, opened when first asked for.

        Raises:
            McptuiError: it cannot be opened; says why.
        """
        with self._guard:
            if self._store is None:
                self.paths.private(self.paths.state)
                self._store = Store.open(self.paths.database, self.clock)
            return self._store

    def engine(self) -> Engine:
        """The container engine; looked for again after a failure.

        Raises:
            TryAgain: none answers; says what to do.
        """
        with self._engine_guard:
            if self._engine is None:
                self._engine = self._find_engine(self)
            return self._engine

    def forget_engine(self) -> None:
        """Look for the engine anew next time: it went away or was replaced."""
        with self._engine_guard:
            self._engine = None

    def catalog(self) -> Catalog:
        """The verified catalog.

        Raises:
            NotTrusted: a signature or hash does not hold; says what was kept.
        """
        with self._catalog_guard:
            if self._catalog is None:
                self._catalog = self._find_catalog(self)
            return self._catalog

    def forget_catalog(self) -> None:
        """Open the catalog anew next time: it was refreshed."""
        with self._catalog_guard:
            self._catalog = None

    def vault(self) -> Vault:
        """Where secrets are; neither its file nor the keyring is touched before one is needed."""
        with self._guard:
            if self._vault is None:
                from mcptui.access.vault import vault_of

                self._vault = vault_of(self)
            return self._vault

    @property
    def gateway_command(self) -> tuple[str, ...]:
        """Absolute argument list that starts this very mcptui.

        Clients that are graphical programs do not have the shell's PATH, so a bare name would
        not be found.
        """
        if self._gateway_command is not None:
            return self._gateway_command
        beside = Path(sys.executable).with_name("mcptui.exe" if os.name == "nt" else "mcptui")
        if beside.is_file():
            return (str(beside),)
        if found := shutil.which("mcptui", path=self.environ.get("PATH")):
            return (str(Path(found).absolute()),)
        return (sys.executable, "-m", "mcptui")

    def close(self) -> None:
        """Close what was opened."""
        with self._guard:
            if self._store is not None:
                self._store.close()
                self._store = None


def _real_engine(home: Home) -> Engine:
    from mcptui.runtime.find import find

    engine = find(home.environ, home.paths.home, home.platform)
    # How stdio reaches containers is tried once per engine, not once per process.
    engine.routes = Remembered(lambda: home.store, "engine.routes")
    engine.tested = Remembered(lambda: home.store, "engine.tested")
    return engine


def _real_catalog(home: Home) -> Catalog:
    from mcptui.catalog.load import open_catalog
    from mcptui.trust.tuf_copy import Place, best

    return open_catalog(best(Place.of(home.paths)), home.clock)
