"""VH310: variables are taken from a file that is not packaged (B5, B8)."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.paths import literal_path
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH310",
    title="Variables come from a file that is not packaged",
    severity=Severity.WARNING,
    why="`load_dotenv()` reads a file, and says nothing where there is none. `.env` is in no ad hoc package, since its "
    "name begins with a dot, and in no commit where git ignores it: in production its variables are not set.",
    remedy={
        "": "Set the variables of the deployment's version in Valohai, or the project's. Here, give them by "
        "`vhlocal up --env-file .env`, or `env-file: .env` in `vhlocal.yaml`."
    },
    example=Example("yaml", "# vhlocal.yaml\nreload: true", "# vhlocal.yaml\nreload: true\nenv-file: .env"),
    rows=("B5", "B8"),
)

_LOADERS = {"dotenv.load_dotenv", "dotenv.main.load_dotenv"}
_FINDERS = {"dotenv.find_dotenv", "dotenv.main.find_dotenv"}
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)
_ASKING = {"os.getenv", "os.environ.get"}
#: Variables that are named, at most.
_MOST = 3


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the calls that load such a file, where the code reads variables that only that one sets."""
    for reach in subject.reaches:
        asked = {name for module, site in reach.sites for name in _asked(module, site)}
        known = {*subject.variables, *exported(subject.commands[reach.endpoint.name])}
        for module, site, call in reach.calls:
            if module.dotted(call.func) not in _LOADERS or not site.is_sure:
                continue
            path = _file(call, module, reach, subject)
            if path is None:
                continue
            text = (subject.directory / path).read_text(encoding="utf-8", errors="replace")
            missing = sorted((set(_ASSIGNED.findall(text)) & asked) - known)
            if missing:
                more = f" and {len(missing) - _MOST} more" if missing[_MOST:] else ""
                names = ", ".join(missing[:_MOST]) + more
                seen = f"{path} is read here and not packaged: {names} would not be set"
                change = f"set them in Valohai, and here by `--env-file {path}`"
                yield Finding(DEFINITION, module.place(call), seen, change, reach.endpoint.name)
                break


def _file(call: ast.Call, module: Module, reach: Reach, subject: Subject) -> str | None:
    """Return the path of the file that is loaded, where it is on this machine, and in no package or entry."""
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "dotenv_path")]
    searched = _searched(given[0], module) if given else ".env"
    if searched:  # beside the module, or above it
        parts = module.directory.split("/") if module.directory else []
        paths = [posixpath.join(*parts[:length], searched) for length in range(len(parts), -1, -1)]
    else:
        path = literal_path(given[0], module)
        paths = [] if path is None or path.startswith("/") else [path]
    there = next((path for path in paths if (subject.directory / path).is_file()), None)
    packaged = {*subject.package.files, *(entry.path for entry in reach.endpoint.files)}
    return None if there in packaged else there


def _searched(node: ast.expr, module: Module) -> str:
    """Return the name that `find_dotenv()` looks for, "" where it is not called so."""
    if not isinstance(node, ast.Call) or module.dotted(node.func) not in _FINDERS:
        return ""
    named = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "filename")]
    elsewhere = len(node.args) > 2 or any(keyword.arg == "usecwd" for keyword in node.keywords)
    name = named[0].value if named and isinstance(named[0], ast.Constant) else "" if named else ".env"
    return name if isinstance(name, str) and not elsewhere else ""


def _asked(module: Module, site: Site) -> Iterator[str]:
    """Yield the name of a variable that a node asks the environment for."""
    match site.node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if module.dotted(value) == "os.environ":
            yield name
        case ast.Call(func=func, args=[ast.Constant(value=str(name))]) if module.dotted(func) in _ASKING:
            yield name


RULE = Rule((DEFINITION,), find)
