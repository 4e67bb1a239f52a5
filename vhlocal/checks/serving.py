"""Servers that code starts itself, such as ``app.run()``: where they listen, and whether they debug (R1, R3)."""

from __future__ import annotations

import ast
from dataclasses import field, replace
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.edits import with_import, with_keyword, written
from vhlocal.checks.options import default_of
from vhlocal.checks.servers import LOOPBACK, the_server
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.model import Place


@dataclass(frozen=True)
class Starter:
    """A call that serves: the names and positions of its arguments, and what it takes without them.

    ``variables`` may set its address too, ``unless`` the arguments with which it listens otherwise; ``name`` is what
    the user calls it.
    """

    name: str
    host: str
    port: int
    host_keyword: str = "host"
    port_keyword: str = "port"
    host_index: int | None = None
    port_index: int | None = None
    debug: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


_UVICORN = Starter("uvicorn.run", "127.0.0.1", 8000, debug=("reload",), unless=("uds", "fd"))
_BOTTLE = Starter("run", "127.0.0.1", 8080, host_index=2, port_index=3, debug=("reloader", "debug"), unless=("server",))
_TORNADO = Starter("listen", "", 0, "address", "port", 1, 0)
#: By the function's full name.
_FUNCTIONS: Mapping[str, Starter] = {
    "aiohttp.web.run_app": Starter("web.run_app", "0.0.0.0", 8080, unless=("path", "sock")),
    "bottle.run": _BOTTLE,
    "uvicorn.run": _UVICORN,
    "uvicorn.Config": replace(_UVICORN, name="uvicorn.Config", host_index=1, port_index=2),
    "waitress.serve": Starter("waitress.serve", "0.0.0.0", 8080, unless=("listen", "sockets", "unix_socket")),
    "wsgiref.simple_server.make_server": Starter("make_server", "", 0, host_index=0, port_index=1),
    "werkzeug.serving.run_simple": Starter(
        "run_simple",
        "",
        0,
        "hostname",
        "port",
        0,
        1,
        debug=("use_debugger", "use_reloader"),
    ),
}
#: By what made the object whose method it is.
_METHODS: Mapping[tuple[str, str], Starter] = {
    ("flask.Flask", "run"): Starter("app.run", "127.0.0.1", 5000, host_index=0, port_index=1, debug=("debug",)),
    ("bottle.Bottle", "run"): replace(_BOTTLE, host_index=None, port_index=None),
    ("quart.Quart", "run"): Starter("app.run", "127.0.0.1", 5000, host_index=0, port_index=1),
    ("sanic.Sanic", "run"): Starter(
        "app.run",
        "127.0.0.1",
        8000,
        host_index=0,
        port_index=1,
        debug=("debug", "auto_reload", "dev"),
        unless=("sock", "unix"),
    ),
    ("flask_socketio.SocketIO", "run"): Starter(
        "socketio.run", "127.0.0.1", 5000, host_index=1, port_index=2, debug=("debug", "use_reloader")
    ),
    ("tornado.web.Application", "listen"): _TORNADO,
    ("tornado.httpserver.HTTPServer", "listen"): _TORNADO,
    ("dash.Dash", "run"): Starter("app.run", "127.0.0.1", 8050, debug=("debug",), variables=("HOST", "PORT")),
    ("dash.Dash", "run_server"): Starter(
        "app.run_server", "127.0.0.1", 8050, debug=("debug",), variables=("HOST", "PORT")
    ),
    ("gradio.Interface", "launch"): Starter(
        "launch",
        "127.0.0.1",
        7860,
        "server_name",
        "server_port",
        variables=("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"),
    ),
    ("gradio.Blocks", "launch"): Starter(
        "launch",
        "127.0.0.1",
        7860,
        "server_name",
        "server_port",
        variables=("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"),
    ),
}
#: Classes of the standard library whose first argument is (host, port).
_ADDRESSED = (
    *("http.server.HTTPServer", "http.server.ThreadingHTTPServer"),
    *("socketserver.TCPServer", "socketserver.ThreadingTCPServer", "xmlrpc.server.SimpleXMLRPCServer"),
    *("gevent.pywsgi.WSGIServer", "cheroot.wsgi.Server", "cheroot.wsgi.WSGIServer"),
)


@dataclass(frozen=True)
class Serving:
    """One call that serves. ``host`` and ``port`` are None if they are not written out.

    ``debug`` is the debug option that is on. ``call`` is the call, in ``module``; ``starter`` how it takes
    host and port, None if as one pair. ``defaults`` are the defaults of the script's options for host and port.
    """

    name: str
    place: Place
    host: str | None
    port: int | None
    host_given: bool
    port_given: bool
    module: Module
    call: ast.Call
    starter: Starter | None = None
    debug: str | None = None
    defaults: Mapping[str, ast.expr] = field(default_factory=dict)

    @property
    def on_every_address(self) -> Edits:
        """The edit that lets it listen on every address."""
        return self._set("host", '"0.0.0.0"')

    @property
    def on_the_port(self) -> Edits:
        """The edit that lets it listen on the endpoint's port."""
        return with_import(self.module, self._set("port", 'int(os.environ["VALOHAI_PORT"])'), "import os")

    def _set(self, what: str, value: str) -> Edits:
        if what in self.defaults:
            return written(self.module, self.defaults[what], value)
        starter, address = self.starter, self.call.args[0] if self.call.args else None
        if starter is None:
            return written(self.module, address.elts[what == "port"], value) if isinstance(address, ast.Tuple) else ()
        keyword, index = (
            (starter.host_keyword, starter.host_index) if what == "host" else (starter.port_keyword, starter.port_index)
        )
        given = _argument(self.call, keyword, index)
        return (
            with_keyword(self.module, self.call, keyword, value)
            if given is None
            else written(self.module, given, value)
        )

    def is_loopback(self) -> bool:
        """Tell whether only the server's own container reaches it (R3)."""
        return self.host in LOOPBACK


