"""Which packaged code an endpoint runs: from what starts it, along its imports."""

from __future__ import annotations

import ast
import re
from collections import deque
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from vhlocal.checks.commands import is_python
from vhlocal.checks.servers import ini_of, program_of, subcommand_of, the_server
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module, Modules, Site
    from vhlocal.checks.servers import Program
    from vhlocal.findings import Finding
    from vhlocal.model import Endpoint, Place

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_DOTTED_OR_NOT = re.compile(r"[A-Za-z_][\w.]*")
#: Options of servers whose values look like applications.
_NAMING = (
    "-k",
    "--worker-class",
    "--logger-class",
    "--log-config",
    "-c",
    "--config",
    "--paste",
    "-e",
    "--env",
    "--http",
    "--interface",
)
#: By what is imported. Those first whose projects may use parts of others, not the other way round.
_FRAMEWORKS = {
    "django": "Django",
    "dash": "Dash",
    "streamlit": "Streamlit",
    "litserve": "LitServe",
    "gradio": "Gradio",
    "fastapi": "FastAPI",
    "starlette": "FastAPI",
    "flask": "Flask",
    "tornado": "Tornado",
    "sanic": "Sanic",
    "bottle": "WSGI",
    "wsgiref": "WSGI",
    "werkzeug": "WSGI",
    "aiohttp.web": "aiohttp",
}
#: Its ASGI apps alone are of their own kind: those of WSGI are like all others.
_FALCON = ("falcon.asgi.App", "falcon.asgi.app.App")
#: How uWSGI is told what to serve, by its options and in its file; and what has it look elsewhere.
_UWSGI = {
    "module": ("module", "wsgi", "w"),
    "file": ("wsgi-file", "file"),
    "callable": ("callable",),
    "mount": ("mount",),
}
_MOVING = ("chdir", "chdir2", "pythonpath", "python-path", "pp", "pyhome", "eval", "paste", "plugin-dir")
_MOVING_OPTIONS = tuple(f"--{name}" for name in _MOVING)
#: What Django takes the name of a module by.
_MODULES = ("DJANGO_SETTINGS_MODULE", "ROOT_URLCONF")
#: Programs that look for an app as Flask's does, and the variable that names it.
_FLASKS = {"flask": "FLASK_APP", "quart": "QUART_APP"}
_NO_CODE = ("pip", "pip3")
_NODE = ("node", "nodejs", "npm", "npx", "yarn", "pnpm", "tsx")
#: It is a server of its own; what only imports it may be an app of any kind that reads its models.
_BENTOML = "bentoml"


@dataclass(frozen=True)
class Target:
    """What names an endpoint's code: a module, and the attribute in it if one is named; ``script`` is a file's path.

    ``call`` is how the attribute is called that makes the app, such as ``()``; "" where it is the app itself.
    """

    module: str = ""
    attribute: str = ""
    script: str = ""
    call: str = ""


@dataclass(frozen=True)
class Reached:
    """A module that an endpoint runs, and how it was reached.

    ``script`` is whether it runs as ``__main__``; ``eager`` whether it is imported whatever happens, at the start.
    ``importer`` is the line that imports it, None if the endpoint names it.
    """

    module: Module
    script: bool = False
    eager: bool = True
    importer: Place | None = None


