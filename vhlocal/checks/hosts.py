"""The hosts that an app answers to, as far as its code has them written out (K9)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.modules import keyword
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach
    from vhlocal.model import Place

DJANGO = "ALLOWED_HOSTS"
_FLASK = "TRUSTED_HOSTS"
_MIDDLEWARE = "TrustedHostMiddleware"
#: What names the machine itself, or the client of a framework's tests.
_LOCAL = {"localhost", ".localhost", "*.localhost", "::1", "[::1]", "0.0.0.0", "testserver"}


@dataclass(frozen=True)
class Hosts:
    """One list of hosts: its ``names``, None where not all of them are written out; no name at all lets nobody in.

    ``setting`` is by what the list is known, ``sure`` whether it counts without any condition.
    """

    setting: str
    place: Place
    names: tuple[str, ...] | None
    sure: bool

    @property
    def is_local(self) -> bool:
        """Whether it surely has no host but those of a machine itself."""
        return self.names is not None and all(map(is_local, self.names))

    @property
    def others(self) -> tuple[str, ...]:
        """The hosts of no machine itself: for a pattern, one that it fits."""
        others = (name for name in self.names or () if name != "*" and not is_local(name))
        return tuple(f"vhlocal{name.lstrip('*')}" if name.startswith((".", "*.")) else name for name in others)


def host_lists(reach: Reach) -> Iterator[Hosts]:
    """Yield the lists that an endpoint's code has: Django's, Starlette's and Flask's."""
    for item in reach.reached:
        node = item.module.constants.get(DJANGO)
        if node is not None:
            yield Hosts(DJANGO, item.module.place(node), _names(node, item.module), sure=not item.module.stars)
    for module, site in reach.sites:
        match site.node:
            case ast.Call():
                yield from _of_call(module, site, site.node)
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=key))], value=value) if key == _FLASK:
                yield Hosts(_FLASK, module.place(site.node), _names(value, module), sure=False)


def _of_call(module: Module, site: Site, call: ast.Call) -> Iterator[Hosts]:
    if any(module.dotted(node).endswith(f".{_MIDDLEWARE}") for node in [*call.args, call.func]):
        given = keyword(call, "allowed_hosts")
        names = None if given is None else _names(given, module)
        yield Hosts(_MIDDLEWARE, module.place(call), names, site.is_sure)
    for option in call.keywords:
        if option.arg == _FLASK:  # of `app.config.update`; Flask before 3.1 does not heed it
            yield Hosts(_FLASK, module.place(option.value), _names(option.value, module), sure=False)


def _names(node: ast.expr, module: Module) -> tuple[str, ...] | None:
    if isinstance(node, ast.Name):
        bound = module.constants.get(node.id)
        return None if bound is None or isinstance(bound, ast.Name) else _names(bound, module)
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    texts = [item.value for item in node.elts if isinstance(item, ast.Constant)]
    names = tuple(text.strip().lower() for text in texts if isinstance(text, str))
    return names if len(names) == len(node.elts) else None


def is_local(name: str) -> bool:
    """Tell whether a host is a name of the machine itself."""
    return name in _LOCAL or name.startswith("127.")
