"""What an installation reads of the project's own tree: of a package that stays where it is, next to nothing (B2).

``pip install ./library`` copies the library, so that all of it counts. ``pip install -e ./library`` leaves it where it
is: its code is read when it is imported, and what counts is what its metadata are made of, what is compiled, and which
packages there are.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.parsing import parse
from vhlocal.regular import text_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.model import Package

_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))")
_FOLDER = re.compile(r"(?:-f\s*|--find-links(?:\s+|=)|-i\s*|--index-url(?:\s+|=)|--extra-index-url(?:\s+|=))")
_URL = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")

#: What makes a package of a directory, and what it consists of.
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")

#: Sources that are compiled when a package is installed, also where its Python code stays where it is.
_COMPILED = (".c", ".cc", ".cpp", ".cu", ".cxx", ".f", ".f90", ".h", ".hpp", ".pxd", ".pxi", ".pyx", ".rs")
_BUILD_FILES = ("CMakeLists.txt", "Cargo.lock", "Cargo.toml", "build.py", "meson.build")

#: Tables of ``pyproject.toml`` that say nothing of how the package is made.
_CHECKERS = tuple(
    f"tool.{name}"
    for name in ("black", "coverage", "flake8", "isort", "mypy", "nox", "pylint", "pyright", "pytest", "ruff", "tox")
)

#: Keys whose values only say which files are in the package, or not.
_CONTENTS = re.compile(r"(only-)?(include|exclude)|force-include|packages?|(py-)?modules|sources|artifacts")

_TABLE = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?:[\w.\"'-]+\.)?[\"']?([\w-]+)[\"']?\s*=")
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'')


@dataclass(frozen=True)
class Reads:
    """What is read of the project: packaged paths whose contents count, and names that only have to be there."""

    contents: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.contents | other.contents, self.names | other.names)


def local_reads(line: str, package: Package, file: str) -> Reads | None:
    """Return what a line of the requirements ``file`` reads of the project's tree; None where it reads nothing there.

    That is a path, a ``file:`` URL, or a folder of archives. A target that a variable decides may be anything.
    """
    editable, folder = _EDITABLE.match(line), _FOLDER.match(line)
    option = editable or folder
    if option is None and line.startswith("-"):
        return None
    text = line[option.end() :] if option else line
    target = re.split(r"\s*;|\s--|\s#", text)[0].strip().strip("\"'")
    target = target.partition(" @ ")[2].strip() or target
    paths = _paths(target, package, file, option=option is not None)
    if paths is None:
        return None
    if "${" in target or (editable and "editable_mode" in line):
        return Reads(frozenset(package.files))
    reads = Reads()
    for path in paths:
        below = frozenset(_below(package, path))
        reads |= _editable(package, path, below) if editable else Reads(below)
    return reads


def _paths(target: str, package: Package, file: str, *, option: bool) -> list[str] | None:
    """Return the paths within the project that a target names; None where it names none."""
    if _URL.match(target):
        if not target.lower().startswith("file:"):
            return None
        path = re.sub(r"^file:(?://(?:localhost)?(?=/|\$))?", "", target.partition("#")[0], flags=re.IGNORECASE)
        inner = re.search(r"#.*\bsubdirectory=([^&]+)", target)
        return _within([posixpath.join(path, inner[1]) if inner else path])
    path = target.partition("[")[0].partition("#")[0].rstrip("/") or target
    below = posixpath.normpath(path) + "/"
    named = option or path.startswith((".", "/")) or path.lower().endswith(_ARCHIVES)
    if not named and not ("/" in path and any(each.startswith(below) for each in package.files)):
        return None
    # pip looks for a folder beside the file first, for everything else where it runs.
    return _within([path, posixpath.join(posixpath.dirname(file), path)])


def _within(paths: Iterable[str]) -> list[str]:
    """Return those of the paths that are in the project, relative to it; "." for all of it."""
    found = (posixpath.normpath(path) for path in paths)
    relative = (posixpath.relpath(path, CODE_DIRECTORY) if path.startswith("/") else path for path in found)
    return [path for path in dict.fromkeys(relative) if path != ".." and not path.startswith("../")]


def _below(package: Package, path: str) -> Iterator[str]:
    start = "" if path == "." else f"{path}/"
    return (each for each in package.files if each == path or each.startswith(start))


def _editable(package: Package, top: str, below: frozenset[str]) -> Reads:
    """Return what an installation reads of a directory whose code stays where it is."""
    metadata = {path for name in _METADATA if (path := _join(top, name)) in below}
    contents = metadata | {path for path in below if path.endswith((*_COMPILED, ".cmake", *_BUILD_FILES))}
    for path in metadata:
        text = _text(package, path)
        if "editable_mode" in text:
            return Reads(below)
        contents |= _named(path, text, top, below)
    return Reads(frozenset(contents), frozenset(_layout(top, below)))


def _layout(top: str, below: Iterable[str]) -> Iterator[str]:
    """Yield which directories have code, and the modules that are in none: the import finders know these by name."""
    roots = {"" if top == "." else top, _join(top, "src")}
    for path in below:
        directory = posixpath.dirname(path)
        if path.endswith(".py"):
            yield path if directory in roots else f"{directory}/"


def _named(path: str, text: str, top: str, below: frozenset[str]) -> set[str]:
    """Return the files that one of the metadata files names: a readme, where the version stands, what it imports."""
    if path.endswith(".py"):
        words, modules = _of_python(text)
        named = {each for each in below if posixpath.basename(each) in words}
    elif path.endswith(".toml"):
        words, modules = _of_toml(text)
        named = {each for each in below for word in words if word.endswith("/") and each.startswith(_join(top, word))}
    else:
        words = set(re.split(r"[\s,=]+", text))
        modules = set(re.findall(r"attr:\s*([\w.]+)", text))
        named = set()
    named |= {joined for word in words if (joined := _join(top, word)) in below}
    for module in modules:
        named |= _files_of(module, top, below)
    return named - {path}


def _of_python(text: str) -> tuple[set[str], set[str]]:
    """Return the strings in a program, and the modules that it imports."""
    try:
        nodes = list(ast.walk(parse(text)))
    except (SyntaxError, ValueError):
        return set(), set()
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    modules = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return words, modules


def _of_toml(text: str) -> tuple[set[str], set[str]]:
    """Return the strings in a ``pyproject.toml`` that may name a file or, with a slash at its end, a directory.

    And the modules in which something is looked up. Not by a parser: Python has none before 3.11, and what looks like
    a string counts too much rather than too little.
    """
    words, modules = set(), set()
    table = key = ""
    for line in text.splitlines():
        if head := _TABLE.fullmatch(line):
            table, key = head[1], ""
            continue
        if named := _KEY.match(line):
            key = named[1]
        strings = [first or second for first, second in _STRING.findall(line)]
        if key == "backend-path":
            words |= {f"{posixpath.normpath(string)}/" for string in strings}
        elif not table.startswith(_CHECKERS) and not _CONTENTS.fullmatch(key):
            words.update(strings)
        if "attr" in line:
            modules.update(strings)
        elif table in {"project", "tool.flit.module"} and key in {"name", "import-name"}:
            modules.update(string.replace("-", "_") for string in strings if "flit" in text)
    return words, modules


def _files_of(module: str, top: str, below: frozenset[str]) -> set[str]:
    """Return the files in which a module, or the one that has this name in it, may be."""
    found = set()
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = "/".join(parts[:count])
        found |= {_join(top, f"{root}{name}{end}") for root in ("", "src/", "lib/") for end in (".py", "/__init__.py")}
    return found & below


def _text(package: Package, path: str) -> str:
    try:
        return text_of(package.files[path].source, errors="replace")
    except OSError:
        return ""


def _join(top: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(top, name)) + ("/" if name.endswith("/") else "")
