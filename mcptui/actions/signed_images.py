"""Images of registries: whose signature they need, found right before anything of them runs.

The order is that of `trust/image_signature.py`, with the entry's digest before and the image's ID
after it: the engine pulls that digest and nothing else, and what is started is named by ID.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mcptui.actions.planning import Missing
from mcptui.entry import Checked, Entry, Image, Kind, Trust
from mcptui.entry_read import ID
from mcptui.errors import McptuiError, NotTrusted
from mcptui.progress import Step, StepState
from mcptui.signed_by import SignedBy
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.runtime.image.docker_login import Login

_DOCKERS = "docker.io/mcp/"
_BY_DOCKER = SignedBy(("docker-mcp",), f"{_DOCKERS}signatures", logged=True)
_CHECK = "checking who signed the image"
_PULL = "pulling the image by its digest"
_TELL_EVERY = 0.1
"""Seconds between two looks at a pull's progress."""


def registry_image(entry: Entry) -> Image | None:
    """The entry's image when it comes from a registry."""
    image = entry.image
    return image if image is not None and not image.local and image.repository else None


def signer_of(image: Image) -> SignedBy | None:
    """Whose signature an image must have; those of Docker's `mcp/` have Docker's."""
    from mcptui.runtime.image.reference import read_reference

    if image.signed_by is not None:
        return image.signed_by
    repository = read_reference(f"{image.repository}@{image.digest}").repository
    return _BY_DOCKER if repository.startswith(_DOCKERS) else None


def unsigned(entry: Entry) -> bool:
    """Whether the entry's image comes from a registry and nobody is known to sign it."""
    image = registry_image(entry)
    return image is not None and signer_of(image) is None


def consent_missing(entry: Entry, agreed: bool) -> list[Missing]:
    """The user's word for an image that nobody signed, where it is needed and not given."""
    if not unsigned(entry) or agreed:
        return []
    text = "your word that an image may run which nobody signed"
    return [Missing("unsigned", "unsigned", text, "--unsigned")]


def refused_by_rule(home: Home, entry: Entry, trust: Trust) -> McptuiError | None:
    """Why the setting `trust.require` keeps a server out, None when it does not."""
    from mcptui.trust.settings import signed_only

    signed = registry_image(entry) is not None and not unsigned(entry)
    if signed or (trust is Trust.SIGNED and not unsigned(entry)):
        return None
    try:
        if not signed_only(home.paths.settings):
            return None
    except McptuiError as error:
        return error
    return NotTrusted(
        f"{entry.id} is not signed",
        'the settings say trust.require = "signed"',
        f"The setting is in {home.paths.settings}",
    )


def signed_words(entry: Entry) -> str:
    """Who vouches for the entry's image, in words; "" when it is of no registry."""
    image = registry_image(entry)
    if image is None:
        return ""
    signer = signer_of(image)
    if signer is None:
        return "nobody signed it"
    from mcptui.trust.image_keys import NAMED, read_key

    names = [key if key in NAMED else f"key {read_key(key).id[:12]}" for key in signer.keys]
    logged = ", in the transparency log" if signer.logged else ""
    return f"signed by {' or '.join(names)}{logged}"


async def pulled(home: Home, image: Image) -> AsyncIterator[Step]:
    """Check an image's signature, then pull it by digest; the last step's result is its ID.

    Raises:
        NotTrusted: a signature or digest does not hold; nothing was pulled.
        McptuiError: the registry or the engine does not give it.
    """
    yield Step("signature", _CHECK)
    words, login = await asyncio.to_thread(_checked, home, image)
    state = StepState.DONE if signer_of(image) is not None else StepState.SKIPPED
    yield Step("signature", _CHECK, state, detail=words)
    engine = await asyncio.to_thread(home.engine)
    name = f"{image.repository}@{image.digest}"
    if (found := await asyncio.to_thread(_present, home, name)) is None:
        yield Step("image", _PULL)
        given = {"username": login.user, "password": login.password} if login else {}
        told, looked = _Progress(), 0.0
        answers = engine.pull(image.repository, image.digest, given)
        while (answer := await asyncio.to_thread(_next, answers)) is not None:
            told.take(answer)
            if time.monotonic() - looked > _TELL_EVERY:
                looked = time.monotonic()
                yield Step("image", _PULL, done=told.done, total=told.total, detail=told.words)
        found = (await asyncio.to_thread(engine.image_facts, name)).id
    yield Step("image", "the image is in the engine", StepState.DONE, result=found)


