"""What to write in an endpoint's own lines so that it answers below every prefix, or below its own alone."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.commands import lines_of, node_script
from vhlocal.checks.edits import (
    Edits,
    added,
    after_program,
    in_line,
    served_by_wsgi,
    together,
    with_import,
    with_keyword,
    with_keywords,
    without_keyword,
    written,
)
from vhlocal.checks.prefix.settings import NODE
from vhlocal.checks.request_prefix import based, prefix_of, prefixed
from vhlocal.findings import Edit
from vhlocal.model import Place
from vhlocal.regular import text_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module, Site
    from vhlocal.checks.reach import Reach

#: The last words of what gives an app a route: decorators, methods of apps and routers, and classes of routes.
ROUTING = {
    *("get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket", "expose"),
    *("add_url_rule", "add_route", "add_api_route", "add_websocket_route", "add_resource", "Route", "WebSocketRoute"),
    *("add_get", "add_post", "add_put", "add_patch", "add_delete", "add_head", "add_view"),
    *("websocket_route", "add_api_websocket_route"),
}

_OS = "import os"
#: The version's prefix with a slash at its end (P6), and without one: not by P5, which nobody knows of production.
_SLASHED = 'os.environ["VH_DEFAULT_PREFIX"]'
_BARE = f'{_SLASHED}.rstrip("/")'
_NODE_SERVER = re.compile(r"createServer\(\s*(?:async\s*)?\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*=>\s*\{\s*$")
_NODE_PREFIX = re.compile(r"(\s*)(?:const|let|var)\s+(\w+)\s*=[^;]*x-vh-prefix[^;]*;\s*$", re.IGNORECASE)
_EXPRESS = re.compile(r"\s*(?:const|let|var)\s+(\w+)\s*=\s*express\(\)\s*;?\s*$")
#: An ASGI app around one that looks at the whole path.
_AROUND = """

async def without_prefix(scope, receive, send, app={app}):
    if scope["type"] in ("http", "websocket"):
        prefix = dict(scope["headers"]).get(b"x-vh-prefix", b"").decode().rstrip("/")
        scope = dict(scope, path=scope["path"].removeprefix(prefix) or "/")
    await app(scope, receive, send)


