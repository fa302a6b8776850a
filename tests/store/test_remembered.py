"""Small facts survive the process, and a broken database costs nothing but them."""

from __future__ import annotations

from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.remembered import Remembered


def test_texts_survive_the_process(home: Home) -> None:
    first = Remembered(lambda: home.store, "routes")
    assert dict(first) == {}
    first["unix:///a"] = "socket"
    first["unix:///b"] = "stdin"
    del first["unix:///b"]
    again = Remembered(lambda: Store.open(home.paths.database), "routes")
    assert dict(again) == {"unix:///a": "socket"}


def test_what_is_known_already_is_not_written_again(home: Home) -> None:
    routes = Remembered(lambda: home.store, "routes")
    routes["a"] = "socket"
    other = Store.open(home.paths.database)
    other.changed()
    routes["a"] = "socket"
    assert not other.changed()
    routes["a"] = "stdin"
    assert other.changed()
    other.close()


def test_a_damaged_database_is_no_error(home: Home) -> None:
    home.paths.private(home.paths.state)
    home.paths.database.write_bytes(b"no database at all" * 100)
    routes = Remembered(lambda: home.store, "routes")
    routes["a"] = "socket"
    assert routes["a"] == "socket"


def test_what_somebody_else_kept_there_does_no_harm(home: Home) -> None:
    home.store.remember("routes", ["odd"])
    assert dict(Remembered(lambda: home.store, "routes")) == {}
