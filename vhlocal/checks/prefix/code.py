"""What is known of an endpoint's code without running it, as far as the rules about the prefix have use for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.commands import commands_of, lines_of
from vhlocal.checks.hosts import host_lists
from vhlocal.checks.links import SCRIPTS, absolute_links, absolute_requests
from vhlocal.checks.modules import Modules
from vhlocal.checks.prefix.assets import relative_in
from vhlocal.checks.prefix.compared import (
    OTHER_METHODS,
    acts,
    compared_by_node,
    compared_in,
    decides,
    named_in,
    texts_of_node,
)
from vhlocal.checks.prefix.fixes import NO_FIXES, ROUTING, Fixes, is_route
from vhlocal.checks.reach import Reach
from vhlocal.checks.servers import program_of, the_server
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from vhlocal.checks.commands import Command
    from vhlocal.checks.hosts import Hosts
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Target
    from vhlocal.model import Endpoint, Package

_PAGES = (".html", ".htm", ".jinja", ".jinja2", ".j2")
#: Pages above this, in bytes, are not looked through.
_LONGEST_PAGE = 1024 * 1024
_APPS = {
    "flask.Flask",
    "fastapi.FastAPI",
    "fastapi.applications.FastAPI",
    "starlette.applications.Starlette",
    "django.core.wsgi.get_wsgi_application",
    "django.core.asgi.get_asgi_application",
    "quart.Quart",
    "litestar.Litestar",
    "bottle.Bottle",
    "falcon.App",
    "falcon.asgi.App",
}
#: Frameworks whose apps are of WSGI or ASGI.
_SERVED = ("Flask", "Django", "FastAPI", "WSGI")
#: Frameworks whose apps see the whole path of a request, even where they know which part of it is the prefix.
_WHOLE = ("", "FastAPI", "Sanic", "Tornado", "aiohttp")
_RUN = "uvicorn.run"
#: Programs that look for what makes the app, and the names that they look for, in that order.
_LOOKING = ("flask", "quart")
_APP_NAMES = ("app", "application", "create_app", "make_app")
#: How the calls are named that start a server and do not return.
_STARTS = ("run", "run_simple", "serve", "serve_forever")

_SOCKET_ROUTING = {"websocket", "websocket_route", "add_api_websocket_route", "add_websocket_route", "WebSocketRoute"}
#: The WebSockets that frameworks have of themselves.
_SOCKETS = {"Streamlit": ("/_stcore/stream",)}
_MOST_SOCKETS = 2
_DJANGO_ROUTING = {"django.urls.path"}
#: Arguments that put a path before every route of a part of the app.
_PREFIXES = {"prefix", "url_prefix"}
#: Calls that put a path before every route of another app.
_MOUNTING = {"Mount", "mount"}
#: What builds URLs, by its last word.
_BUILDING = {"url_for", "url_path_for", "reverse"}
#: What a page names in quotes: what it extends, includes, or has for a script.
_NAMED_BY_PAGES = re.compile(r"[\"'`]([^\"'`\s<>]+)[\"'`]")
_PARAMETER = re.compile(r"\{[^{}/]*\}|<[^<>/]*>|(?<=/):\w+")
_METHOD = re.compile(r"\*|[A-Za-z]+")
#: What takes the method before the path; `args.get("next", "/home")` does not.
_METHOD_FIRST = {"add_route", "route"}
#: Routes that are asked for where an app is not at its root.
_MOST_ROUTES = 4


@dataclass(frozen=True)
class Code:
    """What is known of an endpoint's code; a place is None where there is no such thing.

    ``started`` is the line of ``wsgi`` or of the command that serves, ``server`` that command's program, "" if that is
    no known server. ``made`` is where the app is made, ``root_path`` where the server is given a root path, ``hosts``
    which hosts it answers to. ``routes`` are the paths of its routes, ``texts`` where the code has paths written out,
    and ``leading`` where it and its pages link to paths, those that its code names first. ``target`` is the app's name
    for ``wsgi``, "" if that is not known, and ``starts`` where its module starts a server whenever it is imported.
    ``written`` are those of ``leading`` that the code itself has, those first to which it redirects; pages in
    ``doubtful`` may be another endpoint's. ``fixes`` are changes to its own lines. ``builds_urls`` is whether its
    framework builds URLs for it, and ``strips`` is where it takes something from a WSGI request's path without noting
    that as ``SCRIPT_NAME``. ``compared`` are those of ``routes`` that the code compares a request's path with by hand.
    """

    started: Place
    framework: str = ""
    server: str = ""
    made: Place | None = None
    root_path: Place | None = None
    own_root_path: Place | None = None
    hosts: Hosts | None = None
    routes: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    texts: tuple[tuple[str, Place], ...] = ()
    leading: tuple[tuple[str, Place], ...] = ()
    written: tuple[tuple[str, Place], ...] = ()
    doubtful: frozenset[Path] = frozenset()
    target: str = ""
    starts: Place | None = None
    fixes: Fixes = NO_FIXES
    builds_urls: bool = False
    strips: Place | None = None
    compared: tuple[str, ...] = ()

    @property
    def by_wsgi(self) -> str:
        """What to write so that ``wsgi`` serves the app, in the project's own words as far as they are known."""
        guard = ""
        if self.starts is not None:
            guard = f', and put {_shown(self.starts)} under `if __name__ == "__main__":`'
        return f"write `wsgi: {self.target or 'MODULE:NAME'}` instead of the command at {_shown(self.started)}{guard}"

    @property
    def may_be_served(self) -> bool:
        """Whether it surely has an app that ``wsgi`` can serve, be it that nobody knows by what name."""
        return bool(self.target) or self.made is not None or self.framework in _SERVED

    def sees_whole(self, path: str) -> bool:
        """Tell whether the code compares the request's whole path with this one, however its framework is served."""
        return path in self.compared and self.framework in _WHOLE

    @property
    def app(self) -> Place:
        """Where the app is made, or else where it is started."""
        return self.made or self.started

    def writes(self, path: str) -> bool:
        """Tell whether a line of the code writes out a path, and not as that of a route."""
        return any(text == path for text, _ in self.written)

    def place_of(self, path: str) -> Place:
        """Return the line where a path is written out, or else where the app is made."""
        return next((place for text, place in (*self.texts, *self.leading) if text == path), self.app)

    def place_leading_to(self, path: str) -> Place:
        """Return the line that leads to a path, and not the one of its route, or else where the app is made."""
        places = [place for text, place in self.leading if text == path]
        sure = [place for place in places if place.file not in self.doubtful]
        if not sure and len({place.file for place in places}) == 1:
            return places[0]
        return sure[0] if sure else self.place_written(path)

    def place_written(self, path: str) -> Place:
        """Return the line of the code, and of no page, that leads to a path; or else its route's, or the app's."""
        return next((place for text, place in (*self.written, *self.texts) if text == path), self.app)


