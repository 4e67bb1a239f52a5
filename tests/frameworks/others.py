"""Frameworks besides FastAPI, Flask and Django, and servers besides Uvicorn and Gunicorn."""

from __future__ import annotations

from tests.frameworks.cases import ELSEWHERE, NOT_BELOW, NOT_BY_ALIAS
from tests.frameworks.project import GUNICORN, SCRIPT, UVICORN, WAITRESS, WSGI, Asked, Case

_NODE = """\
const http = require("http");

const server = http.createServer((request, response) => {
  if (request.url !== "/" && request.url !== "/predict") {
    response.writeHead(404).end("nothing here");
    return;
  }
  response.writeHead(200, {"Content-Type": "application/json"}).end('{"y": 1}');
});
server.listen(process.env.VALOHAI_PORT, "0.0.0.0");
"""
_NODE_PREFIX = """\
  const prefix = (request.headers["x-vh-prefix"] ?? "").replace(/\\/$/, "");
  request.url = request.url.slice(prefix.length) || "/";
"""
_NODE_SOUND = _NODE.replace("  if (request.url", f"{_NODE_PREFIX}  if (request.url", 1)
_NODE_PAGE = _NODE_SOUND.replace("application/json", "text/html").replace('{"y": 1}', '<a href="predict">')
NODE_COMMAND = "server-command: node {name}.js"
NODE = (
    Case("node_bare", "", NODE_COMMAND, "VH401", NOT_BELOW, files=(("node_bare.js", _NODE),)),
    Case("node_header", "", NODE_COMMAND, files=(("node_header.js", _NODE_SOUND),)),
    Case("node_page", "", NODE_COMMAND, "VH414", files=(("node_page.js", _NODE_PAGE),), method="GET", path=""),
)

_FALCON = """\
import falcon


class Predict:
    def on_post(self, request, response):
        response.media = {"y": 1}


app = falcon.App()
app.add_route("/predict", Predict())
"""
_FALCON_ASGI = _FALCON.replace("import falcon", "import falcon.asgi").replace("    def on", "    async def on")
_FALCON_ASGI = _FALCON_ASGI.replace("falcon.App", "falcon.asgi.App")
_FALCON_MOVED = """\
import falcon


class Home:
    def on_get(self, request, response):
        response.content_type = "text/html"
        response.text = '<form action="predict" method="post">'


class Predict:
    def on_post(self, request, response):
        response.media = {"y": 1}


app = falcon.App()
app.add_route("/", Home())
app.add_route("/predict", Predict())
"""
FALCON = (
    Case("falcon_bare", _FALCON, WAITRESS, "VH401", NOT_BELOW),
    Case("falcon_gunicorn", _FALCON, GUNICORN, "VH409", "but answers 500 under aliases"),
    Case("falcon_asgi", _FALCON_ASGI, UVICORN, "VH408", NOT_BELOW),
    Case("falcon_asgi_wsgi", _FALCON_ASGI, WSGI, "VH401", NOT_BELOW),
    Case("falcon_wsgi", _FALCON, WSGI, caveat=ELSEWHERE),
    Case("falcon_page", _FALCON_MOVED, WSGI, "VH414", by_hand=True, method="GET", path=""),
)

HYPERCORN = "server-command: ~/.local/bin/hypercorn {name}:app --bind 0.0.0.0:$VALOHAI_PORT"
_QUART = """\
from quart import Quart

app = Quart(__name__)


@app.post("/predict")
async def predict():
    return {"y": 1}
"""
_QUART_RUN = (
    "import os\n\n" + _QUART + '\n\nif __name__ == "__main__":\n'
    '    app.run(host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))\n'
)
QUART = (
    Case("quart_hypercorn", _QUART, HYPERCORN, "VH408", NOT_BELOW),
    Case("quart_run", _QUART_RUN, SCRIPT, "VH408", NOT_BELOW),
    Case("quart_wsgi", _QUART, WSGI, caveat=ELSEWHERE),
)

_LITESTAR = """\
from litestar import Litestar, post


@post("/predict", status_code=200)
async def predict() -> dict[str, int]:
    return {"y": 1}


app = Litestar([predict])
"""
LITESTAR = (
    Case("litestar_uvicorn", _LITESTAR, UVICORN, "VH408", NOT_BELOW),
    Case("litestar_hypercorn", _LITESTAR, HYPERCORN, "VH408", NOT_BELOW),
    Case("litestar_wsgi", _LITESTAR, WSGI, caveat=ELSEWHERE),
)

_AIOHTTP = """\
import os

from aiohttp import web


async def predict(request):
    return web.json_response({"y": 1})


app = web.Application()
app.router.add_post("/predict", predict)

if __name__ == "__main__":
    web.run_app(app, host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))
"""
_AIOHTTP_BELOW = _AIOHTTP.replace('"/predict"', '"/{owner}/{project}/{deployment}/{version}/aiohttp-below/predict"')
AIOHTTP = (
    Case("aiohttp_bare", _AIOHTTP, SCRIPT, "VH401", NOT_BELOW, alone=True),
    Case("aiohttp_below", _AIOHTTP_BELOW, SCRIPT, caveat=ELSEWHERE),
)

