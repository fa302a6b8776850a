"""Debian packages by the host's apt: which ones a base needs, and their files.

apt checks the archive's signature and every hash; this module only tells it what to look for.
Nothing is installed on the host: apt is shown an empty machine on which a few packages (shells,
dpkg, perl) pretend to be there already, so that they and what they need are never fetched.
Only packages that Debian or Ubuntu published are taken, whatever other sources the host has.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mcptui.errors import McptuiError
from mcptui.runtime.image.tools import ToolError, explain, run

STAND_INS = (
    "apt", "bash", "cdebconf", "dash", "debconf", "dpkg", "install-info", "libdb5.3", "libdb5.3t64",
    "liberror-perl", "libnsl2", "libperl5.36", "libperl5.40", "libtirpc3", "libtirpc3t64",
    "openssl", "perl", "perl-base", "readline-common", "sensible-utils", "tar", "ucf",
)  # fmt: skip
"""Taken as installed: no server needs them in a container that has no shell."""
SKIPPED = re.compile(r"gcc-\d+-base|git-man|libreadline8(t64)?|.*-doc")
"""Needed only on paper, at an exact version that a stand-in cannot have."""
_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>[^/\s]+\.deb) (?P<size>\d+)", re.M)
_UNKNOWN = re.compile(r"Unable to locate|no installation candidate|unmet depend|held broken")
_NAME = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]+)_(?P<version>[^_]+)_(?P<arch>[a-z0-9-]+)\.deb")
_PREFERENCES = """\
Package: *
Pin: release o=Debian
Pin-Priority: 990

Package: *
Pin: release o=Ubuntu
Pin-Priority: 990

Package: *
Pin: release a=*
Pin-Priority: -1
"""


@dataclass(frozen=True, slots=True)
class Deb:
    """One Debian package of one version.

    Args:
        name, version, arch: as Debian says them.
        size: bytes of the file to download.
    """

    name: str
    version: str
    arch: str
    size: int

    @property
    def label(self) -> str:
        """Name and version for records."""
        return f"{self.name}={self.version}"


def available() -> bool:
    """Whether this host can build bases from Debian's archive."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


class Apt:
    """The host's apt, looking at an empty machine.

    Args:
        cache: our folder; private package lists go below it when the host has none.
        environ: the environment to run apt in.
    """

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._folder = cache / "apt"
        self._environ = {**environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        self._private = False

    async def closure(self, roots: Sequence[str], arch: str) -> list[Deb]:
        """Return all packages that `roots` need, sorted by name.

        Args:
            roots: names of Debian packages.
            arch: Debian's name of the machine type, "amd64" or "arm64".

        Raises:
            TryAgain: the host has no package lists and the network does not answer.
            McptuiError: a package does not exist in this release.
        """
        self._prepare(arch)
        listed = await self._print_uris(roots)
        if listed is None:
            await self.update()
            listed = await self._print_uris(roots)
        if listed is None:
            raise McptuiError(
                f"This Debian release does not have {' or '.join(roots)}",
                "its package lists were just refreshed",
            )
        return listed

    def _prepare(self, arch: str) -> None:
        for part in ("lists/partial", "archives/partial", "empty"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "preferences").write_text(_PREFERENCES, "utf-8")
        there = "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: 9999:1\n"
            f"Architecture: {arch}\nMulti-Arch: foreign\nMaintainer: -\nDescription: -\n\n"
            for name in STAND_INS
        )
        (self._folder / "status").write_text(there, "utf-8")

    def _options(self) -> list[str]:
        options = {
            "Dir::State::status": str(self._folder / "status"),
            "Dir::State::extended_states": "/dev/null",
            "Dir::Cache": str(self._folder),
            "Dir::Etc::Preferences": str(self._folder / "preferences"),
            "Dir::Etc::PreferencesParts": str(self._folder / "empty"),
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Debug::NoLocking": "1",
            "APT::Install-Recommends": "false",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
            "Acquire::AllowInsecureRepositories": "false",
            "APT::Get::AllowUnauthenticated": "false",
            "APT::Update::Post-Invoke::": "true",
        }
        if self._private:
            options["Dir::State::Lists"] = str(self._folder / "lists")
            del options["APT::Update::Error-Mode"]  # a third party's broken source is not ours
        return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]

    async def update(self) -> None:
        """Fetch package lists of our own and use them from now on.

        Raises:
            TryAgain: the network does not answer.
        """
        self._private = True
        command = ["apt-get", "update", "-q", *self._options()]
        code, output = await run(command, environ=self._environ, folder=self._folder)
        got = any((self._folder / "lists").glob("*_Packages*"))
        if code and not got:
            raise explain("Fetching Debian's package lists", output, self._folder)

    async def _print_uris(self, roots: Sequence[str]) -> list[Deb] | None:
        command = ["apt-get", "install", "--print-uris", "-qq", "-y", *self._options(), *roots]
        code, output = await run(command, environ=self._environ, folder=self._folder)
        if code and not _UNKNOWN.search(output):
            raise explain("Asking apt for the base's packages", output, self._folder)
        found = [] if code else [_deb(match) for match in _URI.finditer(output)]
        if not found:
            return None
        return sorted(
            (deb for deb in found if not SKIPPED.fullmatch(deb.name)), key=lambda deb: deb.name
        )

    async def download(self, debs: Sequence[Deb], folder: Path) -> list[Path]:
        """Download packages; apt checks each against the signed lists.

        Args:
            debs: what to fetch.
            folder: where to put them.

        Returns:
            One file for each of `debs`.

        Raises:
            TryAgain: the network does not answer.
            NotTrusted: a signature or hash is wrong.
            Outdated: the host's lists name files that are gone; `update` and ask again.
        """
        wanted = [f"{deb.name}:{deb.arch}={deb.version}" if deb.arch != "all" else deb.label
                  for deb in debs]  # fmt: skip
        command = ["apt-get", "download", "-q", *self._options(), *wanted]
        code, output = await run(command, environ=self._environ, folder=folder)
        if code and not self._private and re.search(r"404|not found|Unable to locate", output):
            raise Outdated("The host's package lists are out of date", output)
        if code:
            raise explain("Downloading Debian packages", output, folder)
        return [_file(deb, folder) for deb in debs]


class Outdated(ToolError):
    """The host's package lists name files that the archive no longer has."""


def _deb(match: re.Match[str]) -> Deb:
    parts = _NAME.fullmatch(unquote(match["file"]))
    if parts is None:
        raise McptuiError("apt named a file that is no Debian package", match["file"][:200])
    return Deb(parts["name"], parts["version"], parts["arch"], int(match["size"]))


def _file(deb: Deb, folder: Path) -> Path:
    for version in (deb.version, deb.version.replace(":", "%3a")):
        path = folder / f"{deb.name}_{version}_{deb.arch}.deb"
        if path.is_file():
            return path
    raise McptuiError(f"apt did not bring {deb.label}")
