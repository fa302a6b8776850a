"""Races for a client's config: the client, the user and other mcptuis write at the same time."""

from __future__ import annotations

import json
import os
import threading

import pytest

from mcptui.clients import keep, write
from mcptui.clients.files import Refused
from mcptui.errors import TryAgain
from tests.clients.world import World

TEXT = b'{\n  // keep me\n  "servers": {\n    "a": {}\n  }\n}\n'


class TestARace:
    def test_what_changed_since_the_preview_is_kept(self, world: World) -> None:
        world.path.write_bytes(TEXT)
        shown = world.preview(connect=True)
        world.path.write_bytes(TEXT.replace(b"keep me", b"keep me too"))
        write.apply(shown, world.store, world.state)
        world.disconnect()
        assert world.path.read_bytes() == TEXT.replace(b"keep me", b"keep me too")

    def test_a_client_that_writes_while_we_do_loses_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.path.write_bytes(b'{"turn": 0}')
        real, turns = os.fsync, 0

        def fsync(handle: int) -> None:
            nonlocal turns
            real(handle)
            if turns < 3 and world.left_over():
                turns += 1
                world.path.write_bytes(b'{"turn": %d}' % turns)

        monkeypatch.setattr(os, "fsync", fsync)
        world.connect()
        assert json.loads(world.path.read_bytes())["turn"] == turns == 3
        assert "mcptui" in json.loads(world.path.read_bytes())["servers"]
        assert world.left_over() == []

    def test_a_client_that_writes_all_the_time_is_told_of(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.path.write_bytes(b"{}")
        real = os.fsync

        def fsync(handle: int) -> None:
            real(handle)
            world.path.write_bytes(world.path.read_bytes() + b" ")

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(write, "PAUSE_SECONDS", 0.0)
        with pytest.raises(TryAgain, match="changes all the time"):
            world.connect()
        assert b"mcptui" not in world.path.read_bytes()
        assert world.store.receipts() == []
        assert world.left_over() == []

    def test_an_entry_of_our_name_that_came_since_is_left_alone(self, world: World) -> None:
        shown = world.preview(connect=True)
        world.path.write_bytes(b'{"servers": {"mcptui": {"command": "x"}}}')
        with pytest.raises(Refused, match="not ours"):
            write.apply(shown, world.store, world.state)

    def test_a_link_that_was_turned_since_is_not_followed(self, world: World) -> None:
        one, two = world.path.with_name("one"), world.path.with_name("two")
        one.write_bytes(TEXT)
        two.write_bytes(TEXT)
        world.path.symlink_to(one)
        shown = world.preview(connect=True)
        world.path.unlink()
        world.path.symlink_to(two)
        with pytest.raises(TryAgain, match="another file"):
            write.apply(shown, world.store, world.state)
        assert one.read_bytes() == two.read_bytes() == TEXT

    def test_many_of_us_at_once(self, world: World) -> None:
        world.path.write_bytes(TEXT)
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(4):
                    world.connect() if (turn + number) % 2 else world.disconnect()
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert world.standing().state in ("connected", "found")
        world.disconnect()
        assert world.path.read_bytes() == TEXT
        assert world.left_over() == []

    def test_a_lock_that_another_holds_is_told_of(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keep, "_LOCK_SECONDS", 0.1)
        locks = world.state / "clients" / "locks"
        with (
            keep.locked(locks, world.path.resolve()),
            pytest.raises(TryAgain, match="Another mcptui"),
        ):
            world.connect()
