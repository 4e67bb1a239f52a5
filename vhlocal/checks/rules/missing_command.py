"""VH111: nothing installs the command that starts the server (B2, B3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.commands import brings_programs, exported, is_python
from vhlocal.checks.distributions import brought, command_providers, is_common, providers
from vhlocal.checks.edits import added
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH111",
    title="No requirement installs the command that starts the server",
    severity=Severity.ERROR,
    why="The official Python images have no server, and a `server-command` does not set one up. If no line of the "
    "requirements installs it, the shell does not find it, and the server ends with exit code 127.",
    remedy={
        "": "Add the distribution that has the command to the requirements that production installs.",
        "WSGI": "Or write `wsgi: module:name`: production then sets up Gunicorn for you.",
    },
    example=Example(
        "text",
        "# server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0\nfastapi>=0.115",
        "# server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0\nfastapi>=0.115\nuvicorn>=0.30",
    ),
    rows=("B1", "B2", "R4"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such commands, where it is known what the image and every requirement bring."""
    requirements = subject.requirements
    if requirements is not None and (requirements.open or requirements.invalid):
        return
    for endpoint in subject.known_images:
        there = brought(requirements, endpoint.image)
        if there is None:
            continue
        commands = subject.commands[endpoint.name]
        if brings_programs(endpoint) or {"PATH", "PYTHONPATH"} & {*subject.variables, *exported(commands)}:
            continue
        for command in commands:
            is_module = is_python(command.words[0]) and is_common(command.program)
            installing = providers(command.program) if is_module else command_providers(command.program)
            is_own = subject.modules.find(command.program) or command.program in subject.package.files
            if installing and there.isdisjoint(installing) and not is_own:
                file = requirements.name if requirements else "requirements.txt"
                seen = f"`{command.program}` is started, but no line of the requirements installs it"
                change, edits = f"add {installing[0]} to {file}", added(subject.directory / file, installing[0])
                yield Finding(DEFINITION, command.place, seen, change, endpoint.name, edits=edits)


RULE = Rule((DEFINITION,), find)
