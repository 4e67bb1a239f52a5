"""Sound code that looks like it is not: no rule may say a word about it."""

from __future__ import annotations

import pytest

from tests.checks.projects import APP, YAML, command, flask, wsgi
from tests.checks.sample import found_in, told

NOT_PACKAGED = {".gitignore": ".env*\n", ".env": "MODEL=1\nDYNACONF_MODEL=1\n"}
SOUND = {
    "a module of a package with a library's name": flask(
        "import tasks.celery\n",
        **{
            "tasks/__init__.py": "",
            "tasks/celery.py": "from celery import Celery\n\ncelery = Celery()\n",
            "requirements.txt": "flask\ncelery\n",
        },
    ),
    "a script beside a library's name": command(
        "python src/server.py",
        **{"src/server.py": "import flask.json\nflask.Flask('a').run('0.0.0.0', 8000)\n", "flask.py": ""},
    ),
    "a module of its own with a library's name": flask("import redis\n", **{"redis.py": ""}),
    "a port with a default": command("~/.local/bin/uvicorn server:app --host 0.0.0.0 --port ${PORT:-8000}"),
    "a port that the command sets": command("PORT=8000; ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $PORT"),
    "a port of a file of variables": command(
        ". ./names.sh", "~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $PORT", **{"names.sh": "PORT=8000\n"}
    ),
    "a port that the image may set": command("python server.py $PORT", image="company/base:1"),
    "a port that is no variable": command("echo '$PORT'", "echo '$PORT' > x && python server.py '$PORT'"),
    "a port by another platform's name that is set here": command("python server.py")
    | {
        "server.py": "import os\n" + APP + "app.run('0.0.0.0', int(os.environ.get('PORT', 5000)))\n",
        "vhlocal.yaml": "variables:\n  PORT: '8000'\n",
    },
    "a port that may be another platform's": command("python server.py")
    | {
        "server.py": "import os\n"
        + APP
        + "app.run('0.0.0.0', int(os.environ.get('PORT') or os.environ.get('VALOHAI_PORT', 8000)))\n"
    },
    "a port in the place of one that is set": command(
        "~/.local/bin/uvicorn server:app --host 0.0.0.0 --port ${VALOHAI_PORT:-$PORT}",
    ),
    "another platform's port within a default of its own": command("python server.py ${VALOHAI_PORT:-${PORT}}"),
    "another platform's port that may be missing": command("python server.py")
    | {
        "server.py": "import os\n" + APP + "try:\n    port = os.environ['PORT']\nexcept KeyError:\n    port = 8000\n"
        "app.run('0.0.0.0', int(port))\n"
    },
    "another platform's port that the code sets": command("python server.py")
    | {
        "server.py": "import os\n"
        + APP
        + "os.environ.setdefault('PORT', '8000')\napp.run('0.0.0.0', int(os.environ['PORT']))\n"
    },
    "another platform's port on another platform": command("python server.py")
    | {
        "server.py": "import os\n"
        + APP
        + "def elsewhere():\n    app.run('0.0.0.0', int(os.environ['PORT']))\n"
        + "if 'DYNO' in os.environ:\n    elsewhere()\nelse:\n    app.run('0.0.0.0', 8000)\n"
    },
    "a redirect to the same page by https": flask(
        "from flask import redirect, request\n@app.before_request\ndef secure():\n"
        "    return redirect(f'https://{request.host}{request.full_path}')\n"
    ),
    "a notebook's names that are imported or asked for": flask(
        "from IPython import get_ipython\nget_ipython()\ntry:\n    display(app)\nexcept NameError:\n    pass\n"
        "def show():\n    display(app)\nshow\n",
        **{"requirements.txt": "flask\nipython\n"},
    ),
    "a module that is broken otherwise": wsgi("server:app", server="%matplotlib inline\napp = = 1\n"),
    "bash's words for bash": command(
        "bash start.sh", **{"start.sh": "set -euo pipefail\nsource ./a\n[[ 1 ]]\n", "a": ""}
    ),
    "bash's words in a text": command(
        "echo 'set -o pipefail'", "bash -c 'set -o pipefail; [[ a ]] && python server.py'"
    ),
    "bash's words on Alpine": command("set -o pipefail", "python server.py", image="python:3.12-alpine"),
    "bash's words on an image whose sh is not known": command("set -o pipefail", "./start", image="company/base:1"),
    "bash's words that may fail": command("source ./a || true", "'[[ a ]] || echo b'", "python server.py"),
    "bash's words that nobody waits for": {
        **command(),
        "valohai.yaml": YAML.replace(
            "    wsgi: server:app\n", "    server-command: |\n      source ./a\n      python server.py\n"
        ),
    },
    "bash's words in a text that is read": command(
        "sh start.sh", **{"start.sh": "cat > x <<EOF\nset -o pipefail\nEOF\npython server.py\n"}
    ),
    "pydantic's settings with defaults": flask(
        "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_file='.env')\n    model: str = 'a'\nSettings()\n",
        **NOT_PACKAGED,
        **{"requirements.txt": "flask\npydantic-settings\n"},
    ),
    "pydantic's settings with another prefix": flask(
        "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_file='.env', env_prefix='app_')\n    model: str\nSettings()\n",
        **NOT_PACKAGED,
        **{"requirements.txt": "flask\npydantic-settings\n"},
    ),
    "decouple with a default, and with a file that is packaged": flask(
        "from decouple import config\nMODEL = config('MODEL', default='a')\nSIZE = config('SIZE')\n",
        **{**NOT_PACKAGED, "settings.ini": "[settings]\nSIZE = 1\n", "requirements.txt": "flask\npython-decouple\n"},
    ),
    "environs without a file": flask(
        "from environs import Env\nenv = Env()\nMODEL = env.str('MODEL')\n",
        **NOT_PACKAGED,
        **{"requirements.txt": "flask\nenvirons\n"},
    ),
    "Starlette's configuration by the environment alone": flask(
        "from starlette.config import Config\nconfig = Config()\nMODEL = config('MODEL')\n",
        **NOT_PACKAGED,
        **{"requirements.txt": "flask\nstarlette\n"},
    ),
    "Dynaconf that is told to read no such file": flask(
        "from dynaconf import Dynaconf\nsettings = Dynaconf()\nprint(settings.MODEL)\n",
        **NOT_PACKAGED,
        **{"requirements.txt": "flask\ndynaconf\n"},
    ),
    "a waitress that is told to listen": command("python server.py", **{"requirements.txt": "flask\nwaitress\n"})
    | {"server.py": APP + "import waitress\nwaitress.serve(app, listen='*:8000')\n"},
    "a line without a hash that only Windows reads": flask(
        **{"requirements.txt": "flask==3.0.0 --hash=sha256:00\ncolorama ; sys_platform == 'win32'\n"}
    ),
    "a hash that constraints may give": flask(
        **{
            "requirements.txt": "-c pins.txt\nflask\n",
            "pins.txt": "flask==3.0.0 --hash=sha256:00\n",
        }
    ),
    "a script that a command before may let be executed": command(
        "chmod +x start.sh", "./start.sh", **{"start.sh": "exec python server.py\n"}
    ),
    "a command in another directory": command("cd part", "./start.sh", **{"start.sh": "", "part/start.sh": ""}),
    "a script that its interpreter is named for": command("bash ./start.sh", **{"start.sh": ""}),
    "a bottle under another server": command("python server.py", **{"requirements.txt": "bottle\n"})
    | {"server.py": "import bottle\nbottle.run(bottle.Bottle(), server='gunicorn')\n"},
    "a class of servers that is made in its own way": command("python server.py")
    | {
        "server.py": "from http.server import HTTPServer\nclass Mine(HTTPServer):\n    def __init__(self, at):\n"
        "        super().__init__(('', at[1]), None)\nMine(('localhost', 8000))\n"
    },
    "tornado on a port that is given": command("python server.py", **{"requirements.txt": "tornado\n"})
    | {"server.py": "import sys, tornado.web\ntornado.web.Application([]).listen(int(sys.argv[1]))\n"},
    # What is to be served.
    "a factory": wsgi("server:create_app()", server="def create_app():\n    return lambda environ, start: []\n"),
    "an application under a condition": wsgi(
        "server:app", server="import os\nif os.name == 'posix':\n    app = 1\nelse:\n    app = 2\n"
    ),
    "an application from a try": wsgi("server:app", server="try:\n    app = 1\nexcept ValueError:\n    raise\n"),
    "a name from a tuple": wsgi("server:app", server="app, other = 1, 2\n"),
    "a name from a with": wsgi("server:app", server="import io\nwith io.StringIO() as app:\n    pass\n"),
    "an imported application": wsgi(
        "server:app", server="from web.main import application as app\n", web__main="application = 1\n"
    ),
    "a star import of a packaged module": wsgi("server:app", server="from main import *\n", main="app = 1\n"),
    "a star import of an installed one": wsgi("server:app", server="from flask import *\n"),
    "star imports in a ring": wsgi("a:app", a="from b import *\nfrom flask import *\n", b="from a import *\n"),
    "a module that makes its names": wsgi("server:app", server="def __getattr__(name):\n    return name\n"),
    "names set by globals()": wsgi("server:app", server="globals()['app'] = 1\n"),
    "a global from a function": wsgi("server:app", server="def make():\n    global app\n    app = 1\nmake()\n"),
    "an attribute of an attribute": wsgi("server:app.wsgi_app", server="app = 1\n"),
    "an application in a package": wsgi("web:app", web__main="app = 1\n")
    | {"web/__init__.py": "from .main import app\n"},
    "a module that its package has": wsgi("web.wsgi", web__wsgi="application = 1\n"),
    "the page's own form": wsgi("server.app", server="app = 1\n"),
    "a module of an installed package": wsgi("flask_demo.wsgi:app") | {"requirements.txt": "flask_demo==1.0\n"},
    "a module of the standard library": wsgi("wsgiref.simple_server:demo_app"),
    "a module that the image brings": wsgi("company.serving:app")
    | {"valohai.yaml": YAML.replace("server:app", "company.serving:app").replace("python:3.12-slim", "company/base:1")},
    "a module that cannot be parsed here": wsgi("server:app", server="match = print 1\n"),
    # Where servers listen.
    "a server behind another": command("~/.local/bin/uvicorn server:app --port 9000 & nginx -g 'daemon off;'"),
    "a socket behind another": command("~/.local/bin/gunicorn --bind unix:/tmp/s server:app & nginx"),
    "a host from a variable": command("~/.local/bin/uvicorn server:app --host $HOST --port $VALOHAI_PORT"),
    "a host from a command": command("~/.local/bin/uvicorn server:app --host $(hostname -i)"),
    "a port from a command before the host": command(
        "~/.local/bin/uvicorn server:app --port $(echo 8000) --host 0.0.0.0"
    ),
    "a host from uvicorn's variable": command("export UVICORN_HOST=0.0.0.0", "~/.local/bin/uvicorn server:app"),
    "gunicorn with PORT": command("PORT=8000 ~/.local/bin/gunicorn server:app"),
    "gunicorn with a configuration": command("~/.local/bin/gunicorn -c gunicorn.py server:app"),
    "gunicorn with its usual configuration": command(
        "~/.local/bin/gunicorn server:app", **{"gunicorn.conf.py": "bind = '0.0.0.0:8000'\n"}
    ),
    "gunicorn with a short option": command(
        "~/.local/bin/gunicorn -b0.0.0.0:8000 -k uvicorn.workers:Worker server:app"
    ),
    "gunicorn on all addresses": command("~/.local/bin/gunicorn -b :8000 server:app"),
    "flask on all addresses": command("~/.local/bin/flask --app server run --host=0.0.0.0 --port=8000"),
    "flask that is not run": command("~/.local/bin/flask --app server init-db", "python server.py"),
    "django on all addresses": command("python manage.py migrate", "~/.local/bin/gunicorn -b 0:8000 server:app"),
    "a script of its own": command("sh run.sh"),
    "a nested shell": command("sh -c 'exec ~/.local/bin/uvicorn server:app --host 0.0.0.0'"),
    # Commands.
    "a command that the image brings": command("uvicorn server:app --host 0.0.0.0", image="company/base:1"),
    "a command with its own PATH": command('export PATH="$HOME/.local/bin:$PATH"', "uvicorn server:app --host 0.0.0.0"),
    "a command of an environment": command(". venv/bin/activate", "uvicorn server:app --host 0.0.0.0"),
    "a server that something unknown may bring": command(
        "~/.local/bin/uvicorn server:app --host 0.0.0.0", **{"requirements.txt": "flask>=3.0\ncompany-server==1.0\n"}
    ),
    "a server that the image brings": command(
        "uvicorn server:app --host 0.0.0.0", image="company/base:1", **{"requirements.txt": "flask>=3.0\n"}
    ),
    "a server that the command installs": command(
        "pip install uvicorn", "python -m uvicorn server:app --host 0.0.0.0", **{"requirements.txt": "flask>=3.0\n"}
    ),
    "a command as a module": command("python -m uvicorn server:app --host 0.0.0.0"),
    "a python with options": command("python -u -m uvicorn server:app --host 0.0.0.0"),
    "a tag by digest": flask() | {"valohai.yaml": YAML.replace("3.12-slim", "3.12-slim@sha256:" + "0" * 64)},
    "a registry with a port": command("sh run.sh", image="localhost:5000/base:1.2"),
    # Requirements and imports.
    "markers": flask(
        **{
            "requirements.txt": "flask>=3.0\nnumpy==1.26.4; python_version < '3.10'\n"
            "numpy==2.1.0; python_version >= '3.10'\n"
        }
    ),
    "a line that only older versions of pip take": flask(**{"requirements.txt": "flask>=3.0.*\n"}),
    "options and URLs": flask(
        **{
            "requirements.txt": "--index-url https://example.com/simple\nflask>=3.0 --hash=sha256:00\n"
            "git+https://example.com/a.git#egg=a\nb @ https://example.com/b.whl\n./local\nhttps://example.com/c.whl\n"
        }
    ),
    "a local version": flask(**{"requirements.txt": "flask>=3.0\nnumpy==1.26.4\nnumpy>=1.26,<2\n"}),
    "a pin met by a constraint": flask(
        **{"requirements.txt": "-c limits.txt\nflask==3.0.1\n", "limits.txt": "flask<4\n"}
    ),
    "an import that something else brings": flask("import werkzeug, jinja2, markupsafe\n"),
    "an import that something unknown may bring": flask(
        "import numpy\n", **{"requirements.txt": "flask>=3.0\ncompany-models==1.0\n"}
    ),
    "an import of another name": flask(
        "import sklearn, PIL, yaml, cv2\n",
        **{"requirements.txt": "Flask\nscikit_learn\nPillow\nPyYAML\nopencv-python-headless\n"},
    ),
    "an import that an extra brings": flask(
        "import uvicorn, dotenv\n", **{"requirements.txt": "flask>=3.0\nfastapi[all]\nuvicorn[standard]\n"}
    ),
    "an import that an extra of uvicorn brings": flask(
        "import dotenv, yaml\n", **{"requirements.txt": "flask>=3.0\nuvicorn[standard]>=0.30\n"}
    ),
    "Gunicorn, which production sets up": flask("import gunicorn\n"),
    "an import that something unknown in the file that is read may bring": flask(
        "import numpy\n",
        **{"requirements.txt": "flask\nnumpy\n", "requirements-deployment.txt": "flask\ncompany-models\n"},
    ),
    "an optional import": flask("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"),
    "an import when needed": flask("def train():\n    import torch\n    return torch\n"),
    "an import for types": flask("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n"),
    "an import by a script alone": flask(**{"train.py": "import torch\n"}),
    "an import that the image brings": command("sh run.sh", "python server.py", image="tensorflow/tensorflow:2.16.1")
    | {"server.py": "import tensorflow\n"},
    "an import of the project's own": flask(
        "import model.net\nfrom helper import x\n", **{"model/net.py": "", "helper.py": "x = 1\n"}
    ),
    "an import installed by the command": command(
        "pip install numpy", "python server.py", **{"server.py": "import numpy\n"}
    ),
    # Files.
    "a file that is made at the start": flask(
        "import os\nwith open('cache.json', 'w') as file:\n    file.write('1')\nopen('cache.json').read()\n",
        **{".vhignore": "cache.json\n", "cache.json": "1"},
    ),
    "a file that may be missing": flask(
        "import os\nif os.path.exists('local.json'):\n    open('local.json')\n"
        "try:\n    open('local.json')\nexcept FileNotFoundError:\n    pass\n",
        **{".vhignore": "local.json\n", "local.json": "1"},
    ),
    "a file that code looks for first": flask(
        "from pathlib import Path\nfrom os.path import exists\nNAME = Path('local.json')\n\n\n"
        "@app.get('/')\ndef page():\n    if not NAME.is_file():\n        return ''\n    return NAME.read_text()\n",
        **{".vhignore": "local.json\n", "local.json": "1"},
    ),
    "a file whose absence is suppressed": flask(
        "import contextlib\nwith contextlib.suppress(OSError):\n    open('local.json')\n",
        **{".vhignore": "local.json\n", "local.json": "1"},
    ),
    "a parameter of the same name as a variable elsewhere": flask(
        "def a():\n    name = 'local.json'\n    return name\n\n\n"
        "def b(name):\n    return open(name)\n\n\nprint(a, b)\n",
        **{".vhignore": "local.json\n", "local.json": "1"},
    ),
    "something that opens no file": flask(
        "import shelve\nshelve.open('local.json')\n", **{".vhignore": "local.json\n", "local.json": "1"}
    ),
    "a script in another directory": command(
        "cd web && python a.py", **{"a.py": "import numpy\n", "web/a.py": "", "requirements.txt": "flask>=3.0\n"}
    ),
    "a chosen file": flask("open('model.bin')\n", **{".vhignore": "*.bin\n", "model.bin": "1"})
    | {"valohai.yaml": YAML + "    files:\n      - name: model\n        path: ./model.bin\n"},
    "two chosen files of like names": flask(
        "open('model1.bin')\nopen('model2.bin')\n", **{"model1.bin": "1", "model2.bin": "1"}
    )
    | {"valohai.yaml": YAML + "    files:\n      - {name: a, path: model1.bin}\n      - {name: b, path: model2.bin}\n"},
    "a file that only training reads": flask(
        "def train():\n    return open('data.csv')\n\n\nif __name__ == '__main__':\n    train()\n",
        **{".vhignore": "data.csv\n", "data.csv": "1"},
    ),
    # The code.
    "an escape that Python warns of": flask("PATTERN = '\\d'\n"),
    "debugging on one's own machine": flask("if __name__ == '__main__':\n    app.run(debug=True)\n"),
    "debugging by a variable": command("python server.py")
    | {"server.py": APP + "import os\napp.run('0.0.0.0', 8000, debug=bool(os.environ.get('DEBUG')))\n"},
    "a port from the environment": command("python server.py")
    | {"server.py": APP + "import os\napp.run('0.0.0.0', int(os.environ['VALOHAI_PORT']))\n"},
    "arguments that are not written out": command("python server.py")
    | {"server.py": APP + "import json\napp.run(**json.load(open('server.json')))\n", "server.json": "{}"},
    "something else that runs": command("python server.py")
    | {"server.py": "import asyncio\nasync def main():\n    pass\nasyncio.run(main())\n"},
    "fields with defaults": flask(
        "class A(BaseSettings):\n    url = 'http://localhost:5173'\n\n\nclass B:\n    url: str = 'http://localhost:5173'\n"
    ),
    "a fallback": flask(
        "import os\nA = os.environ.get('A', 'http://localhost:9000')\nB = os.getenv('B') or '/home/ada/b'\n"
        "C = os.environ.get('VH_INPUTS_DIR', '/valohai/inputs')\n"
    ),
    "origins that are let in": flask("origins = ['http://localhost:3000']\nCORS_ORIGIN = 'http://localhost:3000'\n"),
    "a URL that is printed": flask("print('see http://localhost:8000/')\nprint('http://localhost:8000/')\n"),
    "paths in texts": flask('"""Run it from /home/ada/greet, then see http://localhost:8000."""\n'),
    "a pattern like a drive": flask("PATTERN = r'T:\\d+'\nOTHER = r'X:\\w\\d'\n"),
    "the home of an image": flask("HOME = '/home/jovyan/work'\n"),
    "training in the same module": flask(
        "def load():\n    return open('/valohai/inputs/data/a.csv')\n\n\ndef train():\n    return load()\n\n\n"
        "if __name__ == '__main__':\n    train()\n"
    ),
    "training in a module of its own": flask(
        **{"train.py": "open('/valohai/inputs/data/a.csv')\nopen('/home/ada/x')\n"}
    ),
    "links that a template makes": flask(
        **{
            "templates/page.html": "<a href=\"{{ url_for('x') }}\">\n<a href='/{{ prefix }}/x'>\n"
            '<img src="//cdn.example/x">\n'
            '<a href="#top"><a href="x"><a href="https://example.com/">\n<!-- <a href="/x"> -->\n{# <a href="/x"> #}\n'
        }
    ),
    "pages that nobody serves": flask(**{"docs/index.html": '<a href="/x">\n', "report.html": '<a href="/x">\n'}),
    "redirects that a framework makes": flask(
        "from flask import redirect, url_for\nredirect(url_for('x'))\nredirect('//example.com/')\nredirect('next')\n"
    ),
    "secrets that are none": flask(
        "TOKEN = 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\nKEY = 'AKIAIOSFODNN7EXAMPLE'\n"
        "PEM = '-----BEGIN PRIVATE KEY-----'\n"
    ),
}


#: Of these nothing is known, as another Python may read them. That is said.
CANNOT_BE_READ = ("a module that cannot be parsed here", "a module that is broken otherwise")
UNREAD = "server.py could not be read as Python, so nothing in it was checked"


@pytest.mark.parametrize("name", SOUND)
def test_sound_code_is_left_alone(name, project):
    directory = project(SOUND[name])
    report = found_in(directory)
    assert told(report.findings, directory) == []
    assert [note.partition(": ")[0] for note in report.notes] == ([UNREAD] if name in CANNOT_BE_READ else [])
