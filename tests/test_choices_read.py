"""A user's choices: stored and read back equal, and refused when they are broken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcptui.entry import Choices
from mcptui.entry_read import (
    choices_from_dict,
    choices_to_dict,
)
from mcptui.errors import UsageError
from mcptui.own_limits import OwnLimits


def test_choices_survive_the_way_there_and_back() -> None:
    choices = Choices(
        parameters={"side": "left", "names": ["a"]},
        mounts={"folders": (("/home/me/x", False), ("/home/me/y", True))},
        network="learn",
        hosts=("api.example.com", "db.example.org:5432/tcp private"),
        hosts_off=frozenset({"b.example", "a.example"}),
        tools_off=frozenset({"b", "a"}),
        enabled=False,
        image="sha256:1",
        exposed=frozenset({"/home/me/.kube/config"}),
        unmasked=frozenset({"/home/me/x/.env"}),
        limits=OwnLimits(memory=512, cpus=0.5, pids=99, shm=32, gpu=False),
    )
    for chosen in (choices, Choices()):
        stored = json.loads(json.dumps(choices_to_dict(chosen)))
        assert choices_from_dict(stored, "state.db") == chosen
    assert choices_to_dict(Choices()) == {}


def test_an_open_network_of_an_older_release_is_any_host() -> None:
    assert choices_from_dict({"open_network": True}, "state.db") == Choices(network="any")
    assert choices_from_dict({"open_network": False}, "state.db") == Choices()


@pytest.mark.parametrize(
    "data",
    [
        {"mounts": {"a": [["/x"]]}},
        {"mounts": {"a": "/x"}},
        {"mounts": {"a": [["/x", "yes"]]}},
        {"enabled": 1},
        {"later": True},
        {"exposed": "/x"},
        {"limits": {"memory": 1}},
        {"limits": {"cpus": "2"}},
        {"limits": {"disk": 2}},
        {"network": "open"},
        {"network": True},
        {"hosts": "api.example.com"},
        {"hosts": ["x" * 301]},
    ],
)
def test_broken_choices_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^state\.db: "):
        choices_from_dict(data, "state.db")
