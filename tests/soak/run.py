"""The run: clients that live and die, a killer among the servers, a look at every gateway."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcptui.errors import McptuiError
from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.store.rows import Definitions
from tests.fixtures.peer import TOOLS
from tests.gateway.local import installed
from tests.leftovers import left
from tests.own_server import peer_image_id
from tests.soak.account import Account, Made
from tests.soak.kinds import is_reason, some_call
from tests.soak.wires import Gone, HttpHouse, HttpWire, StdioWire

ERAS = ("legacy", "modern", "dual")
SETTINGS = "[gateway]\ncontainers_all = 2000\nidle = 25\n"
WORKERS = 3
YOUNG = 12.0
"""Seconds a container is left alone: three quick deaths in a row would end a server for good."""
GROWTH = 1.35
"""What a gateway's memory may be of its memory after a third of its life, at the end of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how long and with what luck."""

    gateways: int = 10
    servers: int = 20
    seconds: float = 600.0
    seed: int = 0
    least: int = 0
    """Calls to be made before it ends, though for no more than three times the seconds."""


@dataclass(slots=True)
class Sample:
    """One look at a gateway process: MiB of PSS, threads, descriptors."""

    at: float
    memory: float
    threads: int
    fds: int


@dataclass(slots=True)
class Soak:
    """One soak; see the package.

    Args:
        home: a scratch world.
        plan: what is done in it.
    """

    home: Home
    plan: Plan
    account: Account = field(default_factory=Account)
    samples: dict[int, list[Sample]] = field(default_factory=dict[int, list[Sample]])
    living: dict[int, str] = field(default_factory=dict[int, str])
    names: list[str] = field(default_factory=list[str])
    ends: float = 0.0
    tokens: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def install(self) -> None:
        """Install the servers, as if each had run before."""
        self.home.paths.config.mkdir(parents=True, exist_ok=True)
        self.home.paths.settings.write_text(SETTINGS)
        image = peer_image_id()
        for number in range(self.plan.servers):
            name, era = f"s{number:02}", ERAS[number % len(ERAS)]
            self.names.append(name)
            self.home.store.put_definitions(
                Definitions(
                    name, "legacy" if era == "legacy" else "modern", "", {"tools": {}},
                    tools=TOOLS,
                    prompts=[{"name": "greet", "arguments": [{"name": "who"}]}],
                    resources=[{"uri": "test://one", "name": "one"}],
                    templates=[{"uriTemplate": "test://by/{id}/data", "name": "by id"}],
                )
            )  # fmt: skip
            row = replace(installed(name, "/srv/peer.py", "--era", era), image_id=image)
            self.home.store.put_install(row)

    async def run(self) -> Account:
        """Do it all and give the account; the servers are installed."""
        self.ends = time.monotonic() + self.plan.seconds
        houses = max(1, self.plan.gateways // 5) if self.plan.gateways > 2 else 0
        with ThreadPoolExecutor(64) as threads:
            lives = [self._stdio(number) for number in range(self.plan.gateways - houses)]
            lives += [self._http(number, threads) for number in range(houses)]
            killer = asyncio.ensure_future(self._killer())
            looker = asyncio.ensure_future(self._looker())
            try:
                await asyncio.gather(*lives)
            finally:
                killer.cancel()
                looker.cancel()
        await self._after()
        return self.account

    def _over(self) -> bool:
        now = time.monotonic()
        enough = len(self.account.calls) >= self.plan.least
        return now >= self.ends and (enough or now >= self.ends + 2 * self.plan.seconds)

    def _until(self, life: float) -> float:
        now = time.monotonic()
        return min(max(self.ends, now + 5), now + life)

    # Clients

    async def _stdio(self, number: int) -> None:
        """A client that comes back with a gateway of its own; the first ones never leave."""
        chance = random.Random(f"{self.plan.seed}-{number}")  # noqa: S311 no secret
        steady = number < 2
        modern = (False, None, True)[number % 3]
        while not self._over():
            wire = StdioWire(self.home.environ, modern)
            await wire.start()
            self.living[wire.pid] = "steady" if steady else "stdio"
            life = self.plan.seconds if steady else chance.uniform(4, 45)
            made = await self._talk(wire, chance, self._until(life))
            how = "close" if steady else chance.choice(("close", "kill", "vanish"))
            await self._part(wire, how, made)

    async def _part(self, wire: StdioWire, how: str, made: _Talking) -> None:
        self.account.done[f"client {how}"] += 1
        if how == "close":
            await made.finish()
        if how != "close":
            made.ended(how)
        if how == "kill":
            wire.kill()
        code = await wire.close(rude=how == "vanish")
        self.living.pop(wire.pid, None)
        await made.finish()
        if how == "close" and code != 0:
            self.account.fault(f"a gateway ended with code {code}")
        for wrong in wire.wrong:
            self.account.fault(wrong)

    async def _http(self, number: int, threads: ThreadPoolExecutor) -> None:
        """A shared gateway with a client of each era; killed and started again, or told to end."""
        chance = random.Random(f"{self.plan.seed}-http-{number}")  # noqa: S311 no secret
        while not self._over():
            house = HttpHouse(self.home.environ)
            await house.start()
            self.living[house.pid] = "http"
            until = self._until(chance.uniform(15, 60))
            wires = [HttpWire(house, modern, threads) for modern in (False, True)]
            for wire in wires:
                await wire.start()
            talks = await asyncio.gather(*(self._talk(wire, chance, until) for wire in wires))
            kill = chance.random() < 0.5
            self.account.done["HTTP gateway kill" if kill else "HTTP gateway end"] += 1
            for talk, wire in zip(talks, wires, strict=True):
                if kill:
                    talk.ended("kill")
                else:
                    await talk.finish()
                    await wire.close(rude=chance.random() < 0.3)
            code = await house.end(kill=kill)
            self.living.pop(house.pid, None)
            for talk, wire in zip(talks, wires, strict=True):
                await talk.finish()
                for wrong in wire.wrong:
                    self.account.fault(wrong)
            if not kill and code != 0:
                self.account.fault(f"an HTTP gateway ended with code {code}")

    async def _talk(
        self, wire: StdioWire | HttpWire, chance: random.Random, until: float
    ) -> _Talking:
        talking = _Talking(self, wire, chance, until)
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        return talking

    # What is done to them, and how they fare

    async def _killer(self) -> None:
        chance = random.Random(self.plan.seed)  # noqa: S311 no secret
        while True:
            await asyncio.sleep(chance.uniform(0.3, 2.0))
            with suppress(McptuiError):
                await asyncio.to_thread(self._kill_one, chance)

    def _kill_one(self, chance: random.Random) -> None:
        engine = self.home.engine()
        found = engine.found({owner.HOME: str(self.home.paths.state)})
        old = [one.id for one in found if one.running and time.time() - one.created > YOUNG]
        if old:
            engine.kill(chance.choice(old))
            self.account.done["server kill"] += 1

    async def _looker(self) -> None:
        while True:
            await asyncio.sleep(3)
            for pid in list(self.living):
                sample = await asyncio.to_thread(look, pid)
                if sample is not None:
                    self.samples.setdefault(pid, []).append(sample)

    async def _after(self) -> None:
        """What the killed left goes with the next start of anything of ours."""
        last = StdioWire(self.home.environ, False)
        await last.start()
        engine = self.home.engine()
        deadline = time.monotonic() + 120
        while (found := left(engine, self.home, last.pid)) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        await last.close()
        for one in found or left(engine, self.home):
            self.account.fault(f"left behind: {one}")
        self._judge_samples()
        self.account.compare(self.home.store)

    def _judge_samples(self) -> None:
        for pid, samples in self.samples.items():
            last = samples[-1]
            if last.threads > 24 or last.fds > 80 + 8 * self.plan.servers:
                self.account.fault(f"gateway {pid} has {last.threads} threads, {last.fds} fds")
            early = samples[len(samples) // 3].memory
            long = last.at - samples[0].at > 60
            if long and last.memory > early * GROWTH + 10:
                self.account.fault(f"gateway {pid} grew from {early:.0f} to {last.memory:.0f} MiB")

    def figures(self) -> list[str]:
        """How the gateways fared, for the report."""
        every = [sample for samples in self.samples.values() for sample in samples]
        if not every:
            return []
        return [
            f"gateways  most memory {max(one.memory for one in every):.0f} MiB PSS, threads "
            f"{max(one.threads for one in every)}, descriptors {max(one.fds for one in every)}",
        ]


class _Talking:
    """The calls of one client in one life."""

    def __init__(
        self, soak: Soak, wire: StdioWire | HttpWire, chance: random.Random, until: float
    ) -> None:
        self._soak = soak
        self._wire = wire
        self._until = until
        self._made: list[Made] = []
        seeds = [chance.random() for _ in range(WORKERS)]
        self._tasks = [asyncio.ensure_future(self._work(seed)) for seed in seeds]

    async def _work(self, seed: float) -> None:
        chance = random.Random(seed)  # noqa: S311 no secret
        while time.monotonic() < self._until:
            ask = some_call(f"soak-{next(self._soak.tokens)}-end", self._soak.names, chance)
            token = ask.params.get("uri", "") or str(ask.params)
            token = "soak-" + token.split("soak-")[1].split("-end")[0] if "soak-" in token else ""
            made = Made(
                token or f"list-{next(self._soak.tokens)}", ask.kind, ask.recorded, time.time()
            )
            self._soak.account.calls[made.token] = made
            self._made.append(made)
            try:
                answer = await self._wire.ask(ask.method, ask.params)
            except Gone:
                return
            except TimeoutError:
                made.seen, made.detail = "wrong", "no answer"
                return
            made.at = time.time()
            if "result" in answer and ask.right(answer["result"]):
                made.seen = "tool error" if ask.error else "right"
            elif is_reason(ask.method, answer):
                made.seen = "reason"
            else:
                made.seen, made.detail = "wrong", str(answer)[:300]
            await asyncio.sleep(chance.uniform(0.0, 0.1))

    def ended(self, how: str) -> None:
        """The gateway is killed now, or its client vanishes."""
        for made in self._made:
            made.ended_at, made.ended = time.time(), how

    async def finish(self) -> None:
        """Wait for the answers that are on the way."""
        await asyncio.gather(*self._tasks)


def look(pid: int) -> Sample | None:
    """How much a process takes now; None when it is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        rollup = (folder / "smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        threads, fds = _count(folder / "task"), _count(folder / "fd")
    except (OSError, StopIteration):
        return None
    return Sample(time.monotonic(), pss / 1024, threads, fds)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())
