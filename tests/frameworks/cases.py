"""What people write with FastAPI, Flask and Django: broken ones, and sound ones that no finding shows to be pasted."""

from __future__ import annotations

from typing import Any

from tests.frameworks.project import GUNICORN, SCRIPT, UVICORN, WAITRESS, WSGI, Asked, Case

ELSEWHERE = "answers at POST …/predict, but 404 at its URL"
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
_MOUNTS = """\
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


async def predict(request):
    return JSONResponse({"at": str(request.url_for("v1:predict"))})


parts = [Route("/predict", predict, methods=["POST"], name="predict")]
app = Starlette(routes=[Mount("/v1", routes=parts, name="v1")])
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


def _broken(name: str, code: str, served: str, found: str, caveat: str = "", **more: Any) -> Case:
    return Case(name, code, served, found, caveat, **more)


_ITEM = {"path": "/items/7"}
_BELOW_MOUNT: Asked = {"path": "/v1/predict"}
_HEALTH: Asked = {"method": "GET", "path": "/health"}

FASTAPI_REQUIREMENTS = (
    "fastapi>=0.110\ngunicorn>=23\nhypercorn>=0.17\njinja2>=3.1\nuvicorn>=0.30\nuvicorn-worker>=0.3\n"
)
_MOVED = """\
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

app = FastAPI()


@app.get("/")
def home(request: Request):
    return RedirectResponse("/result")


@app.get("/result")
def result():
    return {"y": 1}
"""
_OWN_DOCS = """\
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html

app = FastAPI(docs_url=None)


@app.get("/docs")
def docs(request: Request):
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Scores")
"""
_COOKIE = """\
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.get("/")
def home(request: Request, response: Response):
    response.set_cookie("seen", "yes")
    return {"y": 1}
"""
_ONE_SLASH = """\
from fastapi import FastAPI

app = FastAPI(redirect_slashes=False)


@app.get("/items")
def items():
    return []
"""
_TEMPLATE = """\
from fastapi import APIRouter, FastAPI, Request
from fastapi.templating import Jinja2Templates

router = APIRouter(prefix="/{owner}/{project}/{deployment}/{version}/NAME")
templates = Jinja2Templates("templates")


@router.get("")
@router.get("/")
def home(request: Request):
    return templates.TemplateResponse(request, "NAME.html")


@router.get("/result")
def result():
    return {"y": 1}


app = FastAPI()
app.include_router(router)
"""
_LEADING = '<html>\n<head>\n</head>\n<body>\n<a href="ADDRESS">result</a>\n</body>\n</html>\n'
_WORKER = (
    "server-command: ~/.local/bin/gunicorn -k uvicorn_worker.UvicornWorker --bind 0.0.0.0:$VALOHAI_PORT {name}:app"
)
_HYPERCORN = "server-command: ~/.local/bin/hypercorn {name}:app --bind 0.0.0.0:$VALOHAI_PORT"
_HOME = {"method": "GET", "path": ""}


def _page(name: str, code: str, served: str, found: str, address: str) -> Case:
    files = ((f"templates/{name}.html", _LEADING.replace("ADDRESS", address)),)
    return _broken(name, code.replace("NAME", name), served, found, files=files, **_HOME)


FASTAPI = (
    _broken("post_alone", _FASTAPI, UVICORN, "VH408", NOT_BELOW),
    _broken("without_docs", _WITHOUT_DOCS, UVICORN, "VH408", NOT_BELOW),
    Case("own_header", _HEADER, UVICORN, caveat=ELSEWHERE),
    _broken("with_parameters", _STARLETTE, UVICORN, "VH408", NOT_BELOW, **_ITEM),
    _broken("mounts", _MOUNTS, UVICORN, "VH408", NOT_BELOW, **_BELOW_MOUNT),
    Case("mounts_served", _MOUNTS, caveat=ELSEWHERE.replace("/predict", "/v1/predict"), **_BELOW_MOUNT),
    _broken("by_worker", _FASTAPI, _WORKER, "VH401", NOT_BELOW),
    _broken("by_hypercorn", _FASTAPI, _HYPERCORN, "VH408", NOT_BELOW),
    _broken("root_path", _FASTAPI.replace("FastAPI()", 'FastAPI(root_path="/api")'), WSGI, "VH401", NOT_BELOW),
    _broken("told_root_path", _FASTAPI, f"{UVICORN} --root-path $SCRIPT_NAME", "VH403", NOT_BELOW),
    _broken("only_version", _ROUTER.replace("PREFIX", 'os.environ["SCRIPT_NAME"]'), UVICORN, "VH402", NOT_BY_ALIAS),
    _broken(
        "public_path",
        _PUBLIC.replace("PATH", "request.url.path"),
        WSGI,
        "VH401",
        "but answers 401 below its prefix",
        by_hand=True,
        **_HEALTH,
    ),
    Case(
        "relative_path", _PUBLIC.replace("PATH", 'request.url.path.removeprefix(request.scope["root_path"])'), **_HEALTH
    ),
    _broken("trusted", _TRUSTED.replace("HOSTS", '"localhost"'), WSGI, "VH411", "but answers 400 to production's host"),
    _broken("moved", _MOVED, WSGI, "VH404", **_HOME),
    _broken("own_docs", _OWN_DOCS, WSGI, "VH406", method="GET", path="/docs"),
    _broken("cookie", _COOKIE, WSGI, "VH407", **_HOME),
    _broken("one_slash", _ONE_SLASH, WSGI, "VH410", method="GET", path="/items/"),
    _page("template", _TEMPLATE, UVICORN, "VH405", "/result"),
    _page("beside", _TEMPLATE, UVICORN, "VH414", "result"),
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
_FLASK_MOVED = """\
from flask import Flask, redirect

