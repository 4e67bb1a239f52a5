"""VH105: the port in ``server-command`` is not the endpoint's (R1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.edits import on_the_port
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import listening, or_that_port
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.servers import Listening
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH105",
    title="The server's port is not the endpoint's `port`",
    severity=Severity.ERROR,
    why="Requests go to the endpoint's `port`, 8000 by default. A server that listens on another port is never ready, "
    "and the rollout times out.",
    remedy={
        "": "Give the server the port in `$VALOHAI_PORT`, or write the same number in both places.",
        "Flask": "`flask run` uses 5000 by default: add `--port $VALOHAI_PORT`; or write `wsgi: server:app`.",
        "FastAPI": "Write `~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $VALOHAI_PORT`.",
    },
    example=Example(
        "yaml",
        "port: 8000\nserver-command: python -m waitress --port 5000 server:app",
        "port: 8000\nserver-command: python -m waitress --port $VALOHAI_PORT server:app",
    ),
    rows=("R1", "P8"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the commands whose port, given or by default, is another."""
    for endpoint in subject.endpoints:
        commands = subject.commands[endpoint.name]
        found = listening(commands, subject.package.files, subject.variables, subject.modules)
        if found is None or found.port in (None, endpoint.port):
            continue
        default = "" if found.port_given else f", the default of {found.command.program}"
        yield Finding(
            DEFINITION,
            found.port_place,
            f"the server listens on port {found.port}{default}, but the endpoint's port is {endpoint.port}",
            f"{_change(found)}{or_that_port(found.port)}",
            endpoint.name,
            edits=on_the_port(found),
        )


def _change(found: Listening) -> str:
    if found.port_at is None:
        return f"make it listen on {'$VALOHAI_PORT' if found.bound is None else 'the port in VALOHAI_PORT'}"
    if found.command.program == "uwsgi":
        return "make it listen on $(VALOHAI_PORT)"
    options = [*(f"{option} $VALOHAI_PORT" for option in found.program.ports[:1]), found.program.every]
    return f"add {options[0]} to the command, which wins over this file"


RULE = Rule((DEFINITION,), find)