{app} = without_prefix"""
_GRADIO = ("gradio.Blocks", "gradio.Interface", "gradio.ChatInterface", "gradio.TabbedInterface")


@dataclass(frozen=True)
class Fixes:
    """The remedies of one endpoint, each worked out when it is asked for; () where one is not certain.

    ``target`` is what ``wsgi`` would name the app by, ``start`` the call that serves when its module is imported.
    """

    reach: Reach | None = None
    command: Command | None = None
    target: str = ""
    start: tuple[Module, ast.Call] | None = None

    @property
    def by_wsgi(self) -> Edits:
        """Have ``wsgi`` serve the app."""
        if self.reach is None:
            return ()
        served = served_by_wsgi(self.reach.endpoint, self.target)
        if self.start is None:
            return served
        return together(served, _guarded(*self.start))

    @property
    def by_wsgi_alone(self) -> Edits:
        """Have ``wsgi`` serve the app, without a root path of the app's own."""
        own = self.without_root_path
        return together(self.by_wsgi, own) if own else self.by_wsgi

    @property
    def without_root_path(self) -> Edits:
        """Leave out the ``root_path`` that the app is made with."""
        for module, _, call in self._calls:
            if module.dotted(call.func) in ("fastapi.FastAPI", "litestar.Litestar"):
                edits = without_keyword(module, call, "root_path")
                if edits:
                    return edits
        return ()

    @property
    def own_way(self) -> Edits:
        """Set the prefix of a framework that has only one."""
        ways = {
            "Dash": self._dash,
            "Falcon": self._falcon,
            "Gradio": self._gradio,
            "LitServe": self._litserve,
            "Streamlit": self._streamlit,
            "aiohttp": self._aiohttp,
            "Node": self._node,
        }
        way = ways.get(self._framework)
        return () if way is None else way()

    @property
    def hosts(self) -> Edits:
        """Accept every host."""
        for module, _, call in self._calls:
            named = [*call.args, call.func]
            if any(module.dotted(node).endswith(".TrustedHostMiddleware") for node in named):
                return with_keyword(module, call, "allowed_hosts", '["*"]')
        for item in self.reach.reached if self.reach else ():
            if "ALLOWED_HOSTS" in item.module.constants:
                return written(item.module, item.module.constants["ALLOWED_HOSTS"], '["*"]')
        return ()

    @property
    def both_slashes(self) -> Edits:
        """Have the app take paths with and without their last slash."""
        for module, site, call in self._calls:
            name, parent = module.dotted(call.func), site.parent
            if name == "fastapi.FastAPI":
                return without_keyword(module, call, "redirect_slashes")
            if name == "flask.Flask" and isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
                return _below(module, parent, f"{parent.targets[0].id}.url_map.strict_slashes = False")
        return ()

    def with_base(self, page: Place) -> Edits:
        """Have a page's addresses begin with the prefix of the request, where a template makes it; Node has a slash."""
        return self._node_slash() if self._framework == "Node" else based(page, self._framework)

    def prefixed(self, path: str, place: Place) -> Edits:
        """Put the prefix of the request before a path that the code gives a call at a place."""
        given = [
            (module, site.node)
            for module, site, text in (self.reach.texts if self.reach else ())
            if text == path and module.place(site.node) == place and isinstance(site.parent, ast.Call | ast.keyword)
        ]
        if len(given) != 1:
            return ()
        ((module, node),) = given
        return prefixed(module, node, self._framework, by_wsgi=self._by_wsgi)  # type: ignore[arg-type]

    def cookie(self, name: str) -> Edits:
        """Give a cookie that the code sets the prefix of the request for its path."""
        for module, _, call in self._calls:
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "set_cookie" or not call.args:
                continue
            first = call.args[0]
            if isinstance(first, ast.Constant) and first.value == name:
                prefix, needed = prefix_of(module, call, self._framework, by_wsgi=self._by_wsgi)
                edits = with_keyword(module, call, "path", f'{prefix} + "/"') if prefix else ()
                return with_import(module, edits, needed)
        return ()

    @property
    def per_request(self) -> Edits:
        """Take the prefix from each request, in code that takes the version's."""
        for module, site, call in self._calls:
            for keyword in call.keywords:
                if keyword.arg == "prefix" and self.reach is not None and _is_version(module, keyword.value):
                    path = "/{owner}/{project}/{deployment}/{version}/" + self.reach.endpoint.name
                    return written(module, keyword.value, f'"{path}"')
            if module.dotted(call.func).endswith(".DispatcherMiddleware"):
                return together(self.by_wsgi, _left_out(module, site.parent))
        return self.by_wsgi_alone if self.without_root_path else ()

    @property
    def _by_wsgi(self) -> bool:
        return self.reach is not None and self.reach.endpoint.wsgi is not None

    @property
    def _framework(self) -> str:
        return self.reach.framework if self.reach else ""

    @property
    def _calls(self) -> Iterator[tuple[Module, Site, ast.Call]]:
        yield from self.reach.calls if self.reach else ()

    def _dash(self) -> Edits:
        for module, site, call in self._calls:
            match site.parent:
                case ast.Assign(targets=[ast.Name(id=name)]) if module.dotted(call.func) == "dash.Dash":
                    keywords = {"requests_pathname_prefix": _SLASHED, "routes_pathname_prefix": '"/"'}
                    app = with_import(module, with_keywords(module, call, keywords), _OS)
                    if not app or self.reach is None or "/" in module.path:
                        return ()
                    target = f"{module.path.removesuffix('.py')}:server"
                    server = _named(module, f"{name}.server")
                    if server:
                        served = served_by_wsgi(self.reach.endpoint, target.replace(":server", f":{server}"))
                        return together(app, served)
                    named = _below(module, site.parent, "server = " + name + ".server")
                    return _joined(app, named, served_by_wsgi(self.reach.endpoint, target))
        return ()

    def _falcon(self) -> Edits:
        """Put an app around it that takes the prefix away, at the end of the module that names it."""
        module, _, name = self.target.partition(":")
        is_named = self.command is None or self.command.script is None
        for item in self.reach.reached if self.reach and is_named else ():
            if item.module.path == f"{module.replace('.', '/')}.py" and name in item.module.constants:
                return added(item.module.source, _AROUND.format(app=name))
        return ()

    def _gradio(self) -> Edits:
        for module, _, call in self._calls:
            is_launch = isinstance(call.func, ast.Attribute) and call.func.attr == "launch"
            if is_launch and module.maker(call.func.value) in _GRADIO:  # type: ignore[attr-defined]
                return with_import(module, with_keyword(module, call, "root_path", _BARE), _OS)
        return ()

    def _litserve(self) -> Edits:
        for module, _, call in self._calls:
            home = module.classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if home is None or not any(module.dotted(base).endswith("LitAPI") for base in home.bases):
                continue
            given = next((one.value for one in call.keywords if one.arg == "api_path"), None)
            path = given.value if isinstance(given, ast.Constant) else "/predict" if given is None else None
            if isinstance(path, str):
                edits = with_keyword(module, call, "api_path", f'{_BARE} + "{path}"')
                return with_import(module, edits, _OS)
        return ()

    def _streamlit(self) -> Edits:
        return after_program(self.command, "--server.baseUrlPath $VH_DEFAULT_PREFIX") if self.command else ()

    def _aiohttp(self) -> Edits:
        for module, site, call in self._calls:
            if module.dotted(call.func) not in ("aiohttp.web.run_app", "aiohttp.web_runner.run_app") or not call.args:
                continue
            statement = site.parent
            if isinstance(statement, ast.Expr) and isinstance(call.args[0], ast.Name):
                space, name = " " * statement.col_offset, call.args[0].id
                root = f"root = web.Application()\n{space}root.add_subapp({_BARE}, {name})\n{space}"
                segment = ast.get_source_segment(text_of(module.source), call) or ""
                if segment.startswith("web.run_app("):
                    run = segment.replace(f"web.run_app({name}", "web.run_app(root", 1)
                    return with_import(module, written(module, statement, root + run), _OS)
        return ()

    def _node(self) -> Edits:
        """Take the prefix away where Node's server, or an app of Express, first has the request."""
        file, lines = self.node_script
        for number, line in enumerate(lines, 1):
            space = re.match(r"\s*", line)[0]  # type: ignore[index]
            if match := _NODE_SERVER.search(line):
                steps = NODE.replace("request.", f"{match[1]}.").replace("; if", f";\n{space}  if")
                return in_line(Place(file, number), line, f"{line}\n{space}  {steps}")
            if match := _EXPRESS.match(line):
                steps = NODE.replace("; if", f";\n{space}  if")
                use = f"{match[1]}.use((request, response, next) => {{\n{space}  {steps}\n{space}  next();\n{space}}});"
                return in_line(Place(file, number), line, f"{line}\n{space}{use}")
        return ()

    def _node_slash(self) -> Edits:
        """Lead a browser to the slash at the end of the URL, below the line that asks for the prefix."""
        file, lines = self.node_script
        for number, (line, below) in enumerate(pairwise(lines), 2):
            server, prefix = _NODE_SERVER.search(line), _NODE_PREFIX.match(below)
            if server and prefix:
                space, asked, answer, name = prefix[1], server[1], server[2], prefix[2]
                lead = f"{answer}.writeHead(307, {{Location: `${{{name}}}/`}}).end()"
                new = f'{below}\n{space}if ({asked}.method === "GET" && {asked}.url === {name}) return {lead};'
                return in_line(Place(file, number), below, new)
        return ()

    @property
    def node_script(self) -> tuple[Path, Sequence[str]]:
        """The script that the command starts, and its lines; none where it starts no such."""
        return node_script(self.command) if self.command else (Path(), ())


