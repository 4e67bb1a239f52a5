"""VH106: the server of ``server-command`` listens on localhost (R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.edits import on_every_address
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import listening, subcommand_of
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.servers import Listening
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH106",
    title="The server listens on localhost only",
    severity=Severity.ERROR,
    why="A container's localhost can be reached only from inside that container. The platform connects from outside, "
    "gets no connection, and the rollout times out. Many servers listen on localhost unless you set another "
    "address.",
    remedy={
        "": "Let the server listen on `0.0.0.0`.",
        "Flask": "Write `wsgi: server:app`, or `~/.local/bin/flask run --host 0.0.0.0 --port $VALOHAI_PORT`.",
        "Django": "Write `wsgi: mysite.wsgi`.",
        "FastAPI": "Write `wsgi: server:app`, or `~/.local/bin/uvicorn server:app --host 0.0.0.0`.",
        "WSGI": "Write `wsgi: server:application`.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/uvicorn server:app",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
    rows=("R3",),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the commands whose server listens on localhost, because the command says so or by default."""
    for endpoint in subject.endpoints:
        commands = subject.commands[endpoint.name]
        found = listening(commands, subject.package.files, subject.variables, subject.modules)
        if found is None or not found.is_loopback():
            continue
        reason = "" if found.host_given else f", the default of {found.command.program}"
        yield Finding(
            DEFINITION,
            found.host_place,
            f"the server listens on {found.host}{reason}: only its own container can reach it",
            _change(found),
            endpoint.name,
            edits=on_every_address(found),
        )


def _change(found: Listening) -> str:
    if found.host_given:
        return f"write 0.0.0.0 instead of {found.host}"
    if found.program.positional and found.port_given:
        return f"write 0.0.0.0:{found.port} instead of {found.port}"
    subcommand = subcommand_of(found.command)[-1:]
    return f"add {found.program.every} " + (f"after `{subcommand[0]}`" if subcommand else "to the command")


RULE = Rule((DEFINITION,), find)
