"""VH109 and VH110: what ``wsgi``, or a server's command, names is not there (R4)."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import is_standard
from vhlocal.checks.edits import in_line
from vhlocal.checks.images import is_official_python
from vhlocal.checks.reach import command_targets
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import the_server
from vhlocal.checks.unpackaged import why_unpackaged
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place
from vhlocal.project.schema import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module, Modules
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

MODULE = Definition(
    code="VH109",
    title="The module to serve is not packaged",
    severity=Severity.ERROR,
    why="The server imports the module when it starts. Production has only the packaged code: files that git ignores "
    "or `.vhignore` names are missing, and the server ends before it answers a request.",
    remedy={
        "": "Name a module as Python imports it from the code's directory, with dots for slashes and without `.py`; "
        "make sure that its file is not ignored.",
        "Django": "The module is `wsgi` in the site's package: `wsgi: mysite.wsgi`.",
    },
    example=Example("yaml", "wsgi: sever:app", "wsgi: server:app"),
    rows=("R4", "B5"),
)
ATTRIBUTE = Definition(
    code="VH110",
    title="The application is not defined in its module",
    severity=Severity.ERROR,
    why="After the import, the server looks up the application by its name. If the module has no such name, the server "
    "ends.",
    remedy={
        "": "Name what the module defines, as `module:name`; a factory is called as `module:create_app()`.",
        "Django": "`django-admin startproject` calls it `application`, which is what `wsgi: mysite.wsgi` takes.",
    },
    example=Example("yaml", "wsgi: server:application", "wsgi: server:app"),
    rows=("R4",),
)

FACTORY = Definition(
    code="VH113",
    title="The named application is a function that creates one",
    severity=Severity.ERROR,
    why="A WSGI server calls the application with `environ` and `start_response` at each request. A factory that is "
    "named but not called accepts neither, so every request gets 500.",
    remedy={"": "Call it: `wsgi: module:create_app()`. It is called once, when the server starts."},
    example=Example("yaml", "wsgi: server:create_app", "wsgi: server:create_app()"),
    rows=("R4",),
)
ELSEWHERE = Definition(
    code="VH114",
    title="The module to serve is in no known package",
    severity=Severity.WARNING,
    why="The server imports the module when it starts. It is not part of the project, and no requirement has its name: "
    "unless the base image contains it, the server ends before it answers a request.",
    remedy={"": "Name a module of the project; if the image does contain it, silence this finding with that reason."},
    example=Example("yaml", "wsgi: generate:generate", "wsgi: server:app"),
    rows=("R4", "B1"),
)

_HERE_OR_ELSEWHERE = ("--app-dir", "--chdir", "--pythonpath", "--workdir")


#: Servers that take an app as it is named.
_CALLING = ("gunicorn",)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield targets that lead nowhere. A module that an installed package may provide is given the benefit of doubt."""
    for endpoint in subject.endpoints:
        if endpoint.wsgi is not None:
            place = endpoint.place("wsgi") or Place(subject.config.path)
            yield from _wsgi(endpoint, place, subject)
        else:
            yield from _command(endpoint, subject)


def _wsgi(endpoint: Endpoint, place: Place, subject: Subject) -> Iterator[Finding]:
    module, colon, attribute = (endpoint.wsgi or "").partition(":")
    name = attribute.partition("(")[0].strip()
    if not colon and subject.modules.find(module) is None and "." in module:
        parent, _, last = module.rpartition(".")
        if subject.modules.find(parent) is not None:
            yield from _missing(endpoint, place, (parent, (last,)), subject)
            return
    yield from _missing(endpoint, place, (module, (name,) if colon else ("application", "app")), subject)
    yield from _factory(endpoint, place, attribute, (module, name), subject)


def _command(endpoint: Endpoint, subject: Subject) -> Iterator[Finding]:
    command = the_server(subject.commands[endpoint.name])
    lines = endpoint.server_command or ()
    if command is None or any("cd " in line or "PYTHONPATH" in line for line in lines):
        return
    if "PYTHONPATH" in subject.variables or command.values(*_HERE_OR_ELSEWHERE) or command.program == "flask":
        return
    for target in command_targets(command):
        if target.module and target.attribute:
            yield from _missing(endpoint, command.place, (target.module, (target.attribute,)), subject)
            if command.program in _CALLING and not any(f"{target.attribute}(" in word for word in command.words):
                yield from _factory(endpoint, command.place, "", (target.module, target.attribute), subject)


def _missing(
    endpoint: Endpoint, place: Place, target: tuple[str, tuple[str, ...]], subject: Subject
) -> Iterator[Finding]:
    """Yield what is wrong with a module and the names of which it has to have one."""
    module, names = target
    found = subject.modules.find(module)
    if found is None:
        if _only_image_brings(module, endpoint, subject):
            change = f"add {module.replace('.', '/')}.py, or name a module of the project"
            yield Finding(ELSEWHERE, place, _not_packaged(module, subject), change, endpoint.name)
        elif not _may_be_installed(module, endpoint, subject):
            meant = None if _on_disk(module, subject) else _meant_module(module, subject)
            yield Finding(
                MODULE,
                place,
                _not_packaged(module, subject),
                _nearest_module(module, subject),
                endpoint.name,
                edits=in_line(place, module, meant) if meant else (),
            )
        return
    defined = defined_names(found, subject.modules)
    if defined is None or any(name.partition(".")[0] in defined for name in names):
        return
    wanted = " nor ".join(f"`{name}`" for name in names)
    likely = [name for name in sorted(defined) if not name.startswith("_")]
    change = did_you_mean(names[0], likely) or f"define {names[0]} in {found.path}"
    seen = f"{found.path} defines {'neither' if len(names) > 1 else 'no'} {wanted}"
    apps = [name for name in ("app", "application") if name in defined]
    meant = nearest(names[0], likely) or (apps[0] if apps else None)
    edits = in_line(place, f"{module}:{names[0]}", f"{module}:{meant}") if meant else ()
    yield Finding(ATTRIBUTE, place, seen, change, endpoint.name, edits=edits)


