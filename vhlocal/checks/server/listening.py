"""VH501 and VH502: the server listens, but not where requests are sent to (R1, R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import place_of
from vhlocal.checks.servers import or_that_port
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Silent

LOOPBACK = Definition(
    code="VH501",
    title="The server listens only on the loopback address",
    severity=Severity.ERROR,
    why="Requests come from outside the container. A server bound to `localhost` or `127.0.0.1` can be reached only "
    "from inside: it runs, but is never ready, and the rollout times out.",
    remedy={
        "": "Bind `0.0.0.0`.",
        "Flask": "`flask run` binds `127.0.0.1` by default: add `--host 0.0.0.0`; or write `wsgi: server:app`.",
        "Django": "Write `python manage.py runserver 0.0.0.0:$VALOHAI_PORT`; or, better, `wsgi: site.wsgi`.",
        "FastAPI": "Uvicorn binds `127.0.0.1` by default: add `--host 0.0.0.0`.",
    },
    example=Example("python", 'app.run(host="localhost", port=8000)', 'app.run(host="0.0.0.0", port=8000)'),
    rows=("R3",),
)
OTHER_PORT = Definition(
    code="VH502",
    title="The server listens on a different port than the endpoint's",
    severity=Severity.ERROR,
    why="Requests go to the endpoint's `port`, 8000 by default. A server that listens on another port is never ready, "
    "and the rollout times out.",
    remedy={
        "": "Let the server listen on the port in `VALOHAI_PORT`, or write the same number in both places.",
        "Flask": '`app.run()` and `flask run` use 5000 by default: `app.run(port=int(os.environ["VALOHAI_PORT"]))`.',
    },
    example=Example(
        "python",
        'HTTPServer(("0.0.0.0", 5000), Handler)',
        'HTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler)',
    ),
    rows=("R1", "R3", "P8"),
)


def find(silent: Silent) -> Iterator[Finding]:
    """Yield why nothing answers on the endpoint's port although something listens."""
    endpoint, sockets = silent.endpoint, silent.sockets or ()
    own = [socket for socket in sockets if socket.port == endpoint.port]
    if own and all(socket.loopback for socket in own):
        yield Finding(
            LOOPBACK,
            silent.binds or place_of(endpoint, "server-command"),
            f"the server listens on {own[0].name}, where only its own container can reach it",
            f"bind 0.0.0.0 instead of {own[0].host}",
            endpoint.name,
        )
    others = sorted({socket.port for socket in sockets if not socket.loopback} - {endpoint.port})
    if others and not own:
        yield Finding(
            OTHER_PORT,
            place_of(endpoint, "port"),
            f"the server listens on port {others[0]}, but the endpoint's port is {endpoint.port}",
            f"let the server listen on the port in VALOHAI_PORT{or_that_port(others[0])}",
            endpoint.name,
        )


RULE = Rule((LOOPBACK, OTHER_PORT), find)
