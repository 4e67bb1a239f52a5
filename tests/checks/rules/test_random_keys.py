"""Keys that each replica makes for itself, and random values that are no keys, or that something else replaces."""

from __future__ import annotations

import pytest

from tests.checks.edits import apply
from tests.checks.projects import flask, wsgi
from tests.checks.sample import found_in, told

STARLETTE = """\
import secrets
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
app = FastAPI()
"""
SETTINGS = """\
from django.core.management.utils import get_random_secret_key
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = []
ROOT_URLCONF = "shop.urls"
"""
START = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
JWT = (
    "import jwt\nfrom keys import SIGNING_KEY\n\n\n@app.get('/')\ndef page():\n    return jwt.encode({}, SIGNING_KEY)\n"
)


def fastapi(code: str) -> dict[str, str]:
    return wsgi("server:app", server=STARLETTE + code) | {"requirements.txt": "fastapi\nstarlette\nitsdangerous\n"}


def django(code: str, **more: str) -> dict[str, str]:
    files = {"shop____init__": "", "shop__urls": "urlpatterns = []\n", "shop__wsgi": START}
    return wsgi("shop.wsgi", **files, shop__settings=SETTINGS + code, **more) | {"requirements.txt": "django\n"}


def dash(code: str) -> dict[str, str]:
    return wsgi("server:server", server="import os\nfrom dash import Dash\n" + code) | {"requirements.txt": "dash\n"}


def factory(code: str) -> dict[str, str]:
    start = "import os\nfrom flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n"
    return wsgi("server:create_app()", server=f"{start}    {code}\n    return app\n")


