"""VH302 and VH303: a server that the code starts listens on localhost, or on another port (R1, R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import or_that_port
from vhlocal.checks.serving import servings
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

HOST = Definition(
    code="VH302",
    title="The code's server listens on localhost only",
    severity=Severity.ERROR,
    why="A container's localhost can be reached only from inside that container. The platform connects from outside, "
    "gets no connection, and the rollout times out. Many servers listen on localhost unless you set another "
    "address.",
    remedy={
        "": "Let the server listen on `0.0.0.0`.",
        "Flask": '`app.run(host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))`, or `wsgi: server:app`.',
        "FastAPI": '`uvicorn.run(app, host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))`.',
        "WSGI": '`make_server("0.0.0.0", 8000, application)`, or `wsgi: server:application`.',
    },
    example=Example("python", "app.run(port=8000)", 'app.run(host="0.0.0.0", port=8000)'),
    rows=("R3",),
)
PORT = Definition(
    code="VH303",
    title="The code's server listens on a different port than the endpoint's",
    severity=Severity.ERROR,
    why="Requests go to the endpoint's `port`, 8000 by default. A server that listens on another port is never ready, "
    "and the rollout times out.",
    remedy={
        "": "Read the port from `VALOHAI_PORT`, or write the same number in both places.",
        "Flask": '`app.run(host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))`; the default is 5000.',
    },
    example=Example("python", 'app.run(host="0.0.0.0")', 'app.run(host="0.0.0.0", port=8000)'),
    rows=("R1", "P8"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield what the one server that a script starts gets wrong; several may stand one behind the other."""
    for reach in subject.reaches:
        found = servings(reach, subject.variables)
        if len(found) != 1:
            continue
        serving, endpoint = found[0], reach.endpoint
        if serving.is_loopback():
            reason = "" if serving.host_given else ", its default"
            seen = f"`{serving.name}` listens on {serving.host}{reason}: only its own container can reach it"
            change = "make it listen on 0.0.0.0"
            yield Finding(HOST, serving.place, seen, change, endpoint.name, edits=serving.on_every_address)
        if serving.port not in (None, endpoint.port):
            reason = "" if serving.port_given else ", its default"
            seen = (
                f"`{serving.name}` listens on port {serving.port}{reason}, but the endpoint's port is {endpoint.port}"
            )
            change = f"read the port from VALOHAI_PORT{or_that_port(serving.port, ' in valohai.yaml')}"
            yield Finding(PORT, serving.place, seen, change, endpoint.name, edits=serving.on_the_port)


RULE = Rule((HOST, PORT), find)
