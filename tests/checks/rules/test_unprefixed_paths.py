"""Flask's own server, Waitress and Python's own, by the code alone: apps that surely answer 404 below the prefix."""

from __future__ import annotations

import threading

import pytest
import requests

from tests.checks.edits import apply
from tests.checks.projects import APP, command
from tests.checks.sample import found_in, told

FLASK = f"import os\n{APP}\n\n@app.post('/predict')\ndef predict():\n    return {{}}\n\n\n"
RUN = "if __name__ == '__main__':\n    app.run(host='0.0.0.0', port=int(os.environ['VALOHAI_PORT']))\n"
SERVE = "from waitress import serve\nserve(app, port=8000)\n"
WAITRESS = "~/.local/bin/waitress-serve --port=$VALOHAI_PORT server:app"
HEAD = "import os\nfrom http.server import BaseHTTPRequestHandler as Base, HTTPServer\n\n\nclass Handler(Base):\n"
POST = """\
    def do_POST(self):
        if self.path != "/predict":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
"""
GET = """\
    def do_GET(self):
        if self.path == "/health":
            self.send_response(200)
        elif self.path == "/":
            self.send_response(204)
        else:
            self.send_response(404)
        self.end_headers()
"""
TAIL = "\n\nserver = HTTPServer(('0.0.0.0', int(os.environ['VALOHAI_PORT'])), Handler)\n"
SERVED = "if __name__ == '__main__':\n    server.serve_forever()\n"

FOUND = {
    "Flask's own server": (FLASK + RUN, "python server.py"),
    "Flask's own server, where all errors are answered alike": (
        FLASK + "@app.errorhandler(Exception)\ndef failed(error):\n    return {}, 500\n" + RUN,
        "python server.py",
    ),
    "a blueprint": (
        FLASK + "from flask import Blueprint\nbelow = Blueprint('a', __name__, url_prefix='/api')\n"
        "app.register_blueprint(below)\n" + RUN,
        "python server.py",
    ),
    "Waitress": (FLASK, WAITRESS),
    "Waitress by the code": (FLASK + SERVE, "python server.py"),
    "a handler": (HEAD + GET + "\n" + POST + TAIL + SERVED, "python server.py"),
}
SOUND = {
    "Waitress with a prefix": (FLASK, WAITRESS.replace("server:", "--url-prefix=/x server:")),
    "Waitress by the code, with a prefix": (
        FLASK + SERVE.replace("app, ", "app, url_prefix='/x', "),
        "python server.py",
    ),
    "a middleware": (FLASK + "from own import Prefix\napp.wsgi_app = Prefix(app.wsgi_app)\n" + RUN, "python server.py"),
    "a blueprint below what is not known": (
        FLASK + "from own import below\napp.register_blueprint(below, url_prefix=os.environ['AT'])\n" + RUN,
        "python server.py",
    ),
    "a route for everything": (FLASK.replace("/predict", "/<path:rest>") + RUN, "python server.py"),
    "routes that take the prefix as parameters": (
        FLASK.replace("/predict", "/<a>/<b>/<c>/<d>/<e>/predict") + RUN,
        "python server.py",
    ),
    "the header": (FLASK + "KEY = 'X-VH-Prefix'\n" + RUN, "python server.py"),
    "Gunicorn": (FLASK, "~/.local/bin/gunicorn -b 0.0.0.0:8000 server:app"),
    "a server for another place": (
        FLASK + "from own import go\nif 'HERE' in os.environ:\n    app.run('0.0.0.0', 8000)\nelse:\n    go(app)\n",
        "python server.py",
    ),
    "a handler that answers all": (HEAD + GET.replace("404", "200") + TAIL + SERVED, "python server.py"),
    "a handler that minds the end alone": (
        HEAD + POST.replace('self.path != "/predict"', 'not self.path.endswith("/predict")') + TAIL + SERVED,
        "python server.py",
    ),
    "a handler that cuts its path": (
        HEAD + "    def do_POST(self):\n        self.path = '/predict'\n" + POST.split("\n", 1)[1] + TAIL + SERVED,
        "python server.py",
    ),
}


def found(directory):
    return [each for each in found_in(directory).findings if each.definition.code == "VH401"]


def made(code, line):
    return command(line, **{"server.py": code, "requirements.txt": "flask\nwaitress\ngunicorn\n"})


@pytest.mark.parametrize("name", FOUND)
def test_no_path_is_below_the_prefix_and_what_is_shown_mends_it(name, project):
    directory = project(made(*FOUND[name]))
    (finding,) = found(directory)
    apply(finding.edits)
    assert told(found_in(directory).findings, directory) == []


@pytest.mark.parametrize("name", SOUND)
def test_what_may_know_its_prefix_is_left_alone(name, project):
    assert found(project(made(*SOUND[name]))) == []


def test_a_handler_answers_below_each_prefix_with_what_is_shown(project, monkeypatch):
    code = HEAD + GET + "\n" + POST + TAIL
    directory = project(made(code, "python server.py"))
    (finding,) = found(directory)
    apply(finding.edits)
    monkeypatch.setenv("VALOHAI_PORT", "0")
    names: dict = {}
    exec((directory / "server.py").read_text(), names)
    server = names["server"]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, prefix = f"http://127.0.0.1:{server.server_port}", "/acme/shop/main/dev/greet/"
    asked = [("GET", ""), ("GET", "health"), ("GET", "nowhere"), ("POST", "predict"), ("POST", "health")]
    try:
        statuses = [
            requests.request(method, url + prefix + path, headers={"X-VH-Prefix": prefix}, timeout=30).status_code
            for method, path in asked
        ]
        bare = requests.get(f"{url}/health", timeout=30).status_code
        without_slash = requests.get(url + prefix[:-1], headers={"X-VH-Prefix": prefix}, timeout=30).status_code
    finally:
        server.shutdown()
        server.server_close()
    assert (statuses, bare, without_slash) == ([204, 200, 404, 200, 404], 200, 204)
