"""Apps that accept hosts of a machine itself alone, by their code: Django, Starlette; and such as may well not."""

from __future__ import annotations

import pytest

from tests.checks.edits import apply
from tests.checks.projects import command, flask, wsgi
from tests.checks.sample import found_in, told

SETTINGS = """\
import os
DEBUG = False
ALLOWED_HOSTS = []
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "shop.urls"
"""
START = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
APP = (
    "from fastapi import FastAPI\nfrom starlette.middleware.trustedhost import TrustedHostMiddleware\napp = FastAPI()\n"
)


def django(settings: str = SETTINGS, **more: str) -> dict[str, str]:
    files = {"shop____init__": "", "shop__urls": "urlpatterns = []\n", "shop__wsgi": START, "shop__settings": settings}
    project = wsgi("shop.wsgi", **files, **more)
    return project | {"requirements.txt": "django\ngunicorn\n"}


def fastapi(code: str) -> dict[str, str]:
    return wsgi("server:app", server=APP + code) | {"requirements.txt": "fastapi\n"}


FOUND = {
    "none": (django(), "shop/settings.py:3"),
    "this machine": (django(SETTINGS.replace("[]", '["localhost", "127.0.0.1"]')), "shop/settings.py:3"),
    "a middleware": (
        fastapi('app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])\n'),
        "server.py:4",
    ),
    "a middleware, by a name": (
        fastapi('HOSTS = ("localhost",)\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)\n'),
        "server.py:5",
    ),
}


def found(files, directory_of):
    directory = directory_of(files)
    return [each for each in told(found_in(directory).findings, directory) if each.startswith("VH411")]


@pytest.mark.parametrize("name", FOUND)
def test_production_s_host_is_refused(name, project):
    files, place = FOUND[name]
    assert found(files, project) == [f"VH411 {place}"]
    (finding,) = (each for each in found_in(project({})).findings if each.definition.code == "VH411")
    assert ['["*"]' in edit.new for edit in finding.edits] == [True]


def with_hosts(hosts: str) -> dict[str, str]:
    return django(SETTINGS.replace("[]", hosts))


SOUND = {
    "every host": with_hosts('["*"]'),
    "a host of one's own besides": with_hosts('["localhost", ".acme.com"]'),
    "from the environment": with_hosts('os.environ.get("HOSTS", "localhost").split(",")'),
    "more is added": django(SETTINGS + 'ALLOWED_HOSTS += os.environ.get("HOSTS", "").split(",")\n'),
    "more is appended": django(SETTINGS + 'ALLOWED_HOSTS.append(os.environ.get("HOST"))\n'),
    "in production alone": django(SETTINGS + 'if not DEBUG:\n    ALLOWED_HOSTS = ["*"]\n'),
    "other settings": django(shop__production='from shop.settings import *\nALLOWED_HOSTS = ["*"]\n'),
    "local settings that are not packaged": django(SETTINGS + "from shop.local import *\n"),
    "a library sets them": django(SETTINGS + "import django_heroku\ndjango_heroku.settings(locals())\n"),
    "a library has settings of its own": django(SETTINGS + "import dynaconf\ndynaconf.DjangoDynaconf(__name__)\n"),
    "nobody looks": django(SETTINGS.replace("common.CommonMiddleware", "http.ConditionalGetMiddleware")),
    "a middleware for every host": fastapi('app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"])\n'),
    "a middleware as it is": fastapi("app.add_middleware(TrustedHostMiddleware)\n"),
    "under a condition": fastapi(
        'import os\nif os.environ.get("DEV"):\n'
        '    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost"])\n'
    ),
    "a setting that old Flasks do not heed": flask('app.config["TRUSTED_HOSTS"] = ["localhost"]\n'),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_may_accept_production_s_host_is_left_alone(name, project):
    assert found(SOUND[name], project) == []


def test_the_environment_may_choose_other_settings(project):
    files = django() | {"vhlocal.yaml": "variables:\n  DJANGO_SETTINGS_MODULE: shop.production\n"}
    assert found(files, project) == []


@pytest.mark.parametrize("program", ["bokeh serve", "python -m panel serve"])
def test_bokehs_servers_reject_the_websockets_of_pages_at_another_host(program, project):
    directory = project(command(f"{program} app.py --port 8000", image="company/base:1"))
    (finding,) = [one for one in found_in(directory).findings if one.definition.code == "VH411"]
    apply(finding.edits)
    pasted = (directory / "valohai.yaml").read_text().splitlines()[-1].strip()
    assert pasted == f"- {program} --allow-websocket-origin=* app.py --port 8000"
    assert [one for one in found_in(directory).findings if one.definition.code == "VH411"] == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("bokeh serve app.py --allow-websocket-origin localhost:5006 --allow-websocket-origin=127.0.0.1", 1),
        ("bokeh serve app.py --allow-websocket-origin=localhost --allow-websocket-origin=valohai.example.com", 0),
        ("bokeh serve app.py --allow-websocket-origin $ORIGIN", 0),
        ("BOKEH_ALLOW_WS_ORIGIN=valohai.example.com bokeh serve app.py", 0),
        ("bokeh serve app.py --unix-socket /tmp/s", 0),
        ("bokeh info", 0),
    ],
)
def test_bokehs_servers_accept_the_hosts_that_they_are_given(line, count, project):
    findings = found_in(project(command(line, image="company/base:1"))).findings
    assert [one.definition.code for one in findings].count("VH411") == count
