"""The image of an entry: what is known of it now, how to get it, and when it may go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mcptui.entry import Kind
from mcptui.errors import McptuiError
from mcptui.progress import Step, StepState
from mcptui.runtime.plan import ImageFacts

if TYPE_CHECKING:
    from mcptui.entry import Entry
    from mcptui.home import Home

def image_now(home: Home, entry: Entry) -> tuple[ImageFacts, bool]:
    """Facts of the entry's image, and whether the engine has it.

    What is not built yet is described as far as it matters for the plan.

    Raises:
        McptuiError: a local image is gone.
        TryAgain: no engine answers.
    """
    engine = home.engine()
    if entry.kind is Kind.IMAGE and entry.image is not None:
        reference = entry.image.digest or entry.image.repository
        if not entry.image.local:
            reference = f"{entry.image.repository}@{entry.image.digest}"
        return engine.image_facts(reference), True
    if entry.package is not None:
        from mcptui.runtime.image.build import recipe_of

        recipe = recipe_of(entry.package, engine.facts().arch)
        found = engine.find_image("mcptui.recipe", recipe)
        if found:
            return engine.image_facts(found), True
        return unbuilt(entry), False
    raise McptuiError(f"{entry.id} runs no image here")


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
        async for step in build(entry.package, engine, cache, environ=home.environ):
            yield step
        return
    facts, _ = await asyncio.to_thread(image_now, home, entry)
    yield Step("image", "the image is in the engine", StepState.DONE, result=facts.id)


def drop_image(home: Home, image_id: str, *, but: str = "") -> bool:
    """Remove an image that we built and that no install needs any more.

    Args:
        home: whose.
        image_id: the image.
        but: the name of an install that does not count.

    Returns:
        Whether it was removed. A person's own image never is, nor one in use.
    """
    if not image_id:
        return False
    if any(row.image_id == image_id and row.name != but for row in home.store.installs()):
        return False
    try:
        engine = home.engine()
        if image_id not in engine.own_images():
            return False
        engine.remove_image(image_id)
    except McptuiError:
        return False
    return True