class Reach:
    """The code of one endpoint, found when it is first asked for."""

    def __init__(self, endpoint: Endpoint, commands: Sequence[Command], modules: Modules) -> None:
        self._modules = modules
        self.endpoint = endpoint
        self.commands = tuple(commands)
        self.targets = tuple(_targets(endpoint, self.commands, modules))

    @cached_property
    def reached(self) -> tuple[Reached, ...]:
        """Every packaged module that is run, each once, those that are sure to be first."""
        found: dict[str, Reached] = {}
        sure, unsure = deque(self._entries()), deque[Reached]()
        while sure or unsure:
            item = sure.popleft() if sure else unsure.popleft()
            if item.module.path in found:
                continue
            found[item.module.path] = item
            for imported in self._imported(item):
                if imported.module.path not in found:
                    (sure if imported.eager else unsure).append(imported)
        return tuple(found.values())

    @cached_property
    def sites(self) -> tuple[tuple[Module, Site], ...]:
        """Every node of the code that may run: none of scripts that are only imported, none of unused functions."""
        candidates = [
            (item.module, site)
            for item in self.reached
            for site in item.module.sites
            if item.script or not site.where.main
        ]
        used = self._used(candidates)
        return tuple((module, site) for module, site in candidates if not site.where.unit or site.where.unit in used)

    @cached_property
    def texts(self) -> tuple[tuple[Module, Site, str], ...]:
        """Every text that is written out as a value in that code."""
        texts = ((module, site, site.text) for module, site in self.sites if isinstance(site.node, ast.Constant))
        return tuple((module, site, text) for module, site, text in texts if text)

    @cached_property
    def calls(self) -> tuple[tuple[Module, Site, ast.Call], ...]:
        """Every call in that code."""
        return tuple((module, site, site.node) for module, site in self.sites if isinstance(site.node, ast.Call))

    @cached_property
    def framework(self) -> str:
        """What the code is made with, one of the words that remedies are keyed by; "" where that is not known."""
        if any(command.program == _BENTOML for command in self.commands):
            return "BentoML"
        names = {name for item in self.reached for name in item.module.names.values()}
        imported = names | {name.partition(".")[0] for name in names}
        found = next((word for module, word in _FRAMEWORKS.items() if module in imported), "")
        if not found and any(module.dotted(call.func) in _FALCON for module, _, call in self.calls):
            return "Falcon"
        return found or ("Node" if any(command.program in _NODE for command in self.commands) else "")

    def _used(self, candidates: Sequence[tuple[Module, Site]]) -> set[str]:
        """Return the names that are spoken of by code that runs: what no such name leads to is never called."""
        spoken: dict[str, set[str]] = {}
        for _, site in candidates:
            spoken.setdefault(site.where.unit, set()).update(_names(site.node))
        used: set[str] = set()
        waiting = {"app", "application", *(target.attribute for target in self.targets)} | spoken.get("", set())
        while waiting:
            name = waiting.pop()
            used.add(name)
            waiting |= spoken.get(name, set()) - used
        return used

    def _entries(self) -> Iterator[Reached]:
        for target in self.targets:
            module = self._script(target) if target.script else self._find(target.module, "")
            if module is not None:
                yield Reached(module, script=bool(target.script))
                yield from (Reached(parent) for parent in self._parents(target.module, ""))

    def _script(self, target: Target) -> Module | None:
        """Return the file that runs as a script; of ``python -m package`` it is that package's ``__main__``."""
        package = target.script.removesuffix(".py")
        inside = f"{package}/__main__.py" if target.module else ""
        return self._modules.get(target.script) or (self._modules.get(inside) if inside else None)

    def _imported(self, item: Reached) -> Iterator[Reached]:
        for site in item.module.sites:
            if site.where.main and not item.script:
                continue
            eager = item.eager and not (site.where.function or site.where.branch or site.where.guarded)
            for name, root in _imports(item.module, site):
                module = self._find(name, root)
                if module is not None:
                    yield Reached(module, eager=eager, importer=item.module.place(site.node))
                for parent in self._parents(name, root):
                    yield Reached(parent, eager=eager, importer=item.module.place(site.node))

    def _find(self, name: str, root: str) -> Module | None:
        return self._modules.find(name, root) if name else None

    def _parents(self, name: str, root: str) -> Iterator[Module]:
        parts = name.split(".")
        for length in range(1, len(parts)):
            module = self._find(".".join(parts[:length]), root)
            if module is not None:
                yield module


def _targets(endpoint: Endpoint, commands: Sequence[Command], modules: Modules) -> Iterator[Target]:
    if endpoint.wsgi is not None:
        module, _, attribute = endpoint.wsgi.partition(":")
        yield _named(module, attribute)
        if not attribute and "." in module:
            parent, _, name = module.rpartition(".")
            yield Target(parent, name)
        return
    command = the_server(commands)
    if command is not None and all(other.program not in ("cd", "pushd") for other in commands):
        yield from command_targets(command)
        yield from _of_uwsgi(commands, modules) if command.program == "uwsgi" else ()