def servings(reach: Reach, variables: Mapping[str, str]) -> tuple[Serving, ...]:
    """Return the servers that the code of a ``server-command`` starts; none for ``wsgi``, which never does."""
    command = the_server(reach.commands)
    if command is None or not any(item.script for item in reach.reached):
        return ()
    known = {**variables, **exported(reach.commands)}
    return tuple(
        serving
        for module, site, call in reach.calls
        if not (site.where.branch or site.where.fallback)
        and (serving := _serving(call, module, known, command.arguments)) is not None
    )


def _serving(call: ast.Call, module: Module, variables: Mapping[str, str], arguments: Sequence[str]) -> Serving | None:
    name = module.dotted(call.func)
    if name in _ADDRESSED or _is_addressed(call, module):
        return _addressed(call, module)
    starter = _FUNCTIONS.get(name)
    if starter is None and isinstance(call.func, ast.Attribute):
        starter = _METHODS.get((module.maker(call.func.value), call.func.attr))
    open_keywords = () if starter is None else (None, *starter.unless)
    open_ended = any(keyword.arg in open_keywords for keyword in call.keywords)
    if starter is None or open_ended or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    moved = any(variable in variables for variable in starter.variables)
    host = _argument(call, starter.host_keyword, starter.host_index)
    port = _argument(call, starter.port_keyword, starter.port_index)
    given = {"host": host, "port": port}
    defaults = {
        what: default
        for what, node in given.items()
        if node is not None and (default := default_of(node, module, arguments)) is not None
    }
    host, port = defaults.get("host", host), defaults.get("port", port)
    return Serving(
        starter.name,
        module.place(call),
        _text(_given_value("HOST", host, module, variables)) if host else None if moved else starter.host,
        _number(_given_value("PORT", port, module, variables)) if port else None if moved else starter.port or None,
        host is not None,
        port is not None,
        module,
        call,
        starter,
        next(_debug(call, starter, module), None),
        defaults,
    )


def _is_addressed(call: ast.Call, module: Module) -> bool:
    """Tell whether a class of the module's own is called that is such a server, and made as it is."""
    made = module.classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if made is None or any(getattr(node, "name", "") == "__init__" for node in made.body):
        return False
    return any(module.dotted(base) in _ADDRESSED for base in made.bases)


def _addressed(call: ast.Call, module: Module) -> Serving | None:
    address = call.args[0] if call.args else None
    if isinstance(address, ast.Name):
        address = module.constants.get(address.id)
    if not isinstance(address, ast.Tuple) or len(address.elts) != 2:
        return None
    host, port = (_value(element, module) for element in address.elts)
    name = module.dotted(call.func).rpartition(".")[2]
    place = module.place(call)
    return Serving(name, place, _text(host), _number(port), host_given=True, port_given=True, module=module, call=call)


def _argument(call: ast.Call, keyword: str, index: int | None) -> ast.expr | None:
    for given in call.keywords:
        if given.arg == keyword:
            return given.value
    return call.args[index] if index is not None and index < len(call.args) else None


def _debug(call: ast.Call, starter: Starter, module: Module) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg in starter.debug and _value(keyword.value, module) is True:
            yield f"{keyword.arg}=True"


def _value(node: ast.expr, module: Module) -> object:
    """Return what is written out, be it under a name that the module binds once; else None."""
    if isinstance(node, ast.Name):
        bound = module.constants.get(node.id)
        return bound.value if isinstance(bound, ast.Constant) else None
    return node.value if isinstance(node, ast.Constant) else None


def _given_value(name: str, node: ast.expr, module: Module, variables: Collection[str]) -> object:
    """Return what `name` or a literal gives: `os.environ.get("PORT", 5000)` is 5000 where nothing sets `PORT`."""
    match node:
        case ast.Name(id=bound) if bound in module.constants and not isinstance(module.constants[bound], ast.Constant):
            return _given_value(name, module.constants[bound], module, variables)
        case ast.Call(args=[given]) if module.dotted(node.func) == "int":
            value = _given_value(name, given, module, variables)
            return int(value) if isinstance(value, str) and value.isdecimal() else value
        case ast.Call(args=[ast.Constant(value=asked), ast.Constant(value=value)]) if asked == name not in variables:
            return value if module.dotted(node.func) in ("os.environ.get", "os.getenv") else None
    return _value(node, module)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
