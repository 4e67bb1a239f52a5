"""What is read of an endpoint's code for the rules about the prefix: where to point, and how it is served."""

from __future__ import annotations

import re

import pytest

from tests.checks.projects import APP, YAML, command
from tests.checks.server.live import LIVE_SAMPLES
from vhlocal.checks.prefix.code import read_code
from vhlocal.model import Endpoint
from vhlocal.project.config import load_config
from vhlocal.project.package import read_package


@pytest.fixture
def read(project):
    """Write a project and return its code, with places as ``path:line``."""

    def of(files):
        directory = project(files)
        (endpoint,) = load_config(directory).endpoints
        code = read_code(endpoint, read_package(directory))

        def told(place):
            return None if place is None else f"{place.file.relative_to(directory).as_posix()}:{place.line}"

        return code, told

    return of


UVICORN = "~/.local/bin/uvicorn server:app --host 0.0.0.0"
FASTAPI = "from fastapi import FastAPI\n\napp = FastAPI()\n"


def test_an_app_by_wsgi(read):
    code, told = read({"valohai.yaml": YAML, "server.py": APP, "requirements.txt": "flask\n"})
    assert (code.framework, code.server, code.root_path) == ("Flask", "", None)
    assert (told(code.made), told(code.app), told(code.started)) == ("server.py:3", "server.py:3", "valohai.yaml:4")


def test_an_app_by_a_command_of_several_lines(read):
    code, told = read(command("echo starting", f"{UVICORN} --root-path /x", **{"server.py": FASTAPI}))
    assert (code.framework, code.server) == ("FastAPI", "uvicorn")
    assert told(code.started) == told(code.root_path) == "valohai.yaml:6"
    assert told(code.made) == "server.py:3"


def test_uvicorn_that_the_code_starts(read):
    text = f"import uvicorn\n{FASTAPI}\nuvicorn.run(app, host='0.0.0.0', root_path='/x')\n"
    code, told = read(command("python server.py", **{"server.py": text}))
    assert (code.server, told(code.root_path), told(code.started)) == ("uvicorn", "server.py:6", "valohai.yaml:5")


@pytest.mark.parametrize("line", ["./start.sh", "python server.py", 'sh -c "$COMMAND"'])
def test_a_server_that_is_not_known(line, read):
    code, told = read(command(f"'{line}'"))
    assert (code.server, code.root_path, told(code.started)) == ("", None, "valohai.yaml:5")


def test_code_that_cannot_be_read_is_pointed_to_by_the_yaml(read):
    code, told = read({"valohai.yaml": YAML, "server.py": "def (:\n", "requirements.txt": "flask\n"})
    assert (code.made, told(code.app), code.framework) == (None, "valohai.yaml:4", "")


def test_a_path_is_found_where_it_is_written_out(read):
    page = '\nPAGE = """<!doctype html>\n<p>\n<a href="/more">\n"""\n'
    route = '\n\n@app.get("/predict")\ndef page():\n    return PAGE\n'
    files = {"valohai.yaml": YAML, "server.py": APP + page + route, "requirements.txt": "flask\n"}
    code, told = read(files | {"templates/index.html": "<p>\n<form action='/upload'>\n"})
    paths = ("/predict", "/more", "/upload", "/nowhere")
    places = ["server.py:11", "server.py:7", "templates/index.html:2", "server.py:3"]
    assert [told(code.place_of(path)) for path in paths] == places


def test_what_leads_to_a_path_is_told_from_its_route(read):
    code = '@app.get("/result")\ndef result():\n    return render_template("b.html")\n\n\nredirect("/result")\n'
    page = '<a href="/result">'
    files = {"valohai.yaml": YAML, "server.py": APP + code, "requirements.txt": "flask\n"}
    found, told = read(files)
    line = (APP + code).count("\n")
    assert (told(found.place_of("/result")), told(found.place_leading_to("/result"))) == (
        f"server.py:{line - 5}",
        f"server.py:{line}",
    )
    found, told = read(files | {"templates/a.html": page, "templates/b.html": page})
    assert told(found.place_leading_to("/result")) == "templates/b.html:1"
    assert told(found.place_leading_to("/nowhere")) == told(found.app)


@pytest.mark.parametrize(
    ("line", "settings", "target"),
    [
        ("uwsgi --ini app.ini", "module = server:app\nhttp = :8000\n", "server:app"),
        ("uwsgi app.ini", "wsgi-file = server.py\ncallable = app\n", "server:app"),
        ("uwsgi app.ini --mount /x=server:app", "manage-script-name = true\n", "server:app"),
        ("uwsgi --http :8000 -w server", "", "server:application"),
        ("uwsgi --http :8000 --wsgi-file ./server.py --callable app", "", "server:app"),
        ("uwsgi app.ini", "chdir = /srv\nmodule = server:app\n", ""),
        ("uwsgi app.ini", "if-env = X\nmodule = server:app\nendif =\n", ""),
        ("uwsgi app.ini -w other:app", "module = server:app\n", ""),
        ("uwsgi app.ini", "module = %(name)\n", ""),
    ],
)
def test_what_uwsgi_serves_is_read_from_its_options_and_its_file(line, settings, target, read):
    code, _ = read({**command(line), "app.ini": f"[uwsgi]\n{settings}"})
    assert (code.target, code.framework) == (target, "Flask" if target else "")


