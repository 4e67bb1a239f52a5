"""The options that a script reads from its command with argparse: what they are if the command gives none."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.modules import keyword

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.checks.modules import Module

#: What an option may be given besides its names, so that it is its default unless the command gives it.
_PLAIN = {"type", "default", "help", "metavar", "dest", "choices"}


def default_of(node: ast.expr, module: Module, arguments: Sequence[str]) -> ast.expr | None:
    """Return the default of the option behind a value such as ``args.host``; None where that is not certain.

    It is not certain if the command's ``arguments`` may set it, or if the module's parser has several such options.
    """
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            parsed = module.bound_once.get(name)
        case _:
            return None
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