def read_code(endpoint: Endpoint, package: Package) -> Code:
    """Read an endpoint's code, as far as it can be read."""
    key = "wsgi" if endpoint.server_command is None else "server-command"
    place = endpoint.place(key) or Place(package.directory / "valohai.yaml")
    found = commands_of(endpoint)
    reach = Reach(endpoint, found, Modules(package))
    command = the_server(found)
    calls = [(module, call, module.dotted(call.func)) for module, _, call in reach.calls]
    runs = next(((module, call) for module, call, name in calls if name == _RUN), None)
    target, start = _by_wsgi(reach)
    fixes = Fixes(reach, command, target, start)
    script, lines = fixes.node_script if reach.framework == "Node" else (Path(), ())
    pages, named = _pages(reach, package)
    written = tuple(_leading(reach))
    given = (*_own_routes(reach), *_routes(calls, endpoint.name), *named_in(reach))
    by_hand = compared_by_node(lines) if reach.framework == "Node" else compared_in(reach)
    compared = tuple(path for path in dict.fromkeys(by_hand) if path not in given)
    return Code(
        started=place if command is None else command.place,
        framework=reach.framework,
        server="uvicorn" if runs is not None else _server(command),
        made=next((module.place(call) for module, call, name in calls if name in _APPS), None),
        root_path=_root_path(command, runs),
        own_root_path=next(_own_root_paths(calls), None),
        hosts=next(host_lists(reach), None),
        routes=tuple(dict.fromkeys((*given, *compared)))[:_MOST_ROUTES],
        sockets=(*_SOCKETS.get(reach.framework, ()), *dict.fromkeys(_sockets(calls, endpoint.name)))[:_MOST_SOCKETS],
        texts=(
            *((text, module.place(site.node)) for module, site, text in reach.texts if text.startswith("/")),
            *((text, Place(script, line)) for line, text in texts_of_node(lines)),
        ),
        leading=(*_links(reach, pages), *written),
        written=written,
        doubtful=frozenset(file for file in pages if file not in named),
        target=target,
        starts=None if start is None else start[0].place(start[1]),
        fixes=fixes,
        compared=compared,
        builds_urls=any(name.rpartition(".")[2] in _BUILDING for _, _, name in calls),
        strips=_strips(reach),
    )


