"""Plan and make the one edit we make in a client's config: our entry in, our entry out.

A plan is shown before anything is written: exact bytes and their diff. What cannot be parsed is
refused, never reset; an entry of our name that is not ours is left alone unless told otherwise;
keys we did not write are never touched. Disconnecting gives back the very bytes from before.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mcptui.clients import cut, files, splice
from mcptui.clients.files import Refused, Snapshot, sha_of
from mcptui.clients.jsonc import Document, Malformed, Member
from mcptui.clients.locate import Found
from mcptui.clients.receipt import Entry, Written, alike
from mcptui.clients.registry import ClientSpec
from mcptui.clients.show import unified

NAME = "mcptui"


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted.

    Args:
        found: the client and its file.
        entry: what our entry is.
        connect: put it in, or take it out.
        replace: whether another entry of our name may give way.
    """

    found: Found
    entry: Entry
    connect: bool
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would do to the file as it is now.

    Args:
        request: what is wanted.
        path: the config as the client knows it.
        target: the real file behind it.
        before: its bytes, None when it does not exist.
        after: its bytes afterwards, None when it goes.
        diff: from the one to the other, lines of `diff -u`.
        written: what to note of it; None for a disconnect and when nothing changes.
    """

    request: Request
    path: Path
    target: Path
    before: bytes | None
    after: bytes | None
    diff: tuple[str, ...]
    written: Written | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client's file stands to us.

    Args:
        state: "connected", "found", "changed outside" or "broken".
        others: names of entries that are not ours.
        reason: why it is not simply found or connected.
    """

    state: str
    others: tuple[str, ...] = ()
    reason: str = ""


def entry_for(spec: ClientSpec, command: tuple[str, ...], environ: Mapping[str, str]) -> Entry:
    """The entry a client gets.

    Args:
        spec: the client.
        command: absolute argument list that starts the gateway for it.
        environ: variables the gateway needs; no secret, files are not the place for one.

    Raises:
        Refused: the client would read something else in it.
    """
    if spec.wrap:
        command = (
            *spec.wrap,
            *(f"--env={name}={value}" for name, value in environ.items()),
            *command,
        )
        environ = {}
    if spec.expands and any("${" in part for part in (*command, *environ.values())):
        raise Refused(
            f"{spec.name} would expand the ${{ in the path of mcptui",
            fix="Install mcptui in a folder without one",
        )
    entry: Entry = {**spec.entry, "command": command[0], "args": list(command[1:])}
    return {**entry, "env": dict(environ)} if environ else entry


def http_entry_for(spec: ClientSpec, url: str, socket: str, variable: str) -> Entry:
    """The entry of a client that reaches a gateway at an address; never holds the token.

    Args:
        spec: the client.
        url: the endpoint, "" when it is on a socket.
        socket: absolute path of the Unix socket, which asks for no token; "" for an address.
        variable: the name of the variable that holds the bearer token.

    Raises:
        Refused: its config has no such entry, or could hold the token only as plain text.
    """
    stdio = f"Connect it without --http: {spec.name} then starts its own gateway"
    if spec.http is None:
        raise Refused(f"The config of {spec.name} cannot name an address", fix=stdio)
    if socket:
        if not spec.socket_url:
            raise Refused(f"{spec.name} cannot reach a server on a Unix socket", fix=stdio)
        # A person may name a socket with any character; the address has a few of its own.
        return {**spec.http, "url": spec.socket_url.replace("PATH", quote(socket))}
    if not spec.variable:
        why = "its config refers to no variable, and a token is not written into files"
        raise Refused(f"{spec.name} cannot be given the token of the gateway", why, stdio)
    held = spec.variable.replace("NAME", variable)
    return {**spec.http, "url": url, "headers": {"Authorization": f"Bearer {held}"}}


