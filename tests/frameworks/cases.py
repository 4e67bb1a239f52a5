"""What people write with each framework: sound ones, and broken ones beside the same as the finding says to mend it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.frameworks.project import GUNICORN, SCRIPT, UVICORN, WAITRESS, WSGI, Case

NOT_BELOW = "but answers 404 below its prefix"
NOT_BY_ALIAS = "but answers 404 under aliases"

_FASTAPI = """\
import os

from fastapi import APIRouter, FastAPI

app = FastAPI()


@app.post("/predict")
def predict():
    return {"y": 1}
"""
_WITHOUT_DOCS = _FASTAPI.replace("FastAPI()", "FastAPI(docs_url=None, redoc_url=None, openapi_url=None)")
_ROUTER = """\
import os

from fastapi import APIRouter, FastAPI

router = APIRouter(prefix=PREFIX)


@router.post("/predict")
def predict():
    return {"y": 1}


app = FastAPI()
app.include_router(router)
"""
_STARLETTE = """\
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def item(request):
    return JSONResponse({"id": request.path_params["id"]})


app = Starlette(routes=[Route("/items/{id:int}", item, methods=["POST"])])
"""
_PUBLIC = """\
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
PUBLIC = {"/health", "/docs", "/openapi.json"}


@app.middleware("http")
async def only_users(request, go_on):
    path = PATH
    if path not in PUBLIC and "authorization" not in request.headers:
        return JSONResponse({"detail": "who are you"}, 401)
    return await go_on(request)


@app.get("/health")
def health():
    return {"status": "ok"}
"""
_TRUSTED = _FASTAPI + (
    "\n\nfrom starlette.middleware.trustedhost import TrustedHostMiddleware\n"
    "app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOSTS])\n"
)
_HEADER = (
    _FASTAPI
    + """

class Prefixed:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            prefix = dict(scope["headers"]).get(b"x-vh-prefix", b"").decode().rstrip("/")
            scope = dict(scope, root_path=prefix)
        await self.wrapped(scope, receive, send)


app = Prefixed(app)
"""
)


def _case(name: str, code: str, served: str = WSGI, found: str = "", caveat: str = "", **more: Any) -> Case:
    return Case(name, code, served, found, caveat, **more)


def _mended(case: Case, code: str | None = None, served: str = WSGI) -> tuple[Case, Case]:
    return case, replace(case, code=code or case.code, served=served, found="", caveat="")


_ITEM = {"path": "/items/7"}
_HEALTH = {"method": "GET", "path": "/health"}

FASTAPI_REQUIREMENTS = "fastapi>=0.110\nuvicorn>=0.30\n"
FASTAPI = (
    _mended(_case("post_alone", _FASTAPI, UVICORN, "VH408", NOT_BELOW)),
    _mended(_case("without_docs", _WITHOUT_DOCS, UVICORN, "VH408", NOT_BELOW), served=WSGI),
    _mended(_case("own_header", _FASTAPI, UVICORN, "VH408", NOT_BELOW), _HEADER, UVICORN),
    _mended(_case("with_parameters", _STARLETTE, UVICORN, "VH408", NOT_BELOW, **_ITEM)),
    _mended(
        _case("root_path", _FASTAPI.replace("FastAPI()", 'FastAPI(root_path="/api")'), WSGI, "VH401", NOT_BELOW),
        _FASTAPI,
    ),
    _mended(
        _case("told_root_path", _FASTAPI, f"{UVICORN} --root-path $SCRIPT_NAME", "VH403", NOT_BELOW),
    ),
    _mended(
        _case("only_version", _ROUTER.replace("PREFIX", 'os.environ["SCRIPT_NAME"]'), UVICORN, "VH402", NOT_BY_ALIAS),
        _ROUTER.replace("PREFIX", '"/{owner}/{project}/{deployment}/{version}/only-version"'),
        UVICORN,
    ),
    _mended(
        _case(
            "public_path",
            _PUBLIC.replace("PATH", "request.url.path"),
            WSGI,
            "VH401",
            "but answers 401 below its prefix",
            by_hand=True,
            **_HEALTH,
        ),
        _PUBLIC.replace("PATH", 'request.url.path.removeprefix(request.scope["root_path"])'),
    ),
    _mended(
        _case(
            "trusted", _TRUSTED.replace("HOSTS", '"localhost"'), WSGI, "VH411", "but answers 400 to production's host"
        ),
        _TRUSTED.replace("HOSTS", '"*"'),
    ),
)

_FLASK = """\
import os

from flask import Flask

app = Flask(__name__)


@app.post("/predict")
def predict():
    return {"y": 1}
"""
_ITEMS = """\
from flask import Blueprint, Flask