def test_a_redirects_place_is_of_the_endpoints_code_and_where_its_edit_is(read):
    code = (
        "from flask import redirect, request\n\n\n@app.before_request\ndef first():\n"
        '    note("/login")\n    if not request.path.startswith("/login"):\n        return redirect("/login")\n'
    )
    files = {"valohai.yaml": YAML, "server.py": APP + code, "requirements.txt": "flask\n"}
    found, told = read(
        files | {"templates/other.html": '<a href="/login">', "templates/more.html": '<a href="/login">'}
    )
    place = found.place_written("/login")
    assert told(place) == f"server.py:{(APP + code).count(chr(10))}"
    (edit, *_) = [one for one in found.fixes.prefixed("/login", place) if one.place == place]
    assert edit.new.strip() == 'return redirect(request.script_root + "/login")'


def test_a_link_of_several_pages_is_placed_in_one_that_the_endpoint_surely_has(read):
    link = '<a href="/more">'
    base, own, others = "templates/base.html", "templates/own.html", {f"templates/{n}.html": link for n in "ab"}
    code = 'from flask import render_template\n\n\n@app.get("/")\ndef page():\n    return render_template("own.html")\n'
    files = {"valohai.yaml": YAML, "server.py": APP + code, "requirements.txt": "flask\n", own: "<p>\n"}
    found, told = read(files | {"templates/a.html": link})
    assert told(found.place_leading_to("/more")) == "templates/a.html:1"
    found, told = read(files | others)
    assert told(found.place_leading_to("/more")) == told(found.app)
    found, told = read(files | others | {own: '{% extends "base.html" %}', base: f"<p>\n{link}"})
    assert told(found.place_leading_to("/more")) == "templates/base.html:2"


def test_an_endpoint_without_places_has_one(tmp_path):
    code = read_code(Endpoint("greet", "python", 8000, "server:app"), read_package(tmp_path))
    assert code.app.file == tmp_path / "valohai.yaml"


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        ("import dash, flask\n", "Dash"),
        ("import streamlit\n", "Streamlit"),
        ("import litserve\n", "LitServe"),
        ("import gradio\nfrom fastapi import FastAPI\n", "Gradio"),
        ("import fastapi\n", "FastAPI"),
    ],
)
def test_the_framework_is_the_one_that_the_others_are_parts_of(read, text, framework):
    code, _ = read({**command("python server.py"), "server.py": text})
    assert code.framework == framework


@pytest.mark.parametrize("line", ["node server.js", "npm start"])
def test_a_command_of_nodes_is_known(read, line):
    code, _ = read(command(line))
    assert code.framework == "Node"


@pytest.mark.parametrize("line", ["~/.local/bin/bentoml serve server:Svc", "python -m bentoml serve"])
def test_bentoml_is_what_serves_and_not_what_reads_models(read, line):
    importing = {"server.py": f"import bentoml\n{FASTAPI}"}
    code, _ = read({**command(line), **importing})
    assert code.framework == "BentoML"
    code, _ = read({**command(UVICORN), **importing})
    assert code.framework == "FastAPI"


MADE_BY_SCRIPT = "from flask import Flask\n\nsite = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("line", "text", "told"),
    [
        (UVICORN, FASTAPI, "write `wsgi: server:app` instead of the command at valohai.yaml:5"),
        (
            "python server.py",
            MADE_BY_SCRIPT + 'if __name__ == "__main__":\n    site.run()\n',
            "write `wsgi: server:site` instead of the command at valohai.yaml:5",
        ),
        (
            "python server.py",
            MADE_BY_SCRIPT + "site.run()\n",
            "write `wsgi: server:site` instead of the command at valohai.yaml:5, and put server.py:4 under "
            '`if __name__ == "__main__":`',
        ),
        ("python server.py", "import own\n", "write `wsgi: MODULE:NAME` instead of the command at valohai.yaml:5"),
    ],
)
def test_the_change_to_wsgi_is_written_in_the_projects_own_names(read, line, text, told):
    """R4: what can be pasted; a module that starts a server when it is imported would never give the app."""
    code, _ = read({**command(line), "server.py": text})
    assert code.by_wsgi == told


@pytest.mark.parametrize("sample", ["VH401", "VH403", "VH408", "VH409"])
def test_the_change_of_a_broken_sample_is_what_its_mended_one_has(sample):
    """The mended ones are served under version and alias by the tests of the live samples."""
    broken, mended = LIVE_SAMPLES / sample / "broken", LIVE_SAMPLES / sample / "mended"
    (endpoint,) = load_config(broken).endpoints
    (line,) = re.findall(r"wsgi: \S+", (mended / "valohai.yaml").read_text())
    assert f"`{line}`" in read_code(endpoint, read_package(broken)).by_wsgi


