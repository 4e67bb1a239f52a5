"""Servers that end after a request, and such as look like it."""

from __future__ import annotations

import pytest

from tests.checks.projects import command
from tests.checks.sample import found_in, told

MAKE = "import http.server\nserver = http.server.HTTPServer(('0.0.0.0', 8000), http.server.SimpleHTTPRequestHandler)\n"
RUN = "import uvicorn\nfrom own import app\nuvicorn.run(app, host='0.0.0.0', limit_max_requests=1)\n"
UVICORN = "~/.local/bin/uvicorn server:app --host 0.0.0.0"
LINES = {
    "python -m wsgiref.simple_server": 5,
    "python3 -m wsgiref.simple_server 8000": 5,
    "nc -l -p 8000 -c 'echo hello'": 5,
    "ncat -lp 8000 -c 'cat page'": 5,
    f"{UVICORN} --limit-max-requests 1": 5,
    f"{UVICORN} --limit-max-requests=1000": 5,
}
SOUND = [
    "nc -lk 8000",
    "ncat -l 8000 --keep-open -c 'cat page'",
    f"{UVICORN} --limit-max-requests 1000 --workers 2",
    "~/.local/bin/gunicorn --bind 0.0.0.0:8000 --max-requests 1 server:app",
    "while true; do nc -l -p 8000 -c 'echo hello'; done",
    "python -m http.server 8000",
    "nc example.com 80",
]
CODE = {
    "one request": (MAKE + "server.handle_request()\n", "server.py:3"),
    "one request, of a script": (MAKE + "if __name__ == '__main__':\n    server.handle_request()\n", "server.py:4"),
    "in a loop": (MAKE + "while True:\n    server.handle_request()\n", None),
    "in a function that is called in a loop": (
        MAKE + "def one():\n    server.handle_request()\nwhile True:\n    one()\n",
        None,
    ),
    "once, and then on": (MAKE + "server.handle_request()\nserver.serve_forever()\n", None),
    "told of a number": (RUN, "server.py:3"),
    "told of a number for each worker": (RUN.replace("limit", "workers=2, limit"), None),
}


def found(files, project):
    directory = project(files)
    codes = told(found_in(directory).findings, directory)
    return [each.partition(" ")[2] for each in codes if each.startswith("VH112")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_that_ends_is_found(line, project):
    assert found(command(f'"{line}"'), project) == [f"valohai.yaml:{LINES[line]}"]


@pytest.mark.parametrize("line", SOUND)
def test_a_command_that_goes_on_is_not(line, project):
    assert found(command(f'"{line}"'), project) == []


@pytest.mark.parametrize("name", CODE)
def test_code_that_ends(name, project):
    code, place = CODE[name]
    files = command("python server.py", **{"server.py": code, "own.py": "def app():\n    pass\n"})
    assert found(files, project) == ([] if place is None else [place])
