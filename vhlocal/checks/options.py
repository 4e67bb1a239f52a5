"""The options that a script reads with argparse, click or Typer: what they are if the command gives none."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.modules import keyword

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.checks.modules import Module

#: What an option may be given besides its names, so that it is its default unless the command gives it.
_PLAIN = {"type", "default", "help", "metavar", "dest", "choices"}


#: The same of click's and Typer's options: with another, a variable or a question may set them.
_OF_CLICK = {"type", "default", "help", "metavar", "show_default", "required", "min", "max", "rich_help_panel"}
#: With these all options of a click command have other defaults, or come from variables.
_OTHERWISE = {"default_map", "auto_envvar_prefix", "context_settings", "envvar"}
_HOW_CALLED = {"standalone_mode", "prog_name"}
_OPTION = "typer.Option"


def default_of(node: ast.expr, module: Module, arguments: Sequence[str]) -> ast.expr | None:
    """Return the default of the option behind ``args.host``, or a command's ``host``; None where it is not certain.

    It is not certain if the command's ``arguments`` may set it, or if the module's parser has several such options.
    """
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return _of_parser(name, attribute, module, arguments)
        case ast.Name():
            return _of_command(node, module, arguments)
    return None


def _of_parser(name: str, attribute: str, module: Module, arguments: Sequence[str]) -> ast.expr | None:
    """Return the default of argparse's option behind the attribute of a name."""
    parsed = module.bound_once.get(name)
    match parsed:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=parser), attr="parse_args"), args=[], keywords=[]):
            made = module.bound_once.get(parser)
        case _:
            return None
    if not isinstance(made, ast.Call) or module.dotted(made.func) != "argparse.ArgumentParser":
        return None
    calls = [site.node for site in module.sites if isinstance(site.node, ast.Call)]
    methods = [call.func.attr for call in calls if isinstance(call.func, ast.Attribute)]
    options = [call for call in calls if _is_option(call, attribute)]
    if "set_defaults" in methods or len(options) != 1 or any(one.arg not in _PLAIN for one in options[0].keywords):
        return None
    names = list(_names(options[0]))
    return None if any(_may_be(word, names) for word in arguments) else keyword(options[0], "default")


def _of_command(node: ast.Name, module: Module, arguments: Sequence[str]) -> ast.expr | None:
    """Return the default of the option that gives a parameter of a function, which click or Typer makes a command."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    around = [site.node for site in module.sites if isinstance(site.node, kinds) and node in ast.walk(site.node)]
    made = around[0] if len(around) == 1 else None
    if not isinstance(made, ast.FunctionDef) or _is_rebound(node.id, made):
        return None
    calls = [site.node for site in module.sites if isinstance(site.node, ast.Call)]
    by = _by(made, module, calls)
    if not by or any(_gives(call, (made.name, by[1])) for call in calls):
        return None
    option = _of_click(node.id, made, module) if by[0] == "click" else _of_typer(node.id, made, module)
    if option is None or any(_may_be(word, option[1]) for word in arguments):
        return None
    return option[0]


def _is_rebound(name: str, made: ast.FunctionDef) -> bool:
    nodes = (node for node in ast.walk(made) if isinstance(node, ast.Name) and node.id == name)
    return any(not isinstance(node.ctx, ast.Load) for node in nodes)


def _by(made: ast.FunctionDef, module: Module, calls: Sequence[ast.Call]) -> tuple[str, str]:
    """Return which library makes a function a command, and what is called to run it; "" for none."""
    for decorator in made.decorator_list:
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        if module.dotted(func) == "click.command":
            return "click", made.name
        match func:
            case ast.Attribute(value=ast.Name(id=group), attr="command"):
                if module.maker(func.value) == "typer.Typer":
                    return "typer", group
                if group in module.functions and "click.group" in _decorating(group, module):
                    return "click", group
    runs = (call.args for call in calls if module.dotted(call.func) == "typer.run")
    is_run = any(len(given) == 1 and getattr(given[0], "id", "") == made.name for given in runs)
    return ("typer", made.name) if is_run and not made.decorator_list else ("", "")


def _decorating(name: str, module: Module) -> Iterator[str]:
    for site in module.sites:
        if isinstance(site.node, ast.FunctionDef) and site.node.name == name:
            for one in site.node.decorator_list:
                yield module.dotted(one.func if isinstance(one, ast.Call) else one)


def _gives(call: ast.Call, names: Sequence[str]) -> bool:
    """Tell whether a call gives a command its options itself, or has all options come from elsewhere."""
    given = {one.arg for one in call.keywords}
    if not given.isdisjoint(_OTHERWISE):
        return True
    return getattr(call.func, "id", "") in names and bool(call.args or given - _HOW_CALLED)


def _of_click(name: str, made: ast.FunctionDef, module: Module) -> tuple[ast.expr, list[str]] | None:
    """Return an option's default and its names."""
    calls = [one for one in made.decorator_list if isinstance(one, ast.Call)]
    options = [one for one in calls if module.dotted(one.func) == "click.option" and _parameter(one) == name]
    if len(options) != 1 or any(one.arg not in _OF_CLICK for one in options[0].keywords):
        return None
    default = keyword(options[0], "default")
    return None if default is None else (default, list(_names(options[0])))


def _parameter(option: ast.Call) -> str:
    """Return which parameter an option gives: the one that it names, or its first long name."""
    names = list(_names(option))
    own = next((name for name in names if name.isidentifier()), "")
    first = next((name for name in names if name.startswith("--")), names[0] if names else "")
    return own or first.partition("/")[0].lstrip("-").replace("-", "_").lower()


def _of_typer(name: str, made: ast.FunctionDef, module: Module) -> tuple[ast.expr, list[str]] | None:
    """Return the same of a parameter with a default."""
    given = made.args
    positional = given.args[len(given.args) - len(given.defaults) :]
    pairs = [*zip(positional, given.defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    parameter, default = next(((one, value) for one, value in pairs if one.arg == name), (None, None))
    if parameter is None or default is None:
        return None
    annotated = [] if parameter.annotation is None else list(ast.walk(parameter.annotation))
    calls = [node for node in [*annotated, default] if isinstance(node, ast.Call)]
    if any(module.dotted(one.func) != _OPTION or any(k.arg not in _OF_CLICK for k in one.keywords) for one in calls):
        return None
    if isinstance(default, ast.Call):
        default = default.args[0] if default.args else keyword(default, "default")
    names = [word for call in calls for word in _names(call) if word.startswith("-")]
    return None if default is None else (default, names or [f"--{name.replace('_', '-')}"])


def _is_option(call: ast.Call, attribute: str) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "add_argument":
        return False
    names = list(_names(call))
    dest = keyword(call, "dest")
    if isinstance(dest, ast.Constant):
        return dest.value == attribute
    first = next((name for name in names if name.startswith("--")), names[0] if names else "")
    return first.lstrip("-").replace("-", "_") == attribute


def _names(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def _may_be(word: str, names: Sequence[str]) -> bool:
    """Tell whether a word gives an option: by its name, or by the beginning of it."""
    given = word.partition("=")[0]
    if not word.startswith("-") or given in ("-", "--"):
        return "$" in word  # which may stand for several words
    long = given.startswith("--")
    return any(name.startswith(given) if long else name == given[: len(name)] for name in names)
