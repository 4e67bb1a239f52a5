"""What a ``server-command`` has to do about its prefix in production, it has to do here: nothing is smoothed over."""

from __future__ import annotations

import requests

NAIVE = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def page():
    return "home"
"""

WSGI_APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]
"""

GUNICORN = """\
- endpoint:
    name: plain
    image: python:3.11-slim
    server-command: ~/.local/bin/gunicorn --bind 0.0.0.0:8000 app:app
"""


def status(url: str) -> int:
    return requests.get(url, timeout=30).status_code


def test_fastapi_under_uvicorn_without_the_prefix_is_not_found(sample, running):
    """R6: routes that do not begin with the prefix are not reached, under the version or the alias."""
    directory = sample("uvicorn")
    (directory / "server.py").write_text(NAIVE)
    with running(directory) as run:
        assert status(run.url("words")) == 404
        assert status(run.url("words", "dev")) == 404


def test_gunicorn_by_server_command_fails_under_an_alias(project, running):
    """R8: Gunicorn takes the prefix from ``SCRIPT_NAME``, with which an alias path does not begin."""
    files = {"valohai.yaml": GUNICORN, "app.py": WSGI_APP, "requirements.txt": "gunicorn\n"}
    with running(project(files)) as run:
        version = run.url("plain").rstrip("/")
        answer = requests.get(f"{version}/x", timeout=30)
        assert answer.text == f"{version.removeprefix(run.base_url)} /x"
        assert status(run.url("plain", "dev")) == 500
