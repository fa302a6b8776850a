"""The image of an entry: what is known of it now, how to get it, and when it may go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mcptui.entry import Kind
from mcptui.errors import McptuiError, TryAgain
from mcptui.progress import Step, StepState
from mcptui.runtime.plan import ImageFacts

if TYPE_CHECKING:
    from mcptui.entry import Entry
    from mcptui.home import Home
MARK = "mcptui-used"
"""Repository of the tags that say who needs an image."""


def image_now(home: Home, entry: Entry) -> tuple[ImageFacts, bool]:
    """Facts of the entry's image, and whether the engine has it.

    What is not built yet is described as far as it matters for the plan.

    Raises:
        McptuiError: a local image is gone.
        TryAgain: no engine answers.
    """
    engine = home.engine()
    if entry.kind is Kind.IMAGE and entry.image is not None:
        if not entry.image.local:
            return _of_registry(home, entry, f"{entry.image.repository}@{entry.image.digest}")
        return engine.image_facts(entry.image.digest or entry.image.repository), True
    if entry.package is not None:
        from mcptui.runtime.image.build import recipe_of

        recipe = recipe_of(entry.package, engine.facts().arch, bases=_bases(home))
        found = engine.find_image("mcptui.recipe", recipe)
        if found:
            return engine.image_facts(found), True
        return unbuilt(entry), False
    raise McptuiError(f"{entry.id} runs no image here")


def _of_registry(home: Home, entry: Entry, name: str) -> tuple[ImageFacts, bool]:
    """Facts of an image that may have to be pulled first."""
    try:
        return home.engine().image_facts(name), True
    except McptuiError as error:
        if error.exit_code != 1:
            raise
        return unbuilt(entry), False


def _bases(home: Home) -> dict[str, str]:
    from mcptui.runtime.image.settings import read_bases

    return read_bases(home.paths.settings)


def unbuilt(entry: Entry) -> ImageFacts:
    """What stands for an image that is not there yet, in a plan that is only looked at."""
    if entry.package is not None:
        package = entry.package
        image = f"({package.name} {package.version}, built at install)"
        return ImageFacts(id=image, entrypoint=("(its program)",))
    return ImageFacts(id=entry.image.digest if entry.image is not None else "")


async def image_steps(home: Home, entry: Entry) -> AsyncIterator[Step]:
    """Get the entry's image; the last step's result is its ID.

    Raises:
        NotTrusted: a hash does not hold.
        McptuiError: it cannot be had; says why.
    """
    engine = await asyncio.to_thread(home.engine)
    if entry.package is not None:
        from mcptui.runtime.image.build import build

        cache = home.paths.private(home.paths.cache)
        how = {"bases": _bases(home), "environ": home.environ}
        async for step in build(entry.package, engine, cache, **how):
            yield step
        return
    from mcptui.actions.signed_images import pulled, registry_image

    if (image := registry_image(entry)) is not None:
        async for step in pulled(home, image):
            yield step
        return
    facts, _ = await asyncio.to_thread(image_now, home, entry)
    yield Step("image", "the image is in the engine", StepState.DONE, result=facts.id)


def hold_image(home: Home, name: str, image_id: str) -> bool:
    """Mark an image that we built as needed by an install.

    The mark is a tag of the engine, so that other users and other homes of the same engine see
    it: an image goes only when its last mark is gone. A person's own images get none.

    Returns:
        Whether the image is there: somebody else may have removed it in this very moment.

    Raises:
        TryAgain: the engine does not answer.
    """
    engine = home.engine()
    try:
        engine.image_facts(image_id)
        if image_id in engine.own_images():
            engine.tag(image_id, MARK, _mark(home, name))
    except TryAgain:
        raise
    except McptuiError:
        return False
    return True


def release_image(home: Home, name: str, image_id: str, *, keep: bool) -> bool:
    """Take an install's mark off its image, and remove the image when that was the last one.

    Args:
        home: whose install it was.
        name: the install.
        image_id: its image.
        keep: only take the mark off.

    Returns:
        Whether the image was removed. A person's own image never is.
    """
    if not image_id:
        return False
    try:
        engine = home.engine()
        if image_id not in engine.own_images():
            return False
        mark = f"{MARK}:{_mark(home, name)}"
        tags: list[str] = engine.client.api.inspect_image(image_id).get("RepoTags") or []
        others = [tag for tag in tags if tag != mark]
        if mark in tags and others:
            engine.remove_image(mark)
        if keep or any(tag.startswith(f"{MARK}:") for tag in others):
            return False
        engine.remove_image(image_id)
    except McptuiError:
        return False
    return True


def _mark(home: Home, name: str) -> str:
    whose = hashlib.sha256(str(home.paths.state).encode()).hexdigest()[:12]
    return f"{whose}-{name}"