@pytest.mark.parametrize(
    ("route", "below"),
    [
        ("/{owner}/{project}/{deployment}/{version}/greet/predict", "/predict"),
        ("/{a}/{b}/{c}/{d}/{e}/items/{item}", "/items/1"),
        ("/acme/shop/main/{version}/greet/predict", "/predict"),
        ("/{a}/{b}/{c}/{d}/other/predict", "/1/1/1/1/other/predict"),
        ("/a/b/c/d/greet/predict", "/a/b/c/d/greet/predict"),
        ("/{a}/b/c", "/1/b/c"),
    ],
)
def test_a_route_with_the_prefix_in_it_is_looked_for_below_that(route, below, read):
    code = (
        FASTAPI
        + f'@app.post("{route}")\ndef predict():\n    pass\n\n\n@app.websocket("{route}")\nasync def s(w):\n    pass\n'
    )
    found, _ = read(command(UVICORN, **{"server.py": code}))
    assert (found.routes, found.sockets) == ((below,), (below,))
    split = code.replace("app = FastAPI()", f'app = FastAPI()\nrouter = APIRouter(prefix="{route}")').replace(
        f'post("{route}"', 'post("/x"'
    )
    found, _ = read(command(UVICORN, **{"server.py": split}))
    assert found.routes[0] == f"{below}/x"


@pytest.mark.parametrize(
    ("given", "route"), [("", "/predict"), ('api_path="/score"', "/score"), ('api_path=PREFIX + "/score"', "/score")]
)
def test_litserve_has_a_route_of_its_own(given, route, read):
    code = f"import litserve\n\napi = litserve.LitAPI({given})\n"
    found, _ = read(command("python server.py", **{"server.py": code}))
    assert found.routes == (route,)


MOUNT = "from starlette.routing import Mount, Route\n\nROUTES = [Mount('/v1', routes=[Route('/predict', print)])]\n"


@pytest.mark.parametrize(
    ("code", "routes"),
    [
        (MOUNT, ("/predict", "/v1/predict")),
        (
            f"{FASTAPI}part = FastAPI()\npart.post('/predict')(print)\napp.mount('/v1/', part)\n",
            ("/predict", "/v1/predict"),
        ),
        (f"{FASTAPI}app.post('/predict')(print)\napp.mount('/', print)\n", ("/predict",)),
        ("import requests\n\nrequests.Session().mount('https://', print)\nweb.post('/predict')\n", ("/predict",)),
    ],
    ids=["Starlette", "FastAPI", "at the root", "another mount"],
)
def test_a_route_of_a_mounted_app_is_looked_for_below_it_too(code, routes, read):
    """Its own path comes first: which app a route belongs to is not known."""
    found, _ = read(command(UVICORN, **{"server.py": code}))
    assert found.routes == routes


QUART = "from quart import Quart\n\n\ndef create_app(name=''):\n    return Quart(name)\n"
SITE = "from flask import Flask\n\n\ndef create_app():\n    return Flask(__name__)\n"


@pytest.mark.parametrize(
    ("line", "code", "target"),
    [
        ("~/.local/bin/hypercorn 'server:create_app()'", QUART, "server:create_app()"),
        ("~/.local/bin/hypercorn \"server:create_app('a')\"", QUART, "server:create_app('a')"),
        ("~/.local/bin/uvicorn --factory server:create_app", QUART, "server:create_app()"),
        ("~/.local/bin/flask --app server run", SITE, "server:create_app()"),
        ("~/.local/bin/flask --app server:create_app run", SITE, "server:create_app()"),
        ("~/.local/bin/flask --app server run", APP, "server:app"),
        ("~/.local/bin/flask --app server run", SITE + "\n\napplication = create_app()\n", "server:application"),
        ("~/.local/bin/gunicorn server:app", APP, "server:app"),
        ("python server.py", "import bottle\n\napp = bottle.Bottle()\n", "server:app"),
        ("python -m server", APP, "server:app"),
    ],
)
def test_r4_what_wsgi_would_name_the_app_by(line, code, target, read):
    """R4: a factory has to be called, however its own server is told of it."""
    found, _ = read(command(line, **{"server.py": code}))
    assert (found.target, found.by_wsgi) == (
        target,
        f"write `wsgi: {target}` instead of the command at valohai.yaml:5",
    )


@pytest.mark.parametrize(
    ("line", "files", "framework", "served"),
    [
        ("python -m http.server 8000", {"server.py": APP}, "", False),
        ("python server.py", {"server.py": "import http.server\n"}, "", False),
        ("python server.py", {"server.py": "import tornado.web\n"}, "Tornado", False),
        ("python -m service 8000", {"service/__main__.py": "from aiohttp import web\n"}, "aiohttp", False),
        ("./start.sh", {"server.py": APP}, "", False),
        ("python server.py", {"server.py": "from flask import Flask\n"}, "Flask", True),
    ],
)
def test_only_what_has_an_app_is_told_to_be_served_by_wsgi(line, files, framework, served, read):
    found, _ = read(command(line, **files))
    assert (found.framework, found.may_be_served) == (framework, served)
