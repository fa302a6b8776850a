"""Servers of both languages over every route of stdio, on the real engine: the same tests."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from mcptui.entry import Resources
from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.endpoint import Endpoint
from mcptui.runtime.engine import Engine
from mcptui.runtime.launch import launch
from tests.runtime.conftest import run
from tests.runtime.talk import SERVERS, Talk, limited, planned, start, talking

pytestmark = pytest.mark.engine
BOTH = [(flavour, route) for flavour in SERVERS for route in ("socket", "stdin")]


@pytest.mark.parametrize(("flavour", "route"), [*BOTH, ("python", "volume")])
def test_a_server_answers(engine: Engine, images: dict[str, str], flavour: str, route: str) -> None:
    async def work() -> None:
        made = planned(engine, images[flavour], SERVERS[flavour], "--word", "zwölf")
        async with talking(engine, made, route) as talk:
            assert (await talk.ask("initialize"))["serverInfo"]["name"] == "echo"
            assert await talk.call("echo", text="grüße\n\u2028") == "grüße\n\u2028"
            told = json.loads(await talk.call("self"))
            assert told["uid"] == 65532
            assert told["argv"] == ["--word", "zwölf"]
        assert [death.words for death in talk.deaths] == ["stopped"]

    run(work(), fast=route != "volume")


@pytest.mark.parametrize(("flavour", "route"), BOTH)
def test_large_messages_pass_both_ways(
    engine: Engine, images: dict[str, str], flavour: str, route: str
) -> None:
    async def work() -> None:
        async with talking(
            engine, planned(engine, images[flavour], SERVERS[flavour]), route
        ) as talk:
            assert len(await talk.call("large", bytes=10 << 20)) == 10 << 20
            sent = "y" * (10 << 20)
            assert await talk.call("echo", text=sent) == sent
            many = [
                talk.post("tools/call", name="echo", arguments={"text": str(n)}) for n in range(500)
            ]
            answers = await asyncio.wait_for(asyncio.gather(*many), 60)
            texts = [answer["result"]["content"][0]["text"] for answer in answers]
            assert texts == [str(number) for number in range(500)]

    run(work(), fast=flavour == "python")


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_the_half_closed_pipe(engine: Engine, python_image: str, route: str) -> None:
    """What was asked before the end of stdin is still answered, then the server ends itself."""

    async def work() -> None:
        talk = await start(engine, planned(engine, python_image, SERVERS["python"]), route)
        last = talk.post("tools/call", name="large", arguments={"bytes": 3 << 20})
        talk.container.channel.close_input()
        talk.container.channel.close_input()
        answer = await asyncio.wait_for(last, 30)
        assert len(answer["result"]["content"][0]["text"]) == 3 << 20
        death = await talk.death()
        assert (death.code, death.words) == (0, "it ended by itself, without an error")
        assert talk.log == ["end of file"]
        await talk.container.stop()
        assert not engine.inspect(talk.container.container_id)
        talk.container.channel.send(b"to nobody")
        await talk.container.channel.drain()
        talk.container.kill_now()
        assert len(talk.deaths) == 1

    run(work())


@pytest.mark.parametrize(("flavour", "route"), BOTH)
def test_deaths_have_reasons(
    engine: Engine, images: dict[str, str], flavour: str, route: str
) -> None:
    async def end(tool: str, **arguments: object) -> Talk:
        talk = await start(engine, planned(engine, images[flavour], SERVERS[flavour]), route)
        with pytest.raises(ConnectionError):
            await talk.call(tool, **arguments)
        await talk.container.stop()
        assert not engine.inspect(talk.container.container_id)
        return talk

    async def work() -> None:
        died, crashed = await asyncio.gather(end("die", code=9), end("crash"))
        death = died.deaths[0]
        assert (death.code, death.oom) == (9, False)
        assert death.words == "it ended with exit code 9; its last words: going down"
        death = crashed.deaths[0]
        assert death.code == 128 + signal.SIGSEGV
        assert death.words.startswith("it crashed (SIGSEGV)")

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_out_of_memory_is_told(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"], resources=Resources(memory=64))
        talk = await start(engine, made, route)
        with pytest.raises(ConnectionError):
            await talk.call("eat", mib=1024)
        assert talk.deaths[0].oom
        assert talk.deaths[0].words == "out of memory: it wanted more than 64 MiB"
        await talk.container.stop()

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("/no/such/program",), 127, "its command is missing: /no/such/program: there is no such"),
        (("nowhere",), 127, "its command is missing: nowhere: there is no such file"),
        (("/etc/passwd",), 126, "its command cannot be run: /etc/passwd: it is not executable"),
    ],
)
def test_a_command_that_cannot_start(
    engine: Engine, python_image: str, route: str, command: tuple[str, ...], code: int, words: str
) -> None:
    async def work() -> None:
        made = limited(planned(engine, python_image), command=command)
        talk = await start(engine, made, route)
        death = await talk.death()
        assert death.code == code
        assert death.words.startswith(words)
        await talk.container.stop()

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_a_server_that_dies_at_once(engine: Engine, images: dict[str, str], route: str) -> None:
    async def work() -> None:
        made = planned(engine, images["node"], SERVERS["node"], "--die", "5")
        talk = await start(engine, made, route)
        death = await talk.death()
        assert death.words == "it ended with exit code 5; its last words: no good reason"
        assert talk.log == ["no good reason"]
        await talk.container.stop()

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_stop_ends_what_ignores_all_politeness(
    engine: Engine, python_image: str, route: str
) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"], "--stubborn")
        talk = await start(engine, made, route)
        await talk.call("echo")
        await asyncio.gather(*(talk.container.stop(0.3) for _ in range(5)))
        assert not engine.inspect(talk.container.container_id)
        assert [death.words for death in talk.deaths] == ["stopped"]
        assert talk.log == ["end of file"]

    run(work(), fast=True)


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_kill_now_does_not_wait(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"], "--stubborn")
        talk = await start(engine, made, route)
        await talk.call("echo")
        talk.container.kill_now()
        assert (await talk.death()).words == "stopped"
        await talk.container.stop()
        assert not engine.inspect(talk.container.container_id)

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_a_container_taken_away_is_told(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        talk = await start(engine, planned(engine, python_image, SERVERS["python"]), route)
        await talk.call("echo")
        engine.remove(talk.container.container_id)
        death = await talk.death()
        assert death.words in (
            "the container engine went away, or its container was removed",
            "it was killed (SIGKILL)",
        )
        await talk.container.stop()

    run(work())


@pytest.mark.parametrize("route", ["socket", "stdin"])
def test_the_log_is_bounded(engine: Engine, python_image: str, route: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"], "--flood")
        async with talking(engine, made, route) as talk:
            for _ in range(3):
                assert await talk.call("echo", text="still here") == "still here"
                await asyncio.sleep(0.5)
            assert await talk.call("log", bytes=1 << 20) == "done"
        assert sum(map(len, talk.log)) < 4 << 20
        assert any("bytes of log dropped" in line for line in talk.log)

    run(work())


def test_overlong_messages_are_dropped_and_told(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"])
        async with talking(engine, made, line_limit=100_000) as talk:
            waiting = talk.post("tools/call", name="large", arguments={"bytes": 5 << 20})
            assert await talk.call("echo", text="next") == "next"
            assert not waiting.done()
            assert len(talk.overlong) == 1
            assert talk.overlong[0] > 5 << 20

    run(work())


def test_the_socket_serves_once_and_is_gone(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        made = planned(engine, python_image, SERVERS["python"])
        async with talking(engine, made) as talk:
            assert list(engine.folder.iterdir()) == []
            assert engine.folder.stat().st_mode & 0o777 == 0o700
            mounts = engine.inspect(talk.container.container_id)["Mounts"]
            folder = next(one for one in mounts if one["Destination"] == "/run/mcptui")
            assert folder["RW"] is False
            assert not Path(folder["Source"]).exists()

    run(work())


def test_stdio_is_all_the_server_holds(engine: Engine, python_image: str) -> None:
    """Neither the control line nor another end of its pipes leaks into the server."""

    async def work() -> None:
        async with talking(engine, planned(engine, python_image, SERVERS["python"])) as talk:
            # 3 is the folder it lists.
            assert json.loads(await talk.call("self"))["fds"] == ["0", "1", "2", "3"]
            assert await talk.call("orphan") == "0", "zombies are left"

    run(work())


def test_a_plan_that_lacks_something_is_not_started(engine: Engine, python_image: str) -> None:
    made = limited(planned(engine, python_image, SERVERS["python"]), needs=("a folder for x",))
    with pytest.raises(UsageError, match="a folder for x"):
        run(launch(engine, made, Talk()))


def test_a_picked_folder_that_is_gone(engine: Engine, python_image: str, tmp_path: Path) -> None:
    gone = {"x": ((str(tmp_path / "gone"), False),)}
    made = planned(engine, python_image, SERVERS["python"], mounts=gone)
    with pytest.raises(UsageError, match="cannot be given"):
        run(launch(engine, made, Talk()))


def test_an_image_that_is_gone(engine: Engine, python_image: str) -> None:
    made = limited(planned(engine, python_image), image="sha256:" + "0" * 64)
    with pytest.raises(McptuiError, match="did not create"):
        run(launch(engine, made, Talk()))
    assert list(engine.folder.glob("*-*")) == []


def test_cancelling_a_launch_leaves_nothing(engine: Engine, python_image: str) -> None:
    made = planned(engine, python_image, SERVERS["python"])

    async def work(seconds: float) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                talk = Talk()
                talk.running = await launch(engine, made, talk)
                await talk.container.stop(0)
                await asyncio.sleep(60)

    # The engine itself may be busy creating or starting it when we give up.
    for seconds in (0.001, 0.02, 0.1, 0.2):
        run(work(seconds))
        assert engine.containers({"mcptui.server": made.server}) == []
        assert list(engine.folder.glob("*-*")) == []


def test_an_engine_that_cannot_see_our_socket_gets_the_stream(
    engine: Engine, python_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket's folder is mounted empty, as in a virtual machine: the next route is taken."""

    async def work() -> None:
        from mcptui.runtime import launch as module

        hidden = engine.folder.parent / "hidden"
        hidden.mkdir()
        real = module.StdioSocket

        class Elsewhere(real):
            def __init__(self, parent: Path) -> None:
                super().__init__(parent)
                self.listening, self.folder = self.folder, hidden

            def close(self) -> None:
                self.folder = self.listening
                super().close()

        monkeypatch.setattr(module, "StdioSocket", Elsewhere)
        talk = Talk()
        made = planned(engine, python_image, SERVERS["python"])
        talk.running = await launch(engine, made, talk)
        try:
            assert await talk.call("echo", text="by the stream") == "by the stream"
            assert engine.routes == {engine.endpoint.url: "stdin"}
            assert len(engine.containers({"mcptui.server": made.server})) == 1
        finally:
            await talk.container.stop()
        assert engine.containers({"mcptui.server": made.server}) == []

    run(work())


def test_an_engine_over_ssh_is_refused_with_a_way_out() -> None:
    from mcptui.runtime.attach import attached

    far = Endpoint("ssh://host", "DOCKER_HOST")

    def nothing(_data: bytes = b"") -> None:
        return None

    with pytest.raises(McptuiError, match="over ssh") as told:
        run(attached(far, "1.41", "x", nothing, nothing, nothing))
    assert "ssh -L" in told.value.fix