app = Flask(__name__)


@app.get("/")
def home():
    return redirect("/result")


@app.get("/result")
def result():
    return "done"
"""
_FLASK_COOKIE = """\
from flask import Flask, make_response

app = Flask(__name__)


@app.get("/")
def home():
    response = make_response("hello")
    response.set_cookie("seen", "yes")
    return response
"""
_FLASK_LINKED = """\
from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def home():
    return render_template("NAME.html")


@app.get("/result")
def result():
    return "done"
"""
_FLASK_OWN_ROUTES = """\
from flask import Flask, redirect, render_template

app = Flask(__name__)
AT = "/<owner>/<project>/<deployment>/<version>/NAME"


@app.get(AT)
@app.get(f"{AT}/")
def home(**_):
    return RETURNED


@app.get(f"{AT}/result")
def result(**_):
    return "done"
"""


def _own_routes(name: str, returned: str) -> str:
    return _FLASK_OWN_ROUTES.replace("NAME", name.replace("_", "-")).replace("RETURNED", returned)


FLASK = (
    _broken("flask_run", _FLASK + _RUN, SCRIPT, "VH401", NOT_BELOW),
    Case("flask_run_header", _FLASK_HEADER + _RUN, SCRIPT, caveat=ELSEWHERE),
    _broken("flask_items", _ITEMS, WAITRESS, "VH401", NOT_BELOW, method="GET", **_ITEM),
    _broken("flask_mounted", _MOUNTED, WAITRESS, "VH402", NOT_BY_ALIAS),
    Case("flask_header", _FLASK_HEADER, WAITRESS, caveat=ELSEWHERE),
    _broken("flask_gunicorn", _FLASK, GUNICORN, "VH409", "but answers 500 under aliases"),
    _broken("flask_moved", _FLASK_MOVED, WSGI, "VH404", **_HOME),
    _broken("flask_own_moved", _own_routes("flask_own_moved", 'redirect("/result")'), WAITRESS, "VH404", **_HOME),
    _broken("flask_cookie", _FLASK_COOKIE, WSGI, "VH407", **_HOME),
    _broken("flask_slash", _ITEMS, WSGI, "VH410", method="GET", path="/items/7/"),
    _page("flask_linked", _FLASK_LINKED, WSGI, "VH405", "/result"),
    _page(
        "flask_beside", _own_routes("flask_beside", 'render_template("flask_beside.html")'), WAITRESS, "VH414", "result"
    ),
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
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
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
_DJANGO_VIEWS = """\
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path


def home(request):
    response = RETURNED
    return response


def result(request):
    return HttpResponse("done")


urlpatterns = [path("", home), path("result", result)]
"""
_COOKIED = 'HttpResponse("hello")\n    response.set_cookie("seen", "yes")'


def _django(name: str, urls: str, served: str = WSGI, found: str = "", caveat: str = "", **more: Any) -> Case:
    """Make an endpoint of a project of its own; ``urls`` is its module of URLs, or what one is to return."""
    hosts, settings = more.pop("hosts", '["*"]'), more.pop("settings", _DJANGO_SETTINGS)
    files = (
        (f"{name}_settings.py", settings.replace("HOSTS = HOSTS", f"HOSTS = {hosts}").replace("NAME", name)),
        (f"{name}_urls.py", urls),
        ("assets/style.css", "body { margin: 0 }\n"),
        *more.pop("files", ()),
    )
    return Case(name, _DJANGO.replace("NAME", name), served, found, caveat, files=files, **more)


def _routes(routes: str) -> str:
    return _DJANGO_URLS.replace("ROUTES", routes)


def _returning(returned: str) -> str:
    return _DJANGO_VIEWS.replace("RETURNED", returned)


def _django_page(name: str, found: str, address: str) -> Case:
    files = ((f"templates/{name}.html", _LEADING.replace("ADDRESS", address)),)
    return _django(name, _returning(f'render(request, "{name}.html")'), found=found, files=files, **_HOME)


_STYLE = {"method": "GET", "path": "/static/style.css"}

DJANGO_REQUIREMENTS = "django>=4.2\ngunicorn>=23\nwaitress>=3.0\nwhitenoise>=6.5\n"
DJANGO = (
    _django("no_host", _routes(_PREDICT), WSGI, "VH411", "but answers 400 to production's host", hosts="[]"),
    _django("static_files", _routes(_SHOP), WSGI, "VH405", by_hand=True, **_STYLE),
    _django("own_static", _routes(_SHOP), settings=_OWN_STATIC, **_STYLE),
    _django("django_bare", _routes(_PREDICT), WAITRESS, "VH401", NOT_BELOW),
    _django("django_gunicorn", _routes(_PREDICT), GUNICORN, "VH409", "but answers 500 under aliases"),
    _django("django_moved", _returning('HttpResponseRedirect("/result")'), found="VH404", **_HOME),
    _django("django_cookie", _returning(_COOKIED), found="VH407", **_HOME),
    _django_page("django_linked", "VH405", "/result"),
    _django_page("django_beside", "VH414", "result"),
)

#: By what they share an environment with: what it installs, and its cases.
CASES = {
    "Django": (DJANGO_REQUIREMENTS, DJANGO),
    "FastAPI": (FASTAPI_REQUIREMENTS, FASTAPI),
    "Flask": (FLASK_REQUIREMENTS, FLASK),
}
