"""The files that code takes variables from, by the libraries that read them, and the variables that it asks for."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from vhlocal.checks.modules import keyword
from vhlocal.checks.paths import literal_path
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.checks.modules import Module, Site

_DOTENV = {"dotenv.load_dotenv", "dotenv.main.load_dotenv"}
_FINDERS = {"dotenv.find_dotenv", "dotenv.main.find_dotenv"}
#: Classes whose objects read a file by ``read_env``, and are asked for variables then.
_ENVIRONS = {"environs.Env", "environ.Env", "environ.FileAwareEnv"}
_STARLETTE = {"starlette.config.Config"}
#: Functions and objects that look for a file themselves when they are first asked.
_DECOUPLE = {"decouple.config", "decouple.AutoConfig"}
_REPOSITORIES = {"decouple.RepositoryEnv", "decouple.RepositoryIni"}
_DYNACONF = {"dynaconf.Dynaconf", "dynaconf.LazySettings"}
_SETTINGS = {"pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings", "pydantic.BaseSettings"}
_ASKING = {"os.getenv", "os.environ.get"}
_OBJECTS = _ENVIRONS | _STARLETTE | {"decouple.AutoConfig", "decouple.Config"}
#: Where `AutoConfig` looks first, in each directory.
_DECOUPLED = ("settings.ini", ".env")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A file that code takes variables from: ``paths`` are where it is looked for, in that order; the first is read.

    ``names`` are the variables that this alone asks for, in lower case; None where all that the code asks for count.
    """

    module: Module
    node: ast.AST
    paths: tuple[str, ...]
    names: frozenset[str] | None = None


def assigned(text: str) -> frozenset[str]:
    """Return the variables that a file of them sets."""
    return frozenset(_ASSIGNED.findall(text))


def sources(sites: Sequence[tuple[Module, Site]]) -> Iterator[Source]:
    """Yield what such files the code is sure to read."""
    for module, site in sites:
        if not site.is_sure:
            continue
        if isinstance(site.node, ast.Call):
            paths = _read_by(site.node, module)
            if paths:
                names = _of_dynaconf(site.node, module, sites) if module.dotted(site.node.func) in _DYNACONF else None
                yield Source(module, site.node, tuple(paths), names)
        elif isinstance(site.node, ast.ClassDef):
            yield from _of_settings(site.node, module)


def asked(module: Module, site: Site) -> Iterator[str]:
    """Yield the name of a variable that a node asks the environment or such a library for, without a default."""
    match site.node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if module.dotted(value) == "os.environ":
            yield name
        case ast.Call(func=func, args=[ast.Constant(value=str(name))], keywords=keywords):
            if not any(one.arg in ("default", None) for one in keywords) and _asks(func, module):
                yield name


def _asks(func: ast.expr, module: Module) -> bool:
    name = module.dotted(func)
    owner = func.value if isinstance(func, ast.Attribute) else func
    known = name in _ASKING or name in _DECOUPLE or name.startswith("environs.env.") or name == "environs.env"
    return known or module.maker(owner) in _OBJECTS


def _read_by(call: ast.Call, module: Module) -> Sequence[str]:
    """Return where a call looks for its file; nowhere if it reads none, or one that the code does not name."""
    name = module.dotted(call.func)
    if name in _DOTENV:
        return _dotenv(call, module)
    if name in _DECOUPLE:
        given = call.keywords if name.endswith("AutoConfig") else ()
        return () if given or (call.args and name.endswith("AutoConfig")) else _above(module, _DECOUPLED)
    if name in _REPOSITORIES or name in _STARLETTE:
        return _given(call, module, "env_file", "source")
    if name in _DYNACONF:
        return _above(module, (".env",)) if _is_true(keyword(call, "load_dotenv")) else ()
    if isinstance(call.func, ast.Attribute) and call.func.attr == "read_env":
        owner = module.dotted(call.func.value)
        if owner == "environs.env" or owner in _ENVIRONS or module.maker(call.func.value) in _ENVIRONS:
            return _given(call, module, "path", "env_file") or (() if call.args else _above(module, (".env",)))
    return ()


def _dotenv(call: ast.Call, module: Module) -> Sequence[str]:
    given = _first(call, "dotenv_path")
    searched = ".env" if given is None else _searched(given, module)
    if searched:  # beside the module, or above it
        return _above(module, (searched,))
    return _relative(None if given is None else literal_path(given, module))


def _given(call: ast.Call, module: Module, *keywords: str) -> Sequence[str]:
    given = _first(call, *keywords)
    return _relative(None if given is None else literal_path(given, module))