def _strips(reach: Reach) -> Place | None:
    """Return where `PATH_INFO` is set, None where nothing does or `SCRIPT_NAME` is set as well."""
    found: dict[str, Place] = {}
    for module, site in reach.sites:
        match site.node:
            case ast.Subscript(slice=ast.Constant(value="PATH_INFO" | "SCRIPT_NAME" as name), ctx=ast.Store()):
                found.setdefault(name, module.place(site.node))
    return None if "SCRIPT_NAME" in found else found.get("PATH_INFO")


def _by_wsgi(reach: Reach) -> tuple[str, tuple[Module, ast.Call] | None]:
    """Return what ``wsgi`` would name the app by, and the call by which its module serves when it is imported.

    The app is what the command names, or else what one of the topmost modules makes and gives a name.
    """
    named = next((target for target in reach.targets if target.module and target.attribute), None)
    if named is not None:
        return f"{named.module}:{_made_by(named, reach)}", None
    for module, site, call in reach.calls:
        match site.parent:
            case ast.Assign(targets=[ast.Name(id=name)]) if not site.where.function and "/" not in module.path:
                if module.dotted(call.func) in _APPS:
                    return f"{module.path.removesuffix('.py')}:{name}", _start(reach, module)
    return "", None


def _made_by(named: Target, reach: Reach) -> str:
    """Return what of its module makes the app, which `wsgi` does not look for: a factory has to be called (R4)."""
    module = next((item.module for item in reach.reached if item.module.is_named(named.module)), None)
    made = f"{named.attribute}{named.call}"
    if module is None or named.call or not any(command.program in _LOOKING for command in reach.commands):
        return made
    names = (named.attribute, *(_APP_NAMES if named.attribute == _APP_NAMES[0] else ()))
    return next((f"{name}{'()' if name in module.functions else ''}" for name in names if name in module.own), made)


def _start(reach: Reach, inside: Module) -> tuple[Module, ast.Call] | None:
    for module, site, call in reach.calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if module is inside and name in _STARTS and not (site.where.function or site.where.main):
            return module, call
    return None


def _shown(place: Place) -> str:
    return place.file.name if place.line is None else f"{place.file.name}:{place.line}"


def _server(command: Command | None) -> str:
    return "" if command is None or program_of(command) is None else command.program


def _root_path(command: Command | None, runs: tuple[Module, ast.Call] | None) -> Place | None:
    if command is not None and command.values("--root-path"):
        return command.place
    if runs is None:
        return None
    module, call = runs
    return next((module.place(call) for keyword in call.keywords if keyword.arg == "root_path"), None)


def _own_root_paths(calls: Iterable[tuple[Module, ast.Call, str]]) -> Iterator[Place]:
    for module, call, name in calls:
        if name in _APPS:
            yield from (module.place(keyword.value) for keyword in call.keywords if keyword.arg == "root_path")


def _routes(calls: Sequence[tuple[Module, ast.Call, str]], endpoint: str) -> Iterator[str]:
    """Yield the paths of an app's routes, those first that are below what is put before all routes of a part.

    Of what has the prefix in it, the rest. Last come those that are below a mounted app, if they are that app's.
    """
    found = [
        route
        for module, call, name in calls
        if (route := _route(module, call, name)) is not None and not (_takes_get(call, name) and acts(route))
    ]
    keywords = (keyword for _, call, _ in calls for keyword in call.keywords if keyword.arg in _PREFIXES)
    starts = list(dict.fromkeys(filter(None, (_path(keyword.value) for keyword in keywords))))
    mounts = filter(
        None, (_path(call.args[0]) for _, call, name in calls if call.args and _word(call, name) in _MOUNTING)
    )
    mounted = [mount.rstrip("/") + route for mount in dict.fromkeys(mounts) for route in found]
    for path in (*(start.rstrip("/") + route for start in starts for route in found), *found, *mounted):
        below = _below_prefix(path, endpoint)
        if len(below) > 1:
            yield _PARAMETER.sub("1", below)


def _own_routes(reach: Reach) -> Iterator[str]:
    """Yield LitServe's own route, or the last part of the path that the code sets instead."""
    if reach.framework == "LitServe":
        paths = (keyword.value for _, _, call in reach.calls for keyword in call.keywords if keyword.arg == "api_path")
        value = next(paths, None)
        last = value.right if isinstance(value, ast.BinOp) else value
        yield "/predict" if last is None else _path(last) or "/predict"


def _below_prefix(route: str, endpoint: str) -> str:
    """Return a route without the prefix that it begins with, be it as parameters (P1), and else as it is."""
    *before, name = segments = route.split("/")[1:6]
    if len(segments) < 5 or not any(map(_PARAMETER.search, before)):
        return route
    is_name = name == endpoint or _PARAMETER.fullmatch(name) is not None
    return route[len("/".join(["", *segments])) :] if is_name else route


