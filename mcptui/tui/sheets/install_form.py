"""What a person chooses in the install sheet, as data: a review's fields, and fields' choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from mcptui.entry import VOLUME, Choices
from mcptui.tui.widgets.draw import Line, facts, fit

if TYPE_CHECKING:
    from mcptui.actions.connect import ClientRow
    from mcptui.actions.install import Review
    from mcptui.actions.install_secrets import Given


_WARN = ("network", "write", "credentials", "unsigned")
"""Switches that are a warning when they are on."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form.

    Args:
        kind: "network", "hosts", "folder", "write", "credentials", "secret", "setting" or
            "client".
        name: the parameter's, mount's or client's name, the path of credentials.
        label: what a person reads first.
        value: as text.
        on: of a switch; None for a line to type in.
        note: what it is for.
        missing: nothing can be installed before it is filled or put right.
        options: the closed list of its values.
    """

    kind: str
    name: str
    label: str
    value: str = ""
    on: bool | None = None
    note: str = ""
    missing: bool = False
    options: tuple[str, ...] = ()


def fields(
    review: Review,
    clients: Iterable[ClientRow],
    chosen: frozenset[str],
    secrets: Given,
    stored: frozenset[str],
) -> list[Field]:
    """The form of a review.

    Args:
        review: what would be done with the choices so far.
        clients: those of this machine.
        chosen: ids of the clients that shall be connected.
        secrets: what was typed or agreed to so far.
        stored: secrets that are stored already, by their names in the entry.
    """
    lacking = {(one.kind, one.name) for one in review.missing}
    found: list[Field] = []
    unsigned = ("unsigned", "unsigned") in lacking
    if unsigned or review.choices.unsigned:
        on = review.choices.unsigned
        note = "nobody vouches for it" if on else "nobody signed it: space lets it run"
        label = "unsigned image"
        found.append(Field("unsigned", "unsigned", label, on=on, note=note, missing=unsigned))
    if review.entry.needs_network:
        found += _network(review, lacking)
    for mount in review.entry.mounts:
        picked = review.choices.mounts.get(mount.name, ())
        value = ", ".join("volume" if path == VOLUME else path for path, _ in picked)
        missing = ("mount", mount.name) in lacking
        found.append(
            Field("folder", mount.name, mount.name, value, note=mount.description, missing=missing)
        )
        if picked and mount.writable and picked[0][0] != VOLUME:
            writes = any(writable for _, writable in picked)
            note = "it may change files there" if writes else "read only"
            found.append(Field("write", mount.name, "  may write", on=writes, note=note))
        found += _credentials(review, picked, lacking)
    found += _secrets(review, lacking, secrets, stored)
    found += _settings(review, lacking)
    for row in clients:
        if row.state in ("connected", "found", "changed outside"):
            connected = row.state == "connected"
            note = (
                "connected already"
                if connected
                else "will be connected"
                if row.id in chosen
                else ""
            )
            on = connected or row.id in chosen
            found.append(Field("client", row.id, row.name, on=on, note=note))
    return found


def _credentials(
    review: Review, picked: Sequence[tuple[str, bool]], lacking: set[tuple[str, str]]
) -> list[Field]:
    found: list[Field] = []
    for path, _ in picked:
        missing, on = ("credentials", path) in lacking, path in review.choices.exposed
        if missing or on:
            note = f"{path}: read only" if on else f"{path}: space lets it read them"
            found.append(
                Field("credentials", path, "  credentials", on=on, note=note, missing=missing)
            )
    return found


def _network(review: Review, lacking: set[tuple[str, str]]) -> list[Field]:
    choices, missing = review.choices, ("network", "hosts") in lacking
    on = choices.network == "any"
    hosts = ", ".join(choices.hosts)
    note = "api.example.com, db.example.org:5432/tcp; what your own network has: … private"
    return [
        Field("hosts", "hosts", "more hosts", hosts, note=note, missing=missing),
        Field("network", "network", "any public host", on=on, note="by TLS; each one is noted"),
    ]


def _secrets(
    review: Review, lacking: set[tuple[str, str]], secrets: Given, stored: frozenset[str]
) -> list[Field]:
    found: list[Field] = []
    for one in review.entry.secrets:
        missing = ("secret", one.name) in lacking
        typed_in = bool(secrets.get(one.name))
        note = one.where if one.required else f"optional  {one.where}".rstrip()
        if one.name in stored and not typed_in:
            on = one.name in secrets
            note = "it gets the stored one" if on else "it is stored: space lets it have it"
            found.append(Field("secret", one.name, one.env, on=on, note=note, missing=missing))
        else:
            value = "••••••" if typed_in else ""
            found.append(Field("secret", one.name, one.env, value, note=note, missing=missing))
    return found


def _settings(review: Review, lacking: set[tuple[str, str]]) -> list[Field]:
    properties: Mapping[str, Mapping[str, Any]] = review.entry.parameters.get("properties", {})
    found: list[Field] = []
    for name, schema in properties.items():
        value = review.choices.parameters.get(name)
        missing = ("parameter", name) in lacking
        options = tuple(str(one) for one in schema.get("enum", ()))
        boolean = schema.get("type") == "boolean"
        found.append(
            Field(
                "setting",
                name,
                name,
                "" if boolean else as_text(value),
                on=bool(value) if boolean else None,
                note=str(schema.get("description", "")),
                missing=missing,
                options=options if schema.get("type") != "array" else (),
            )
        )
    return found


def as_text(value: Any) -> str:
    """A setting's value as it is typed."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(one) for one in cast("list[Any]", value))
    return str(value)


