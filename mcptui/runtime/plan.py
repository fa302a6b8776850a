"""From an entry and choices to the exact container: pure, so that the install sheet, a dry run
and the engine all see the very same thing.

Every container is locked down the same way: no network device but `lo`, read-only root, a small
/tmp from which nothing runs, no capabilities, no way to gain any, bounded memory, processors and
processes, an ordinary user, no log on disk. What a server cannot bear is relaxed by its entry,
which says why, and each relaxation is a warning here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcptui.entry import Choices, Entry, Http, Kind, Relaxation
from mcptui.entry_schema import parameter_problems, with_defaults
from mcptui.errors import McptuiError
from mcptui.own_limits import OwnLimits
from mcptui.runtime import owner as labels
from mcptui.runtime.delivery import secret_files, secret_needs, secret_variables
from mcptui.runtime.deny import Deny
from mcptui.runtime.egress.rules import Policy
from mcptui.runtime.fill import Filling
from mcptui.runtime.mounts import PlannedMount
from mcptui.runtime.owner import Owner
from mcptui.runtime.picks import picked
from mcptui.runtime.reach import DNS, PROXIED, hosts_wanted, network_needs, own, policy_of
from mcptui.runtime.volumes import volume_name

USER = "65532:65532"
"""Whom a server runs as: nobody's number on the host, "nonroot" in our images."""
MIB = 1 << 20
_ALL_GPUS = {"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}
_HOME = "/tmp"  # noqa: S108  inside the container: the one place that can be written


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the engine says of an image.

    Args:
        id: its image ID, "sha256:…".
        entrypoint, cmd: its own command.
        env: its variables as NAME=VALUE.
        workdir: "" for the root folder.
        user: "" for root.
        volumes: folders for which the engine would make writable, unbounded volumes on disk.
    """

    id: str
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container, exactly.

    Args:
        server: the installed server's name.
        image: image ID.
        command: the whole command line.
        environment: variables beyond the image's own. Secrets among them: they go to the
            process alone, by the shim, and never into the engine's records.
        files: secrets that the server reads from files: path in its /tmp → text; the same holds.
        user: "uid:gid".
        policy: what it may reach of the network, by our proxy alone: it has no network itself.
        read_only: the root file system cannot be written.
        tmp: size of /tmp in bytes.
        tmp_exec: programs may run from /tmp.
        pids: processes and threads at most.
        memory: bytes, swap included.
        cpus: cores.
        mounts: folders and files of the host, and volumes.
        scratch: folders the image wants to write; small and in memory, like /tmp.
        labels: what the engine remembers.
        workdir: the image's, or "/".
        http: how it listens inside, None for a server that speaks on stdin and stdout.
        warnings: what a person should know, in words.
        needs: what is missing or wrong, in words; such a container is not started.
        deny: what no server may have.
        exposed: credentials the user said it may read, as exact paths.
        unmasked: files with secrets in picked folders that it may see nevertheless.
        shm: bytes of shared memory, 0 for what the engine gives.
        gpu: it may use the graphics processors.
    """

    server: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    user: str = USER
    policy: Policy = Policy()
    read_only: bool = True
    tmp: int = 64 * MIB
    tmp_exec: bool = False
    pids: int = 64
    memory: int = 256 * MIB
    cpus: float = 0.5
    mounts: tuple[PlannedMount, ...] = ()
    scratch: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    workdir: str = "/"
    http: Http | None = None
    warnings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    deny: Deny = field(default=Deny(), repr=False)
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    exposed: frozenset[str] = frozenset()
    unmasked: frozenset[str] = frozenset()
    shm: int = 0
    gpu: bool = False

    def tmp_options(self) -> str:
        """Mount options of /tmp."""
        exec_word = "exec" if self.tmp_exec else "noexec"
        return f"rw,{exec_word},nosuid,nodev,size={self.tmp // MIB}m,mode=1777"

    def docker_arguments(self) -> list[str]:
        """The container as a person who knows docker reads it; values of variables left out."""
        words = ["docker", "run", "--rm", "--interactive", "--init", "--network", "none"]
        words += ["--dns", DNS] if self.policy.reaches else []
        words += ["--read-only"] if self.read_only else []
        words += ["--tmpfs", f"/tmp:{self.tmp_options()}", "--cap-drop", "ALL"]  # noqa: S108
        words += ["--security-opt", "no-new-privileges", "--user", self.user]
        words += ["--pids-limit", str(self.pids), "--cpus", f"{self.cpus:g}"]
        for option in ("--memory", "--memory-swap"):
            words += [option, f"{self.memory // MIB}m"]
        words += ["--ulimit", "core=0", "--ipc", "private", "--log-driver", "none"]
        words += ["--shm-size", f"{self.shm // MIB}m"] if self.shm else []
        words += ["--gpus", "all"] if self.gpu else []
        words += ["--no-healthcheck"]
        for mount in self.mounts:
            words += ["--mount", mount.argument()]
        for folder in self.scratch:
            words += ["--mount", f"type=tmpfs,target={folder},tmpfs-size={self.tmp}"]
        for name in sorted(self.environment):
            words += ["--env", name]
        for name, value in self.labels.items():
            words += ["--label", f"{name}={value}"]
        words += ["--workdir", self.workdir, "--entrypoint", *self.command[:1], self.image]
        return [*words, *self.command[1:]]

    def mount_bodies(self, mounts: tuple[PlannedMount, ...]) -> list[dict[str, Any]]:
        """The Engine API's list of mounts, for the host's folders as planned or as settled."""
        size = {"SizeBytes": self.tmp, "Mode": 0o1777}
        scratch = [{"Type": "tmpfs", "Target": one, "TmpfsOptions": size} for one in self.scratch]
        return [*(mount.body() for mount in mounts), *scratch]

    def _names(self) -> dict[str, Any]:
        """What has names asked on the container's own loopback, and lets a user listen there."""
        return {"Dns": [DNS], "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}}

    def create_body(self) -> dict[str, Any]:
        """The Engine API's request; `launch()` adds the shim and the route of stdio."""
        return {
            "Image": self.image,
            "Entrypoint": list(self.command),
            "Cmd": [],
            "Env": [],
            "User": self.user,
            "WorkingDir": self.workdir,
            "Labels": dict(self.labels),
            "Tty": False,
            "StopSignal": "SIGTERM",
            # Else the engine would start the image's own check beside the server, past the shim.
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "NetworkMode": "none",
                **(self._names() if self.policy.reaches else {}),
                "ReadonlyRootfs": self.read_only,
                "Tmpfs": {"/tmp": self.tmp_options()},  # noqa: S108
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Privileged": False,
                "PidsLimit": self.pids,
                "Memory": self.memory,
                "MemorySwap": self.memory,
                "NanoCpus": round(self.cpus * 1e9),
                "IpcMode": "private",
                # A core file would carry the server's memory, secrets included, to the host.
                "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
                "LogConfig": {"Type": "none"},
                "RestartPolicy": {"Name": "no"},
                "Mounts": self.mount_bodies(self.mounts),
                **({"ShmSize": self.shm} if self.shm else {}),
                **({"DeviceRequests": [_ALL_GPUS]} if self.gpu else {}),
            },
        }


def plan(
    entry: Entry,
    choices: Choices,
    image: ImageFacts,
    owner: Owner | None = None,
    secrets: Mapping[str, str] | None = None,
    *,
    name: str = "",
    deny: Deny | None = None,
) -> ContainerPlan:
    """Work out the container of one installed server.

    Args:
        entry: what the catalog says.
        choices: what the user chose.
        image: what the engine says of its image.
        owner: who starts it; None for a look only.
        secrets: secret name → value.
        name: the installed server's name, the entry's id unless given.
        deny: what no server may have, besides the system's own folders.

    Returns:
        The container; what is missing or wrong is in its `needs`.

    Raises:
        McptuiError: the entry runs in no container.
    """
    if entry.kind is Kind.REMOTE:
        raise McptuiError(f"{entry.id} is a remote server", "it runs in no container here")
    deny = deny or Deny()
    name_of = partial(volume_name, owner.home if owner else "", name or entry.id, entry)
    mounts, inside, mount_needs = picked(entry, choices, deny, name_of)
    filling = _filling(entry, choices, inside)
    command = _command(entry, image, filling, inside)
    environment = {"HOME": _HOME} if not _has(image.env, "HOME") else {}
    policy = policy_of(entry, choices)
    environment |= PROXIED if policy.reaches else {}
    environment |= filling.variables(entry.env)
    environment |= secret_variables(entry, secrets or {})
    files = secret_files(entry, secrets or {})
    folders = tuple(mount for mount in mounts if not mount.volume)
    limits = _Limits.of(entry, folders, image, owner).chosen(choices.limits)
    needs = [*_parameter_needs(entry, choices), *mount_needs, *_hosts_needs(entry, choices)]
    needs += secret_needs(entry, secrets or {})
    if not command:
        needs.append("a command: neither the entry nor its image says what to run")
    return ContainerPlan(
        server=name or entry.id,
        image=image.id,
        command=command,
        environment=environment,
        files=files,
        user=limits.user,
        policy=policy,
        read_only=limits.read_only,
        tmp=entry.resources.tmp * MIB,
        tmp_exec=limits.tmp_exec,
        pids=limits.pids,
        memory=limits.memory * MIB,
        cpus=limits.cpus,
        shm=(choices.limits.shm or 0) * MIB,
        gpu=bool(choices.limits.gpu),
        mounts=mounts,
        scratch=_scratch(image, mounts),
        labels={
            labels.SERVER: name or entry.id,
            labels.INSTALL: entry.id,
            **(owner.labels() if owner is not None else {}),
        },
        workdir=image.workdir or "/",
        http=entry.http,
        warnings=tuple(_warnings(entry, choices, folders, owner)),
        needs=tuple(needs),
        deny=deny,
        exposed=choices.exposed,
        unmasked=choices.unmasked,
    )


@dataclass(slots=True)
class _Limits:
    """What the entry's relaxations leave of the usual lock."""

    pids: int
    memory: int
    cpus: float
    user: str = USER
    read_only: bool = True
    tmp_exec: bool = False

    @classmethod
    def of(
        cls, entry: Entry, mounts: tuple[PlannedMount, ...], image: ImageFacts, owner: Owner | None
    ) -> _Limits:
        usual = entry.resources
        limits = cls(usual.pids, usual.memory, usual.cpus)
        account = owner.account if owner is not None else None
        if mounts and account is not None and account[0] != 0:
            # Files the user picked are often the user's alone, and what the server writes has
            # to be theirs as well.
            limits.user = f"{account[0]}:{account[1]}"
        for relaxation in entry.relaxes:
            limits.relax(relaxation, image)
        return limits

    def relax(self, relaxation: Relaxation, image: ImageFacts) -> None:
        value = relaxation.value
        match relaxation.control:
            case "read_only":
                self.read_only = False
            case "noexec_tmp":
                self.tmp_exec = True
            case "user":
                self.user = image.user or "0:0" if value in ("", "image") else value
            case "pids" if value.isdecimal():
                self.pids = max(self.pids, int(value))
            case "memory" if value.isdecimal():
                self.memory = max(self.memory, int(value))
            case _:
                pass

    def chosen(self, own: OwnLimits) -> _Limits:
        """What the user said counts more than the entry, in both directions."""
        self.pids = own.pids or self.pids
        self.memory = own.memory or self.memory
        self.cpus = own.cpus or self.cpus
        return self


def _has(variables: tuple[str, ...], name: str) -> bool:
    return any(variable.startswith(f"{name}=") for variable in variables)


def _scratch(image: ImageFacts, mounts: tuple[PlannedMount, ...]) -> tuple[str, ...]:
    taken = {mount.target for mount in mounts} | {"/tmp", "/"}  # noqa: S108
    return tuple(sorted({folder.rstrip("/") or "/" for folder in image.volumes} - taken))


def _filling(entry: Entry, choices: Choices, inside: Mapping[str, list[str]]) -> Filling:
    chosen = {**with_defaults(entry.parameters, choices.parameters), **inside}
    known = {
        *entry.parameters.get("properties", {}),
        *(one.name for one in (*entry.mounts, *entry.volumes)),
    }
    return Filling({key: chosen[key] for key in chosen.keys() & known}, frozenset(known))


def _command(
    entry: Entry, image: ImageFacts, filling: Filling, inside: Mapping[str, list[str]]
) -> tuple[str, ...]:
    words = [*image.entrypoint, *(entry.command or image.cmd)]
    if not words:
        return ()
    words += filling.arguments(entry.options)
    for mount in entry.mounts:
        if mount.argument:
            words += inside.get(mount.name, [])
    return tuple(words)


def _parameter_needs(entry: Entry, choices: Choices) -> list[str]:
    problems = parameter_problems(entry.parameters, choices.parameters)
    return [f"{name} {problem}" for name, problem in problems.items()]


def _hosts_needs(entry: Entry, choices: Choices) -> list[str]:
    return [f"hosts: {hosts_wanted(entry)}"] if network_needs(entry, choices) else []


def _warnings(
    entry: Entry, choices: Choices, mounts: tuple[PlannedMount, ...], owner: Owner | None
) -> list[str]:
    warnings = [f"{one.control} is relaxed: {one.reason}" for one in entry.relaxes]
    if choices.network == "any":
        warnings.append("any host: it can reach every public host by TLS on port 443")
    elif choices.network == "learn":
        warnings.append("learning: it can reach every public host by TLS, until you lock its list")
    warnings += [f"it may reach {one.text}" for one in own(choices) if one.private]
    warnings += [f"it may write to {mount.source}" for mount in mounts if mount.writable]
    warnings += [
        f"it may read credentials of yours: {mount.source}"
        for mount in mounts
        if mount.source in choices.exposed
    ]
    warnings += [f"it may see a file with secrets: {path}" for path in sorted(choices.unmasked)]
    if choices.limits.gpu:
        warnings.append("it may use the graphics processors, and their drivers with them")
    account = owner.account if owner is not None else None
    if mounts and account is not None and account[0] == 0:
        warnings.append(
            f"mcptui runs as root: the server, user {USER.partition(':')[0]}, sees of the picked "
            "folders only what everybody may see"
        )
    return warnings