def _sockets(calls: Iterable[tuple[Module, ast.Call, str]], endpoint: str) -> Iterator[str]:
    """Yield the paths of WebSockets: what FastAPI and Starlette have by decorators, methods and classes."""
    for module, call, name in calls:
        route = _route(module, call, name) if _word(call, name) in _SOCKET_ROUTING else None
        if route is not None:
            yield _PARAMETER.sub("1", _below_prefix(route, endpoint))


def _word(call: ast.Call, name: str) -> str:
    """Return the last word of what is called."""
    return name.rpartition(".")[2] or getattr(call.func, "attr", "")


def _route(module: Module, call: ast.Call, name: str) -> str | None:
    word = _word(call, name)
    if word not in ROUTING and name not in _DJANGO_ROUTING:
        return None
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in ("path", "rule"))]
    if word == "add_resource" or _method_first(call) is not None:  # of Flask-RESTful: the class comes first
        given = call.args[1:2]
    path = _path(given[0], "/" if name in _DJANGO_ROUTING else "") if given else None
    if path is None or len(path) < 2 or not path.isascii() or not path.isprintable() or " " in path:
        return None
    return path


def _method_first(call: ast.Call) -> ast.expr | None:
    """Return the method where it comes before the path: `router.add_route("POST", "/predict", predict)` of aiohttp."""
    is_adding = (getattr(call.func, "attr", "") or getattr(call.func, "id", "")) in _METHOD_FIRST
    match call.args:
        case [ast.Constant(value=str(method)) as first, ast.Constant(value=str(path)), *_] if is_adding:
            return first if _METHOD.fullmatch(method) and path.startswith("/") else None
    return None


def _takes_get(call: ast.Call, name: str) -> bool:
    keywords = (keyword.value for keyword in call.keywords if keyword.arg in ("methods", "method"))
    given = next(keywords, None) or _method_first(call)
    methods = given.elts if isinstance(given, ast.List | ast.Tuple | ast.Set) else [given]
    if given is not None:  # frameworks take `get` as well
        return any(not isinstance(one, ast.Constant) or str(one.value).upper() in ("GET", "*") for one in methods)
    return _word(call, name).removeprefix("add_") not in OTHER_METHODS


def _path(node: ast.expr, start: str = "") -> str | None:
    text = node.value if isinstance(node, ast.Constant) else None
    path = start + text if isinstance(text, str) else ""
    return path if path.startswith("/") else None


def _pages(reach: Reach, package: Package) -> tuple[Mapping[Path, str], Collection[Path]]:
    """Return the texts of the project's pages and scripts, and which of them are surely the endpoint's.

    Those come first: the code names them, or a page does which it names.
    """
    texts = {
        file.source: "\n".join(lines_of(file.source))
        for path, file in package.files.items()
        if path.endswith((*_PAGES, *SCRIPTS)) and file.size <= _LONGEST_PAGE and "node_modules/" not in path
    }
    names = {text.rpartition("/")[2] for _, _, text in reach.texts}
    named = {file for file in texts if file.name in names}
    waiting = list(named)
    while waiting:
        spoken = {text.rpartition("/")[2] for text in _NAMED_BY_PAGES.findall(texts[waiting.pop()])}
        found = {file for file in texts.keys() - named if file.name in spoken}
        named |= found
        waiting += found
    return {file: texts[file] for file in sorted(texts, key=lambda file: file not in named)}, named


def _links(reach: Reach, pages: Mapping[Path, str]) -> Iterator[tuple[str, Place]]:
    """Yield the links of the pages: of those first that the code writes, and that it names."""
    for module, site, text in reach.texts:
        if "<" in text:
            links = (*absolute_links(text), *relative_in(text))
            yield from ((link, module.place_in_text(site.node, line)) for line, link in links)
    for file, text in pages.items():
        in_script = file.name.endswith(SCRIPTS)
        of_file = list(absolute_requests(text)) if in_script else [*absolute_links(text), *relative_in(text)]
        yield from ((link, Place(file, line)) for line, link in of_file)


def _leading(reach: Reach) -> Iterator[tuple[str, Place]]:
    """Yield the paths that the code has written out, but for those of its routes; first those to which it redirects."""
    redirects = (call for module, _, call in reach.calls if "redirect" in _word(call, module.dotted(call.func)).lower())
    sent = {node for call in redirects for node in (*call.args, *(keyword.value for keyword in call.keywords))}
    for module, site, text in sorted(reach.texts, key=lambda item: item[1].node not in sent):
        is_of_route = isinstance(site.parent, ast.Call) and is_route(site.parent)
        if text.startswith("/") and not (is_of_route or decides(site)):
            yield text, module.place(site.node)
