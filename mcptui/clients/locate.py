"""Where each client's config is on this machine, and what shows that the client is installed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mcptui.clients.registry import CLIENTS, ClientSpec, Place
from mcptui.paths import Paths

_DEFAULTS = {
    "XDG_CONFIG_HOME": ".config",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
}
_PROFILE_LIST_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """One config file of one client; a client with profiles has several.

    Args:
        id: the client's id, a profile's behind a dot.
        name: for a person.
        spec: what is known of the client.
        path: its config file, which need not exist; None when `problem` says why not.
        evidence: what shows that the client is installed, the strongest first; empty: it is not.
        problem: why it cannot be said which file the client reads.
    """

    id: str
    name: str
    spec: ClientSpec
    path: Path | None
    evidence: tuple[str, ...]
    problem: str = ""

    @property
    def installed(self) -> bool:
        """Whether anything shows that the client is here."""
        return bool(self.evidence)


@dataclass(frozen=True, slots=True)
class World:
    """What places are looked up in.

    Args:
        home: the user's home folder.
        environ: the environment.
        platform: as `sys.platform`.
        root: what "/" is, another folder in tests.
    """

    home: Path
    environ: Mapping[str, str]
    platform: str
    root: Path = Path("/")

    def expand(self, place: Place) -> list[Path]:
        """The paths a place stands for here; none when it does not count."""
        if self._platform not in place.platforms:
            return []
        head, _, rest = place.pattern.partition("/")
        base = self._base(head)
        if base is None:
            return []
        anchor, star, tail = rest.partition("*")
        if not star:
            return [base / rest]
        folder, _, prefix = anchor.rpartition("/")
        found = sorted((base / folder).glob(f"{prefix}*"))
        return [one / tail.lstrip("/") for one in found if _there(one, Path.is_dir)]

    @property
    def _platform(self) -> str:
        return self.platform if self.platform in ("darwin", "win32") else "linux"

    def _base(self, head: str) -> Path | None:
        if head == "~":
            return self.home
        if head == "":
            return self.root
        variable = head.removeprefix("$")
        value = self.environ.get(variable, "")
        if value and (variable not in _DEFAULTS or Path(value).is_absolute()):
            return Path(value).absolute()
        default = _DEFAULTS.get(variable)
        return self.home / default if default else None

    def which(self, program: str) -> Path | None:
        """The program on this world's PATH."""
        windows = self.platform == "win32"
        suffixes = (".exe", ".cmd", ".bat", "") if windows else ("",)
        for folder in self.environ.get("PATH", "").split(";" if windows else ":"):
            for suffix in suffixes:
                # Relative folders are skipped: what they hold depends on where one stands.
                path = Path(folder) / f"{program}{suffix}"
                if folder and path.is_absolute() and _there(path, Path.is_file):
                    return path
        return None


def _there(path: Path, check: Callable[[Path], bool]) -> bool:
    """Whether a check holds; a folder that may not be looked into holds nothing for us."""
    try:
        return check(path)
    except OSError:
        return False


def detect(
    paths: Paths, environ: Mapping[str, str], platform: str, root: Path = Path("/")
) -> list[Found]:
    """Every config file of every client that is listed or installed here.

    Args:
        paths: whose home folder is searched.
        environ: for overrides such as CLAUDE_CONFIG_DIR, and PATH.
        platform: as `sys.platform`.
        root: what "/" is.
    """
    world = World(paths.home, environ, platform, root)
    return [found for spec in CLIENTS for found in _look(spec, world)]


def _look(spec: ClientSpec, world: World) -> Iterator[Found]:
    path, problem = _config(spec, world)
    if path is None and not problem:
        return
    evidence = tuple(_evidence(spec, world, path))
    if not evidence and not spec.listed:
        return
    yield Found(spec.id, spec.name, spec, path, evidence, problem)
    if path is None or not spec.profiles or not evidence:
        return
    for profile, name in _profiles(path.parent, spec.profiles):
        config = path.parent / spec.profiles.replace("*", profile)
        yield Found(f"{spec.id}.{profile}", f"{spec.name}: {name}", spec, config, evidence)


def _config(spec: ClientSpec, world: World) -> tuple[Path | None, str]:
    for place in spec.places:
        candidates = world.expand(place)
        if len(candidates) > 1:
            # An update may leave a folder behind; the file that is used exists.
            candidates = [one for one in candidates if _there(one, Path.is_file)] or candidates
        if len(candidates) == 1:
            return candidates[0], ""
        if candidates:
            several = " and ".join(str(one) for one in candidates)
            return None, f"there are several configs, and which one counts is not known: {several}"
    return None, ""


def _evidence(spec: ClientSpec, world: World, path: Path | None) -> Iterator[str]:
    for program in spec.programs:
        if found := world.which(program):
            yield str(found)
    if path is not None and _there(path, Path.is_file):
        yield str(path)
    for place in spec.traces:
        for trace in world.expand(place):
            if trace != path and _there(trace, Path.exists):
                yield str(trace)


def _profiles(folder: Path, pattern: str) -> list[tuple[str, str]]:
    """Profiles that have servers of their own: folder name and what the user calls it."""
    known = _profile_names(folder)
    before, _, _ = pattern.partition("*")
    present = sorted(one.name for one in (folder / before).glob("*") if _there(one, Path.is_dir))
    return [
        (profile, known.get(profile) or profile)
        for profile in present
        if re.fullmatch(r"[\w-][\w.-]*", profile) and known.get(profile, "-")
    ]


def _profile_names(folder: Path) -> dict[str, str]:
    """Names by folder; "" for a profile that uses the default profile's servers."""
    registry = folder / "globalStorage" / "storage.json"
    try:
        if registry.stat().st_size > _PROFILE_LIST_LIMIT:
            return {}
        stored: Any = json.loads(registry.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    names: dict[str, str] = {}
    profiles = _mapping(stored).get("userDataProfiles")
    for profile in cast("list[Any]", profiles) if isinstance(profiles, list) else []:
        facts = _mapping(profile)
        location, name = facts.get("location"), facts.get("name")
        if isinstance(location, str) and isinstance(name, str):
            shared = _mapping(facts.get("useDefaultFlags")).get("mcp") is True
            names[location] = "" if shared else name or location
    return names


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