_DASH = """\
import os

from dash import Dash, html

app = Dash(__name__)
app.layout = html.Div("hello")

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=int(os.environ["VALOHAI_PORT"]))
"""
_DASH_TOLD = _DASH.replace("__name__)\na", '__name__, url_base_pathname=os.environ["VH_DEFAULT_PREFIX"])\na')
_DASH_SERVED = """\
import os

from dash import Dash, html

app = Dash(__name__, requests_pathname_prefix=os.environ["VH_DEFAULT_PREFIX"], routes_pathname_prefix="/")
app.layout = html.Div("hello")
server = app.server
"""
_LAYOUT: Asked = {"method": "GET", "path": "/_dash-layout"}
DASH = (
    Case("dash_run", _DASH, SCRIPT, "VH401", "but its page lacks what it needs below its prefix", **_LAYOUT),
    Case("dash_told", _DASH_TOLD, SCRIPT, "VH402", NOT_BY_ALIAS, alone=True, by_hand=True, **_LAYOUT),
    Case("dash_served", _DASH_SERVED, "wsgi: {name}:server", **_LAYOUT),
)

_GRADIO = """\
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

demo = gr.Interface(lambda text: text, "text", "text")
demo.launch(server_name="0.0.0.0", server_port=int(os.environ["VALOHAI_PORT"]))
"""
_GRADIO_MOUNTED = """\
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from fastapi import FastAPI

demo = gr.Interface(lambda text: text, "text", "text")
app = gr.mount_gradio_app(FastAPI(), demo, path="/")
"""
_CONFIG: Asked = {"method": "GET", "path": "/config"}
GRADIO = (
    Case("gradio_launch", _GRADIO, SCRIPT, "VH408", NOT_BELOW, alone=True, **_CONFIG),
    Case("gradio_mounted", _GRADIO_MOUNTED, WSGI, **_CONFIG),
)

_STREAMLIT = 'import streamlit as st\n\nst.write("hello")\n'
STREAMLIT_COMMAND = (
    "server-command: ~/.local/bin/streamlit run {name}.py --server.port $VALOHAI_PORT --server.headless true"
)
STREAMLIT = (
    Case(
        "streamlit_bare",
        _STREAMLIT,
        STREAMLIT_COMMAND,
        "VH401",
        "but its page lacks what it needs below its prefix",
        alone=True,
        method="GET",
        path="/_stcore/health",
    ),
)

_LITSERVE = """\
import os

import litserve as ls


class Api(ls.LitAPI):
    def setup(self, device):
        self.factor = 2

    def predict(self, request):
        return {"y": self.factor * request["x"]}


if __name__ == "__main__":
    ls.LitServer(Api(), accelerator="cpu").run(port=int(os.environ["VALOHAI_PORT"]))
"""
LITSERVE = (Case("litserve_bare", _LITSERVE, SCRIPT, "VH408", NOT_BELOW, alone=True, body='{"x": 4}'),)

_MLMODEL = """\
flavors:
  python_function:
    code: code
    loader_module: doubling
    env: {virtualenv: python_env.yaml}
"""
_DOUBLING = """\
class Doubling:
    def predict(self, data):
        return data * 2


def _load_pyfunc(path):
    return Doubling()
"""
_MODEL = (
    ("model/MLmodel", _MLMODEL),
    ("model/code/doubling.py", _DOUBLING),
    ("model/python_env.yaml", "python: 3.11.0\ndependencies: []\n"),
)
_MLFLOW = "mlflow models serve -m model --env-manager local -h 0.0.0.0 -p $VALOHAI_PORT"
_MLFLOW_SERVED = """\
from mlflow import pyfunc
from mlflow.pyfunc import scoring_server

app = scoring_server.init(pyfunc.load_model("model"))
"""
_INVOCATIONS: Asked = {"path": "/invocations", "body": '{"dataframe_split": {"columns": ["x"], "data": [[1]]}}'}
MLFLOW = (
    Case(
        "mlflow_on_path",
        "",
        f"server-command: PATH=$HOME/.local/bin:$PATH {_MLFLOW}",
        "VH401",
        NOT_BELOW,
        files=_MODEL,
        by_hand=True,
        **_INVOCATIONS,
    ),
    Case("mlflow_served", _MLFLOW_SERVED, WSGI, files=_MODEL, **_INVOCATIONS),
)

CASES = {
    "Node": ("", NODE),
    "Falcon": ("falcon>=4.0\ngunicorn>=23\nuvicorn>=0.30\nwaitress>=3.0\n", FALCON),
    "Quart": ("hypercorn>=0.17\nquart>=0.20\n", QUART),
    "Litestar": ("hypercorn>=0.17\nlitestar>=2.12\nuvicorn>=0.30\n", LITESTAR),
    "aiohttp": ("aiohttp>=3.10\n", AIOHTTP),
    "Dash": ("dash>=3.0\n", DASH),
    "LitServe": ("litserve>=0.2.6\n", LITSERVE),
    "Gradio": ("gradio>=5.0\n", GRADIO),
    "Streamlit": ("streamlit>=1.40\n", STREAMLIT),
    "MLflow": ("mlflow-skinny>=3.0\nnumpy\npandas\n", MLFLOW),
}
