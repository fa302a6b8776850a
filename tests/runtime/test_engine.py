"""What we ask of the engine, of the real one."""

from __future__ import annotations

import io
import tarfile
import threading
import uuid

import pytest

from mcptui.errors import McptuiError, TryAgain
from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.engine import Engine
from tests.runtime.talk import planned

pytestmark = pytest.mark.engine


@pytest.fixture
def tag(engine: Engine) -> str:
    """A small image of this test's own: one file, which names it."""
    name = f"mcptui-test-small:{uuid.uuid4().hex[:12]}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("name")
        member.size = len(name)
        archive.addfile(member, io.BytesIO(name.encode()))
    changes = ['ENTRYPOINT ["/x", "y"]', 'CMD ["z"]', "ENV A=b", "WORKDIR /w", "USER 5:6",
               f"LABEL mcptui.test.name={name}"]  # fmt: skip
    repository, _, version = name.partition(":")
    engine.client.api.import_image_from_data(
        packed.getvalue(), repository=repository, tag=version, changes=changes
    )
    return name


def test_facts_of_an_image(engine: Engine, tag: str) -> None:
    facts = engine.image_facts(tag)
    assert facts.id.startswith("sha256:")
    assert (facts.entrypoint, facts.cmd, facts.workdir, facts.user) == (
        ("/x", "y"), ("z",), "/w", "5:6",
    )  # fmt: skip
    assert "A=b" in facts.env
    assert engine.image_facts(facts.id) == facts
    assert engine.find_image("mcptui.test.name", tag) == facts.id
    assert facts.id not in engine.own_images()
    engine.remove_image(facts.id)
    engine.remove_image(facts.id)
    assert engine.find_image("mcptui.test.name", tag) == ""
    with pytest.raises(McptuiError, match="has no image") as told:
        engine.image_facts(tag)
    assert told.value.exit_code == 1


def test_an_image_saved_and_loaded(engine: Engine, tag: str) -> None:
    image = engine.image_facts(tag).id
    saved = b"".join(engine.client.api.get_image(tag))
    engine.remove_image(tag)
    engine.load(saved)
    assert engine.image_facts(tag).id == image
    engine.tag(image, "mcptui-test-small", "other-" + tag.partition(":")[2])
    with pytest.raises(McptuiError, match="did not take the image"):
        engine.load(b"not an image at all")
    engine.remove_image(image)
    assert engine.find_image("mcptui.test.name", tag) == ""


def test_an_image_in_use_stays(engine: Engine, tag: str, python_image: str) -> None:
    image = engine.image_facts(tag).id
    body = planned(engine, image).create_body()
    # Running containers keep their image; this one never starts, and force would take it.
    container = engine.create({**body, "Labels": {"mcptui.test": tag}})
    try:
        found = engine.found({"mcptui.test": tag})
        assert [(one.id, one.running) for one in found] == [(container, True)]
        assert engine.containers({"mcptui.test": tag, "mcptui.other": "x"}) == []
        assert engine.containers({"mcptui.test": ""}).count(container) == 1
        state = engine.state(container)
        assert (state["Running"], state["Status"]) == (False, "created")
    finally:
        engine.remove(container)
        engine.remove(container)
        engine.remove_image(image)
    assert engine.state(container) == engine.inspect(container) == {}
    assert engine.stats([container]) == {}
    engine.kill(container)


def test_what_the_engine_refuses_is_told(engine: Engine, python_image: str) -> None:
    body = planned(engine, python_image).create_body()
    missing = {"Type": "bind", "Source": "/no/such/folder", "Target": "/x"}
    with pytest.raises(McptuiError, match="did not create") as told:
        engine.create({**body, "HostConfig": {**body["HostConfig"], "Mounts": [missing]}})
    assert "/no/such/folder" in told.value.why
    with pytest.raises(McptuiError, match="did not start"):
        engine.start("0" * 64)


def test_an_engine_that_is_gone(engine: Engine) -> None:
    gone = Engine(Endpoint("unix:///no/such/engine.sock", "test"), folder=engine.folder)
    for ask in (gone.facts, gone.arch, gone.own_images, lambda: gone.containers({"a": "b"})):
        with pytest.raises(TryAgain, match="does not answer") as told:
            ask()
        assert told.value.exit_code == 3
    gone.warm()
    gone.close()


def test_many_threads_at_once(engine: Engine, python_image: str) -> None:
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(5):
                assert engine.image_facts(python_image).id == python_image
                assert engine.arch() == engine.facts().arch
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
