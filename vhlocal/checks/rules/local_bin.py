"""VH107: a command that pip installs is named without ``~/.local/bin/`` (B3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.finding import Definition, Example, Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH107",
    title="A command that pip installs is not on the PATH",
    severity=Severity.ERROR,
    why="Requirements are installed by `pip install --user`, which puts commands into `~/.local/bin`. That is not on "
    "the `PATH`, so the shell does not find them and the server ends with exit code 127.",
    remedy={"": "Write `~/.local/bin/` before the command, or run the module: `python -m uvicorn …`."},
    example=Example(
        "yaml",
        "server-command: uvicorn server:app --host 0.0.0.0",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
    rows=("B2", "B3"),
)

#: Commands whose distribution has another name.
_PROVIDERS = {"waitress-serve": "waitress", "celery": "celery", "django-admin": "django", "jupyter-lab": "jupyterlab"}
#: Distributions with a command of their own name.
_COMMANDS = {
    "uvicorn",
    "gunicorn",
    "hypercorn",
    "daphne",
    "flask",
    "fastapi",
    "streamlit",
    "mlflow",
    "bentoml",
    "celery",
    "waitress",
    "granian",
    "uwsgi",
    "gradio",
    "voila",
    "panel",
    "bokeh",
    "litestar",
    "sanic",
}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such commands, where the image is known to bring none of its own."""
    installed = subject.requirements.names if subject.requirements else frozenset()
    for endpoint in subject.known_images:
        commands = subject.commands[endpoint.name]
        if "PATH" in {**subject.variables, **exported(commands)} or _changes_path(endpoint.server_command or ()):
            continue
        for command in commands:
            program = command.words[0]
            provider = _PROVIDERS.get(program, program)
            if provider not in _COMMANDS and program not in _PROVIDERS:
                continue
            if provider in installed or (provider == "fastapi" and "fastapi-cli" in installed):
                yield Finding(
                    DEFINITION,
                    command.place,
                    f"`{program}` is installed by pip into ~/.local/bin, which is not on the PATH",
                    f"write ~/.local/bin/{program}",
                    endpoint.name,
                )


def _changes_path(lines: tuple[str, ...]) -> bool:
    """Tell whether something in the command may bring other programs: an environment, a file that is read in."""
    words = {word for line in lines for word in line.split()}
    return bool(words & {"source", ".", "pip", "pip3", "conda", "eval"}) or any("PATH=" in word for word in words)


RULE = Rule((DEFINITION,), find)