def as_value(schema: Mapping[str, Any], text: str) -> Any:
    """A typed text as the schema wants it; what does not fit stays text, and is told as missing."""
    kind = schema.get("type", "string")
    if kind == "array":
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    return text


def typed(review: Review, field: Field, text: str) -> Choices:
    """The choices with a field's text in them; an empty text takes the choice back."""
    from mcptui.actions.planning import picked_path

    choices = review.choices
    text = text.strip()
    if field.kind == "hosts":
        return replace(choices, hosts=tuple(p.strip() for p in text.split(",") if p.strip()))
    if field.kind == "folder":
        before = choices.mounts.get(field.name, ())
        writes = any(writable for _, writable in before)
        many = next(one.many for one in review.entry.mounts if one.name == field.name)
        parts = text.split(",") if many else [text]
        paths = [picked_path(part.strip()) for part in parts if part.strip()]
        mounts = {name: picked for name, picked in choices.mounts.items() if name != field.name}
        if paths:
            mounts[field.name] = tuple((path, writes or path == VOLUME) for path in paths)
        return replace(choices, mounts=mounts)
    parameters = {name: value for name, value in choices.parameters.items() if name != field.name}
    if text:
        schema = review.entry.parameters.get("properties", {}).get(field.name, {})
        parameters[field.name] = as_value(schema, text)
    return replace(choices, parameters=parameters)


def turned(review: Review, field: Field) -> Choices | None:
    """The choices with a switch turned, None when it is none of the entry's."""
    choices = review.choices
    if field.kind == "network":
        return replace(choices, network="listed" if field.on else "any")
    if field.kind == "write":
        picked = tuple((path, not field.on) for path, _ in choices.mounts.get(field.name, ()))
        return replace(choices, mounts={**choices.mounts, field.name: picked})
    if field.kind == "unsigned":
        return replace(choices, unsigned=not choices.unsigned)
    if field.kind == "credentials":
        return replace(choices, exposed=choices.exposed ^ {field.name})
    if field.kind == "setting" and field.on is not None:
        return replace(choices, parameters={**choices.parameters, field.name: not field.on})
    if field.kind == "setting" and field.options:
        at = field.options.index(field.value) if field.value in field.options else -1
        return typed(review, field, field.options[(at + 1) % len(field.options)])
    return None


def draw(field: Field, width: int) -> Line:
    """One line of the form."""
    label = max(14, min(24, width // 4))
    line: Line = []
    if field.on is not None:
        line += [("[x] " if field.on else "[ ] ", "good" if field.on else "dim")]
        line += [(fit(field.label, label), "")]
        line += [(f" {field.note}", "warn" if field.kind in _WARN and field.on else "dim")]
        if field.missing and not field.on:
            line.insert(2, (" ▲ needed ", "warn"))
        return line
    line += [("▲   " if field.missing else "    ", "warn"), (fit(field.label, label), "")]
    if field.value:
        line += [(f" {field.value}", "accent"), (f"   {field.note}", "dim")]
    else:
        kinds = {"folder": "a folder", "secret": "a secret", "hosts": "a host"}
        what = kinds.get(field.kind, "a value")
        line += [
            (f" {what} is needed" if field.missing else " –", "warn" if field.missing else "dim")
        ]
        line += [(f"   {field.note}", "dim")]
    return line


def summary(review: Review, width: int) -> list[Line]:
    """What would happen, in six lines and the warnings."""
    off = review.tools_off
    tools = (
        f"{len(review.tools_on)} on" if review.tools_on or off else "known after its first start"
    )
    if off:
        tools += f" · {len(off)} destructive start OFF ({', '.join(off)})"
    open_ = review.choices.network != "listed"
    writes = any(one for picked in review.choices.mounts.values() for _, one in picked)
    lacking = bool(review.missing)
    built = "" if review.image_ready or review.entry.package is None else ", built now"
    pairs = [
        ("Will run" if review.entry.remote is None else "Is at", f"{review.runs}{built}", ""),
        ("May reach", review.reaches, "warn" if open_ else ""),
        ("May read", review.reads, "warn" if writes else ""),
        ("Needs", review.needs, "warn" if lacking else ""),
        ("Tools", tools, ""),
    ]
    if review.refused is not None:
        words = ". ".join(part for part in (review.refused.why, review.refused.fix) if part)
        pairs = [pairs[0], ("✗", review.refused.what, "bad"), ("", words, "")]
    pairs += [("▲", text, "warn") for text in _said(review.warnings, open_)]
    return facts(pairs, width, 11)


def _said(warnings: Sequence[str], any_host: bool) -> list[str]:
    # It stands in "May reach" and in the form already.
    return [one for one in warnings if not (any_host and one.startswith("any host"))]