FOUND = {
    "os.urandom": (flask("import os\napp.secret_key = os.urandom(24)\n"), "server.py:5"),
    "in another form": (
        flask("import os, base64\napp.secret_key = base64.b64encode(os.urandom(24)).decode()\n"),
        "server.py:5",
    ),
    "a uuid": (flask("from uuid import uuid4\napp.secret_key = uuid4().hex\n"), "server.py:5"),
    "a uuid in a text": (flask("import uuid\napp.secret_key = f'key-{uuid.uuid4()}'\n"), "server.py:5"),
    "letters by chance": (
        flask("import secrets, string\napp.secret_key = ''.join(secrets.choice(string.digits) for _ in range(9))\n"),
        "server.py:5",
    ),
    "a name": (flask("import secrets\nKEY = secrets.token_hex()\napp.secret_key = KEY\n"), "server.py:5"),
    "a setting": (flask("import secrets\napp.config['SECRET_KEY'] = secrets.token_hex(16)\n"), "server.py:5"),
    "tokens' setting": (flask("import secrets\napp.config['JWT_SECRET_KEY'] = secrets.token_hex()\n"), "server.py:5"),
    "settings together": (
        flask("import os\napp.config.update(DEBUG=False, SECRET_KEY=os.urandom(9))\n"),
        "server.py:5",
    ),
    "a factory": (factory("app.config.from_mapping(SECRET_KEY=os.urandom(9))"), "server.py:7"),
    "a class of settings": (
        flask(
            "from config import Production\napp.config.from_object(Production)\n",
            **{
                "config.py": "import os\nclass Base:\n    SECRET_KEY = os.urandom(9)\n"
                "class Production(Base):\n    DEBUG = False\n"
            },
        ),
        "config.py:3",
    ),
    "a class of settings by its name": (
        flask(
            "app.config.from_object('config.Base')\n",
            **{"config.py": "import os\nclass Base:\n    SECRET_KEY = os.urandom(9)\n"},
        ),
        "config.py:3",
    ),
    "Dash": (dash("app = Dash(__name__)\nserver = app.server\nserver.secret_key = os.urandom(9)\n"), "server.py:5"),
    "Dash's server": (
        dash("app = Dash(__name__)\napp.server.secret_key = os.urandom(9)\nserver = app.server\n"),
        "server.py:4",
    ),
    "Starlette's sessions": (
        fastapi("app.add_middleware(SessionMiddleware, secret_key=secrets.token_urlsafe(32))\n"),
        "server.py:6",
    ),
    "Starlette's sessions in a list": (
        fastapi("KEY = secrets.token_hex()\nMORE = [Middleware(SessionMiddleware, secret_key=KEY)]\n"),
        "server.py:6",
    ),
    "Starlette's sessions around the app": (
        fastapi("app = SessionMiddleware(app, secrets.token_hex())\n"),
        "server.py:6",
    ),
    "tokens": (
        flask(JWT, **{"keys.py": "import secrets\nSIGNING_KEY = secrets.token_hex()\n"})
        | {"requirements.txt": "flask\npyjwt\n"},
        "keys.py:2",
    ),
    "a serializer": (
        flask("import os\nfrom itsdangerous import TimestampSigner as Signer\nSIGNER = Signer(os.urandom(9))\n"),
        "server.py:6",
    ),
    "Django": (django("SECRET_KEY = get_random_secret_key()\n"), "shop/settings.py:6"),
    "Django in another form": (django("SECRET_KEY = 'django-' + get_random_secret_key()\n"), "shop/settings.py:6"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_random_key_is_told_where_it_is_made_and_mended_by_what_is_shown(name, project, tmp_path):
    files, place = FOUND[name]
    directory = project(files)
    (finding,) = found_in(directory).findings
    assert told([finding], directory) == [f"VH312 {place}"]
    assert "os.environ[" in finding.edits[-1].new
    apply(finding.edits)
    assert told(found_in(directory).findings, directory) == []


SOUND = {
    "no key": "import os, secrets\napp.boot_id = secrets.token_hex()\nSALT = os.urandom(9)\n",
    "an object of another kind": "import os\nfrom store import Client\nc = Client()\nc.secret_key = os.urandom(9)\n",
    "a fallback": "import os, secrets\napp.secret_key = os.environ.get('SECRET_KEY', secrets.token_hex())\n",
    "a fallback by or": "import os, secrets\napp.secret_key = os.getenv('SECRET_KEY') or secrets.token_hex()\n",
    "a fallback by a name": "import os\nKEY = os.urandom(9)\napp.secret_key = os.environ.get('K', KEY)\n",
    "a fallback by a condition": "import os\nif 'SECRET_KEY' not in os.environ:\n    app.secret_key = os.urandom(9)\n",
    "a fallback by an expression": "import os\nK = os.getenv('K')\napp.secret_key = K if K else os.urandom(9)\n",
    "one for one's own machine": "import os\nif __name__ == '__main__':\n    app.secret_key = os.urandom(9)\n",
    "replaced": "import os\napp.secret_key = os.urandom(9)\napp.secret_key = os.environ['SECRET_KEY']\n",
    "replaced in the settings": "import os\napp.secret_key = os.urandom(9)\napp.config['SECRET_KEY'] = 'x'\n",
    "replaced by the environment": "import os\napp.secret_key = os.urandom(9)\napp.config.from_prefixed_env()\n",
    "replaced by a file": "import os\napp.secret_key = os.urandom(9)\napp.config.from_pyfile('x.cfg', silent=True)\n",
    "a function that may read it": "import os\nfrom keys import stored\napp.secret_key = stored(os.urandom(9))\n",
    "sessions kept elsewhere": "import os, flask_session\napp.secret_key = os.urandom(9)\nflask_session.Session(app)\n",
    "a key of each token": "import os, jwt\n\n\n@app.get('/')\ndef page():\n    return jwt.encode({}, os.urandom(9))\n",
    "a class that is not used": "import os\nclass Testing:\n    SECRET_KEY = os.urandom(9)\n",
}


@pytest.mark.parametrize("name", SOUND)
def test_what_may_be_the_same_everywhere_is_left_alone(name, project):
    files = {"keys.py": "def stored(key):\n    return key\n", "store.py": "class Client:\n    pass\n"}
    directory = project(flask(SOUND[name], **files) | {"requirements.txt": "flask\nflask_session\npyjwt\n"})
    assert told(found_in(directory).findings, directory) == []


@pytest.mark.parametrize(
    "code",
    [
        "SECRET_KEY = get_random_secret_key()\nfrom .local import *\n",
        "import os\nSECRET_KEY = os.environ.get('SECRET_KEY', get_random_secret_key())\n",
        "import os\nSECRET_KEY = os.environ.get('K')\nif not SECRET_KEY:\n    SECRET_KEY = get_random_secret_key()\n",
        "try:\n    from .local import SECRET_KEY\nexcept ImportError:\n    SECRET_KEY = get_random_secret_key()\n",
    ],
)
def test_a_key_of_django_that_may_come_from_elsewhere_is_left_alone(code, project):
    directory = project(django(code, shop__local="SECRET_KEY = 'x'\n"))
    assert told(found_in(directory).findings, directory) == []