def _first(call: ast.Call, *names: str) -> ast.expr | None:
    """Return the first argument of a call, be it given by one of its names."""
    return call.args[0] if call.args else next((one.value for one in call.keywords if one.arg in names), None)


def _relative(path: str | None) -> Sequence[str]:
    return () if path is None or path.startswith("/") else (path,)


def _above(module: Module, names: Sequence[str]) -> Sequence[str]:
    """Return the paths of files of these names in a module's directory and each above it, the nearest first."""
    parts = module.directory.split("/") if module.directory else []
    return [
        posixpath.join(*parts[:length], name) if length else name
        for length in range(len(parts), -1, -1)
        for name in names
    ]


def _searched(node: ast.expr, module: Module) -> str:
    """Return the name that `find_dotenv()` looks for, "" where it is not called so."""
    if not isinstance(node, ast.Call) or module.dotted(node.func) not in _FINDERS:
        return ""
    named = _first(node, "filename")
    elsewhere = len(node.args) > 2 or keyword(node, "usecwd") is not None
    name = ".env" if named is None else named.value if isinstance(named, ast.Constant) else ""
    return name if isinstance(name, str) and not elsewhere else ""


def _of_dynaconf(call: ast.Call, module: Module, sites: Sequence[tuple[Module, Site]]) -> frozenset[str]:
    """Return the variables that settings are taken from: those that the code names, with their prefix."""
    given = keyword(call, "envvar_prefix")
    prefix = given.value if isinstance(given, ast.Constant) else "DYNACONF" if given is None else None
    if prefix not in (False, "") and not isinstance(prefix, str):
        return frozenset()
    start = f"{prefix}_" if prefix else ""
    read = (
        site.node.attr
        for other, site in sites
        if isinstance(site.node, ast.Attribute) and other.maker(site.node.value) in _DYNACONF
    )
    return frozenset(f"{start}{name}".lower() for name in read)


def _of_settings(node: ast.ClassDef, module: Module) -> Iterator[Source]:
    """Yield the files of pydantic's settings, with the variables of the fields that have no default."""
    if not any(module.dotted(base) in _SETTINGS for base in node.bases):
        return
    options = _options(node)
    file, given = options.get("env_file"), options.get("env_prefix")
    files = list(file.elts) if isinstance(file, ast.Tuple | ast.List) else [file] if file is not None else []
    prefix = given.value if isinstance(given, ast.Constant) else "" if given is None else None
    if not isinstance(prefix, str):
        return
    names = frozenset(
        name.lower() for one in node.body if isinstance(one, ast.AnnAssign) for name in _required(one, prefix)
    )
    for each in files:
        paths = _relative(literal_path(each, module))
        if paths and names:
            yield Source(module, each, tuple(paths), names)


def _options(node: ast.ClassDef) -> dict[str | None, ast.expr]:
    """Return how a class of settings is configured: by ``model_config``, or by a class ``Config`` in it."""
    for one in node.body:
        match one:
            case ast.Assign(targets=[ast.Name(id="model_config")], value=ast.Call(keywords=keywords)):
                return {given.arg: given.value for given in keywords}
            case ast.Assign(targets=[ast.Name(id="model_config")], value=ast.Dict(keys=keys, values=values)):
                pairs = zip(keys, values, strict=True)
                return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
            case ast.ClassDef(name="Config", body=body):
                named = [each for each in body if isinstance(each, ast.Assign)]
                return {each.targets[0].id: each.value for each in named if isinstance(each.targets[0], ast.Name)}
    return {}


def _required(field: ast.AnnAssign, prefix: str) -> Iterator[str]:
    """Yield the variable that a field without a default is taken from."""
    if not isinstance(field.target, ast.Name) or "ClassVar" in ast.dump(field.annotation):
        return
    value = field.value
    if value is None:
        yield f"{prefix}{field.target.id}"
    elif isinstance(value, ast.Call):
        keywords = {given.arg: given.value for given in value.keywords}
        first = value.args[0] if value.args else None
        is_given = isinstance(first, ast.Constant) and first.value is not ...
        if is_given or {"default", "default_factory", None} & set(keywords) or (first and not _is_ellipsis(first)):
            return
        alias = keywords.get("validation_alias", keywords.get("alias", keywords.get("env")))
        if alias is None:
            yield f"{prefix}{field.target.id}"
        elif isinstance(alias, ast.Constant) and isinstance(alias.value, str):
            yield alias.value


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