def standing(found: Found, entry: Entry, written: Written | None) -> Standing:
    """Look at a client's file without changing it; never raises."""
    if found.path is None:
        return Standing("broken", reason=found.problem)
    sha, value, others, trouble = _look(found)
    if trouble:
        return Standing("broken", reason=trouble)
    noted = None if written is None else written.at(sha)
    if value is None:
        if noted is None or sha == noted.sha_before:
            return Standing("found", others)
        return Standing("changed outside", others, "our entry was taken out by somebody else")
    if alike(value, entry):
        return Standing("connected", others)
    if noted is not None and alike(value, noted.entry):
        return Standing("connected", others, "it starts mcptui from another place than this one")
    return Standing("changed outside", others, f"its entry {NAME!r} is not what we would write")


Look = tuple[str, Any, tuple[str, ...], str]
_looks: dict[tuple[object, ...], Look] = {}
_LOOKS_KEPT = 64
_looking = threading.Lock()


def _look(found: Found) -> Look:
    """A file's hash, its entry of our name, the other names, and what is wrong with it.

    A screen asks every second, and a config may have megabytes: a file that was not touched is
    not read again.
    """
    path = found.path or Path()
    try:
        facts = path.stat()
    except OSError:
        return _look_anew(found)
    touched = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    key = (found.spec.id, path, *touched)
    if (known := _looks.get(key)) is not None:
        return known
    look = _look_anew(found)
    with _looking:
        while len(_looks) >= _LOOKS_KEPT:
            _looks.pop(next(iter(_looks)))
        _looks[key] = look
    return look


def _look_anew(found: Found) -> Look:
    try:
        seen = files.read(found.path or Path())
        document = _document(found, seen)
        value = None if _ours(found, document) is None else _value(found, document) or False
        return seen.sha, value, _others(found, document), ""
    except Refused as error:
        return "", None, (), str(error)


def plan(request: Request, written: Written | None) -> Preview:
    """Work out what a request does to the file as it is now.

    Args:
        request: what is wanted.
        written: what was noted of an earlier write.

    Raises:
        Refused: it cannot be done without risk to what is not ours; says why.
    """
    if request.found.path is None:
        raise Refused(f"{request.found.name} cannot be changed", request.found.problem)
    seen = files.read(request.found.path)
    noted = None if written is None else written.at(seen.sha)
    if request.connect:
        return _plan_in(request, seen, noted)
    return _plan_out(request, seen, noted)


def _plan_in(request: Request, seen: Snapshot, noted: Written | None) -> Preview:
    found = request.found
    document = _document(found, seen)
    replaced = request.replace
    base = seen.data
    if _ours(found, document) is not None:
        value = _value(found, document)
        if alike(value, request.entry):
            return _preview(request, seen, seen.data, None)
        if noted is not None and alike(value, noted.entry):
            # Ours, but of an mcptui elsewhere: written anew on what was there before us.
            replaced = replaced or noted.replaced
            base = _taken_out(request, seen, document, noted)
            document = _document(found, Snapshot(seen.path, base, None))
    member = _ours(found, document)
    if member is not None and not replaced:
        raise Refused(
            f"{found.name} has an entry {NAME!r} that is not ours",
            f"{found.path} is left as it is",
            "Rename that entry, or connect with --replace",
        )
    try:
        patch, made = _patch(found.spec, document, request.entry, member)
    except Malformed as error:
        raise _refused(found, error) from None
    text = patch.apply(document.text)
    _prove(request, document, text, patch, fresh=member is None)
    after = _encoded(found, text)
    note = Written(
        sha_of(base), sha_of(after), patch, request.entry, made, replaced=member is not None
    )
    return _preview(request, seen, after, note.after(noted))


def _patch(
    spec: ClientSpec, document: Document, entry: Entry, member: Member | None
) -> tuple[splice.Patch, tuple[tuple[str, ...], ...]]:
    path = spec.map_path
    if member is not None:
        return splice.replace(document, path, NAME, entry), ()
    _, missing = document.walk(path)
    there = len(path) - len(missing)
    made = tuple(path[: count + 1] for count in range(there, len(path)))
    patch = splice.insert(document, path, NAME, entry, trailing_comma=spec.keeps_trailing_comma)
    return patch, made


