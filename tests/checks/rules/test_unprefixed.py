"""Apps under an ASGI server that surely answer 404 below the prefix, by their code alone; and such as may well not."""

from __future__ import annotations

import pytest

from tests.checks.projects import command
from tests.checks.sample import found_in, told

UVICORN = "~/.local/bin/uvicorn server:app --host 0.0.0.0"
REQUIREMENTS = "fastapi\nuvicorn\nhypercorn\nstarlette\nfastapi-cli\n"
POST = "\n\n@app.post('/predict')\ndef predict():\n    return 1\n"
APP = f"import os\nfrom fastapi import FastAPI, APIRouter, Request\napp = FastAPI(){POST}"
STARLETTE = (
    "from starlette.applications import Starlette as S\nfrom starlette.routing import Route\n"
    "app = S(routes=[Route('/predict', print, methods=['POST'])])\n"
)
RUN = "\nimport uvicorn\nif __name__ == '__main__':\n    uvicorn.run(app, host='0.0.0.0')\n"

FOUND = {
    "a POST route alone": (UVICORN, APP),
    "Starlette, under another name": (UVICORN, STARLETTE),
    "Hypercorn": ("~/.local/bin/hypercorn server:app -b 0.0.0.0:8000", APP),
    "the CLI of FastAPI": ("~/.local/bin/fastapi run server.py", APP),
    "Uvicorn by the code": ("python server.py", APP + RUN),
    "Uvicorn by the code, by a text": ("python server.py", APP + RUN.replace("run(app", "run('server:app'")),
    "a router with a prefix of its own": (
        UVICORN,
        APP + "r = APIRouter(prefix='/v1')\n@r.get('')\ndef x():\n    return 1\napp.include_router(r)\n",
    ),
    "CORS, and a dictionary": (
        UVICORN,
        APP + "from fastapi.middleware.cors import CORSMiddleware\napp.add_middleware(CORSMiddleware)\n{}.get('a')\n",
    ),
    "static files": (
        UVICORN,
        APP + "from starlette.staticfiles import StaticFiles\napp.mount('/static', StaticFiles())\n",
    ),
}


def found(line, code, directory_of):
    directory = directory_of(command(line, **{"server.py": code, "requirements.txt": REQUIREMENTS}))
    return [each for each in told(found_in(directory).findings, directory) if each.startswith("VH408")]


@pytest.mark.parametrize("name", FOUND)
def test_no_route_is_below_the_prefix(name, project):
    assert found(*FOUND[name], project) == ["VH408 valohai.yaml:5"]


SOUND = {
    "served by its prefix": APP + "P = os.environ['SCRIPT_NAME']\n",
    "a prefix from the environment": APP + "r = APIRouter(prefix=os.environ['AT'])\napp.include_router(r)\n",
    "routes made of an f-string": APP + "@app.get(f'{os.environ[\"AT\"]}/x')\ndef x():\n    return 1\n",
    "routes that take the prefix as parameters": APP.replace("'/predict'", "'/{a}/{b}/{c}/{d}/{e}/predict'"),
    "a route for everything": APP.replace("'/predict'", "'/{rest:path}'"),
    "a middleware of one's own": APP + "from own import Prefix\napp.add_middleware(Prefix)\n",
    "a middleware as a function": APP
    + "@app.middleware('http')\nasync def m(r, go):\n    r.scope['path'] = '/'\n    return await go(r)\n",
    "a wrapped app": APP + "from own import wrap\napp = wrap(app)\n",
    "an app below another": APP.replace("app = FastAPI()", "app = FastAPI()\nouter = FastAPI()\nouter.mount('/', app)"),
    "a root path": APP.replace("FastAPI()", "FastAPI(root_path=os.environ['AT'])"),
    "no routes that can be seen": "from fastapi import FastAPI\napp = FastAPI()\n",
    "a factory": APP.replace("app = FastAPI()", "from own import make\napp = make()"),
    "the header": APP + "KEY = 'X-VH-Prefix'\n",
}


@pytest.mark.parametrize("name", SOUND)
def test_what_may_know_its_prefix_is_left_alone(name, project):
    assert found(UVICORN, SOUND[name], project) == []


def test_a_root_path_of_the_server_is_another_finding(project):
    assert found(f"{UVICORN} --root-path $SCRIPT_NAME", APP, project) == []
    assert found("python server.py", APP + RUN.replace("host=", "root_path='/x', host="), project) == []


def test_wsgi_is_sound(project):
    files = command(UVICORN, **{"server.py": APP, "requirements.txt": REQUIREMENTS})
    yaml = "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n"
    assert found_in(project(files | {"valohai.yaml": yaml})).findings == ()
