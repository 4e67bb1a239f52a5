"""VH509 to VH511: a module or a file is not there (B2, B4, B5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import is_common, providers
from vhlocal.checks.edits import added
from vhlocal.checks.paths import nearly
from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import missing_file, missing_module, module_files
from vhlocal.contract.image import REQUIREMENTS_FILES
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

NO_MODULE = Definition(
    code="VH509",
    title="A module is not installed",
    severity=Severity.ERROR,
    why="Production installs `requirements-deployment.txt` or, only if that file is absent, `requirements.txt`. A "
    "module that neither the image nor that one file provides is missing, whatever your own environment has.",
    remedy={"": "Add the distribution that provides the module to the file that production reads."},
    example=Example("text", "flask>=3.0", "flask>=3.0\nscikit-learn>=1.4"),
    rows=("B1", "B2"),
)
NOT_PACKAGED = Definition(
    code="VH510",
    title="A file that the server needs is on this machine, but not packaged",
    severity=Severity.ERROR,
    why="The package contains what git lists and does not ignore, without what `.vhignore` names. An ignored file is "
    "on your machine but not in the image, so the code works here and fails there.",
    remedy={
        "": "Stop ignoring the file if it belongs to the code. If a run creates it, such as a model, give the endpoint "
        "an entry in `files` with the path that the code opens."
    },
    example=Example("text", "# .gitignore\n*.json", "# .gitignore\n*.json\n!labels.json"),
    rows=("B4", "B5"),
)
OTHER_NAME = Definition(
    code="VH511",
    title="The server opens a chosen file by another name",
    severity=Severity.ERROR,
    why="A chosen file always lands at the `path` of its entry in `files`, whatever its own name is. Code that opens "
    "another path does not find it.",
    remedy={"": "Write the same path in `valohai.yaml` and in the code."},
    example=Example("python", 'open("modle.txt")', 'open("model.txt")'),
    rows=("B4",),
)

#: Exit codes from here on are the shell's own, or signals.
_BY_OTHER_MEANS = 126


def find(ended: Ended) -> Iterator[Finding]:
    """Yield what was missed. An end by other means than an exception is none of this."""
    if ended.code is not None and ended.code >= _BY_OTHER_MEANS:
        return
    module, file = missing_module(ended.text), missing_file(ended.text)
    if module is not None:
        yield _no_module(ended, module)
    elif file is not None and (entry := _near_miss(ended, file)):
        yield Finding(
            OTHER_NAME,
            ended.place,
            f"{file} does not exist, but the chosen file lands at {entry}",
            f"open {entry}, or write `path: {file}` in valohai.yaml",
            ended.endpoint.name,
        )
    elif file is not None and file in ended.here and file not in ended.packaged:
        yield Finding(
            NOT_PACKAGED,
            ended.place,
            f"{file} does not exist: it is on this machine, but not packaged: {ended.here[file].reason}",
            f"{ended.here[file].change}, or give the endpoint an entry in `files` with `path: {file}`",
            ended.endpoint.name,
        )


def _no_module(ended: Ended, module: str) -> Finding:
    place, name = ended.place, ended.endpoint.name
    ends = "" if ended.code is None else f"the server ended with exit code {ended.code}: "
    seen = f"{ends}no module named {module}"
    own = [path for path in module_files(module) if path in ended.here and path not in ended.packaged]
    if own:
        why = ended.here[own[0]]
        seen += f"; {own[0]} is on this machine, but not packaged: {why.reason}"
        return Finding(NOT_PACKAGED, place, seen, why.change, name)
    ignored = "it is not ignored by git or .vhignore"
    if module == re.split("[.:]", ended.endpoint.wsgi or "")[0]:
        return Finding(
            NO_MODULE,
            place,
            seen,
            f"`wsgi` names it: make sure that the project has {module}.py, and that {ignored}",
            name,
        )
    file = ended.requirements or " or ".join(REQUIREMENTS_FILES)
    top = module.partition(".")[0]
    line = providers(top)[0] if is_common(top) else "what provides it"
    read = (
        ", the one file that production installs" if all(each in ended.packaged for each in REQUIREMENTS_FILES) else ""
    )
    own_too = "" if is_common(top) else f"; if it is the project's own, make sure that {ignored}"
    own_file = ended.command.file.parent / (ended.requirements or REQUIREMENTS_FILES[-1])
    edits = added(own_file, line) if is_common(top) else ()
    return Finding(NO_MODULE, place, seen, f"add {line} to {file}{read}{own_too}", name, edits=edits)


def _near_miss(ended: Ended, file: str) -> str | None:
    """Return the path of the chosen file that was meant, None where nothing is like it."""
    entries = {entry.path for entry in ended.endpoint.files}
    return None if file in entries or file in ended.packaged else nearly(file, entries)


RULE = Rule((NO_MODULE, NOT_PACKAGED, OTHER_NAME), find)
