"""What is known of an endpoint's code without running it, as far as the rules about the prefix have use for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vhlocal.checks.commands import commands_of, lines_of
from vhlocal.checks.links import absolute_links
from vhlocal.checks.modules import Modules
from vhlocal.checks.reach import Reach
from vhlocal.checks.servers import program_of, the_server
from vhlocal.model import Place

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module
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
}
_RUN = "uvicorn.run"


@dataclass(frozen=True)
class Code:
    """What is known; places are None where nothing such is.

    ``started`` is the line of ``wsgi`` or of the command that serves, ``server`` that command's program, "" where it is
    no known server. ``made`` is where the app is made, ``root_path`` where the server is told a root path. ``texts``
    are what the code and its pages have written out that may be a path.
    """

    started: Place
    framework: str = ""
    server: str = ""
    made: Place | None = None
    root_path: Place | None = None
    texts: tuple[tuple[str, Place], ...] = ()

    @property
    def app(self) -> Place:
        """Where the app is made, or else where it is started."""
        return self.made or self.started

    def place_of(self, path: str) -> Place:
        """Return the line where a path is written out, or else where the app is made."""
        return next((place for text, place in self.texts if text == path), self.app)


def read_code(endpoint: Endpoint, package: Package) -> Code:
    """Read an endpoint's code, as far as it can be read."""
    key = "wsgi" if endpoint.server_command is None else "server-command"
    place = endpoint.place(key) or Place(package.directory / "valohai.yaml")
    found = commands_of(endpoint)
    reach = Reach(endpoint, found, Modules(package))
    command = the_server(found)
    calls = [(module, call, module.dotted(call.func)) for module, _, call in reach.calls]
    runs = next(((module, call) for module, call, name in calls if name == _RUN), None)
    return Code(
        started=place if command is None else command.place,
        framework=reach.framework,
        server="uvicorn" if runs is not None else _server(command),
        made=next((module.place(call) for module, call, name in calls if name in _APPS), None),
        root_path=_root_path(command, runs),
        texts=(*_texts(reach), *_links(package)),
    )


def _server(command: Command | None) -> str:
    return "" if command is None or program_of(command) is None else command.program


def _root_path(command: Command | None, runs: tuple[Module, ast.Call] | None) -> Place | None:
    if command is not None and command.values("--root-path"):
        return command.place
    if runs is None:
        return None
    module, call = runs
    return next((module.place(call) for keyword in call.keywords if keyword.arg == "root_path"), None)


def _texts(reach: Reach) -> Iterator[tuple[str, Place]]:
    for module, site, text in reach.texts:
        if "<" in text:
            yield from ((link, module.place_in_text(site.node, line)) for line, link in absolute_links(text))
        elif text.startswith("/"):
            yield text, module.place(site.node)


def _links(package: Package) -> Iterator[tuple[str, Place]]:
    for path, file in package.files.items():
        if path.endswith(_PAGES) and file.size <= _LONGEST_PAGE:
            for line, link in absolute_links("\n".join(lines_of(file.source))):
                yield link, Place(file.source, line)
