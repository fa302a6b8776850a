"""What a person named to install: a catalog id, a server.toml, or an image of the local engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.entry import Checked, Entry, Image, Kind, Trust
from mcptui.entry_read import ID, entry_from_file
from mcptui.errors import McptuiError, UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home


@dataclass(frozen=True, slots=True)
class Target:
    """What will be installed, before anything was chosen.

    Args:
        entry: what it is.
        trust: whether a signed catalog vouches for it.
        origin: "catalog 42", the file's path or the image's reference.
        exact: names this very thing again where `origin` may lead elsewhere tomorrow, as a tag.
    """

    entry: Entry
    trust: Trust
    origin: str
    exact: str = ""


def resolve(home: Home, target: str) -> Target:
    """Find what a person named.

    A path wins when it looks like one; a word is looked for in the catalog, then among the
    engine's images.

    Raises:
        UsageError: the file is wrong, or nothing has that name.
        NotTrusted: the catalog's signature or hash does not hold.
    """
    if target.endswith(".toml") or target.startswith(("/", "./", "../", "~")):
        path = Path(target).expanduser().absolute()
        return Target(entry_from_file(path), Trust.UNSIGNED, str(path))
    if target.startswith("docker://"):
        from mcptui.actions.signed_images import docker_entry

        entry, origin, exact = docker_entry(home, target)
        return Target(entry, Trust.UNSIGNED, origin, exact)
    if ID.fullmatch(target):
        return _of_catalog(home, target)
    return _of_image(home, target)


def _of_catalog(home: Home, name: str) -> Target:
    catalog = home.catalog()
    try:
        entry = catalog.entry(name)
    except McptuiError as unknown:
        try:
            return _of_image(home, name)
        except McptuiError:
            raise unknown from None
    return Target(entry, Trust.SIGNED, f"catalog {catalog.facts.version}")


def _of_image(home: Home, reference: str) -> Target:
    """An own server from an image the engine has; its entrypoint and command are what runs."""
    shown = visible(reference, limit=120)
    try:
        facts = home.engine().image_facts(reference)
    except UsageError:
        raise
    except McptuiError as error:
        if error.exit_code != 1:
            raise
        raise UsageError(
            f"Nothing is called {shown!r}",
            "it is no id of the catalog, no .toml file and no image of the engine",
            "`mcptui catalog WORD` searches; a file is named as ./server.toml",
        ) from error
    name = re.sub(r"[^a-z0-9-]+", "-", reference.rpartition("/")[2].partition(":")[0].lower())
    name = name.partition("@")[0].strip("-")[:41].strip("-")
    entry = Entry(
        id=name if ID.fullmatch(name) else "image",
        title=shown,
        description="an own server, from a local image",
        publisher="",
        category="utilities",
        licence="",
        homepage="",
        source="",
        kind=Kind.IMAGE,
        checked=Checked(on="", not_checked="an own server: nobody has checked it"),
        image=Image(repository="", digest=facts.id, local=True),
    )
    return Target(entry, Trust.UNSIGNED, reference)
