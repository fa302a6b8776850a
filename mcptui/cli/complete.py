"""Completion for bash, zsh and fish: the shells ask `mcptui __complete`, which reads the table.

The scripts are a few lines each, so that a new command needs no new script. Completion never
fails and never says anything: a shell in the middle of a line has no use for an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mcptui.cli.commands import COMMANDS, DEFAULTS, Argument, Command

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.home import Home

SCRIPTS = {
    "bash": """\
_mcptui() {
    local IFS=$'\\n'
    COMPREPLY=($(mcptui __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [[ ${COMPREPLY[0]} == :files ]]; then COMPREPLY=(); compopt -o default; fi
}
complete -F _mcptui mcptui
""",
    "zsh": """\
#compdef mcptui
_mcptui() {
    local -a found
    found=(${(f)"$(mcptui __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if [[ ${found[1]} == :files ]]; then _files; else compadd -a found; fi
}
compdef _mcptui mcptui
""",
    "fish": """\
function __mcptui_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    set -l found (mcptui __complete $words 2>/dev/null)
    if test "$found[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c mcptui -f -a '(__mcptui_complete)'
""",
}


def script(home: Home, given: Namespace, out: Out) -> int:
    """Print one shell's script."""
    if out.as_json:
        out.data({"shell": given.shell, "script": SCRIPTS[given.shell]})
    else:
        out.raw(SCRIPTS[given.shell])
    return 0


def answer(words: Sequence[str]) -> int:
    """Print what may stand where the last of `words` stands, one a line."""
    with contextlib.suppress(Exception):
        for found in candidates(words, _values):
            print(found)
    return 0


def candidates(words: Sequence[str], values: Callable[[str], Iterable[str]]) -> list[str]:
    """What may replace the last word.

    Args:
        words: the words after `mcptui`, the last one unfinished, perhaps empty.
        values: gives the names of a kind ("catalog", "installed", …).

    Returns:
        Sorted words that begin with the last one; [":files"] asks the shell for file names.
    """
    *before, last = words or [""]
    command, rest = _command(before)
    if command is None:
        heads = {one.path[0] for one in COMMANDS} if not before else _verbs(before[0])
        return sorted(word for word in {*heads, "--help"} if word.startswith(last))
    found: set[str] = set()
    option = _wants_value(command, rest[-1]) if rest else None
    if option is None and last.startswith("-"):
        found = {name for one in command.arguments for name in one.names if name.startswith("-")}
        found |= {"--json", "--help"}
    else:
        for argument in [option] if option else _positional(command, rest):
            if argument.completes == "file" or (argument.completes == "catalog" and "/" in last):
                return [":files"]
            found |= set(argument.settings.get("choices", ()))
            found |= set(values(argument.completes)) if argument.completes else set()
        if len(before) == 1 and before[0] in DEFAULTS:
            found |= _verbs(before[0])
    return sorted(word for word in found if word.startswith(last) and word.isprintable())


def _verbs(group: str) -> set[str]:
    return {one.path[1] for one in COMMANDS if one.path[0] == group and len(one.path) > 1}


def _command(words: Sequence[str]) -> tuple[Command | None, list[str]]:
    for one in COMMANDS:
        if tuple(words[: len(one.path)]) == one.path:
            return one, list(words[len(one.path) :])
    if words and words[0] in DEFAULTS:
        return _command([words[0], DEFAULTS[words[0]], *words[1:]])
    return None, []


def _wants_value(command: Command, word: str) -> Argument | None:
    for one in command.arguments:
        if (
            word in one.names
            and word.startswith("-")
            and one.settings.get("action") != "store_true"
        ):
            return one
    return None


def _positional(command: Command, rest: Sequence[str]) -> list[Argument]:
    """The arguments the next free word could belong to."""
    slots = [one for one in command.arguments if not one.names[0].startswith("-")]
    used = 0
    skip = False
    for word in rest:
        if not skip and not word.startswith("-"):
            used += 1
        skip = _wants_value(command, word) is not None
    found: list[Argument] = []
    before, many_before = 0, False
    for slot in slots:
        many = slot.settings.get("nargs") in ("*", "+")
        if used == before or (used > before and (many or many_before)):
            found.append(slot)
        before += slot.settings.get("nargs") not in ("*", "?")
        many_before = many_before or many
    return found


def _values(kind: str) -> Iterable[str]:
    from mcptui.home import Home

    home = Home.real()
    try:
        return _of_kind(home, kind)
    finally:
        home.close()


def _of_kind(home: Home, kind: str) -> list[str]:
    if kind == "catalog":
        from mcptui.actions.browse import catalog_rows

        return [row.id for row in catalog_rows(home)]
    if kind == "client":
        from mcptui.actions.connect import clients

        return [row.id for row in clients(home)]
    if kind == "finding":
        from mcptui.actions.diagnose import CHECKS

        return [*CHECKS, "all"]
    if kind == "interceptor":
        from mcptui.actions.interceptors import list_hooks

        return [hook.name for hook in list_hooks(home)]
    if not home.paths.database.exists():
        return []
    if kind == "installed":
        return [row.name for row in home.store.installs()]
    if kind == "secret":
        declared = {one.name for row in home.store.installs() for one in row.entry.secrets}
        return sorted(declared | {row.name for row in home.vault().names()})
    if kind == "profile":
        from mcptui.gateway.profile import PREFIX

        return [key[len(PREFIX) :] for key in home.store.recalled(PREFIX)]
    if kind == "tool":
        return [
            name
            for row in home.store.installs()
            for pin in row.entry.tools
            for name in (pin.name, f"{row.name}__{pin.name}")
        ]
    return []
