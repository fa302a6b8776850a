"""What is planned for a client's file: exact bytes, refusals, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.clients import edit
from mcptui.clients.edit import entry_for
from mcptui.clients.files import Refused
from tests.clients.world import COMMAND, SPECS, World

OTHER = {"command": "npx", "args": ["-y", "something"]}
FILES = {
    "empty": b"",
    "blank": b" \r\n",
    "mark": b"\xef\xbb\xbf",
    "object": b"{}",
    "pretty": b'{\n  "servers": {\n    "a": {"command": "x"}\n  }\n}\n',
    "tabs": b'{\n\t"inputs": [],\n\t"servers": {\n\t\t"a": {}\n\t}\n}',
    "crlf": b'\xef\xbb\xbf{\r\n    "servers": {\r\n    }\r\n}\r\n',
    "mixed": b'{\r\n  "a": 1,\n  "servers": { "b": {} },\r\n}',
    "comments": b'// mine\n{\n  /* x */ "servers": { // why\n    "a": {}, // one\n  }, // two\n}\n',
    "compact": '{"servers":{"é":{"command":"ü"}}}'.encode(),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_connect_and_disconnect_give_back_the_identical_file(world: World, name: str) -> None:
    world.path.write_bytes(FILES[name])
    done = world.connect()
    assert world.path.read_bytes() == done.after != FILES[name]
    assert world.standing().state == "connected"
    world.disconnect()
    assert world.path.read_bytes() == FILES[name]
    assert world.standing().state == "found"
    assert world.store.receipts() == []


def test_a_file_that_was_not_there_is_gone_again_with_its_folders(world: World) -> None:
    path = world.path.parent / "new" / "folders" / "mcp.json"
    world = replace(world, path=path)
    assert world.standing().state == "found"
    world.connect()
    assert json.loads(path.read_text())["servers"]["mcptui"]["command"] == COMMAND[0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    world.disconnect()
    assert not path.parent.parent.exists()
    assert path.parent.parent.parent.exists()


def test_a_folder_of_ours_that_somebody_uses_by_now_stays(world: World) -> None:
    path = world.path.parent / "new" / "mcp.json"
    world = replace(world, path=path)
    world.connect()
    (path.parent / "theirs").write_text("x")
    world.disconnect()
    assert sorted(one.name for one in path.parent.iterdir()) == ["theirs"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "line 1"),
        (b'{"servers": []}', "not an object"),
        (b'{"servers": null}', "not an object"),
        (b"[]", "not an object"),
        (b'{"servers": {}, "servers": {}}', "second time"),
        (b'{"servers": {"mcptui": {}, "mcptui": {}}}', "second time"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'{"servers": {"a": "\xff"}}', "UTF-8"),
        (b"oops", "line 1"),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_reset(
    world: World, data: bytes, why: str
) -> None:
    world.path.write_bytes(data)
    with pytest.raises(Refused, match=why):
        world.connect()
    assert world.path.read_bytes() == data
    standing = world.standing()
    assert standing.state == "broken"
    assert why in standing.reason


def test_a_comment_is_refused_where_the_client_cannot_read_it(world: World) -> None:
    world = replace(world, client="claude-desktop")
    world.path.write_text('{\n  // mine\n  "mcpServers": {}\n}')
    with pytest.raises(Refused, match="line 2 has a comment"):
        world.connect()


@pytest.mark.parametrize("client", sorted(SPECS))
def test_the_entry_of_each_client(world: World, client: str) -> None:
    world = replace(world, client=client)
    world.connect()
    document = json.loads(world.path.read_text())
    names = SPECS[client].map_path
    assert list(document) == list(names)
    entry = document[names[0]]["mcptui"]
    if client.endswith("flatpak"):
        assert (entry["command"], entry["args"]) == ("flatpak-spawn", ["--host", *COMMAND])
    else:
        assert (entry["command"], entry["args"]) == (COMMAND[0], list(COMMAND[1:]))
    kinds = {"claude-desktop": None, "cursor": None}
    assert entry.get("type") == kinds.get(client, "stdio")
    assert "env" not in entry


def test_variables_of_the_gateway_go_into_the_entry() -> None:
    environ = {"MCPTUI_HOME": "/data/mcptui"}
    assert entry_for(SPECS["cursor"], COMMAND, environ)["env"] == environ
    outside = entry_for(SPECS["vscode-flatpak"], COMMAND, environ)
    assert outside["args"][:2] == ["--host", "--env=MCPTUI_HOME=/data/mcptui"]
    assert "env" not in outside


def test_a_path_that_the_client_would_expand_is_refused() -> None:
    with pytest.raises(Refused, match="expand"):
        entry_for(SPECS["claude-code"], ("/opt/${USER}/mcptui",), {})
    assert entry_for(SPECS["claude-desktop"], ("/opt/${USER}/mcptui",), {})["args"] == []


class TestAnEntryOfOurNameThatIsNotOurs:
    def test_is_left_alone(self, world: World) -> None:
        data = json.dumps({"servers": {"mcptui": OTHER}}).encode()
        world.path.write_bytes(data)
        assert world.standing().state == "changed outside"
        with pytest.raises(Refused, match="not ours"):
            world.connect()
        with pytest.raises(Refused, match="changed by somebody else"):
            world.disconnect()
        assert world.path.read_bytes() == data

    @pytest.mark.parametrize("value", ["null", "{}", "[]", '"x"'])
    def test_is_left_alone_whatever_it_is(self, world: World, value: str) -> None:
        world.path.write_text(f'{{"servers": {{"mcptui": {value}}}}}')
        assert world.standing().state == "changed outside"
        with pytest.raises(Refused, match="not ours"):
            world.connect()

    def test_gives_way_when_told_and_comes_back(self, world: World) -> None:
        data = json.dumps({"servers": {"mcptui": OTHER, "b": {}}}, indent=3).encode()
        world.path.write_bytes(data)
        world.connect(replace=True)
        assert json.loads(world.path.read_text())["servers"]["mcptui"]["command"] == COMMAND[0]
        world.disconnect()
        assert world.path.read_bytes() == data

    def test_comes_back_although_the_file_changed_since(self, world: World) -> None:
        world.path.write_text(json.dumps({"servers": {"mcptui": OTHER}}, indent=2))
        world.connect(replace=True)
        changed = json.loads(world.path.read_text())
        changed["more"] = 1
        world.path.write_text(json.dumps(changed))
        world.disconnect()
        assert json.loads(world.path.read_text()) == {"servers": {"mcptui": OTHER}, "more": 1}


class TestAFileThatChangedSince:
    def test_keeps_what_was_added(self, world: World) -> None:
        world.path.write_bytes(FILES["comments"])
        world.connect()
        text = world.path.read_text()
        world.path.write_text(text.replace("// mine", "// mine and more"))
        assert world.standing().state == "connected"
        world.disconnect()
        assert world.path.read_bytes() == FILES["comments"].replace(b"mine", b"mine and more")

    def test_that_a_client_wrote_anew_loses_our_entry_only(self, world: World) -> None:
        world.connect()
        document = json.loads(world.path.read_text())
        document["servers"]["mcptui"]["env"] = {}
        document["inputs"] = []
        world.path.write_text(json.dumps(document, indent=4))
        assert world.standing().state == "connected"
        world.disconnect()
        assert json.loads(world.path.read_text()) == {"inputs": []}

    def test_that_is_ours_alone_goes(self, world: World) -> None:
        world.connect()
        world.path.write_text(json.dumps(json.loads(world.path.read_text())))
        world.disconnect()
        assert not world.path.exists()

    def test_whose_entry_was_changed_is_left_alone(self, world: World) -> None:
        world.connect()
        data = world.path.read_text().replace(COMMAND[0], "/evil/mcptui")
        world.path.write_text(data)
        assert world.standing().state == "changed outside"
        with pytest.raises(Refused, match="changed by somebody else"):
            world.disconnect()
        assert world.path.read_text() == data

    def test_whose_entry_was_taken_out_can_be_connected_again(self, world: World) -> None:
        world.path.write_bytes(FILES["pretty"])
        world.connect()
        world.path.write_bytes(FILES["tabs"])
        assert world.standing().state == "changed outside"
        world.connect()
        assert world.standing().state == "connected"
        world.disconnect()
        assert world.path.read_bytes() == FILES["tabs"]

    def test_that_is_gone_is_not_made_again(self, world: World) -> None:
        world.connect()
        world.path.unlink()
        assert not world.disconnect().changes
        assert not world.path.exists()
        assert world.store.receipts() == []


class TestConnectingTwice:
    def test_changes_nothing(self, world: World) -> None:
        world.path.write_bytes(FILES["tabs"])
        done = world.connect()
        again = world.connect()
        assert not again.changes
        assert again.diff == ()
        assert world.path.read_bytes() == done.after
        world.disconnect()
        assert world.path.read_bytes() == FILES["tabs"]

    def test_from_another_place_keeps_the_way_back_to_the_first_file(self, world: World) -> None:
        world.path.write_bytes(FILES["comments"])
        world.connect(command=("/old/mcptui", "gateway", "run"))
        assert world.standing().reason == "it starts mcptui from another place than this one"
        world.connect()
        assert world.standing() == replace(world.standing(), reason="")
        assert b"/old" not in world.path.read_bytes()
        world.disconnect()
        assert world.path.read_bytes() == FILES["comments"]

    def test_from_another_place_in_a_file_that_changed(self, world: World) -> None:
        world.path.write_bytes(FILES["comments"])
        world.connect(command=("/old/mcptui", "gateway", "run"))
        world.path.write_bytes(b"\n" + world.path.read_bytes())
        world.connect()
        world.disconnect()
        assert world.path.read_bytes() == b"\n" + FILES["comments"]

    def test_in_a_file_we_made_still_ends_with_no_file(self, world: World) -> None:
        path = world.path.parent / "new" / "mcp.json"
        world = replace(world, path=path)
        world.connect(command=("/old/mcptui", "gateway", "run"))
        world.connect()
        world.disconnect()
        assert not path.parent.exists()


def test_an_entry_of_ours_without_a_note_counts_as_ours(world: World) -> None:
    world.path.write_bytes(FILES["tabs"])
    world.connect()
    world.store.drop_receipt(world.client, str(world.path))
    assert world.standing().state == "connected"
    world.disconnect()
    assert world.path.read_bytes() == FILES["tabs"]


def test_the_diff_is_what_is_written_and_planning_writes_nothing(world: World) -> None:
    world.path.write_bytes(FILES["tabs"])
    shown = world.preview(connect=True)
    assert world.path.read_bytes() == FILES["tabs"]
    added = [line[1:] for line in shown.diff[3:] if line[0] == "+"]
    taken = [line[1:] for line in shown.diff[3:] if line[0] == "-"]
    assert taken == ['\t\t"a": {}']
    assert added[:3] == ['\t\t"a": {},', '\t\t"mcptui": {', '\t\t\t"type": "stdio",']
    assert world.connect().diff == shown.diff


def test_other_entries_are_named(world: World) -> None:
    world.path.write_bytes(FILES["mixed"])
    world.connect()
    assert world.standing().others == ("b",)


def test_a_client_whose_file_cannot_be_told_is_broken(world: World) -> None:
    found = replace(world.found, path=None, problem="there are several")
    assert edit.standing(found, {}, None).reason == "there are several"
    with pytest.raises(Refused, match="several"):
        edit.plan(edit.Request(found, {}, connect=True), None)


def test_a_command_that_is_not_unicode_is_refused(world: World) -> None:
    bad = str(Path("/opt/\udcff/mcptui"))
    with pytest.raises(Refused, match="UTF-8"):
        world.connect(command=(bad,))
    assert not world.path.exists()
