"""The data of a server goes with it or stays, as the person says."""

from __future__ import annotations

import pytest

from mcptui.actions.remove import remove
from mcptui.actions.volumes import forget_volume, volumes
from mcptui.errors import UsageError
from mcptui.home import Home
from tests.actions.conftest import put_in, walk
from tests.own_server import Toml

pytestmark = pytest.mark.engine
KEEPS = '[[volumes]]\nname = "data"\ntarget = "/data"\ndescription = "what it knows"\n'


def test_data_goes_with_its_server_or_stays(home: Home, toml: Toml) -> None:
    file = toml(more=KEEPS)
    row, _ = put_in(home, file)
    assert [one.name for one in row.entry.volumes] == ["data"]
    (kept,) = volumes(home)
    assert (kept.server, kept.label, kept.installed) == ("peer", "data", True)
    with pytest.raises(UsageError, match="belongs to peer"):
        forget_volume(home, kept.name)
    steps = walk(remove(home, "peer", keep_image=True, keep_data=True))
    assert "its data stays: 1 volume" in [step.text for step in steps]
    assert [one.installed for one in volumes(home)] == [False]
    put_in(home, file)
    assert [one.name for one in volumes(home)] == [kept.name], "it finds its data again"
    walk(remove(home, "peer", keep_image=True, keep_data=True))
    assert forget_volume(home, kept.name).endswith("with the data of peer")
    put_in(home, file)
    steps = walk(remove(home, "peer", keep_image=True))
    assert "its data is gone: 1 volume" in [step.text for step in steps]
    assert volumes(home) == []
    with pytest.raises(UsageError, match="no volume of a server"):
        forget_volume(home, "mcptui-shim-x")
