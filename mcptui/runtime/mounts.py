"""Which folders and files of the host a server may be given at all, and where it finds them.

The rules look at names only, so they hold for a picked path and for what it resolves to alike;
`settle()` applies them to the real file system just before a container is made.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcptui.errors import McptuiError, UsageError
from mcptui.visible import visible

_SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/private/etc", "/private/var/run", "/proc",
    "/run", "/sbin", "/sys", "/System", "/usr/bin", "/usr/sbin", "/var/lib/containerd",
    "/var/lib/containers", "/var/lib/docker", "/var/run",
)  # fmt: skip
_WHOLE = ("/", "/home", "/root", "/Users", "/usr", "/var", "/var/lib", "/private", "/private/var")
_CREDENTIALS = (
    ".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".local/share/keyrings", ".mozilla",
    ".netrc", ".password-store", ".ssh", "Library/Keychains",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedMount:
    """One folder or file of the host inside the container.

    Args:
        source: absolute path on the host.
        target: absolute path inside.
        writable: the server may change it.
    """

    source: str
    target: str
    writable: bool = False

    def argument(self) -> str:
        """The value of docker's `--mount`."""
        only = "" if self.writable else ",readonly"
        return f"type=bind,source={self.source},target={self.target}{only}"

    def body(self) -> dict[str, object]:
        """The Engine API's form; unlike Binds, it never creates a missing source."""
        return {
            "Type": "bind",
            "Source": self.source,
            "Target": self.target,
            "ReadOnly": not self.writable,
            "BindOptions": {"Propagation": "rprivate"},
        }


@dataclass(frozen=True, slots=True)
class Deny:
    """What is never given, besides the system's own folders.

    Args:
        homes: home folders; neither they as a whole nor the credentials in them.
        private: folders of ours (state, vault, sockets).
    """

    homes: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()

    def problem(self, path: str) -> str:
        """Say why `path` may not be given to a server, "" when it may."""
        pure = PurePosixPath(path)
        if not pure.is_absolute() or ".." in pure.parts or "\0" in path:
            return "is not an absolute path"
        if str(pure) in _WHOLE:
            return "is far more than a server may see"
        if any(pure.is_relative_to(folder) for folder in _SYSTEM):
            return "belongs to the system"
        if pure.name.endswith((".sock", ".socket")):
            return "is a socket: it would let the server command another program"
        if self._is_home(pure):
            return "is a whole home folder: pick a folder inside it"
        for folder in self.private:
            if pure.is_relative_to(folder) or folder.is_relative_to(pure):
                return "holds mcptui's own state"
        return self._credentials(pure)

    def _is_home(self, pure: PurePosixPath) -> bool:
        plain = len(pure.parts) == 3 and pure.parts[1] in ("home", "Users")
        return plain or any(home.is_relative_to(pure) for home in self.homes)

    def _credentials(self, pure: PurePosixPath) -> str:
        homes = {str(home) for home in self.homes} | {"/root"}
        if len(pure.parts) > 3 and pure.parts[1] in ("home", "Users"):
            homes.add("/".join(("", *pure.parts[1:3])))
        for home in homes:
            for name in _CREDENTIALS:
                secret = PurePosixPath(home) / name
                if pure.is_relative_to(secret) or secret.is_relative_to(pure):
                    return "holds credentials of yours"
        return ""


def settle(mounts: Iterable[PlannedMount], deny: Deny) -> tuple[PlannedMount, ...]:
    """Resolve each source on this machine and judge what it really is.

    A symbolic link is replaced by what it points to, so that it cannot be swapped afterwards.

    Raises:
        UsageError: a source is gone.
        McptuiError: a source leads to something no server may have.
    """
    settled: list[PlannedMount] = []
    for mount in mounts:
        shown = visible(mount.source, limit=200)
        try:
            real = Path(mount.source).resolve(strict=True)
            kind = real.stat().st_mode
        except (OSError, RuntimeError) as error:
            fix = "Pick a folder that exists"
            raise UsageError(f"{shown} cannot be given to the server", str(error), fix) from error
        problem = deny.problem(str(real))
        if not problem and not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
            problem = "is neither a folder nor a file"
        if problem:
            leads = "" if str(real) == mount.source else f", it leads to {visible(real)}"
            fix = "Pick another folder"
            raise McptuiError(f"{shown} {problem}{leads}", "no server may have that", fix)
        settled.append(PlannedMount(str(real), mount.target, mount.writable))
    return tuple(settled)