def _of_uwsgi(commands: Sequence[Command], modules: Modules) -> Iterator[Target]:
    """Yield what uWSGI serves by its options and its file, where that is one app beside the file."""
    settings, options = ini_of(commands, modules), commands[-1].values
    if settings is None or any(one.key in _MOVING for one in settings) or any(map(options, _MOVING_OPTIONS)):
        return
    given = {key: [one.value for one in settings if one.key in names] for key, names in _UWSGI.items()}
    for key, words in _UWSGI.items():
        given[key] += options(*(f"--{name}" if len(name) > 1 else f"-{name}" for name in words))
    mounted = [None if word is None else word.partition("=")[2] for word in given["mount"]]
    apps = [*given["module"], *given["file"], *mounted]
    names = given["callable"] or ["application"]
    if len(apps) != 1 or len(names) != 1 or apps[0] is None or names[0] is None:
        return
    module, _, attribute = apps[0].removeprefix("./").partition(":")
    if module.endswith(".py"):
        module = module.removesuffix(".py").replace("/", ".")
    if _DOTTED_OR_NOT.fullmatch(module):
        yield _named(module, attribute or names[0])


def command_targets(command: Command) -> Iterator[Target]:
    """Yield the code that a command starts, as far as that is known."""
    if command.script is not None:
        yield Target(script=command.script)
    elif (program := program_of(command)) is not None:
        yield from _served(command, program)
    elif is_python(command.words[0]) and command.program not in _NO_CODE:
        yield Target(command.program, script=f"{command.program.replace('.', '/')}.py")


def _served(command: Command, program: Program) -> Iterator[Target]:
    """Yield what the command of a known server has it serve."""
    if command.program in _FLASKS:
        words = [*command.values("--app", "-A"), command.variables.get(_FLASKS[command.program], "")]
        for word in filter(None, words) if any(words) else ("wsgi", "app"):
            yield from _flask_targets(word)
    elif command.program in ("streamlit", "fastapi"):
        yield from (Target(script=word.removeprefix("./")) for word in command.arguments if word.endswith(".py"))
    elif program.apps:
        given = command.arguments[len(subcommand_of(command)) :]
        for before, word in zip(("", *given), given, strict=False):
            module, _, attribute = word.partition(":")
            if before in _NAMING or not _DOTTED_OR_NOT.fullmatch(module):
                continue
            if not attribute or re.match(r"[A-Za-z_]", attribute):
                named = _named(module, attribute)
                yield replace(named, call=named.call or "()") if attribute and command.has("--factory") else named


def _named(module: str, attribute: str) -> Target:
    name, is_called, given = attribute.partition("(")
    return Target(module, name, call=f"({given}" if is_called else "")


def _flask_targets(word: str) -> Iterator[Target]:
    module, _, attribute = word.partition(":")
    if module.endswith(".py"):
        module = module.removesuffix(".py").replace("/", ".")
    if module:
        yield _named(module, attribute or "app")


def _imports(module: Module, site: Site) -> Iterator[tuple[str, str]]:
    """Yield what a node imports, as a dotted name and the directory that it is looked for in."""
    node = site.node
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _both(alias.name, module)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        names = [base, *(".".join(filter(None, (base, alias.name))) for alias in node.names)]
        for name in filter(None, names):
            if node.level:
                root = "/".join(module.path.split("/")[: -node.level])
                yield name, root
            else:
                yield from _both(name, module)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
        yield node.value, ""  # such as Django's settings, which name modules by texts
        yield node.value.rpartition(".")[0], ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_module(site.parent):
        yield node.value, ""


def _names_module(node: ast.AST | None) -> bool:
    """Tell whether one of Django's settings that name modules is given here."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in _MODULES
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=name))]):
            return name in _MODULES
        case ast.Call(args=[ast.Constant(value=name), _]):
            return name in _MODULES
    return False


def _both(name: str, module: Module) -> Iterator[tuple[str, str]]:
    """Look from the code's directory, and beside the module, where a script's own directory is searched first."""
    yield name, ""
    if module.directory:
        yield name, module.directory


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.ImportFrom | ast.Import):
        yield from (alias.name for alias in node.names if isinstance(node, ast.ImportFrom) and alias.asname)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        last = node.value.rpartition(".")[2]
        if last.isidentifier():
            yield last


def fitted(finding: Finding, reaches: Iterable[Reach]) -> Finding:
    """Return a finding with the framework of its endpoint, or of all, if the remedy differs by that."""
    own = {reach.framework for reach in reaches if finding.endpoint in (None, reach.endpoint.name)}
    framework = own.pop() if len(own) == 1 else ""
    return replace(finding, framework=framework) if framework in finding.definition.remedy else finding
