"""What of this machine no server is given, and the few things that are given when it is said.

The rules look at names, so they hold for a picked path before it exists; `pinned.py` holds them
against what a path really is just before a container is made.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_SYSTEM = (
    "/Library/Keychains", "/System", "/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib32",
    "/lib64", "/libx32", "/private/etc", "/private/var/db", "/private/var/run", "/proc", "/run",
    "/sbin", "/sys", "/usr/bin", "/usr/sbin", "/var/run", "/var/spool/cron",
)  # fmt: skip
_ENGINES = (
    "/var/lib/buildkit", "/var/lib/cni", "/var/lib/containerd", "/var/lib/containers",
    "/var/lib/crio", "/var/lib/docker", "/var/lib/kubelet", "/var/lib/libvirt", "/var/lib/lxc",
    "/var/lib/lxd", "/var/lib/machines", "/var/lib/nerdctl", "/var/lib/rancher", "/var/snap",
)  # fmt: skip
_WHOLE = (
    "/", "/home", "/private", "/private/var", "/root", "/srv/docker", "/Users", "/usr", "/var",
    "/var/lib", "/Volumes",
)  # fmt: skip
_HOME_ENGINES = (
    ".colima", ".containerd", ".lima", ".local/share/buildkit", ".local/share/containerd",
    ".local/share/containers", ".local/share/docker", ".local/share/lima",
    ".local/share/nerdctl", ".local/share/rancher-desktop", ".minikube", ".orbstack", ".rd",
    "Library/Application Support/rancher-desktop", "Library/Containers/com.docker.docker",
    "Library/Group Containers",
)  # fmt: skip
_CREDENTIALS = (
    ".aws", ".azure", ".bash_history", ".bitcoin", ".boto", ".cargo/credentials",
    ".cargo/credentials.toml", ".claude", ".claude.json", ".codex", ".config", ".cursor",
    ".databrickscfg", ".docker", ".electrum", ".ethereum", ".gem/credentials", ".gemini",
    ".git-credentials", ".gnupg", ".gradle/gradle.properties", ".kube",
    ".local/share/keyrings", ".m2/settings.xml", ".mozilla", ".my.cnf", ".netrc", ".npmrc",
    ".oci", ".password-store", ".pgpass", ".pki", ".psql_history", ".pypirc", ".s3cfg",
    ".snowflake", ".ssh", ".terraform.d", ".thunderbird", ".var/app", ".vault-token",
    ".zsh_history", "Library/Application Support", "Library/Cookies", "Library/Keychains",
    "Library/Safari", "snap",
)  # fmt: skip
LEGITIMATE = (
    ".aws", ".aws/config", ".aws/credentials", ".azure", ".boto", ".config/gcloud", ".config/gh",
    ".config/glab-cli", ".config/rclone", ".databrickscfg", ".docker/config.json",
    ".git-credentials", ".kube", ".kube/config", ".my.cnf", ".netrc", ".npmrc", ".oci",
    ".pgpass", ".pypirc", ".s3cfg", ".snowflake", ".ssh/config", ".ssh/known_hosts",
    ".terraform.d",
)  # fmt: skip
"""Credentials in a home that a server can have good reason to read: only when a person says so,
only these very names, and never for writing."""


@dataclass(frozen=True, slots=True)
class Deny:
    """What is never given, besides the system's own folders.

    Args:
        homes: home folders; neither they as a whole nor the credentials in them.
        private: folders of ours (state, vault, sockets).
    """

    homes: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()

    def problem(
        self, path: str, exposed: frozenset[str] = frozenset(), *, writable: bool = False
    ) -> str:
        """Say why `path` may not be given to a server, "" when it may.

        Args:
            path: as it was picked.
            exposed: credentials which the user said a server may read, as exact paths.
            writable: it is to be given for writing.
        """
        pure = PurePosixPath(path)
        if not pure.is_absolute() or ".." in pure.parts or "\0" in path:
            return "is not an absolute path"
        # On some file systems other letters name the same folder: judged as if on all of them.
        pure = _folded(pure)
        if any(pure == _folded(PurePosixPath(one)) for one in _WHOLE):
            return "is far more than a server may see"
        if self.is_credential(path) and path in exposed:
            return "holds credentials of yours: they are given for reading only" if writable else ""
        if self._is_home(pure):
            return "is a whole home folder: pick a folder inside it"
        if why := self._place(pure):
            return why
        socket = pure.name.endswith((".sock", ".socket"))
        return "is a socket: it would let the server command another program" if socket else ""

    def is_credential(self, path: str) -> bool:
        """Whether `path` is, exactly, something a server may read once the user said so."""
        pure = _folded(PurePosixPath(path))
        return any(
            pure == _folded(PurePosixPath(home, name))
            for home in self._homes(pure)
            for name in LEGITIMATE
        )

    def forbidden(self, path: str, exposed: frozenset[str]) -> dict[tuple[int, int], str]:
        """Every denied place that exists, by device and inode; it may have more than one name.

        Args:
            path: what is asked for; an exposed credential is not denied to itself.
            exposed: credentials which the user said a server may read.
        """
        allowed = PurePosixPath(path) if path in exposed and self.is_credential(path) else None
        found: dict[tuple[int, int], str] = {}
        for place, why in self._places(_folded(PurePosixPath(path))):
            if allowed is not None and _folded(allowed).is_relative_to(_folded(place)):
                continue
            with contextlib.suppress(OSError):
                held = Path(place).stat()
                found[held.st_dev, held.st_ino] = why
        return found

    def _place(self, pure: PurePosixPath) -> str:
        for place, why in self._places(pure):
            folded = _folded(place)
            # What holds credentials somewhere inside is no more given than they are themselves.
            inside = why.startswith("holds") and folded.is_relative_to(pure)
            if pure.is_relative_to(folded) or inside:
                return why
        return ""

    def _places(self, pure: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
        """Every denied place and why."""
        for one in _SYSTEM:
            yield PurePosixPath(one), "belongs to the system"
        for one in _ENGINES:
            yield PurePosixPath(one), "belongs to a container engine"
        for folder in self.private:
            yield PurePosixPath(folder), "holds mcptui's own state"
        for home in self._homes(pure):
            for one in _HOME_ENGINES:
                yield home / one, "belongs to a container engine"
            for one in _CREDENTIALS:
                yield home / one, "holds credentials of yours"

    def _is_home(self, pure: PurePosixPath) -> bool:
        plain = len(pure.parts) == 3 and pure.parts[1] in ("home", "users")
        return plain or any(
            _folded(PurePosixPath(home)).is_relative_to(pure) for home in self.homes
        )

    def _homes(self, pure: PurePosixPath) -> set[PurePosixPath]:
        """All homes a path could lie in, others' as well as this user's."""
        homes = {PurePosixPath(home) for home in self.homes} | {PurePosixPath("/root")}
        if len(pure.parts) > 3 and pure.parts[1] in ("home", "users"):
            homes.add(PurePosixPath(*pure.parts[:3]))
        return homes


def _folded(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(unicodedata.normalize("NFKC", str(path)).casefold())
