"""VH401: the app knows nothing of its prefix (P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.rules.uvicorn import AROUND, DECIDES, WRAPPED, edits_for
from vhlocal.checks.prefix.servers import ASGI_SERVERS
from vhlocal.checks.prefix.settings import FALCON, NODE, OWN_WAYS, SANIC, TORNADO
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.code import Code
    from vhlocal.checks.prefix.evidence import Evidence

DEFINITION = Definition(
    code="VH401",
    title="The app does not know its prefix",
    severity=Severity.ERROR,
    why="An endpoint is served below `/<owner>/<project>/<deployment>/<version>/<endpoint>`, and the server in the "
    "container gets that whole path: nothing removes the prefix. An app whose routes begin at `/` has no route for "
    "it, and answers 404 to everything.",
    remedy={
        "": "Remove the request's prefix, which is in `X-VH-Prefix`, from its path before anything else reads the "
        "path. For a WSGI or ASGI app, `wsgi: server:app` does this.",
        "Flask": "Write `wsgi: server:app` instead of `server-command`.",
        "Django": "Write `wsgi: mysite.wsgi` instead of `server-command`.",
        "FastAPI": "Write `wsgi: server:app` instead of `server-command`.",
        "WSGI": "Write `wsgi: server:application`, or move the prefix from `PATH_INFO` to `SCRIPT_NAME` first.",
        **OWN_WAYS,
        "Falcon": FALCON,
        "Sanic": SANIC,
        "Tornado": TORNADO,
        "Node": f"Remove the prefix before anything reads the path: `{NODE}`.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/waitress-serve --port=$VALOHAI_PORT server:app",
        "wsgi: server:app",
    ),
    rows=("P1", "P4", "P5", "P7"),
)


#: What to do where `wsgi` already gives the app its prefix.
_UNDER_WSGI = (
    "`wsgi` passes the prefix in SCRIPT_NAME or root_path: find what in the app reads the whole path instead, or sets "
    "its own root path; a worker for other kinds of apps, such as aiohttp's, gets the whole path"
)
_TAKES = "remove the prefix in `X-VH-Prefix` from the path"


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there without the prefix alone."""
    path = evidence.unprefixed
    if path is None or evidence.is_doubling or evidence.is_served_by(*ASGI_SERVERS):
        return
    code, seen = evidence.code, evidence.moved_to(path or "/", path)
    answer = evidence.under(evidence.case.version, path)
    everywhere = answer is not None and not answer.is_missing
    if everywhere and code.framework not in OWN_WAYS:
        seen += ", as to every path there"
    if code.sees_whole(path):
        place = code.place_of(path)
        yield Finding(DEFINITION, place, seen, DECIDES, evidence.endpoint.name, caveat=evidence.caveat)
        return
    if evidence.endpoint.server_command is not None:
        edits = () if everywhere and code.framework not in OWN_WAYS else edits_for(code)
        change = _change(code, everywhere=everywhere)
        yield evidence.finding(DEFINITION, code.app, seen, change, evidence.caveat, edits)
        return
    if code.framework in WRAPPED:
        yield evidence.finding(DEFINITION, code.app, seen, AROUND, evidence.caveat, edits_for(code))
        return
    place, change = code.app, DECIDES if everywhere else _UNDER_WSGI
    if code.own_root_path is not None:
        place, change = code.own_root_path, "remove `root_path`: `wsgi` sets it for each request"
    edits = code.fixes.without_root_path if code.own_root_path is not None else ()
    yield Finding(DEFINITION, place, seen, change, evidence.endpoint.name, caveat=evidence.caveat, edits=edits)


def _change(code: Code, *, everywhere: bool) -> str:
    """Return what to do about an app that its own command serves."""
    if code.framework in OWN_WAYS:
        return "give it its prefix"
    if code.framework in WRAPPED:
        return AROUND
    if code.framework == "Tornado":
        return "begin each route with `(?:/[^/]+){5}`, the segments of the prefix"
    if code.framework == "Node":
        return _TAKES
    if not everywhere and not code.may_be_served:
        return f"{_TAKES}; a WSGI or ASGI app can be served by `wsgi: MODULE:NAME` instead"
    return DECIDES if everywhere else f"{code.by_wsgi}; or remove the prefix from the path"


RULE = Rule((DEFINITION,), find)
