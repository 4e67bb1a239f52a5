"""Names are followed to where they are defined, whichever way they came into a module."""

from __future__ import annotations

import ast

import pytest

from tests.checks.projects import command
from tests.checks.sample import found_in, told
from vhlocal.checks.modules import Modules
from vhlocal.project.package import read_package

FILES = {
    "server.py": "",
    "base.py": "from flask import Flask as App\nfrom werkzeug import run_simple\nimport flask as f\nWeb = f.Flask\n",
    "again.py": "from base import App as Again, Web\nfrom base import *\n",
    "web/__init__.py": "from .made import Made, made\nfrom ..base import Web as Upper\n",
    "web/made.py": "from flask import Flask\n\n\nclass Made(Flask):\n    pass\n\n\nmade = Made(__name__)\n",
    "star.py": "from flask import *\n",
    "circle.py": "from circle_too import Name\n",
    "circle_too.py": "from circle import Name\n",
}
NAMES = {
    "from flask import Flask as F": ("F", "flask.Flask"),
    "from flask.app import Flask": ("Flask", "flask.Flask"),
    "import flask.app as a": ("a.Flask", "flask.Flask"),
    "import flask\nF = flask.Flask": ("F", "flask.Flask"),
    "import flask\nweb = flask": ("web.Flask", "flask.Flask"),
    "from flask import *": ("Flask", "flask.Flask"),
    "from base import App": ("App", "flask.Flask"),
    "import base": ("base.App", "flask.Flask"),
    "import base as b": ("b.Web", "flask.Flask"),
    "from again import Again": ("Again", "flask.Flask"),
    "from again import App": ("App", "flask.Flask"),
    "from again import *": ("Web", "flask.Flask"),
    "from star import Flask": ("Flask", "flask.Flask"),
    "from web import Made": ("Made", "web.made.Made"),
    "from werkzeug import run_simple": ("run_simple", "werkzeug.serving.run_simple"),
    "from werkzeug import serving as s": ("s.run_simple", "werkzeug.serving.run_simple"),
    "from base import run_simple as go": ("go", "werkzeug.serving.run_simple"),
    "from werkzeug import DebuggedApplication as D": ("D", "werkzeug.debug.DebuggedApplication"),
    "from werkzeug.debug import DebuggedApplication": ("DebuggedApplication", "werkzeug.debug.DebuggedApplication"),
    "from uvicorn.main import run": ("run", "uvicorn.run"),
    "import numpy as np": ("np.load", "numpy.load"),
    "import os.path": ("os.path.join", "os.path.join"),
    "from circle import Name": ("Name", "circle.Name"),
    "from nowhere import *\ndef Flask():\n    pass": ("Flask", "Flask"),
    "from nowhere import *": ("open", "open"),
}


@pytest.mark.parametrize("code", NAMES)
def test_a_name_leads_to_its_home(code, project):
    written, home = NAMES[code]
    directory = project(FILES | {"server.py": code + "\n"})
    module = Modules(read_package(directory)).get("server.py")
    assert module.dotted(ast.parse(written, mode="eval").body) == home


RUN = "HERE.run(host='0.0.0.0', port=8000, debug=True)\n"
OWN = "from flask import Flask\nclass Base(Flask):\n    pass\nclass App(Base):\n    pass\n"
MAKERS = {
    "an alias": "from flask import Flask as F\napp = F(__name__)\n" + RUN.replace("HERE", "app"),
    "made in a function": "from flask import Flask\ndef main():\n    app = Flask(__name__)\n    "
    + RUN.replace("HERE", "app")
    + "main()\n",
    "made elsewhere": "from base import app\n" + RUN.replace("HERE", "app"),
    "made elsewhere, by its module": "import base\n" + RUN.replace("HERE", "base.app"),
    "a class of one's own": "from flask import Flask\nclass App(Flask):\n    pass\napp = App(__name__)\n"
    + RUN.replace("HERE", "app"),
    "a class of another module": "from own import App as Own\napp = Own(__name__)\n" + RUN.replace("HERE", "app"),
    "run_simple": "from werkzeug import run_simple\nfrom base import app\n"
    "run_simple('0.0.0.0', 8000, app, use_debugger=True)\n",
    "a debugger around the app": "from werkzeug import DebuggedApplication as D\nfrom base import app\n"
    "app.wsgi_app = D(app.wsgi_app, True)\n",
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_debugger_is_found_by_whichever_name(name, project):
    files = {"server.py": MAKERS[name], "base.py": "import flask\napp = flask.Flask(__name__)\n", "own.py": OWN}
    directory = project(command("python server.py", **files))
    line = next(number for number, text in enumerate(MAKERS[name].splitlines(), 1) if "True" in text)
    assert told(found_in(directory).findings, directory) == [f"VH301 server.py:{line}"]