def _guarded(module: Module, call: ast.Call) -> Edits:
    """Have a call run only where its module is the script."""
    for node in module.tree.body if module.tree else ():
        if isinstance(node, ast.Expr) and node.value is call:
            lines = lines_of(module.source)[node.lineno - 1 : node.end_lineno]
            guarded = ['if __name__ == "__main__":', *(f"    {line}" for line in lines)]
            return (Edit(Place(module.source, node.lineno), "\n".join(lines), "\n".join(guarded)),)
    return ()


def _left_out(module: Module, statement: ast.AST | None) -> Edits:
    """Leave out a middleware that a Flask app is wrapped in: ``wsgi`` takes the prefix of each request."""
    match statement:
        case ast.Assign(targets=[ast.Attribute(attr="wsgi_app")], col_offset=0):
            lines = lines_of(module.source)[statement.lineno - 1 : statement.end_lineno]
            return (Edit(Place(module.source, statement.lineno), "\n".join(lines), ""),)
    return ()


def _named(module: Module, written_as: str) -> str:
    """Return the name that the module's top binds to what is written so, "" for none."""
    return next((name for name, value in module.constants.items() if ast.unparse(value) == written_as), "")


def _below(module: Module, statement: ast.stmt, line: str) -> Edits:
    """Add a line below a statement."""
    end = statement.end_lineno or statement.lineno
    last = lines_of(module.source)[end - 1]
    return in_line(Place(module.source, end), last, f"{last}\n{' ' * statement.col_offset}{line}")


def _joined(app: Edits, below: Edits, served: Edits) -> Edits:
    """Return edits of which the first two may be of the same line: the second only adds lines below."""
    if not (app and below and served):
        return ()
    (added,) = below
    same = next((edit for edit in app if (edit.place, edit.old) == (added.place, added.old)), None)
    if same is None:
        return together(app, below, served)
    tail = added.new.removeprefix(added.old)
    rest = tuple(edit for edit in app if edit is not same)
    return (*rest, Edit(same.place, same.old, same.new + tail), *served)


def _is_version(module: Module, node: ast.expr) -> bool:
    """Tell whether a value is the version's prefix, be it under a name that the module binds once."""
    value = module.constants.get(node.id, node) if isinstance(node, ast.Name) else node
    return any(name in ast.unparse(value) for name in ("SCRIPT_NAME", "VH_DEFAULT_PREFIX"))


def is_route(call: ast.Call) -> bool:
    """Tell whether a call gives an app a route."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ROUTING


NO_FIXES = Fixes()
