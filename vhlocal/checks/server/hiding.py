"""VH522: a file of the project has the name of a library, which the code then cannot import (B2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import is_common, is_standard
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended
    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH522",
    title="A file of the project hides a library of the same name",
    severity=Severity.ERROR,
    why="Python looks for a module in the directory of the script first, and only then among the installed packages. "
    "A `tornado.py` there is what every `import tornado` gets, also those in other libraries; the library itself is "
    "never loaded, whatever the requirements list.",
    remedy={"": "Rename the file, and write its new name in `wsgi` or `server-command` and where the code imports it."},
    example=Example("yaml", "server-command: python tornado.py", "server-command: python server.py"),
    rows=("B2", "R2"),
)

_NO_PACKAGE = re.compile(r"No module named '(\w+)\.[\w.]+'; '\1' is not a package")
#: A module that asks itself for what only the library has.
_OF_ITSELF = re.compile(r"partially initialized module '(\w+)'")
#: Python 3.13 says so itself; of its own modules alone it is sure.
_SAID = re.compile(r"same name as the standard library module named '(\w+)'")
_OF_FILE = re.compile(r"cannot import name '\w+' from '(\w+)' \((?P<file>[^()\n]+)\)")


def rename(file: str, library: str, endpoint: Endpoint) -> str:
    """Return what to do about a file that hides a library."""
    stem = file.rpartition("/")[2].removesuffix(".py")
    key, served = (
        ("wsgi", endpoint.wsgi) if endpoint.wsgi else ("server-command", "\n".join(endpoint.server_command or ()))
    )
    also = f", also in `{key}`" if re.search(rf"(?<![\w-]){stem}(\.py\b|:|$)", served, re.MULTILINE) else ""
    return f"rename {file}{also}: it hides the library {library}"


def find(ended: Ended) -> Iterator[Finding]:
    """Yield the file that is certain to have been imported in the place of a library."""
    for library, files in _imported(ended):
        hiding = next((file for file in files if file in ended.packaged), None)
        if hiding is None or not (is_common(library) or is_standard(library)):
            continue
        ends = "" if ended.code is None else f"the server ended with exit code {ended.code}: "
        seen = f"{ends}`{library}` is the project's own {hiding}, not the library"
        yield Finding(DEFINITION, ended.place, seen, rename(hiding, library, ended.endpoint), ended.endpoint.name)
        return


def _imported(ended: Ended) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield modules that were not what the code took them for, and the files that they may be."""
    error = ended.text
    raised = _relative(ended)
    beside = raised.rpartition("/")[0]
    for match in _NO_PACKAGE.finditer(error):
        yield match[1], _files(match[1], beside)[::2]
    for match in _OF_ITSELF.finditer(error):
        yield match[1], tuple(file for file in _files(match[1], beside) if file == raised)
    for match in _SAID.finditer(error):
        yield match[1], _files(match[1], beside)
    for match in _OF_FILE.finditer(error):
        if is_standard(match[1]):
            yield match[1], tuple(file for file in _files(match[1], beside) if match["file"].endswith(f"/{file}"))


def _files(module: str, beside: str) -> tuple[str, ...]:
    """Return the files that a module may be, in the code's directory or beside the script: modules and packages."""
    directories = dict.fromkeys(("", beside))
    return tuple(
        f"{directory}/{name}".lstrip("/")
        for directory in directories
        for name in (f"{module}.py", f"{module}/__init__.py")
    )


def _relative(ended: Ended) -> str:
    """Return the file of the project in which it came about, as it is packaged; "" where there is none."""
    root = ended.command.file.parent
    if ended.raised is None or not ended.raised.file.is_relative_to(root):
        return ""
    return ended.raised.file.relative_to(root).as_posix()


RULE = Rule((DEFINITION,), find)
