"""Paths that an app decides by itself are asked for, and their remedies do not count on its framework."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.prefix.apps import ALIAS, MADE, MISSING, PAGE, VERSION, below, code, examined, redirect
from tests.checks.projects import command
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.compared import compared_by_node
from vhlocal.checks.prefix.evidence import Answer
from vhlocal.checks.prefix.registry import find
from vhlocal.project.config import load_config
from vhlocal.project.package import read_package

HANDLED = "def app(environ, start):\n    path = environ['PATH_INFO']\n"
AIOHTTP = "import aiohttp.web\napp = aiohttp.web.Application()\n"
FLASK = "app = flask.Flask(__name__)\n"
HANDLER = "\ndef predict():\n    return ''\n"


@pytest.fixture
def code_of(project):
    """Write a script and return its code."""

    def of(text, name="server.py", line="python server.py"):
        directory = project(command(line, **{name: text}))
        (endpoint,) = load_config(directory).endpoints
        return read_code(endpoint, read_package(directory))

    return of


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        (f"{HANDLED}    if path == '/predict': pass\n", ("/predict",)),
        (f"{HANDLED}    if path not in ('/predict', '/v1/score'): pass\n", ("/predict", "/v1/score")),
        (f"{HANDLED}    if path.endswith('/predict'): pass\n", ("/predict",)),
        (f"{HANDLED}    match path:\n        case '/predict': pass\n", ("/predict",)),
        ("ROUTES = {'/predict': print}\n", ("/predict",)),
        ("import cherrypy\nclass Root:\n    @cherrypy.expose\n    def predict(self): pass\n", ("/predict",)),
        ("import tornado.web\napp = tornado.web.Application([(r'/predict/?', Predict)])\n", ("/predict",)),
        *(
            (f"{HANDLED}    if path == '{path}': act()\n", ())
            for path in ("/shutdown", "/close", "/run-job", "/users/add", "/pay", "/nextOne")
        ),
        (f"{HANDLED}    open('/data/model')\n", ()),
        *(
            (f"import flask\n{FLASK}@app.route('{path}'){HANDLER}", ())
            for path in ("/shutdown", "/admin/resetAll", "/resetall")
        ),
        (f"import flask\n{FLASK}@app.route('/address'){HANDLER}", ("/address",)),
        (f"{AIOHTTP}app.router.add_route('POST', '/train', print)\n", ("/train",)),
        *((f"{AIOHTTP}app.router.add_route('{method}', '/train', print)\n", ()) for method in ("GET", "*")),
        ("from django.urls import path\nurlpatterns = [path('predict', print)]\n", ("/predict",)),
        (f"import flask\n{FLASK}@app.get('/v1'){HANDLER}to = flask.request.args.get('next', '/logout')\n", ("/v1",)),
        (f"{AIOHTTP}app.router.add_routes([aiohttp.web.route('POST', '/train', print)])\n", ("/train",)),
        (f"import flask\n{FLASK}@app.route('/train', methods=['POST']){HANDLER}", ("/train",)),
        (f"import flask\n{FLASK}@app.post('/reload'){HANDLER}", ("/reload",)),
        (f"import flask\n{FLASK}@app.route('/shutdown', methods=['get']){HANDLER}", ()),
        (f"import bottle\n@bottle.route('/train', method='POST'){HANDLER}", ("/train",)),
        (f"import bottle\n@bottle.route('/train', method=['GET', 'POST']){HANDLER}", ()),
        (
            f"{HANDLED}    if path == '/predict_iris' or path == '/fraud-score': pass\n",
            ("/predict_iris", "/fraud-score"),
        ),
        ("import tornado.web\napp = tornado.web.Application([(r'(?:/[^/]+){5}/predict', Predict)])\n", ()),
    ],
)
def test_paths_that_code_decides_by_are_asked_for_and_none_that_may_end_it(text, routes, code_of):
    assert code_of(f"{text}\nRoot = app = 1\nprint(app, Root, predict)\n").routes == routes


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ('if (req.url === "/predict") {', ["/predict"]),
        ("if (url.pathname !== '/predict') return", ["/predict"]),
        ('  case "/v1/score":', ["/v1/score"]),
        ('app.post("/predict", predict);', ["/predict"]),
        ('fs.readFileSync("/data/model")', []),
        ('if (req.url === "/stop") process.exit()', []),
        ('if (req.url === "/pay") pay()', []),
        ('app.get("/shutdown", shutDown);', []),
        ('app.post("/train", train);', ["/train"]),
    ],
)
def test_paths_that_a_script_of_nodes_decides_by(line, paths):
    assert list(compared_by_node([line])) == paths


def test_a_redirect_of_node_has_its_line(code_of):
    script = 'require("http").createServer((q, r) => {\n  r.writeHead(302, {Location: "/home"}).end();\n});\n'
    place = code_of(script, "server.js", "node server.js").place_leading_to("/home")
    assert (place.file.name, place.line) == ("server.js", 2)


@pytest.mark.parametrize(("framework", "whole"), [("aiohttp", True), ("Tornado", True), ("", True), ("Flask", False)])
def test_what_looks_at_the_whole_path_itself_is_told_to_remove_the_prefix(framework, whole):
    known = replace(
        code(framework=framework),
        routes=("/predict",),
        compared=("/predict",),
        texts=(("/predict", replace(MADE, line=7)),),
    )
    evidence = examined(below(("",), {"/predict": PAGE}), "", known, routes=("/predict",))
    (finding,) = find(evidence)
    assert finding.definition.code == "VH401"
    assert (finding.change.startswith("remove the request's prefix"), finding.place.line == 7) == (whole, whole)


def test_what_is_open_to_all_shows_an_app_that_refuses_the_rest():
    """A login page that a guard lets through, which is there without the prefix alone."""

    def app(_, target):
        if target.endswith("/login"):
            return PAGE if target == "/login" else MISSING
        return Answer(401)

    (finding,) = find(examined(app, "", routes=("/login",)))
    assert (finding.definition.code, finding.seen.split(",")[0]) == ("VH401", "it answers at `/login`")


LOGIN = below((VERSION, ALIAS), {"/": redirect("/login")})


@pytest.mark.parametrize(
    ("facts", "change", "line"),
    [
        ({}, "let the framework build the URL, or put the prefix before the path", 3),
        ({"builds_urls": True, "strips": replace(MADE, line=9)}, 'also set `environ["SCRIPT_NAME"]`', 9),
        ({"builds_urls": True, "target": "server:app"}, "write `wsgi: server:app` instead of the command", 3),
        ({"builds_urls": True, "written": (("/login", replace(MADE, line=5)),)}, "let the framework build the URL", 5),
    ],
    ids=["by hand", "without SCRIPT_NAME", "without wsgi", "written out"],
)
def test_an_app_that_builds_its_urls_is_not_advised_to(facts, change, line):
    (finding,) = find(examined(LOGIN, "/", replace(code(), **facts)))
    assert (finding.definition.code, finding.change.startswith(change)) == ("VH404", True)
    assert finding.place.line == line
    assert (finding.framework == "Flask") is ("builds_urls" not in facts or "written" in facts)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def app(environ, start):\n    environ['PATH_INFO'] = environ['PATH_INFO'][3:]\n", 2),
        ("def app(environ, start):\n    environ['PATH_INFO'] = '/'\n    environ['SCRIPT_NAME'] = '/x'\n", None),
        ("def app(environ, start):\n    return environ['PATH_INFO']\n", None),
    ],
)
def test_where_the_prefix_is_removed_without_being_noted(text, line, code_of):
    place = code_of(f"{text}\nprint(app)\n").strips
    assert (None if place is None else place.line) == line