def _prove(
    request: Request, before: Document, text: str, patch: splice.Patch, *, fresh: bool
) -> None:
    """Parse what we would write: the old value and our entry must be in it, and nothing else."""
    found = request.found
    expected = _with(before.value, (*found.spec.map_path, NAME), request.entry)
    try:
        after = Document(text, found.spec.dialect)
    except Malformed as error:
        raise _refused(found, error) from None
    lost = [one for _, one in before.comments()] != [one for _, one in after.comments()]
    if after.value != expected or patch.invert(text) != before.text or (lost and fresh):
        raise Refused(f"{found.path} is written in a way we cannot edit safely")


def _with(value: Any, path: tuple[str, ...], entry: Entry) -> Any:
    """A parsed value with our entry at `path`; what is beside the path is not copied."""
    if not path:
        return entry
    return {**value, path[0]: _with(value.get(path[0], {}), path[1:], entry)}


def _plan_out(request: Request, seen: Snapshot, noted: Written | None) -> Preview:
    found = request.found
    if seen.data is None:
        return _preview(request, seen, None, None)
    document = _document(found, seen)
    if _ours(found, document) is None:
        return _preview(request, seen, seen.data, None)
    value = _value(found, document)
    if noted is None:
        if not alike(value, request.entry):
            raise _not_ours(found)
        noted = Written("-", "", splice.Patch(0, "", ""), request.entry)
    elif not alike(value, noted.entry) and not alike(value, request.entry):
        raise _not_ours(found)
    return _preview(request, seen, _taken_out(request, seen, document, noted), None)


def _not_ours(found: Found) -> Refused:
    return Refused(
        f"The entry {NAME!r} of {found.name} was changed by somebody else",
        f"{found.path} is left as it is",
        "Take it out by hand, or connect again with --replace first",
    )


def _taken_out(
    request: Request, seen: Snapshot, document: Document, noted: Written
) -> bytes | None:
    """The bytes without our entry: the very ones from before if nothing else changed."""
    found = request.found
    if seen.sha == noted.sha_after:
        text = noted.patch.invert(document.text)
        if text is not None:
            base = None if noted.created else _encoded(found, text)
            if sha_of(base) == noted.sha_before:
                return base
    try:
        text = _without(found, document, noted)
        if noted.created and not text.strip(" \t\r\n{}\ufeff"):
            return None
        return _encoded(found, text)
    except Malformed as error:
        raise _refused(found, error) from None


def _without(found: Found, document: Document, noted: Written) -> str:
    path = found.spec.map_path
    if noted.replaced:
        member = splice.find(document, path, NAME)
        if member is not None:
            patch = splice.Patch(
                member.start, document.text[member.start : member.end], noted.patch.old
            )
            return patch.apply(document.text)
    return cut.remove(document, path, NAME, noted.made, noted.patch)


def _document(found: Found, seen: Snapshot) -> Document:
    try:
        return Document((seen.data or b"").decode("utf-8"), found.spec.dialect)
    except UnicodeDecodeError:
        raise Refused(f"{found.path} is not UTF-8", "it is left as it is") from None
    except Malformed as error:
        raise _refused(found, error) from None


def _refused(found: Found, error: Malformed) -> Refused:
    return Refused(
        f"{found.path} cannot be edited",
        str(error),
        f"Mend the file; {found.name} may be ignoring all of it",
    )


def _ours(found: Found, document: Document) -> Member | None:
    try:
        return splice.find(document, found.spec.map_path, NAME)
    except Malformed as error:
        raise _refused(found, error) from None


def _value(found: Found, document: Document) -> Any:
    value = document.value
    for key in (*found.spec.map_path, NAME):
        value = value[key]
    return value


def _others(found: Found, document: Document) -> tuple[str, ...]:
    value = document.value
    for key in found.spec.map_path:
        value = value.get(key, {})
    return tuple(name for name in value if name != NAME)


def _encoded(found: Found, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(f"The path of mcptui is not UTF-8, so {found.name} cannot start it") from None


def _preview(
    request: Request, seen: Snapshot, after: bytes | None, written: Written | None
) -> Preview:
    before = (seen.data or b"").decode("utf-8")
    path = request.found.path or seen.path
    diff = unified(before, (after or b"").decode("utf-8"), str(path))
    return Preview(request, path, seen.path, seen.data, after, tuple(diff), written)
