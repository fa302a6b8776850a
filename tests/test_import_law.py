"""Who may import whom (design.md §3), kept by a walk of all imports and by real processes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import mcptui

ROOT = Path(mcptui.__file__).parent
GROUND = frozenset(
    "addresses entry entry_parts entry_read entry_schema errors fields home own_limits paths "
    "progress signed_by store "
    "tasks visible words".split()
)
ROOMS = frozenset("access catalog clients guard runtime trust".split())
MAY = {
    **{room: GROUND | {room} for room in ROOMS},
    "gateway": GROUND | {"gateway", "trust", "runtime", "access", "guard"},
    "actions": GROUND | ROOMS | {"gateway", "actions", "bootstrap"},
    "tui": GROUND | {"tui", "actions"},
    "cli": GROUND | {"cli", "actions", "gateway", "tui"},
    "bootstrap": GROUND | {"bootstrap", "runtime"},
}
TUI_MAY_SEE = ("mcptui.catalog.search",)
"""Single modules of rooms that the screens may use."""
HOME_OPENS = ("mcptui.runtime.find", "mcptui.catalog.", "mcptui.trust.", "mcptui.access.")
"""What `Home` opens late, when somebody asks for the engine, the catalog or the vault."""
HEAVY = frozenset("docker keyring httpx authlib tuf securesystemslib cryptography requests".split())
"""Imported late, inside the functions that need them."""
HEAVY_AT_TOP = ("runtime.", "trust.", "catalog.", "access.")
"""Modules that are themselves imported late and may import them at their top."""


@dataclass(frozen=True)
class Import:
    """One import statement: who, what, and whether it runs when the module is imported."""

    importer: str
    imported: str
    at_top: bool
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _walk(body: list[ast.stmt], *, top: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for node in body:
        if _typing_only(node):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, top
        inner = top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for field in ("body", "orelse", "finalbody"):
            yield from _walk(getattr(node, field, []), top=inner)
        for handler in getattr(node, "handlers", []):
            yield from _walk(handler.body, top=inner)
        for case in getattr(node, "cases", []):
            yield from _walk(case.body, top=inner)


def _imports() -> Iterator[Import]:
    for path in sorted(ROOT.rglob("*.py")):
        importer = _name(path)
        for node, top in _walk(ast.parse(path.read_text("utf-8")).body, top=True):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif node.level:
                names = [f"a relative import of {node.module}"]
            elif node.module == "mcptui":
                names = [f"mcptui.{alias.name}" for alias in node.names]
            else:
                names = [str(node.module)]
            for name in names:
                yield Import(importer, name, top, node.lineno)


ALL = list(_imports())
OURS = [
    one
    for one in ALL
    if one.imported.startswith("mcptui.") and one.imported != "mcptui.__version__"
]


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _allowed(one: Import) -> bool:
    importer, imported = _room(one.importer), _room(one.imported)
    if importer == "home":
        return imported in GROUND or (not one.at_top and one.imported.startswith(HOME_OPENS))
    if importer == "tui" and one.imported in TUI_MAY_SEE:
        return True
    if importer in GROUND or not importer:
        return imported in GROUND
    if importer == "__main__":
        return imported == "cli"
    return imported in MAY[importer]


def test_every_import_of_ours_is_lawful() -> None:
    broken = [
        str(one) for one in OURS if one.imported != "mcptui.__version__" and not _allowed(one)
    ]
    assert len(OURS) > 100, "the walk finds no imports: it looks in the wrong place"
    assert broken == []


def test_every_module_belongs_to_a_room_of_the_law() -> None:
    rooms = {_room(_name(path)) for path in ROOT.rglob("*.py")} - {"", "__main__"}
    assert rooms <= GROUND | set(MAY)


def test_imports_name_their_module_in_full() -> None:
    assert [str(one) for one in ALL if one.imported.startswith("a relative")] == []


def test_the_ground_floor_needs_the_standard_library_only() -> None:
    strangers = [
        str(one)
        for one in ALL
        if _room(one.importer) in GROUND
        and not one.imported.startswith("mcptui")
        and one.imported.split(".")[0] not in sys.stdlib_module_names
    ]
    assert strangers == []


def test_heavy_packages_are_imported_late() -> None:
    early = [
        str(one)
        for one in ALL
        if one.at_top
        and one.imported.split(".")[0] in HEAVY
        and not one.importer.removeprefix("mcptui.").startswith(HEAVY_AT_TOP)
    ]
    assert early == []


def test_only_the_screens_import_textual() -> None:
    strangers = [
        str(one)
        for one in ALL
        if one.imported.split(".")[0] in ("textual", "rich") and _room(one.importer) != "tui"
    ]
    assert strangers == []


def test_files_stay_short() -> None:
    long = {
        _name(path): lines
        for path in (*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py"))
        # The attacker is copied alone into an image, so it cannot be in parts.
        if path.name != "attacker.py" and (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}


def _loaded(code: str) -> set[str]:
    """The top-level modules a fresh process has after running `code`."""
    tail = "\nimport json, sys; sys.__stdout__.write('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def _tops(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


HELP = """
from mcptui.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
"""


def test_help_loads_neither_textual_nor_asyncio() -> None:
    loaded = _tops(_loaded(HELP))
    assert not loaded & {"textual", "rich", "asyncio", "sqlite3", "msgspec", *HEAVY}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_load_neither(shell: str) -> None:
    loaded = _tops(_loaded(f"from mcptui.cli import main\nmain(['completion', {shell!r}])"))
    assert not loaded & {"textual", "rich", "asyncio", *HEAVY}


def test_the_gateway_loads_no_screen_and_no_engine() -> None:
    loaded = _loaded("import mcptui.gateway.stdio_run, mcptui.gateway.upstream_container")
    assert not _tops(loaded) & {"textual", "rich", *HEAVY}
    assert not [name for name in loaded if name.startswith(("mcptui.tui", "mcptui.actions"))]


def test_the_screens_load_no_gateway_front_and_no_engine() -> None:
    loaded = _loaded("import mcptui.tui.app")
    assert not _tops(loaded) & HEAVY
    assert "mcptui.gateway.stdio_front" not in loaded
