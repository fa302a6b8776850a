"""Where mcptui keeps things: XDG directories, each with one environment override.

MCPTUI_HOME puts everything below one folder (tests, portable installs).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders and files of one user.

    Args:
        home: the user's home folder; clients' configs live below it.
        config: settings a person edits.
        state: the database, backups and logs; must survive.
        cache: images' parts and downloads; may be deleted at any time.
        runtime: sockets of running servers; gone at logout.
    """

    home: Path
    config: Path
    state: Path
    cache: Path
    runtime: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], platform: str = sys.platform) -> Paths:
        """Work out the folders from an environment (XDG Base Directory Specification 0.8)."""
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
        if own := environ.get("MCPTUI_HOME"):
            root = Path(own).absolute()
            return cls(home, root / "config", root / "state", root / "cache", root / "run")
        if platform == "darwin":
            support = home / "Library" / "Application Support" / "mcptui"
            cache = home / "Library" / "Caches" / "mcptui"
            return cls(home, support / "config", support / "state", cache, support / "run")
        if platform == "win32":
            local = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "mcptui"
            return cls(home, local / "config", local / "state", local / "cache", local / "run")

        def base(variable: str, default: Path) -> Path:
            value = environ.get(variable, "")
            return (Path(value) if value.startswith("/") else default) / "mcptui"

        state = base("XDG_STATE_HOME", home / ".local" / "state")
        session = environ.get("XDG_RUNTIME_DIR", "")
        runtime = Path(session) / "mcptui" if session.startswith("/") else state / "run"
        return cls(
            home,
            base("XDG_CONFIG_HOME", home / ".config"),
            state,
            base("XDG_CACHE_HOME", home / ".cache"),
            runtime,
        )

    @property
    def database(self) -> Path:
        """The one file in which the TUI, the commands and every gateway meet."""
        return self.state / "state.db"

    @property
    def vault(self) -> Path:
        """The encrypted file of secrets and sign-ins."""
        return self.state / "vault.json"

    @property
    def settings(self) -> Path:
        """The settings file a person edits."""
        return self.config / "config.toml"

    @property
    def interceptors(self) -> Path:
        """The programs and addresses that look at calls, as a person set them up."""
        return self.config / "interceptors.toml"

    def private(self, folder: Path) -> Path:
        """Create `folder` for this user alone (0700) and return it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder in (self.config, self.state, self.cache, self.runtime):
            folder.chmod(0o700)
        return folder
