"""VH108: a development server, a debugger or a reloader in ``server-command``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_command, served_by_wsgi
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.edits import Edits
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH108",
    title="The command turns on a debug server or reloader",
    severity=Severity.WARNING,
    why="A debugger lets anyone who reaches the endpoint run code in it. A reloader runs a second process that watches "
    "files, which never change in an image, and hides a server that does not start. Development servers are made "
    "for one user.",
    remedy={
        "": "Start the server without its debug and reload options. `vhlocal up` reloads on each save without them.",
        "Flask": "Write `wsgi: server:app` instead of `flask run --debug`.",
        "Django": "Write `wsgi: mysite.wsgi` instead of `manage.py runserver`.",
        "FastAPI": "Write `~/.local/bin/fastapi run`, not `fastapi dev`, and `uvicorn` without `--reload`.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --reload",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
)

_ON = {"1", "true", "yes", "on"}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the commands that start one."""
    for endpoint in subject.endpoints:
        for command in subject.commands[endpoint.name]:
            seen = _seen(command)
            if seen is not None:
                change = "remove it; `vhlocal up` reloads on each save"
                if command.program == "manage.py":
                    change = "serve Django's WSGI application instead, such as `wsgi: mysite.wsgi`"
                edits = _edits(command, endpoint, subject)
                yield Finding(DEFINITION, command.place, seen, change, endpoint.name, edits=edits)


def _seen(command: Command) -> str | None:
    program = command.program
    if program in ("uvicorn", "gunicorn", "hypercorn", "fastapi", "flask") and command.has("--reload"):
        return f"`{program} --reload` restarts the server when a file changes"
    if program == "flask" and command.has("--debug"):
        return "`flask --debug` turns on the debugger and the reloader"
    if program == "fastapi" and command.arguments[:1] == ("dev",):
        return "`fastapi dev` is the development server, with a reloader, and listens on localhost"
    if program == "manage.py" and command.has("runserver"):
        return "`manage.py runserver` is Django's development server"
    if command.variables.get("FLASK_DEBUG", "").lower() in _ON:
        return "`FLASK_DEBUG` turns on the debugger and the reloader"
    return None


def _edits(command: Command, endpoint: Endpoint, subject: Subject) -> Edits:
    program = command.program
    if program == "manage.py":
        applications = [path for path in subject.package.files if path.endswith("/wsgi.py")]
        target = applications[0].removesuffix(".py").replace("/", ".") if len(applications) == 1 else ""
        return served_by_wsgi(endpoint, target)
    if program == "fastapi" and command.arguments[:1] == ("dev",):
        return in_command(command, r"(?<=fastapi )dev\b", lambda _: "run")
    if command.has("--reload", "--debug"):
        return in_command(command, r" --(reload|debug)(?![\w=-])", lambda _: "")
    return in_command(command, r"FLASK_DEBUG=\S+ ", lambda _: "")


RULE = Rule((DEFINITION,), find)
