"""VH408: Uvicorn, or a server like it, serves routes that do not begin with the prefix (R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.servers import ASGI_SERVERS
from vhlocal.checks.prefix.settings import FALCON, OWN_WAYS, SANIC
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.prefix.code import Code
    from vhlocal.checks.prefix.evidence import Evidence

DEFINITION = Definition(
    code="VH408",
    title="The ASGI server passes the prefix on, and the app has no route for it",
    severity=Severity.ERROR,
    why="Uvicorn, Hypercorn and Daphne pass the whole path to the app, with the prefix. Routes that begin at `/` do "
    "not match: the app answers 404 to everything.",
    remedy={
        "": "Write `wsgi: server:app`: the app then knows the prefix, under the version and each alias.",
        "FastAPI": "Write `wsgi: server:app`; or give each route the prefix: "
        '`APIRouter(prefix="/owner/project/deployment/{version}/endpoint")`.',
        **OWN_WAYS,
        "Falcon": FALCON,
        "Sanic": SANIC,
    },
    example=Example("yaml", "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0", "wsgi: server:app"),
    rows=("P4", "R5", "R6"),
)


#: The server that a program starts, where that is not its own name.
_NAMES = {"fastapi": "Uvicorn", "litestar": "Uvicorn", "quart": "Hypercorn"}


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield a path that is there without the prefix alone, under Uvicorn and its like."""
    path, server = evidence.unprefixed, evidence.server_among(*ASGI_SERVERS)
    if path is not None and not evidence.is_doubling and server:
        seen = f"{_NAMES.get(server, server.capitalize())} passes the prefix on: "
        seen += evidence.moved_to(path or "/", path, "the app")
        if evidence.code.sees_whole(path):
            place, name = evidence.code.place_of(path), evidence.endpoint.name
            yield Finding(DEFINITION, place, seen, DECIDES, name, caveat=evidence.caveat)
            return
        yield evidence.finding(
            DEFINITION,
            evidence.code.started,
            seen,
            change_for(evidence.code),
            evidence.caveat,
            edits_for(evidence.code),
        )


#: What to do about an app that looks at the whole path itself.
DECIDES = "remove the request's prefix (`X-VH-Prefix`) from the path before anything decides by it"
#: Frameworks whose apps need more than the prefix that ``wsgi`` passes.
WRAPPED = ("Falcon", "Sanic")
#: What to do about theirs.
AROUND = "remove the prefix in `X-VH-Prefix` from the path, in an ASGI app around it"


def change_for(code: Code) -> str:
    """Return what to do about an app that has no route for the prefix, in the project's own words."""
    if code.framework in WRAPPED:
        return AROUND
    return "give it its prefix" if code.framework in OWN_WAYS else f"{code.by_wsgi}; or give each route the prefix"


def edits_for(code: Code) -> Edits:
    """Return the same in the project's own lines."""
    return (
        code.fixes.own_way if code.framework in (*OWN_WAYS, *WRAPPED, "Node", "Tornado") else code.fixes.by_wsgi_alone
    )


RULE = Rule((DEFINITION,), find)
