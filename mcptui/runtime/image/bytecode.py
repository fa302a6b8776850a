"""Compile Python files to bytecode, in a locked container of the very base they will run on.

Containers have a read-only root, so without this every start of a server would compile all its
imports anew. The result depends on nothing but the files: fixed hash seed, fixed order, no time
stamps ("unchecked hash" form), so the image stays reproducible. Compiling runs none of the code.
"""

from __future__ import annotations

import io
import tarfile

from mcptui.runtime.image.loader import Loader
from mcptui.runtime.image.tree import Tree, clean_path

_OUT = "mcptui-bytecode"
_SCRIPT = f"""
import os, py_compile, sys
files = sorted(
    os.path.join(folder, name)
    for root in sys.argv[1:]
    for folder, _, names in os.walk(root)
    for name in names
    if name.endswith(".py")
)
def work(mine):
    for path in mine:
        out = "/{_OUT}" + os.path.dirname(path) + "/__pycache__/"
        out += os.path.basename(path)[:-2] + sys.implementation.cache_tag + ".pyc"
        try:
            py_compile.compile(path, out, doraise=True, quiet=2,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        except (py_compile.PyCompileError, ValueError, SyntaxError, RecursionError):
            pass
children = []
for half in (files[0::2], files[1::2]):
    child = os.fork()
    if not child:
        work(half)
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""
_SEED = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def compiled(
    loader: Loader,
    image: str,
    python: str,
    tree: Tree,
    roots: tuple[str, ...],
    *,
    inside: bool = False,
) -> Tree:
    """Return a tree with the bytecode of a tree's Python files. Blocks.

    Args:
        loader: the engine.
        image: the base image they will run on.
        python: absolute path of its interpreter.
        tree: the files, put over the image's.
        roots: folders to compile, without a leading slash.
        inside: the image has the files already.
    """
    if not any(True for root in roots for _ in tree.files(root, ".py")):
        return Tree()
    given = Tree()
    if not inside:
        given.nodes.update(tree.nodes)
    given.add_folder(_OUT, 0o777)
    packed = io.BytesIO()
    given.write_tar(packed)
    command = (python, "-s", "-S", "-c", _SCRIPT, *(f"/{root}" for root in roots))
    brought = loader.run_inside(image, command, packed.getvalue(), f"/{_OUT}", _SEED)
    made = Tree()
    with tarfile.open(fileobj=io.BytesIO(brought)) as archive:
        for member in archive:
            path = clean_path(member.name, "the bytecode").removeprefix(_OUT).lstrip("/")
            handle = archive.extractfile(member) if member.isfile() else None
            if handle is not None and path.endswith(".pyc"):
                made.add_file(path, handle.read())
    return made
