"""What a target names: a factory that is not called, a module that nobody brings, and a program that starts another."""

from __future__ import annotations

import pytest

from tests.checks.projects import YAML, command, wsgi
from tests.checks.sample import found_in, told

FACTORY = "from flask import Flask\n\n\ndef create_app({}):\n    return Flask(__name__)\n"
GUNICORN = "~/.local/bin/gunicorn --bind 0.0.0.0:8000"
OTHER = YAML.replace("python:3.12-slim", "registry.example.com/team/serving:1.2")
MLFLOW = "~/.local/bin/mlflow models serve -m model --host 0.0.0.0 --port 8000"
NO_ENVIRONMENT = f"{MLFLOW} --env-manager local"

FOUND = {
    "a factory": (wsgi("server:create_app", server=FACTORY.format("")), ["VH113 valohai.yaml:4"]),
    "a factory with defaults": (
        wsgi("server:create_app", server=FACTORY.format("name='x', *, debug=False")),
        ["VH113 valohai.yaml:4"],
    ),
    "a factory for Gunicorn": (
        command(f"{GUNICORN} server:create_app", **{"server.py": FACTORY.format("")}),
        ["VH113 valohai.yaml:5"],
    ),
    "a module that nobody brings": (
        {"valohai.yaml": OTHER.replace("server:app", "generate:generate"), "requirements.txt": "flask>=3.0\n"},
        ["VH114 valohai.yaml:4"],
    ),
    "a program that starts another": (
        command(NO_ENVIRONMENT, **{"requirements.txt": "mlflow\n"}),
        ["VH107 valohai.yaml:5"],
    ),
}
SOUND = {
    "a factory that is called": wsgi("server:create_app()", server=FACTORY.format("")),
    "an application that is a function": wsgi(
        "server:app", server="def app(environ, start_response):\n    return []\n"
    ),
    "an ASGI application": wsgi("server:app", server="async def app(scope, receive, send):\n    pass\n"),
    "one that takes anything": wsgi("server:app", server="def app(*given):\n    return []\n"),
    "one that something wraps": wsgi("server:app", server="import own\n@own.wrap\ndef app():\n    return []\n")
    | {"own.py": "wrap = 1\n"},
    "a name that is bound again": wsgi("server:app", server="def app():\n    return 1\n\n\napp = app()\n"),
    "a factory for Uvicorn": command(
        "~/.local/bin/uvicorn server:create_app --factory --host 0.0.0.0", **{"server.py": FACTORY.format("")}
    ),
    "a factory that Gunicorn calls": command(f"{GUNICORN} 'server:create_app()'", **{"server.py": FACTORY.format("")}),
    "a module of a requirement": {
        "valohai.yaml": OTHER.replace("server:app", "titiler.application.main:app"),
        "requirements.txt": "titiler-application\n",
    },
    "a module of what is installed from elsewhere": {
        "valohai.yaml": OTHER.replace("server:app", "generate:app"),
        "requirements.txt": "git+https://example.com/own.git\n",
    },
    "a program that finds the other": command(
        f'PATH="$HOME/.local/bin:$PATH" {NO_ENVIRONMENT}', **{"requirements.txt": "mlflow\n"}
    ),
    "a program with an environment of its own": command(MLFLOW, **{"requirements.txt": "mlflow\n"}),
}


def found(files, project):
    directory = project(files)
    return told(found_in(directory).findings, directory)


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name, project):
    files, expected = FOUND[name]
    assert found(files, project) == expected


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_found(name, project):
    assert found(SOUND[name], project) == []
