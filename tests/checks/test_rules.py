"""What else the rules find, besides their samples: each case with the finding that it is to have, and no other."""

from __future__ import annotations

import subprocess

import pytest

from tests.checks.projects import APP, FLASK, YAML, command, flask, wsgi
from tests.checks.sample import FakeIndex, found_in, told

OTHER = YAML.replace("python:3.12-slim", "company/base:1")


def variables_of(library):
    return {"requirements.txt": f"flask\n{library}\n", ".gitignore": ".env*\n", ".env": "MODEL=1\nDEBUG=1\nSIZE=2\n"}


FOUND = {
    "a command in a block": (
        FLASK
        | {
            "requirements.txt": "flask>=3.0\nuvicorn>=0.30\n",
            "valohai.yaml": "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    server-command: |\n"
            "      echo starting\n      exec ~/.local/bin/uvicorn server:app\n",
        },
        ["VH106 valohai.yaml:6"],
    ),
    "localhost by its name": (
        command(
            "echo x",
            "python -m waitress --listen localhost:8000 server:app",
            **{"requirements.txt": "flask>=3.0\nwaitress>=3.0\n"},
        ),
        ["VH106 valohai.yaml:6"],
    ),
    "gunicorn's default": (command("exec ~/.local/bin/gunicorn -w 4 server:app"), ["VH106 valohai.yaml:5"]),
    "flask's defaults": (
        command("FLASK_APP=server python -m flask run"),
        ["VH105 valohai.yaml:5", "VH106 valohai.yaml:5"],
    ),
    "django's development server": (
        command("python manage.py runserver", **{"manage.py": ""}),
        ["VH106 valohai.yaml:5", "VH108 valohai.yaml:5"],
    ),
    "django's on all addresses": (
        command("python manage.py runserver 0.0.0.0:8000", **{"manage.py": ""}),
        ["VH108 valohai.yaml:5"],
    ),
    "fastapi's development server": (
        command("~/.local/bin/fastapi dev --host 0.0.0.0 server.py", **{"requirements.txt": "flask\nfastapi\n"}),
        ["VH108 valohai.yaml:5"],
    ),
    "a command's application that is not there": (
        command("~/.local/bin/uvicorn server:application --host 0.0.0.0"),
        ["VH110 valohai.yaml:5"],
    ),
    "a command's module that is not there": (
        command("~/.local/bin/uvicorn sever:app --host 0.0.0.0"),
        ["VH109 valohai.yaml:5"],
    ),
    "a server that is not installed, as a module": (
        command("python -m waitress --host 0.0.0.0 --port 8000 server:app"),
        ["VH111 valohai.yaml:5"],
    ),
    "a misspelt module, on any image": (
        wsgi("sever:app", server="app = 1\n") | {"valohai.yaml": OTHER.replace("server:app", "sever:app")},
        ["VH109 valohai.yaml:4"],
    ),
    "a file for a module": (wsgi("server.py:app", server="app = 1\n"), ["VH109 valohai.yaml:4"]),
    "an application for scripts alone": (
        wsgi("server:app", server="def make():\n    pass\n\n\nif __name__ == '__main__':\n    app = make()\n"),
        ["VH110 valohai.yaml:4"],
    ),
    "neither application nor app": (wsgi("server", server="api = 1\n"), ["VH110 valohai.yaml:4"]),
    "an ignored module": (
        wsgi("server:app", server="app = 1\n") | {".vhignore": "server.py\n"},
        ["VH109 valohai.yaml:4"],
    ),
    "latest": (
        flask() | {"valohai.yaml": YAML.replace("3.12-slim", "latest")},
        ["VH104 valohai.yaml:3"],
    ),
    "an include that is not packaged": (
        flask(**{"requirements.txt": "flask>=3.0\n-r base.txt\n"}),
        ["VH201 requirements.txt:2"],
    ),
    "a line without a hash beside one that has it": (
        flask(**{"requirements.txt": "click==8.1.7 \\\n  --hash=sha256:00\nflask>=3.0\nidna\n"}),
        ["VH201 requirements.txt:3"],
    ),
    "variables of a file that is looked for": (
        flask(
            "import os\nfrom dotenv import load_dotenv, find_dotenv\nload_dotenv(find_dotenv('.env.prod'))\n"
            "print(os.environ['MODEL'])\n",
            **{"requirements.txt": "flask\npython-dotenv\n", ".gitignore": ".env*\n", ".env.prod": "MODEL=1\n"},
        ),
        ["VH310 server.py:6"],
    ),
    "variables of a file that environs reads": (
        flask(
            "from environs import Env\nenv = Env()\nenv.read_env()\nMODEL = env.str('MODEL')\n",
            **variables_of("environs"),
        ),
        ["VH310 server.py:6"],
    ),
    "variables of a file that environs' own object reads": (
        flask("from environs import env\nenv.read_env('.env')\nMODEL = env('MODEL')\n", **variables_of("environs")),
        ["VH310 server.py:5"],
    ),
    "variables of a file that django-environ reads": (
        flask(
            "import os, environ\nHERE = os.path.dirname(__file__)\nenv = environ.Env(DEBUG=(bool, False))\n"
            "environ.Env.read_env(os.path.join(HERE, '.env'))\nMODEL = env('MODEL')\n",
            **variables_of("django-environ"),
        ),
        ["VH310 server.py:7"],
    ),
    "variables of a file that decouple looks for": (
        flask("from decouple import config\nMODEL = config('MODEL')\n", **variables_of("python-decouple")),
        ["VH310 server.py:5"],
    ),
    "variables of a file that decouple is given": (
        flask(
            "from decouple import Config, RepositoryEnv\nconfig = Config(RepositoryEnv('.env'))\n"
            "MODEL = config('MODEL', cast=str)\n",
            **variables_of("python-decouple"),
        ),
        ["VH310 server.py:5"],
    ),
    "variables of a file that Starlette's configuration reads": (
        flask(
            "from starlette.config import Config\nconfig = Config('.env')\nMODEL = config('MODEL')\n",
            **variables_of("starlette"),
        ),
        ["VH310 server.py:5"],
    ),
    "variables of a file that pydantic's settings read": (
        flask(
            "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n"
            "    model_config = SettingsConfigDict(env_file=('.env', '.env.prod'))\n    model: str\n    size: int = 1\n"
            "settings = Settings()\n",
            **variables_of("pydantic-settings"),
        ),
        ["VH310 server.py:6"],
    ),
    "variables of a file that pydantic's settings read in their older form": (
        flask(
            "from pydantic import BaseSettings, Field\nclass Settings(BaseSettings):\n"
            "    name: str = Field(..., env='MODEL')\n    class Config:\n        env_file = '.env'\nSettings()\n",
            **variables_of("pydantic<2"),
        ),
        ["VH310 server.py:8"],
    ),
    "variables of a file that Dynaconf reads": (
        flask(
            "from dynaconf import Dynaconf\nsettings = Dynaconf(envvar_prefix=False, load_dotenv=True)\n"
            "print(settings.MODEL)\n",
            **variables_of("dynaconf"),
        ),
        ["VH310 server.py:5"],
    ),
    "a port that another platform sets": (
        command("exec ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port ${PORT}"),
        ["VH117 valohai.yaml:5"],
    ),
    "a port of a name that nothing sets": (
        command("~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $APP_PORT"),
        ["VH117 valohai.yaml:5"],
    ),
    "a port that a script is given": (command("python server.py --port $PORT"), ["VH117 valohai.yaml:5"]),
    "a port that another platform sets, in code": (
        command("python server.py")
        | {"server.py": "import os\n" + APP + "app.run('0.0.0.0', int(os.environ['PORT']))\n"},
        ["VH117 server.py:5"],
    ),
    "a default where another platform sets the port": (
        command("python server.py")
        | {"server.py": "import os\n" + APP + "PORT = int(os.environ.get('PORT', '5000'))\napp.run('0.0.0.0', PORT)\n"},
        ["VH303 server.py:6"],
    ),
    "a magic of a notebook": (
        flask() | {"server.py": APP + "%matplotlib inline\n!pip install numpy\n"},
        ["VH314 server.py:4", "VH314 server.py:5"],
    ),
    "a notebook's display": (flask("display(app)\n"), ["VH314 server.py:4"]),
    "bash's options": (command("set -euo pipefail", "python server.py"), ["VH521 valohai.yaml:5"]),
    "bash's source in a list": (
        command("echo a", "source ./names.sh", "python server.py", **{"names.sh": "A=1\n"}),
        ["VH521 valohai.yaml:6"],
    ),
    "bash's source before the server": (
        command("source ./names.sh && python server.py", **{"names.sh": "A=1\n"}),
        ["VH521 valohai.yaml:5"],
    ),
    "bash's brackets in a script for sh": (
        command("sh start.sh", **{"start.sh": "#!/bin/bash\nset -e\n[[ -n $A ]]\npython server.py\n"}),
        ["VH521 start.sh:3"],
    ),
    "an array in a script that is executed by sh": (
        command("sh ./start.sh", **{"start.sh": "#!/usr/bin/env sh\n# it's here\nWORDS=(a b)\npython server.py\n"}),
        ["VH521 start.sh:3"],
    ),
    "a script with its library's name": (
        command("python tornado.py", **{"tornado.py": "import tornado.web\n", "requirements.txt": "tornado\n"}),
        ["VH522 tornado.py:1"],
    ),
    "a script with its library's name, in a directory": (
        command(
            "python src/flask.py",
            **{"src/flask.py": "from flask import Flask\napp = Flask(__name__)\napp.run(host='0.0.0.0', port=8000)\n"},
        ),
        ["VH522 src/flask.py:1"],
    ),
    "a module for wsgi with its library's name": (
        wsgi("falcon:app", falcon="import falcon\n\napp = falcon.App()\n") | {"requirements.txt": "falcon\n"},
        ["VH522 falcon.py:1"],
    ),
    "a library that another module of the project hides": (
        flask("import redis.client\n", **{"redis.py": "", "requirements.txt": "flask\nredis\n"}),
        ["VH522 server.py:4"],
    ),
    "a script that nobody may execute": (
        command("echo x", "exec ./start.py", **{"start.py": "x"}),
        ["VH505 valohai.yaml:6"],
    ),
    "a contradiction with an include": (
        flask(**{"requirements.txt": "-r base.txt\nflask==2.3.0\n", "base.txt": "flask>=3.0\n"}),
        ["VH202 requirements.txt:2"],
    ),
    "an import of a module that is imported": (
        flask("from model import net\n", **{"model.py": "import torch\nfrom sklearn import svm\nnet = 1\n"}),
        ["VH205 model.py:1", "VH205 model.py:2"],
    ),
    "an import without any requirements": (
        {"valohai.yaml": YAML, "server.py": "import numpy\n\napp = numpy\n"},
        ["VH205 server.py:1"],
    ),
    "what git ignores": (
        flask("import joblib\nmodel = joblib.load('model.bin')\n")
        | {"requirements.txt": "flask>=3.0\njoblib>=1.4\n", ".gitignore": "*.bin\n", "model.bin": "1"},
        ["VH206 server.py:5"],
    ),
    "a path through os.path and a constant": (
        flask(
            "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\nNAME = os.path.join(HERE, 'data', 'a.txt')\n"
            "text = open(NAME).read()\n",
            **{".vhignore": "data\n", "data/a.txt": "1"},
        ),
        ["VH206 server.py:7"],
    ),
    "a reloader in code": (
        command("python server.py")
        | {
            "server.py": "import uvicorn\nfrom flask import Flask\n\napp = Flask(__name__)\n"
            "uvicorn.run('server:app', host='0.0.0.0', port=8000, reload=True)\n"
        },
        ["VH301 server.py:5"],
    ),
    "a standard server on localhost": (
        command("python server.py")
        | {
            "server.py": "from http.server import *\nimport http.server as h\nh.HTTPServer(('localhost', 8000), None)\n"
        },
        ["VH302 server.py:3"],
    ),
    "bottle's defaults": (
        command("python server.py", **{"requirements.txt": "bottle\n"})
        | {"server.py": "from bottle import Bottle, run\n\napp = Bottle()\nrun(app)\n"},
        ["VH302 server.py:4", "VH303 server.py:4"],
    ),
    "a bottle on localhost": (
        command("python server.py", **{"requirements.txt": "bottle\n"})
        | {"server.py": "import bottle\n\nbottle.Bottle().run(host='localhost', port=8000)\n"},
        ["VH302 server.py:3"],
    ),
    "sanic on localhost": (
        command("python server.py", **{"requirements.txt": "sanic\n"})
        | {"server.py": "from sanic import Sanic\n\napp = Sanic('a')\napp.run('127.0.0.1', 8000, debug=True)\n"},
        ["VH302 server.py:4", "VH301 server.py:4"],
    ),
    "aiohttp's default port": (
        command("python -m service", **{"requirements.txt": "aiohttp\n", "service/__init__.py": ""})
        | {"service/__main__.py": "from aiohttp import web\n\nweb.run_app(web.Application())\n"},
        ["VH303 service/__main__.py:3"],
    ),
    "tornado on another port": (
        command("python server.py", **{"requirements.txt": "tornado\n"})
        | {"server.py": "import tornado.web as web\n\napp = web.Application([])\napp.listen(8888)\n"},
        ["VH303 server.py:4"],
    ),
    "a server of uvicorn's that is made": (
        command("python server.py", **{"requirements.txt": "uvicorn\n"})
        | {"server.py": "import uvicorn\n\nuvicorn.Server(uvicorn.Config('a:b', port=8000)).run()\n"},
        ["VH302 server.py:3"],
    ),
    "a class of the standard library's, on localhost": (
        command("python server.py")
        | {
            "server.py": "from http.server import HTTPServer\n\n\nclass Mine(HTTPServer):\n    family = 10\n\n\n"
            "Mine(('::1', 8000), None)\n"
        },
        ["VH302 server.py:8"],
    ),
    "quart's defaults": (
        command("~/.local/bin/quart --app server run", **{"requirements.txt": "flask\nquart\n"}),
        ["VH105 valohai.yaml:5", "VH106 valohai.yaml:5"],
    ),
    "litestar's default": (
        command("~/.local/bin/litestar --app server:app run", **{"requirements.txt": "flask\nlitestar\nuvicorn\n"}),
        ["VH106 valohai.yaml:5"],
    ),
    "sanic's command": (
        command("~/.local/bin/sanic server:app -p 9999 --host=0.0.0.0", **{"requirements.txt": "flask\nsanic\n"}),
        ["VH105 valohai.yaml:5"],
    ),
    "a port under a name": (
        command("python server.py") | {"server.py": APP + "PORT = 5001\napp.run('0.0.0.0', PORT)\n"},
        ["VH303 server.py:5"],
    ),
    "django's settings with DEBUG": (
        wsgi("web.wsgi")
        | {
            "web/wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'web.settings')\n"
            "application = 1\n",
            "web/settings.py": "DEBUG = True\nROOT_URLCONF = 'web.urls'\n",
        },
        ["VH301 web/settings.py:1"],
    ),
    "a path of Windows": (flask("NAME = 'C:\\\\Users\\\\ada\\\\model.txt'\n"), ["VH305 server.py:4"]),
    "inputs in a function that a route calls": (
        flask(
            "def load():\n    return open('/valohai/inputs/m/a')\n\n\n@app.get('/')\ndef page():\n    return load()\n"
        ),
        ["VH306 server.py:5"],
    ),
    "a database on localhost": (
        flask("URL = 'postgresql://ada:secret@localhost:5432/x'\n"),
        ["VH307 server.py:4"],
    ),
    "a link in a text of the code": (
        flask('PAGE = """<!doctype html>\n<p>\n<a href="/x">\n"""\n'),
        ["VH308 server.py:6"],
    ),
    "a page that asks by script": (
        flask(**{"static/index.html": "<script>\n  fetch('/predict')\n</script>\n"}),
        ["VH308 static/index.html:2"],
    ),
    "a script of a page": (
        flask(**{"static/app.js": "const go = () =>\n  fetch('/predict')\n", "static/lib.min.js": "fetch('/x')"}),
        ["VH308 static/app.js:2"],
    ),
    "a redirect to this machine": (
        flask(
            "from flask import redirect\n@app.get('/')\ndef home():\n    return redirect('http://localhost:8000/x')\n"
        ),
        ["VH309 server.py:7"],
    ),
    "a redirect by its class": (
        flask(
            "from fastapi.responses import RedirectResponse\ndef go():\n    return RedirectResponse(url='/x')\ngo()\n"
        )
        | {"requirements.txt": "flask\nfastapi\n"},
        ["VH309 server.py:6"],
    ),
    "a redirect of Django's to an absolute address": (
        flask(
            "from django.shortcuts import redirect\ndef go(request):\n"
            "    return redirect(request.build_absolute_uri('/x'))\ngo\n"
        )
        | {"requirements.txt": "flask\ndjango\n"},
        ["VH309 server.py:6"],
    ),
    "a redirect of aiohttp's": (
        flask("from aiohttp import web\ndef go(request):\n    raise web.HTTPFound(location='/x')\ngo\n")
        | {"requirements.txt": "flask\naiohttp\n"},
        ["VH309 server.py:6"],
    ),
    "an invalid step, though the endpoint is sound": (
        flask() | {"valohai.yaml": YAML + "- step:\n    name: train\n"},
        ["VH101 valohai.yaml:5", "VH101 valohai.yaml:5"],
    ),
    "one invalid endpoint, and one that listens on localhost": (
        command("~/.local/bin/uvicorn server:app") | {"bad": ""},
        ["VH106 valohai.yaml:5"],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name, project):
    files, expected = FOUND[name]
    directory = project(files)
    report = found_in(directory)
    assert (told(report.findings, directory), report.notes) == (expected, ())


def test_an_environment_file_that_git_takes_in_is_a_secret(project):
    directory = project(
        flask(**{"config/.env": "# secrets\nNAME=x\nAPI_KEY=8c1f0b7d2e\n", ".env": "API_KEY=8c1f0b7d2e\n"})
    )
    subprocess.run(["git", "init", "-q"], cwd=directory, check=True)
    report = found_in(directory)
    assert told(report.findings, directory) == ["VH208 config/.env:3"]
    assert "8c1f0b7d2e" not in report.findings[0].seen


@pytest.mark.parametrize(
    "token", ["ghp_" + "a1B2c3D4e5F6" * 3, "AKIA" + "Q7Z3XW9KLMB2TRY4", "glpat-" + "aB3dE6gH9jK2mN5pQ8sT"]
)
def test_a_token_is_found_and_not_told(token, project):
    directory = project(flask(f"TOKEN = '{token}'\n"))
    report = found_in(directory)
    assert told(report.findings, directory) == ["VH208 server.py:4"]
    assert token not in str(report.findings)


@pytest.mark.parametrize(
    ("image", "requires", "found"),
    [
        ("python:3.8-slim", ">=3.9", True),
        ("python:3.8.20", ">=3.8,<3.8.10", True),
        ("python:3.9-slim", ">=3.9.2", False),
        ("python:3", ">=3.99", False),
        ("company/base:1", ">=3.99", False),
    ],
)
def test_a_pin_is_compared_with_the_image_s_python(image, requires, found, project):
    directory = project(
        flask(**{"requirements.txt": "flask==1.0\n"}) | {"valohai.yaml": YAML.replace("python:3.12-slim", image)}
    )
    report = found_in(directory, FakeIndex({"flask": {"1.0": [requires]}}))
    assert told(report.findings, directory) == (["VH203 requirements.txt:1"] if found else [])


def test_a_version_that_the_index_does_not_have_cannot_be_installed(project):
    directory = project(flask(**{"requirements.txt": "flask==99\n"}))
    report = found_in(directory, FakeIndex({"flask": {}}))
    assert told(report.findings, directory) == ["VH203 requirements.txt:1"]
    assert report.findings[0].seen == "the package index has no flask 99"


def test_an_index_that_does_not_answer_is_one_note(project):
    directory = project(flask(**{"requirements.txt": "flask==1\nclick==1\n"}))
    report = found_in(directory, FakeIndex(trouble="pypi.org did not answer: no route"))
    assert report.findings == ()
    assert report.notes == (
        "VH203 could not check whether every pin can be installed: pypi.org did not answer: no route",
    )


def test_only_pins_are_asked_for(project):
    index = FakeIndex()
    text = "flask==3.0\nclick>=8\nnumpy==1.*\ntorch==2.1+cpu\njinja2==3.1; python_version < '3'\n"
    found_in(project(flask(**{"requirements.txt": text})), index)
    assert index.asked == [("flask", "3.0"), ("jinja2", "3.1")]


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("~/.local/bin/uvicorn server:app", "add --host 0.0.0.0 to the command"),
        ("~/.local/bin/uvicorn server:app --host localhost", "write 0.0.0.0 instead of localhost"),
        ("~/.local/bin/gunicorn server:app", "add --bind 0.0.0.0:$VALOHAI_PORT to the command"),
        ("python manage.py runserver", "add 0.0.0.0:$VALOHAI_PORT after `runserver`"),
    ],
)
def test_the_change_fits_the_server(line, change, project):
    first = found_in(project(command(line))).findings[0]
    assert (first.definition.code, first.change) == ("VH106", change)
