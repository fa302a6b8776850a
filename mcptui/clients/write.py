"""Do what a plan says: lock, look again, keep a copy, note it, replace the file.

The plan is made anew under the lock, so what changed since it was shown is kept. The note is
written before the file and taken back if the file could not be: after a crash at any moment the
file is whole, and the note tells whether our entry is in it by the file's hash.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from mcptui.clients import edit, files, keep
from mcptui.clients.edit import Preview
from mcptui.clients.receipt import Written
from mcptui.errors import McptuiError, TryAgain
from mcptui.store import Store
from mcptui.store.rows import Receipt

_TRIES = 8
PAUSE_SECONDS = 0.01


def noted(store: Store, client: str, path: Path) -> Written | None:
    """What was noted of our last write into a file."""
    receipt = store.receipt(client, str(path))
    return None if receipt is None else Written.from_payload(receipt.payload)


def apply(preview: Preview, store: Store, state: Path) -> Preview:
    """Do what a preview shows.

    Args:
        preview: what was shown.
        store: keeps the note.
        state: our state folder, for the lock and the copies.

    Returns:
        What was done, which differs from the preview where the file changed since.

    Raises:
        Refused: the file became something that must not be changed.
        TryAgain: it changes all the time, or another mcptui holds it.
        McptuiError: it could not be written, and is as it was.
    """
    own = state / "clients"
    with _told_in_words(preview.path), keep.locked(own / "locks", preview.target):
        files.sweep(preview.target)
        for attempt in range(_TRIES):
            client, path = preview.request.found.id, preview.path
            now = edit.plan(preview.request, noted(store, client, path))
            if now.target != preview.target:
                raise TryAgain(f"{path} leads to another file than before", fix="Look again")
            try:
                _write(now, store, own / client)
            except files.Changed:
                # Running clients rewrite their file at any time.
                time.sleep(PAUSE_SECONDS * 2**attempt)
            else:
                return now
    raise TryAgain(f"{preview.path} changes all the time", fix="Quit the client and try again")


@contextlib.contextmanager
def _told_in_words(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise McptuiError(f"{path} could not be written, it is as it was", why) from error


def _write(now: Preview, store: Store, copies: Path) -> None:
    if not now.request.connect:
        _take_out(now, store, copies)
    elif now.changes:
        _put_in(now, store, copies)


def _put_in(now: Preview, store: Store, copies: Path) -> None:
    client, key = now.request.found.id, str(now.path)
    if now.after is None or now.written is None:
        raise ValueError("a plan that connects has bytes and a note")
    _copy(now, store, copies)
    before = store.receipt(client, key)
    folders: list[Path] = []
    try:
        folders = files.make_folders(now.target.parent)
        previous = now.written.previous
        kept = previous.folders if previous is not None and previous.created else ()
        written = replace(now.written, folders=(*kept, *(str(folder) for folder in folders)))
        store.put_receipt(Receipt(client, key, store.clock(), written.to_payload()))
        files.replace(_seen(now), now.after)
    except BaseException:
        if before is None:
            store.drop_receipt(client, key)
        else:
            store.put_receipt(before)
        _remove_folders(folders)
        raise


def _take_out(now: Preview, store: Store, copies: Path) -> None:
    client, key = now.request.found.id, str(now.path)
    written = noted(store, client, now.path)
    if now.changes:
        _copy(now, store, copies)
        if now.after is None:
            files.delete(_seen(now))
        else:
            files.replace(_seen(now), now.after)
    if written is not None:
        store.drop_receipt(client, key)
        if now.after is None:
            _remove_folders([Path(folder) for folder in written.folders])


def _seen(now: Preview) -> files.Snapshot:
    seen = files.read(now.target)
    if seen.data != now.before:
        raise files.Changed
    return seen


def _copy(now: Preview, store: Store, copies: Path) -> None:
    if now.before is None:
        return
    needed = {str(receipt.payload.get("sha_before")) for receipt in store.receipts()}
    keep.backup(copies, now.before, needed)


def _remove_folders(folders: list[Path]) -> None:
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()