def _next(answers: Iterator[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next(answers, None)


def _present(home: Home, name: str) -> str | None:
    try:
        return home.engine().image_facts(name).id
    except McptuiError as error:
        if error.exit_code != 1:
            raise
        return None


class _Progress:
    """How far the layers of a pull are."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}
        self._ready: set[str] = set()

    def take(self, told: Mapping[str, Any]) -> None:
        """Take one word of the engine."""
        layer, status = str(told.get("id", "")), told.get("status")
        part: Mapping[str, Any] = told.get("progressDetail") or {}
        if status == "Downloading":
            self._layers[layer] = (int(part.get("current", 0)), int(part.get("total", 0)))
        elif status in ("Pulling fs layer", "Waiting"):
            self._layers.setdefault(layer, (0, 0))
        elif status in ("Pull complete", "Already exists"):
            self._layers.setdefault(layer, (0, 0))
            self._ready.add(layer)

    @property
    def done(self) -> int:
        """Bytes that have come."""
        return sum(now for now, _ in self._layers.values())

    @property
    def total(self) -> int:
        """Bytes that are known to come."""
        return sum(whole for _, whole in self._layers.values())

    @property
    def words(self) -> str:
        """Layers ready, of all."""
        return f"layer {len(self._ready)} of {len(self._layers)}"


def _checked(home: Home, image: Image) -> tuple[str, Login | None]:
    """Find an image's signature right; gives who signed, and the sign-in for its registry."""
    from mcptui.runtime.image.reference import read_reference
    from mcptui.runtime.image.registry import Registry
    from mcptui.store.remembered import Remembered
    from mcptui.trust.image_signature import Asked, verify

    reference = read_reference(f"{image.repository}@{image.digest}")
    signer = signer_of(image)
    verdicts = Remembered(lambda: home.store, "image.verdicts")
    with Registry(reference, home.environ) as registry:
        login = registry.login()
        if signer is None:
            return "nobody signed it, and you agreed to that", login
        asked = Asked(
            reference.repository,
            image.digest,
            signer.keys,
            signer.signatures and read_reference(signer.signatures).repository,
            signer.least,
            signer.logged,
        )
        key = hashlib.sha256(repr(asked).encode()).hexdigest()
        if key in verdicts:
            return f"{verdicts[key]} (found right before)", login
        if registry.manifest(reference.repository, image.digest) is None:
            raise McptuiError(f"{image.repository} no longer has {image.digest[:19]}")
        ids = verify(asked, registry)
    verdicts[key] = f"signed by {', '.join(f'key {one[:12]}' for one in ids)}"
    return verdicts[key], login


def docker_entry(home: Home, text: str) -> tuple[Entry, str, str]:
    """Write an entry for `docker://repo[:tag][@digest]`; a tag is looked up once, here.

    Returns:
        The entry, what to look at for updates, and the name that leads to this very image.

    Raises:
        UsageError: it is no name of an image.
        McptuiError: the registry does not have it.
    """
    from mcptui.runtime.image.reference import SCHEME, read_reference
    from mcptui.runtime.image.registry import Registry

    said = read_reference(text)
    digest = said.digest
    if not digest:
        with Registry(said, home.environ) as registry:
            digest = registry.digest(said.repository, said.tag)
    named = f"{SCHEME}{said.repository}" + (f":{said.tag}" if said.tag else "")
    exact = f"{named}@{digest}"
    last = said.path.rpartition("/")[2]
    name = re.sub(r"[^a-z0-9-]+", "-", last).strip("-")[:41].strip("-")
    entry = Entry(
        id=name if ID.fullmatch(name) else "image",
        title=visible(last, limit=80),
        description="an own server, from an image of a registry",
        publisher="",
        category="utilities",
        licence="",
        homepage="",
        source="",
        kind=Kind.IMAGE,
        checked=Checked(on="", not_checked="an own server: nobody has checked it"),
        image=Image(said.repository, digest),
    )
    return entry, named if said.tag else exact, exact
