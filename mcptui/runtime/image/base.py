"""Base images without a shell, from the signed archive of the host's own Debian or Ubuntu.

A base is the C library, the interpreter (Debian's Python, or Node out of a pinned wheel), CA
certificates, time zones and a user without rights: no shell, no package manager, nothing setuid.
Packages are unpacked, their maintainer scripts never run. A base is named by the versions it is
made of, so an update of Debian gives a new one and the same versions give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mcptui.errors import McptuiError
from mcptui.runtime.image.apt import Deb
from mcptui.runtime.image.tree import Layer, Tree

RECIPE = 1
"""Raised when the same packages would give other files."""
ROOTS = {
    "python": ("python3", "libc-bin", "ca-certificates", "tzdata", "media-types", "netbase"),
    "node": ("libc6", "libc-bin", "libstdc++6", "ca-certificates", "tzdata", "netbase"),
}
"""The Debian packages from which each base is made, besides what they need."""
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DROPPED = re.compile(
    r"usr/share/(doc|man|info|locale|lintian|bash-completion|bug|binfmts|pixmaps|applications|menu"
    r"|python3|debconf|gitweb|git-core/contrib|zoneinfo/(right|posix)|zsh|fish|base-files)(/.*)?"
    r"|usr/lib/(binfmt\.d|valgrind|systemd|tmpfiles\.d|sysusers\.d|debug)(/.*)?"
    r"|usr/lib/python3\.\d+/(test|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|config-[^/]*"
    r"|distutils/tests|unittest/test|turtle\.py|__pycache__)(/.*)?"
    r"|usr/lib/[^/]+/gconv/(?!UTF|UNICODE|ISO8859-1\.so|gconv-modules).*"
    r"|usr/(sbin|games)/.*"
    r"|usr/bin/(?!python3|git$|git-upload|git-receive).*|usr/bin/python3.*-config"
    r"|(boot|dev|home|media|mnt|opt|proc|root|run|srv|sys|var)(/.*)?"
    r"|etc/(apt|cron.*|default|init\.d|logrotate.*|bash.*|skel|pam\.d|profile.*|shells|dpkg|kernel)(/.*)?"
)
"""What no server reads. /usr/bin keeps the interpreter and git: a list of what may stay."""
_USERS = (
    "root:x:0:0:root:/nonexistent:/nonexistent\nnonroot:x:65532:65532:nonroot:/tmp:/nonexistent\n"
)
_GROUP = "root:x:0:\ntty:x:5:\nnonroot:x:65532:\n"
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Base:
    """A base that is ready to be built on.

    Args:
        key: names it; the same key is the same base.
        flavour: "python" or "node".
        arch: "amd64" or "arm64".
        origin: what it was made from, for records ("Debian GNU/Linux 12 (bookworm)", a digest).
        image: its image ID in the engine.
        layers: its layers, from the bottom up.
        interpreter: absolute path of Python or Node.
        version: the interpreter's version, "3.11" for Python.
        site: where Python looks for packages, "" for Node.
        glibc: the C library's version, (2, 36).
        env: environment of everything on it.
        packages: Debian packages, "name=version".
    """

    key: str
    flavour: str
    arch: str
    origin: str
    image: str
    layers: tuple[Layer, ...]
    interpreter: str
    version: str
    site: str
    glibc: tuple[int, int]
    env: dict[str, str]
    packages: tuple[str, ...]

    def save(self, folder: Path) -> None:
        """Write what is known of it beside its layers."""
        told = {**asdict(self), "layers": [(one.diff_id, one.size) for one in self.layers]}
        (folder / "base.json").write_text(json.dumps(told, indent=1, sort_keys=True), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Base | None:
        """Read a base that `save` wrote; None when there is none or a part is missing."""
        try:
            told = json.loads((folder / "base.json").read_text("utf-8"))
            layers = tuple(
                Layer(diff_id, layer_path(folder, diff_id), size)
                for diff_id, size in told.pop("layers")
            )
            glibc = tuple(told.pop("glibc"))
            packages = tuple(told.pop("packages"))
            found = cls(layers=layers, glibc=(glibc[0], glibc[1]), packages=packages, **told)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return None
        whole = all(one.path.is_file() and one.path.stat().st_size == one.size for one in layers)
        return found if whole else None

    def moved(self, folder: Path) -> Base:
        """The same base with its layers in another folder."""
        return replace(
            self,
            layers=tuple(replace(x, path=layer_path(folder, x.diff_id)) for x in self.layers),
        )


def layer_path(folder: Path, diff_id: str) -> Path:
    """Where a layer lies in a folder."""
    return folder / f"{diff_id.removeprefix('sha256:')}.tar"


def write_layer(tree: Tree, folder: Path) -> Layer:
    """Write a tree as a layer named by its hash."""
    layer = tree.write(folder / "layer.tmp")
    path = layer_path(folder, layer.diff_id)
    layer.path.rename(path)
    return replace(layer, path=path)


def base_key(flavour: str, arch: str, debs: Iterable[Deb], more: Sequence[str] = ()) -> str:
    """Name a base by what it is made of."""
    parts = [f"recipe {RECIPE}", flavour, arch, *(deb.label for deb in debs), *more]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _place(path: str) -> str | None:
    first, _, rest = path.partition("/")
    if first in _MERGED:
        path = f"usr/{path}" if rest else ""
    return None if not path or _DROPPED.fullmatch(path) else path


def unpack(debs: Sequence[tuple[Deb, Path]], tree: Tree) -> None:
    """Unpack Debian packages into a tree, running none of their scripts. Blocks.

    Args:
        debs: packages and their files.
        tree: where to.
    """
    for deb, path in debs:
        command = ["dpkg-deb", "--fsys-tarfile", str(path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                    tree.add_tar(archive, deb.label, _place)
            except tarfile.TarError as error:
                raise McptuiError(f"{deb.label} cannot be unpacked", str(error)) from error
        record = subprocess.run(
            ["dpkg-deb", "--field", str(path)], capture_output=True, check=False
        ).stdout
        # Where scanners of images look for what is inside; no package manager comes with it.
        tree.add_file(f"var/lib/dpkg/status.d/{deb.name}", record)


def finish(tree: Tree, flavour: str) -> None:
    """Add to an unpacked base what maintainer scripts would have made.

    Raises:
        McptuiError: a part is missing or something is there that must not be.
    """
    for name in _MERGED:
        if f"usr/{name}" in tree or name in ("bin", "lib"):
            tree.add_folder(f"usr/{name}")
            tree.add_link(name, f"usr/{name}")
    bundle = b"".join(data for _, data in tree.files("usr/share/ca-certificates", ".crt"))
    tree.remove("usr/share/ca-certificates")
    tree.remove("etc/ca-certificates")
    tree.add_file(_CERTIFICATES, bundle)
    tree.add_link("usr/lib/ssl/cert.pem", f"/{_CERTIFICATES}")
    tree.add_link("usr/lib/ssl/certs", "/etc/ssl/certs")
    tree.add_file("etc/passwd", _USERS.encode())
    tree.add_file("etc/group", _GROUP.encode())
    tree.add_file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    for folder in ("dev", "etc", "proc", "run", "sys", "var/tmp"):
        tree.add_folder(folder)
    tree.add_folder("tmp", 0o1777)
    tree.add_folder("var/tmp", 0o1777)
    release = Path("/etc/os-release")
    tree.add_file("etc/os-release", release.read_bytes() if release.is_file() else b"")
    if len(bundle) < 50_000 or (flavour == "python" and "usr/bin/python3" not in tree):
        raise McptuiError(
            "The base image would lack a part it needs", "its Debian packages changed"
        )


def python_version(tree: Tree) -> str:
    """Return the version of a base's Python, as "3.11"."""
    for name in tree.nodes:
        if match := re.fullmatch(r"usr/bin/python(3\.\d+)", name):
            return match[1]
    raise McptuiError("The base image has no Python", "its Debian packages changed")


def glibc_version(debs: Iterable[Deb]) -> tuple[int, int]:
    """Return the version of the C library among packages."""
    for deb in debs:
        if deb.name == "libc6" and (match := re.match(r"(?:\d+:)?(\d+)\.(\d+)", deb.version)):
            return int(match[1]), int(match[2])
    raise McptuiError("The base image has no C library", "its Debian packages changed")


def host_release() -> str:
    """What the host's release calls itself."""
    text = Path("/etc/os-release").read_text("utf-8", "replace")
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.M)
    return match[1] if match else "Debian"
