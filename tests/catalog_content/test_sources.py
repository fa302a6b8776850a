"""The content of the catalog: what entries promise about themselves is so, one by one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mcptui.actions.check_entry import read_trial
from mcptui.catalog.refusals import refusals
from mcptui.catalog.sources import Sources, read_sources
from mcptui.entry import Entry, Kind
from mcptui.runtime.image.lock import read_npm, read_pypi
from mcptui.trust.pins import tool_hash

CATALOG = Path(__file__).parents[2] / "catalog"
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("registry", "npmjs", "org"),
        ("npmjs", "com"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
]
"""No file of the catalog may name a place where packages come from; users' tools know theirs."""
FIRST = (
    "time", "git", "fetch", "everything", "filesystem", "memory", "sequential-thinking",
)  # fmt: skip
"""What people try first."""


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(CATALOG)


@pytest.fixture(scope="module")
def entries(sources: Sources) -> dict[str, Entry]:
    return {entry.id: entry for entry in sources.entries.values()}


def packages(entries: dict[str, Entry]) -> list[Entry]:
    return [entry for entry in entries.values() if entry.kind is Kind.PACKAGE]


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((CATALOG / folder).iterdir())]


def test_every_source_reads_and_could_be_published(sources: Sources) -> None:
    assert not sources.problems
    assert not refusals(sources, tool_hash)
    for file, entry in sources.entries.items():
        assert file.stem == entry.id


def test_descriptions_are_one_plain_sentence_each(entries: dict[str, Entry]) -> None:
    said: dict[str, str] = {}
    for entry in entries.values():
        text = entry.description
        assert 20 <= len(text) <= 120, entry.id
        assert text.isprintable(), entry.id
        assert text[0].isupper() and text.endswith("."), entry.id
        assert text.rstrip(".").casefold() != entry.title.casefold(), entry.id
        assert not re.search(r"\b(MCP server for|Model Context Protocol)\b", text), entry.id
        assert text not in said, f"{entry.id} says what {said.get(text)} says"
        said[text] = entry.id


def test_who_made_it_and_under_which_licence_is_said(entries: dict[str, Entry]) -> None:
    for entry in entries.values():
        assert entry.title, entry.id
        assert entry.publisher, entry.id
        if entry.kind is Kind.PACKAGE:
            assert entry.licence, entry.id
            assert entry.source, entry.id


def test_every_secret_says_where_to_get_it(entries: dict[str, Entry]) -> None:
    for entry in entries.values():
        for secret in entry.secrets:
            assert secret.where, f"{entry.id}: {secret.name}"


def test_a_host_without_a_name_says_why(entries: dict[str, Entry]) -> None:
    for entry in entries.values():
        for host in entry.hosts:
            assert host.name != "*" or host.why, entry.id


def test_locks_hold_hashes_and_no_address(entries: dict[str, Entry]) -> None:
    for entry in packages(entries):
        package = entry.package
        assert package is not None
        assert "://" not in package.lock, entry.id
        assert "resolved" not in package.lock, entry.id
        if package.registry == "pypi":
            pins = read_pypi(package.lock, package.name, package.version)
            assert all(pin.hashes for pin in pins), entry.id
        else:
            for arch in ("amd64", "arm64"):
                assert read_npm(package.lock, package.name, package.version, arch), entry.id


def test_locks_and_checks_belong_to_entries(entries: dict[str, Entry]) -> None:
    wanted = {f"{one.id}.{'txt' if one.package.registry == 'pypi' else 'json'}"
              for one in packages(entries) if one.package is not None}  # fmt: skip
    assert {file.name for file in files("locks")} == wanted
    assert {file.stem for file in files("checks")} <= entries.keys()


def test_no_file_names_a_registry() -> None:
    for file in files("servers", "locks", "tools", "checks"):
        text = file.read_text("utf-8")
        assert not [host for host in REGISTRIES if host in text], file.name


def test_packages_were_built_started_and_listed(entries: dict[str, Entry]) -> None:
    good = [
        entry
        for entry in packages(entries)
        if entry.checked.built and entry.checked.started and entry.checked.listed
    ]
    assert len(good) >= 20
    assert good == packages(entries)
    assert set(FIRST) <= {entry.id for entry in good}
    for entry in good:
        assert entry.tools, entry.id
        for tool in entry.tools:
            assert tool.definition is not None, f"{entry.id}: {tool.name}"
            assert tool.hash == tool_hash(tool.definition), f"{entry.id}: {tool.name}"


def test_no_definition_holds_the_day_it_was_seen(entries: dict[str, Entry]) -> None:
    # A server that writes the date into its definitions changes every pin every day.
    for entry in packages(entries):
        for tool in entry.tools:
            assert entry.checked.on not in json.dumps(tool.definition), f"{entry.id}: {tool.name}"


def test_what_was_called_is_written_down(entries: dict[str, Entry]) -> None:
    for entry in packages(entries):
        trial = read_trial(CATALOG / "checks" / f"{entry.id}.toml")
        names = {tool.name for tool in entry.tools}
        assert {call["tool"] for call in trial.calls} <= names, entry.id
        assert trial.calls or entry.checked.not_checked, entry.id
        assert set(trial.secrets) <= {secret.name for secret in entry.secrets}, entry.id
        assert set(trial.mounts) <= {mount.name for mount in entry.mounts}, entry.id


def test_the_76_remotes_are_there_and_claim_nothing(entries: dict[str, Entry]) -> None:
    remotes = [entry for entry in entries.values() if entry.kind is Kind.REMOTE]
    assert len(remotes) >= 76
    assert len({entry.remote.url for entry in remotes if entry.remote}) == len(remotes)
    for entry in remotes:
        assert not (entry.checked.built or entry.checked.started or entry.checked.listed), entry.id
        assert "could not be reached" in entry.checked.not_checked, entry.id
        assert all(not tool.hash and tool.definition is None for tool in entry.tools), entry.id


def test_definitions_are_one_a_line_for_reviews() -> None:
    for file in files("tools"):
        text = file.read_text("utf-8")
        count = len(json.loads(text)["tools"])
        assert len(text.splitlines()) >= count + 2, file.name