items = Blueprint("items", __name__, url_prefix="/items")


@items.get("/<int:number>")
def item(number):
    return {"number": number}


app = Flask(__name__)
app.register_blueprint(items)
"""
_RUN = '\n\nif __name__ == "__main__":\n    app.run(host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))\n'
_MOUNTED = (
    _FLASK
    + """

from werkzeug.middleware.dispatcher import DispatcherMiddleware

app.wsgi_app = DispatcherMiddleware(Flask("nothing"), {os.environ["SCRIPT_NAME"]: app.wsgi_app})
"""
)
_FLASK_HEADER = (
    _FLASK
    + """

class Prefixed:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    def __call__(self, environ, start_response):
        prefix = environ.get("HTTP_X_VH_PREFIX", "").rstrip("/")
        if prefix and environ["PATH_INFO"].startswith(prefix):
            environ["PATH_INFO"] = environ["PATH_INFO"][len(prefix):]
            environ["SCRIPT_NAME"] = prefix
        return self.wrapped(environ, start_response)


app.wsgi_app = Prefixed(app.wsgi_app)
"""
)

FLASK_REQUIREMENTS = "flask>=3.0\ngunicorn>=23\nwaitress>=3.0\n"
FLASK = (
    _mended(_case("flask_run", _FLASK + _RUN, SCRIPT, "VH401", NOT_BELOW)),
    _mended(_case("flask_run_header", _FLASK + _RUN, SCRIPT, "VH401", NOT_BELOW), _FLASK_HEADER + _RUN, SCRIPT),
    _mended(_case("flask_items", _ITEMS, WAITRESS, "VH401", NOT_BELOW, method="GET", **_ITEM)),
    _mended(_case("flask_mounted", _MOUNTED, WAITRESS, "VH402", NOT_BY_ALIAS), _FLASK_HEADER, WAITRESS),
    _mended(_case("flask_gunicorn", _FLASK, GUNICORN, "VH409", "but answers 500 under aliases")),
)

_DJANGO = """\
import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "NAME_settings"
app = get_wsgi_application()
"""
_DJANGO_SETTINGS = """\
import os
from pathlib import Path

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or os.urandom(32).hex()
ALLOWED_HOSTS = HOSTS
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "NAME_urls"
STATICFILES_DIRS = [Path(__file__).parent / "assets"]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
"""
_DJANGO_URLS = """\
from django.http import HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.http import require_POST

urlpatterns = ROUTES
"""
_PREDICT = '[path("predict", require_POST(lambda request: JsonResponse({"host": request.get_host()})))]'
_SHOP = """[path("", lambda _: HttpResponse(f'<link rel="stylesheet" href="{static("style.css")}">'))]"""
_OWN_STATIC = _DJANGO_SETTINGS.replace(
    'STATIC_URL = "/static/"',
    'STATIC_URL = os.environ["VH_DEFAULT_PREFIX"] + "static/"\nWHITENOISE_STATIC_PREFIX = "/static/"',
)


def _django(name: str, routes: str, settings: str, hosts: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{name}_settings.py", settings.replace("HOSTS = HOSTS", f"HOSTS = {hosts}").replace("NAME", name)),
        (f"{name}_urls.py", _DJANGO_URLS.replace("ROUTES", routes)),
        ("assets/style.css", "body { margin: 0 }\n"),
    )


def _django_pair(case: Case, routes: str, broken: tuple[str, str], mended: tuple[str, str]) -> tuple[Case, Case]:
    """Make a pair that differs in its settings, and what ``ALLOWED_HOSTS`` is in them."""
    case = replace(case, code=_DJANGO.replace("NAME", case.name), files=_django(case.name, routes, *broken))
    return case, replace(_mended(case)[1], files=_django(case.name, routes, *mended))


DJANGO_REQUIREMENTS = "django>=4.2\nwhitenoise>=6.5\n"
DJANGO = (
    _django_pair(
        _case("no_host", "", WSGI, "VH411", "but answers 400 to production's host"),
        _PREDICT,
        (_DJANGO_SETTINGS, "[]"),
        (_DJANGO_SETTINGS, '["*"]'),
    ),
    _django_pair(
        _case("static_files", "", WSGI, "VH405", method="GET", path="/static/style.css"),
        _SHOP,
        (_DJANGO_SETTINGS, '["*"]'),
        (_OWN_STATIC, '["*"]'),
    ),
)

#: By what they share an environment with: what it installs, and pairs of what is broken and the same mended.
GROUPS = {
    "Django": (DJANGO_REQUIREMENTS, DJANGO),
    "FastAPI": (FASTAPI_REQUIREMENTS, FASTAPI),
    "Flask": (FLASK_REQUIREMENTS, FLASK),
}