def _factory(
    endpoint: Endpoint, place: Place, written: str, target: tuple[str, str], subject: Subject
) -> Iterator[Finding]:
    """Yield a function that is named, not called, and surely takes nothing of what a server gives to an app."""
    name, attribute = target
    module = subject.modules.find(name)
    function = None if module is None else _function(module, attribute)
    if function is None or "(" in written:
        return
    given = function.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    if not required and given.vararg is None and not function.decorator_list:
        seen = f"`{attribute}` is a function without parameters: it creates the application, but is not one"
        change, edits = f"write {name}:{attribute}()", in_line(place, f"{name}:{attribute}", f"{name}:{attribute}()")
        yield Finding(FACTORY, place, seen, change, endpoint.name, edits=edits)


def _function(module: Module, name: str) -> ast.FunctionDef | None:
    """Return the function of a name, where nothing else in its module's top is bound to that."""
    found = [site.node for site in module.sites if not site.where.inside and name in _bound(site.node)]
    return found[0] if len(found) == 1 and isinstance(found[0], ast.FunctionDef) else None


def _only_image_brings(module: str, endpoint: Endpoint, subject: Subject) -> bool:
    """Tell whether nothing that is known can bring a module, and the image is none of which that is known."""
    top = module.partition(".")[0]
    if top != module:  # a package, as images bring them
        return False
    if is_official_python(endpoint.image) or is_standard(top) or not top.isidentifier():
        return False
    if _is_nearly_packaged(module, subject) or subject.modules.is_directory(top) or subject.modules.find(top):
        return False
    stem, installed = top.replace("_", "-").lower(), subject.requirements
    return installed is None or not (installed.open or any(stem in name or name in stem for name in installed.names))


def _may_be_installed(module: str, endpoint: Endpoint, subject: Subject) -> bool:
    """Tell whether a module may come from elsewhere, be it a package or a directory without ``__init__.py``."""
    top = module.partition(".")[0]
    if is_standard(top) or module.endswith(".py"):
        return not module.endswith(".py")
    if not is_official_python(endpoint.image) and not _is_nearly_packaged(module, subject):
        return True
    stem = top.replace("_", "-").lower()
    installed = subject.requirements
    if installed is not None and (installed.open or any(stem in name or name in stem for name in installed.names)):
        return True
    return False if module == top else not subject.modules.is_directory(top) and subject.modules.find(top) is None


def _is_nearly_packaged(module: str, subject: Subject) -> bool:
    """Tell whether the project's own code is surely meant, whatever the image brings: ignored, or misspelt."""
    return _on_disk(module, subject) or bool(difflib.get_close_matches(module, _packaged(subject), n=1, cutoff=0.8))


def _on_disk(module: str, subject: Subject) -> bool:
    return (subject.directory / f"{module.replace('.', '/')}.py").is_file()


def _packaged(subject: Subject) -> list[str]:
    """Return the names of all packaged modules, as they are imported from the code's directory."""
    return [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in subject.package.files
        if path.endswith(".py")
    ]


def _not_packaged(module: str, subject: Subject) -> str:
    path = f"{module.replace('.', '/')}.py"
    if _on_disk(module, subject):
        return f"{path} is on this machine, but not packaged: {why_unpackaged(path, subject.package).reason}"
    if module.endswith(".py") and module in subject.package.files:
        return f"`{module}` names a file; a module has no .py"
    return f"no module {module} is packaged: there is no {path}"


def _meant_module(module: str, subject: Subject) -> str | None:
    if module.endswith(".py"):
        return module.removesuffix(".py").replace("/", ".")
    return nearest(module, _packaged(subject))


def _nearest_module(module: str, subject: Subject) -> str:
    if module.endswith(".py"):
        return f"write {module.removesuffix('.py').replace('/', '.')}"
    if _on_disk(module, subject):
        return why_unpackaged(f"{module.replace('.', '/')}.py", subject.package).change
    return did_you_mean(module, _packaged(subject)) or "name a module of the project"


def defined_names(module: Module, modules: Modules, above: tuple[Module, ...] = ()) -> frozenset[str] | None:
    """Return every name that a module may have at its top, under whatever condition; None where that is not certain.

    Not certain: a module that cannot be read, ``from x import *`` of what is not packaged, ``__getattr__``, and names
    that are set by other means than assignment. ``above`` are modules that are being looked through already.
    """
    found: set[str] = set()
    if module.tree is None:
        return None
    for site in module.sites:
        node = site.node
        if isinstance(node, ast.Global):
            found.update(node.names)
        if isinstance(node, ast.Name) and node.id in ("globals", "setattr", "exec", "vars"):
            return None
        if not (site.where.inside or site.where.main):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                starred = _starred(node, module, modules, (*above, module))
                if starred is None:
                    return None
                found |= starred
            found.update(_bound(node))
    if module.path.endswith("__init__.py"):
        found |= modules.below(module.directory)
    return None if "__getattr__" in found else frozenset(found)


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name


def _starred(
    node: ast.ImportFrom, module: Module, modules: Modules, above: tuple[Module, ...]
) -> frozenset[str] | None:
    root = "/".join(module.path.split("/")[: -node.level]) if node.level else ""
    source = modules.find(node.module, root) if node.module else None
    return None if source is None or source in above else defined_names(source, modules, above)


RULE = Rule((MODULE, ATTRIBUTE, FACTORY, ELSEWHERE), find)
