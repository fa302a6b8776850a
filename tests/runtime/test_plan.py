"""The exact container, from an entry and choices alone."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import (
    Choices,
    Entry,
    Host,
    Kind,
    Mount,
    Option,
    Relaxation,
    Remote,
    Resources,
    Secret,
    Variable,
)
from mcptui.errors import McptuiError
from mcptui.runtime.deny import Deny
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import ContainerPlan, ImageFacts, plan
from mcptui.runtime.reach import PROXIED
from tests.runtime.talk import entry

IMAGE = ImageFacts(
    "sha256:abc", ("/usr/bin/python3",), ("-m", "own"), ("PATH=/usr/bin",), "/work", "root"
)
FOLDER = Mount("folder", "/data/{name}", "what it reads", many=True, argument=True)


def made(
    given: Entry, image: ImageFacts = IMAGE, owner: Owner | None = None, **chosen: Any
) -> ContainerPlan:
    return plan(given, Choices(**chosen), image, owner)


def test_everything_is_locked_by_default() -> None:
    body = made(entry("-m", "server")).create_body()
    assert body["Image"] == "sha256:abc"
    assert body["Entrypoint"] == ["/usr/bin/python3", "-m", "server"]
    assert (body["Cmd"], body["Env"], body["User"]) == ([], [], "65532:65532")
    host = body["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["Tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"}
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 64
    assert host["Memory"] == host["MemorySwap"] == 256 << 20
    assert host["NanoCpus"] == 1_000_000_000
    assert host["LogConfig"] == {"Type": "none"}
    assert host["Mounts"] == []
    assert host["Privileged"] is False
    assert {"Binds", "Devices", "CapAdd", "PidMode", "UsernsMode"} & host.keys() == set()


def test_a_person_reads_the_same() -> None:
    given = entry(
        "-m", "server", name="reader", mounts=(FOLDER,), secrets=(Secret("token", "TOKEN"),)
    )
    chosen = Choices(mounts={"folder": (("/home/u/my notes", False), ("/home/u/out", True))})
    words = plan(given, chosen, IMAGE, None, {"token": "hush"}).docker_arguments()
    assert shlex.join(words) == (
        "docker run --rm --interactive --init --network none --read-only "
        "--tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777 --cap-drop ALL "
        "--security-opt no-new-privileges --user 65532:65532 --pids-limit 64 --cpus 1 "
        "--memory 256m --memory-swap 256m --ulimit core=0 --ipc private --log-driver none "
        "--no-healthcheck "
        "--mount 'type=bind,source=/home/u/my notes,target=/data/my notes,readonly' "
        "--mount type=bind,source=/home/u/out,target=/data/out --env HOME --env TOKEN "
        "--label mcptui.server=reader --label mcptui.install=reader --workdir /work "
        "--entrypoint /usr/bin/python3 sha256:abc -m server '/data/my notes' /data/out"
    )


def test_the_command() -> None:
    assert made(entry()).command == ("/usr/bin/python3", "-m", "own")
    assert made(entry("x")).command == ("/usr/bin/python3", "x")
    bare = ImageFacts("sha256:abc")
    assert made(entry("/server"), bare).command == ("/server",)
    nothing = made(entry(), bare)
    assert nothing.command == ()
    assert nothing.needs == ("a command: neither the entry nor its image says what to run",)
    assert made(entry("/server"), bare).workdir == "/"


def test_parameters_fill_arguments_and_variables() -> None:
    properties = {
        "zone": {"type": "string", "default": "UTC"},
        "depth": {"type": "integer", "minimum": 1, "maximum": 9},
        "quiet": {"type": "boolean"},
        "hosts": {"type": "array", "items": {"type": "string"}},
        "ratio": {"type": "number"},
    }
    given = entry(
        "server",
        parameters={"type": "object", "properties": properties, "required": ["depth"]},
        options=(
            Option("zone", ("--zone", "{zone}")),
            Option("depth", ("--depth={value}",)),
            Option("quiet", ("--quiet",)),
            Option("hosts", ("--host", "{hosts}")),
            Option("ratio", ("--ratio", "{ratio}", "{other}")),
        ),
        env=(
            Variable("ZONE", "z:{zone}"),
            Variable("HOSTS", "{hosts}"),
            Variable("JSON", '{"a": {"b": 1}, "q": {quiet}}'),
            Variable("PLAIN", "1"),
        ),
    )
    got = made(given, parameters={"depth": 3, "quiet": True, "hosts": ["a", "-b c"], "ratio": 2.0})
    assert got.command[2:] == (
        "--zone", "UTC", "--depth=3", "--quiet", "--host", "a", "--host", "-b c",
        "--ratio", "2", "{other}",
    )  # fmt: skip
    assert dict(got.environment) == {
        "HOME": "/tmp",
        "ZONE": "z:UTC",
        "HOSTS": "a,-b c",
        "JSON": '{"a": {"b": 1}, "q": true}',
        "PLAIN": "1",
    }
    bare = made(given, parameters={"depth": 3, "quiet": False})
    assert bare.command[2:] == ("--zone", "UTC", "--depth=3")
    assert set(bare.environment) == {"HOME", "ZONE", "JSON", "PLAIN"}
    assert made(given).needs == ("depth is needed",)
    assert made(given, parameters={"depth": 99}).needs == ("depth must be from 1 to 9",)


def test_what_is_missing_is_said_in_words() -> None:
    given = entry(
        "server",
        mounts=(replace(FOLDER, many=False), Mount("extra", "/extra", "more", required=False)),
        secrets=(Secret("token", "TOKEN"), Secret("spare", "SPARE", required=False)),
        hosts=(Host("*", 5432, "your database", "tcp"),),
    )
    assert made(given).needs == (
        "a folder for folder: what it reads",
        "hosts: name those it may reach (your database), or allow any",
        "the secret token (TOKEN)",
    )
    picked = {"folder": (("/home/u/a", False), ("/home/u/b", False)), "none": (("/x", False),)}
    needs = made(given, mounts=picked, network="any").needs
    assert "only one folder for folder" in needs
    assert "no folder none: it has none of that name" in needs
    done = plan(
        given,
        Choices(mounts={"folder": (("/home/u/a", False),)}, network="any"),
        IMAGE,
        None,
        {"token": "t", "unknown": "u"},
    )
    assert done.needs == ()
    assert done.policy.match("anything.example.com", 443) is not None
    assert done.warnings == ("any host: it can reach every public host by TLS on port 443",)
    assert dict(done.environment) == {"HOME": "/tmp", "TOKEN": "t", **PROXIED}


def test_the_network_is_always_none() -> None:
    given = entry(
        "server",
        hosts=(Host("api.example.org", why="x"), Host("plain.example.org", 80, "", "http")),
    )
    bare = made(entry("server"))
    assert not bare.policy.reaches
    assert not {"Dns", "Sysctls"} & bare.create_body()["HostConfig"].keys()
    assert not PROXIED.keys() & bare.environment.keys()
    for got in (made(given), made(given, network="any"), made(given, network="learn")):
        host = got.create_body()["HostConfig"]
        assert (host["NetworkMode"], host["Dns"]) == ("none", ["127.0.0.1"])
        assert PROXIED.items() <= got.environment.items()
        words = " ".join(got.docker_arguments())
        assert "--network none --dns 127.0.0.1" in words


def test_hosts_are_the_entrys_and_the_users_without_those_taken_away() -> None:
    given = entry(
        "server",
        hosts=(Host("a.example.org"), Host("b.example.org", 80, "", "http"), Host("*.c.example")),
    )

    def rules(**chosen: Any) -> list[str]:
        return [rule.text for rule in made(given, **chosen).policy.rules]

    assert rules() == ["a.example.org", "b.example.org/http", "*.c.example"]
    assert rules(hosts_off=frozenset({"b.example.org/http"})) == ["a.example.org", "*.c.example"]
    mine = ("db.example:5432/tcp", "not a host", "192.168.1.5:80/http private")
    assert rules(hosts=mine)[:2] == ["db.example:5432/tcp", "192.168.1.5/http private"]
    assert "it may reach 192.168.1.5/http private" in made(given, hosts=mine).warnings
    every = frozenset({"a.example.org", "b.example.org/http", "*.c.example"})
    assert not made(given, hosts_off=every).policy.reaches


def test_secrets_are_only_in_the_environment() -> None:
    given = entry("server", secrets=(Secret("token", "TOKEN"),))
    got = plan(given, Choices(), IMAGE, Owner.current(), {"token": "canary"})
    assert got.environment["TOKEN"] == "canary"
    for shown in (repr(got), str(got.create_body()), " ".join(got.docker_arguments())):
        assert "canary" not in shown


def test_mounts_of_one_name_do_not_cover_each_other() -> None:
    picked = {"folder": (("/home/u/a/notes", False), ("/home/u/b/notes/", False))}
    got = made(entry("server", mounts=(FOLDER,)), mounts=picked)
    assert [mount.target for mount in got.mounts] == ["/data/notes", "/data/notes-2"]
    assert got.command[2:] == ("/data/notes", "/data/notes-2")
    assert [mount["ReadOnly"] for mount in got.create_body()["HostConfig"]["Mounts"]] == [True] * 2


def test_a_forbidden_folder_is_a_need() -> None:
    got = made(entry("server", mounts=(FOLDER,)), mounts={"folder": (("/etc", False),)})
    assert got.needs == ("another folder for folder: /etc belongs to the system",)
    assert got.mounts == ()
    deny = Deny(private=(Path("/srv/state"),))
    chosen = Choices(mounts={"folder": (("/srv/state/x", False),)})
    got = plan(entry("server", mounts=(FOLDER,)), chosen, IMAGE, deny=deny)
    assert got.needs == ("another folder for folder: /srv/state/x holds mcptui's own state",)


def test_relaxations_change_one_thing_each_and_are_told() -> None:
    def relaxed(control: str, value: str = "") -> ContainerPlan:
        return made(entry("server", relaxes=(Relaxation(control, "because", value),)))

    usual = made(entry("server"))

    def changed(got: ContainerPlan) -> set[str]:
        names = ("user", "read_only", "tmp_exec", "pids", "memory", "policy", "cpus", "tmp")
        return {name for name in names if getattr(got, name) != getattr(usual, name)}

    assert changed(relaxed("read_only")) == {"read_only"}
    assert changed(relaxed("noexec_tmp")) == {"tmp_exec"}
    assert changed(relaxed("pids", "500")) == {"pids"}
    assert relaxed("memory", "2048").memory == 2048 << 20
    assert relaxed("user", "0:0").user == "0:0"
    assert relaxed("user", "image").user == "root"
    assert changed(relaxed("pids", "many")) == changed(relaxed("nothing")) == set()
    assert relaxed("read_only").warnings == ("read_only is relaxed: because",)
    assert "--read-only" not in relaxed("read_only").docker_arguments()
    assert "exec,nosuid" in relaxed("noexec_tmp").tmp_options()


def test_resources() -> None:
    got = made(entry("server", resources=Resources(memory=512, cpus=2, pids=100, tmp=32)))
    host = got.create_body()["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (512 << 20, 2 * 10**9, 100)
    assert "size=32m" in host["Tmpfs"]["/tmp"]


def test_picked_folders_are_read_as_the_user_who_picked_them() -> None:
    person = Owner(1, "2", "s", "m", "/state", (1000, 1001))
    picked = {"folder": (("/home/u/a", True),)}
    given = entry("server", mounts=(FOLDER,))
    got = made(given, owner=person, mounts=picked)
    assert got.user == "1000:1001"
    assert got.warnings == ("it may write to /home/u/a",)
    assert made(entry("server"), owner=person).user == "65532:65532"
    root = made(given, owner=replace(person, account=(0, 0)), mounts=picked)
    assert root.user == "65532:65532"
    assert "mcptui runs as root" in root.warnings[-1]


def test_an_images_volumes_are_small_and_in_memory() -> None:
    image = replace(IMAGE, volumes=("/var/cache/", "/data/x", "/tmp"))
    picked = {"folder": (("/home/u/x", False),)}
    got = made(entry("server", mounts=(FOLDER,)), image, mounts=picked)
    assert got.scratch == ("/var/cache",)
    assert got.create_body()["HostConfig"]["Mounts"][1:] == [
        {
            "Type": "tmpfs",
            "Target": "/var/cache",
            "TmpfsOptions": {"SizeBytes": 64 << 20, "Mode": 0o1777},
        }
    ]
    assert "type=tmpfs,target=/var/cache,tmpfs-size=67108864" in got.docker_arguments()


def test_labels_tell_whose_it_is() -> None:
    owner = Owner(77, "123", "sess", "mach", "/home/u/state")
    got = plan(entry("server", name="time"), Choices(), IMAGE, owner, name="time-2")
    assert got.create_body()["Labels"] == {
        "mcptui.server": "time-2",
        "mcptui.install": "time",
        "mcptui.owner.pid": "77",
        "mcptui.owner.start": "123",
        "mcptui.owner.machine": "mach",
        "mcptui.session": "sess",
        "mcptui.home": "/home/u/state",
    }


def test_home_is_where_writing_works() -> None:
    assert made(entry("server")).environment["HOME"] == "/tmp"
    own = replace(IMAGE, env=("HOME=/home/app",))
    assert "HOME" not in made(entry("server"), own).environment


def test_a_remote_server_runs_in_no_container() -> None:
    remote = replace(entry(), kind=Kind.REMOTE, image=None, remote=Remote("https://x/", "sse"))
    with pytest.raises(McptuiError, match="remote server"):
        made(remote)
