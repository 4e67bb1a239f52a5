"""Servers that bring a reloader along: real ones, each as its own documentation switches it on."""

import contextlib

import psutil
import pytest

from tests.runner.stacks import NEWEST, OLDEST, RELOADERS, USUAL, UVICORN, python_of
from tests.runner.warm import warm

OWN = "TEXT = 'one'\n"
PORT = "port=int(os.environ['VALOHAI_PORT'])"
FLASK = f"""\
import os
import flask, own
app = flask.Flask(__name__)


@app.route("/", defaults={{"path": ""}})
@app.route("/<path:path>")
def index(path):
    return flask.jsonify(text=own.TEXT, pid=os.getpid(), marked=os.environ.get("WERKZEUG_RUN_MAIN"))


if __name__ == "__main__":
    app.run(host="0.0.0.0", {PORT}, debug=True)
"""
ASGI = f"""\
import json, os, own


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        body = json.dumps({{"text": own.TEXT, "pid": os.getpid()}}).encode()
        await send({{"type": "http.response.body", "body": body}})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run("asgi:app", host="0.0.0.0", {PORT}, reload=True)
"""
WSGI = """\
import json, os, own


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"text": own.TEXT, "pid": os.getpid()}).encode()]
"""
DJANGO = """\
import os, sys
import own
from django.apps import AppConfig
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import re_path

STARTED = os.environ.get("RUN_MAIN")
urlpatterns = [
    re_path("", lambda request: JsonResponse({"text": own.TEXT, "pid": os.getpid(), "marked": STARTED}))
]
settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", SECRET_KEY="x", INSTALLED_APPS=[])

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], *sys.argv[1:], "0.0.0.0:" + os.environ["VALOHAI_PORT"]])
"""
BOTTLE = f"""\
import json, os
import bottle, own


@bottle.route("<path:path>")
def index(path):
    return json.dumps({{"text": own.TEXT, "pid": os.getpid()}})


bottle.run(host="0.0.0.0", {PORT}, reloader=True)
"""
CHERRYPY = """\
import json, os
import cherrypy, own


class Root:
    @cherrypy.expose
    def default(self, *path):
        return json.dumps({"text": own.TEXT, "pid": os.getpid()})


cherrypy.config.update({"server.socket_host": "0.0.0.0", "server.socket_port": int(os.environ["VALOHAI_PORT"])})
cherrypy.quickstart(Root())
"""
QUART = f"""\
import os
import own, quart
app = quart.Quart(__name__)


@app.route("/<path:path>")
async def index(path):
    return {{"text": own.TEXT, "pid": os.getpid()}}


app.run(host="0.0.0.0", {PORT})
"""
TORNADO = """\
import json, os
import own, tornado.ioloop, tornado.web


class Index(tornado.web.RequestHandler):
    def get(self):
        self.write(json.dumps({"text": own.TEXT, "pid": os.getpid()}))


tornado.web.Application([(".*", Index)], debug=True).listen(int(os.environ["VALOHAI_PORT"]))
tornado.ioloop.IOLoop.current().start()
"""
TEXTS = {
    "flasked.py": FLASK,
    "asgi.py": ASGI,
    "wsgi.py": WSGI,
    "manage.py": DJANGO,
    "bottled.py": BOTTLE,
    "cherried.py": CHERRYPY,
    "quarted.py": QUART,
    "tornadoed.py": TORNADO,
}
CASES = [
    *[(stack, "Werkzeug", ["python", "flasked.py"]) for stack in (OLDEST, USUAL, NEWEST)],
    (USUAL, "Werkzeug", ["python", "-m", "flask", "--app", "flasked", "run", "--debug", "--host=0.0.0.0", "PORT"]),
    *[
        (stack, "Uvicorn", ["uvicorn", "asgi:app", "--reload", "--host=0.0.0.0", "PORT"])
        for stack in (UVICORN, RELOADERS)
    ],
    (UVICORN, "Uvicorn", ["python", "asgi.py"]),
    *[(stack, "Gunicorn", ["gunicorn", "wsgi:app", "--reload", "BIND"]) for stack in (OLDEST, NEWEST)],
    (USUAL, "Django", ["python", "manage.py", "runserver"]),
    (RELOADERS, "bottle", ["python", "bottled.py"]),
    (RELOADERS, "CherryPy", ["python", "cherried.py"]),
    (RELOADERS, "Hypercorn", ["hypercorn", "asgi:app", "--reload", "BIND"]),
    (RELOADERS, "Quart", ["python", "quarted.py"]),
    (RELOADERS, "Tornado", ["python", "tornadoed.py"]),
]


@contextlib.contextmanager
def started(runner, place, stack, command):
    python = python_of(stack)

    def settle(port):
        known = {"python": str(python), "PORT": f"--port={port}", "BIND": f"--bind=0.0.0.0:{port}"}
        program = python.parent / command[0]
        words = [str(program) if program.is_file() else command[0], *command[1:]]
        return [known.get(word, word) for word in words]

    files = {**TEXTS, "own.py": OWN}
    with warm(runner, place, lambda port: ["command", *settle(port)], python, files) as it:
        yield it


@pytest.mark.parametrize(("stack", "library", "command"), CASES, ids=lambda value: str(value).replace("/", "-")[:40])
def test_an_edit_reaches_the_new_server_alone_and_a_broken_one_none(runner, tmp_path, stack, library, command):
    with started(runner, tmp_path, stack, command) as it:
        first = it.get(1).json()
        it.warm_up()
        assert it.control.event("left_out")["library"] == library
        it.save("own.py", "TEXT = 'two'\n")
        second = it.next().json()
        assert (first["text"], second["text"]) == ("one", "two")
        it.save("own.py", "TEXT = = 3\n")
        broken = it.fork()
        it.control.event("ended", number=broken)
        assert [it.get(1).json(), it.get(2).json()] == [first, second], "they still are who they were"
        it.save("own.py", "TEXT = 'four'\n")
        assert it.next().json()["text"] == "four"
        assert not (tmp_path / ".gunicorn").exists(), "a control socket that servers would take from one another"


@pytest.mark.parametrize("command", [["python", "flasked.py"], ["python", "manage.py", "runserver"]], ids=str)
def test_code_that_asks_whether_it_is_the_process_that_serves_hears_so(runner, tmp_path, command):
    with started(runner, tmp_path, USUAL, command) as it:
        assert it.get(1).json()["marked"] == "true"


def test_gunicorns_reloader_is_left_out_of_wsgi_too(runner, tmp_path):
    files = {**TEXTS, "own.py": OWN, "gunicorn.conf.py": "reload = True\n"}
    with warm(runner, tmp_path, ["wsgi", "wsgi:app"], python_of(USUAL), files) as it:
        it.warm_up()
        assert it.control.event("left_out")["library"] == "Gunicorn"
        it.save("own.py", "TEXT = = 2\n")
        number = it.fork()
        assert "SyntaxError" in it.control.event("failed", number=number)["text"]
        assert it.control.event("ended", number=number)["code"] == 3
        assert it.get(1).json()["text"] == "one"


def test_where_no_edit_is_brought_in_a_reloader_runs_as_without_the_runner(runner, tmp_path):
    """The server starts itself again as a process of its own, by the words that it was started with."""
    files = {**TEXTS, "own.py": OWN}
    with warm(
        runner, tmp_path, ["command", str(python_of(USUAL)), "flasked.py"], python_of(USUAL), files, warm=False
    ) as it:
        answer = it.get(1).json()
        assert (answer["text"], answer["marked"]) == ("one", "true")
        assert psutil.Process(answer["pid"]).cmdline()[1:] == ["flasked.py"]
