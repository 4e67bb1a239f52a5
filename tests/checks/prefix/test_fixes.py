"""What is to be pasted into an endpoint's own lines, framework by framework: see tests/frameworks for real runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.checks.edits import apply
from vhlocal.checks.prefix.code import read_code
from vhlocal.model import Place
from vhlocal.project.config import read_config
from vhlocal.project.package import read_package

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.prefix.code import Code
    from vhlocal.checks.prefix.fixes import Fixes

UVICORN = "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $VALOHAI_PORT"
SCRIPT = "server-command: python server.py"
WSGI = "wsgi: server:app"


def code_of(directory: Path, code: str, served: str, name: str = "server.py", **pages: str) -> Code:
    yaml = f"- endpoint:\n    name: greet\n    image: python:3.12-slim\n    {served}\n"
    for path, text in {"valohai.yaml": yaml, name: code, **pages}.items():
        (directory / path).write_text(text)
    (endpoint,) = read_config(directory).endpoints
    return read_code(endpoint, read_package(directory))


def fixes_of(directory: Path, code: str, served: str, name: str = "server.py", **pages: str) -> Fixes:
    return code_of(directory, code, served, name, **pages).fixes


def redirected(directory: Path, code: str, served: str) -> Edits:
    """Return the edit for a redirect to `/result`."""
    found = code_of(directory, code, served)
    return found.fixes.prefixed("/result", found.place_written("/result"))


def mended(directory: Path, name: str = "server.py") -> tuple[str, str]:
    """Return how the endpoint is served then, and its code, which can be read."""
    code = (directory / name).read_text()
    if name.endswith(".py"):
        ast.parse(code)
    return (directory / "valohai.yaml").read_text().splitlines()[3].strip(), code


DASH = 'from dash import Dash, html\n\napp = Dash(__name__)\napp.layout = html.Div("hello")\n'
DASH_RUN = DASH + '\nif __name__ == "__main__":\n    app.run(host="0.0.0.0", port=8000)\n'
TOLD = 'Dash(__name__, requests_pathname_prefix=os.environ["VH_DEFAULT_PREFIX"], routes_pathname_prefix="/")'


def test_dash_is_told_its_prefixes_and_served_by_wsgi(tmp_path):
    apply(fixes_of(tmp_path, DASH_RUN, SCRIPT).own_way)
    served, code = mended(tmp_path)
    assert served == "wsgi: server:server"
    assert code.startswith(f"import os\nfrom dash import Dash, html\n\napp = {TOLD}\nserver = app.server\napp.layout")


def test_a_server_of_dash_that_has_a_name_keeps_it(tmp_path):
    apply(fixes_of(tmp_path, DASH + "application = app.server\n", SCRIPT).own_way)
    served, code = mended(tmp_path)
    assert served == "wsgi: server:application"
    assert "server = app.server" not in code
    assert TOLD in code


GRADIO = 'import gradio as gr\n\ndemo = gr.Interface(str, "text", "text")\ndemo.launch(server_name="0.0.0.0")\n'


def test_gradio_is_told_its_root_path(tmp_path):
    apply(fixes_of(tmp_path, GRADIO, SCRIPT).own_way)
    assert mended(tmp_path) == (
        SCRIPT,
        "import os\n" + GRADIO.replace('0.0.0.0")', '0.0.0.0", root_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/"))'),
    )


LITSERVE = """\
import litserve as ls


class Api(ls.LitAPI):
    pass


ls.LitServer(Api(ARGUMENTS)).run(port=8000)
"""


@pytest.mark.parametrize(("given", "path"), [("", "/predict"), ('api_path="/score"', "/score")])
def test_litserve_is_told_its_whole_path(given, path, tmp_path):
    apply(fixes_of(tmp_path, LITSERVE.replace("ARGUMENTS", given), SCRIPT).own_way)
    told = f'api_path=os.environ["VH_DEFAULT_PREFIX"].rstrip("/") + "{path}"'
    assert mended(tmp_path) == (SCRIPT, "import os\n" + LITSERVE.replace("ARGUMENTS", told))


def test_streamlit_is_told_its_base_path(tmp_path):
    command = "server-command: ~/.local/bin/streamlit run server.py --server.port $VALOHAI_PORT"
    apply(fixes_of(tmp_path, "import streamlit\n", command).own_way)
    served, _ = mended(tmp_path)
    assert served == command.replace("run ", "run --server.baseUrlPath $VH_DEFAULT_PREFIX ")


AIOHTTP = "from aiohttp import web\n\napp = web.Application()\nweb.run_app(app, port=8000)\n"


def test_an_app_of_aiohttp_is_put_below_the_prefix(tmp_path):
    apply(fixes_of(tmp_path, AIOHTTP, SCRIPT).own_way)
    prefix = 'os.environ["VH_DEFAULT_PREFIX"].rstrip("/")'
    below = f"root = web.Application()\nroot.add_subapp({prefix}, app)\nweb.run_app(root, port=8000)"
    assert mended(tmp_path) == (SCRIPT, "import os\n" + AIOHTTP.replace("web.run_app(app, port=8000)", below))


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("const server = http.createServer((req, res) => {", "  const prefix = (req.headers"),
        ("  http.createServer( async (req, res) => {", "    const prefix = (req.headers"),
        ("const app = express();", "app.use((request, response, next) => {"),
    ],
)
def test_node_takes_the_prefix_away_where_the_request_comes_in(line, after, tmp_path):
    apply(fixes_of(tmp_path, f"// web\n{line}\n// more\n", "server-command: node web.js", "web.js").own_way)
    _, code = mended(tmp_path, "web.js")
    lines = code.splitlines()
    assert lines[:2] == ["// web", line]
    assert lines[2].startswith(after)
    assert lines[-1] == "// more"


def test_node_in_another_form_is_left_to_its_author(tmp_path):
    code = "http.createServer(handle).listen(8000)\n"
    assert fixes_of(tmp_path, code, "server-command: node web.js", "web.js").own_way == ()


FASTAPI = "import os\nfrom fastapi import FastAPI, Request, APIRouter\n\n"


def test_an_app_that_starts_its_server_when_it_is_imported_is_kept_from_it(tmp_path):
    code = "from flask import Flask\n\napp = Flask(__name__)\napp.run(\n    port=8000,\n)\n"
    apply(fixes_of(tmp_path, code, SCRIPT).by_wsgi)
    served, text = mended(tmp_path)
    assert served == WSGI
    assert text.endswith('if __name__ == "__main__":\n    app.run(\n        port=8000,\n    )\n')


def test_a_root_path_is_left_out_where_wsgi_takes_over(tmp_path):
    code = FASTAPI + 'app = FastAPI(title="x", root_path=os.environ["SCRIPT_NAME"])\n'
    apply(fixes_of(tmp_path, code, UVICORN).by_wsgi_alone)
    assert mended(tmp_path) == (WSGI, FASTAPI + 'app = FastAPI(title="x")\n')


@pytest.mark.parametrize("prefix", ['os.environ["SCRIPT_NAME"]', "PREFIX"])
def test_a_router_that_knows_the_version_takes_any(prefix, tmp_path):
    made = 'PREFIX = os.environ["SCRIPT_NAME"]\n' if prefix == "PREFIX" else ""
    code = FASTAPI + f"{made}router = APIRouter(prefix={prefix})\napp = FastAPI()\napp.include_router(router)\n"
    apply(fixes_of(tmp_path, code, UVICORN).per_request)
    served, text = mended(tmp_path)
    assert served == UVICORN
    assert 'APIRouter(prefix="/{owner}/{project}/{deployment}/{version}/greet")' in text


WRAPPED = """\
import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

app = Flask(__name__)
NAME = DispatcherMiddleware(
    Flask("nothing"), {os.environ["SCRIPT_NAME"]: app.wsgi_app}
)
"""


def test_a_middleware_that_knows_the_version_gives_way_to_wsgi(tmp_path):
    apply(fixes_of(tmp_path, WRAPPED.replace("NAME", "app.wsgi_app"), UVICORN).per_request)
    assert mended(tmp_path) == (WSGI, WRAPPED.partition("NAME")[0])


def test_a_middleware_that_is_the_app_itself_is_left_to_its_author(tmp_path):
    assert fixes_of(tmp_path, WRAPPED.replace("NAME", "app"), UVICORN).per_request == ()


HOSTS = "from starlette.middleware.trustedhost import TrustedHostMiddleware\n" + FASTAPI


def test_every_host_is_accepted(tmp_path):
    code = HOSTS + 'app = FastAPI()\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost"])\n'
    apply(fixes_of(tmp_path, code, WSGI).hosts)
    assert mended(tmp_path)[1] == code.replace('["localhost"]', '["*"]')


ROUTES = '\n\n@app.get("/result")\ndef result():\n    return "it"\n\n\n@app.get("/moved")\ndef moved(GIVEN):\n'


@pytest.mark.parametrize(
    ("start", "given", "returned", "mending"),
    [
        (
            "from flask import Flask, redirect\n\napp = Flask(__name__)\n",
            "",
            'redirect("/result")',
            'redirect(request.script_root + "/result")',
        ),
        (
            FASTAPI + "from fastapi.responses import RedirectResponse\n\napp = FastAPI()\n",
            "asked: Request",
            'RedirectResponse("/result")',
            'RedirectResponse(asked.scope["root_path"] + "/result")',
        ),
        (
            FASTAPI + "from fastapi.responses import RedirectResponse\n\napp = FastAPI()\n",
            "",
            'RedirectResponse("/result")',
            'RedirectResponse("/result")',
        ),
    ],
)
def test_a_redirect_gets_the_prefix_of_the_request_where_the_code_has_it(start, given, returned, mending, tmp_path):
    code = f"{start}{ROUTES.replace('GIVEN', given)}    return {returned}\n"
    apply(redirected(tmp_path, code, WSGI))
    text = mended(tmp_path)[1]
    assert f"return {mending}\n" in text
    assert '@app.get("/result")' in text
    assert ("from flask import request\n" in text) == ("flask" in start)


@pytest.mark.parametrize(
    ("start", "given", "asked"),
    [
        ("from flask import Flask, redirect, request\n\napp = Flask(__name__)\n", "", "request"),
        (FASTAPI + "app = FastAPI()\n", "asked: Request", "asked"),
        ("import django\n", "request", "request"),
    ],
)
def test_under_a_command_the_header_tells_the_prefix(start, given, asked, tmp_path):
    code = f"{start}{ROUTES.replace('GIVEN', given)}    return redirect('/result')\n"
    apply(redirected(tmp_path, code, SCRIPT))
    assert f"""redirect({asked}.headers.get("X-VH-Prefix", "").rstrip("/") + '/result')""" in mended(tmp_path)[1]


def test_a_cookie_gets_the_prefix_for_its_path(tmp_path):
    code = 'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/")\ndef page():\n'
    code += '    response = app.make_response("x")\n    response.set_cookie("user", "ada")\n    return response\n'
    fixes = fixes_of(tmp_path, code, WSGI)
    assert fixes.cookie("other") == ()
    apply(fixes.cookie("user"))
    assert 'set_cookie("user", "ada", path=request.script_root + "/")' in mended(tmp_path)[1]


def test_flask_takes_both_slashes(tmp_path):
    apply(fixes_of(tmp_path, "from flask import Flask\n\napp = Flask(__name__)\n", WSGI).both_slashes)
    assert mended(tmp_path)[1].endswith("app = Flask(__name__)\napp.url_map.strict_slashes = False\n")


def test_what_names_no_app_gives_nothing(tmp_path):
    fixes = fixes_of(tmp_path, "import flask\n", "server-command: ./start.sh")
    assert [fixes.by_wsgi, fixes.by_wsgi_alone, fixes.own_way, fixes.hosts, fixes.both_slashes, fixes.per_request] == [
        ()
    ] * 6


FALCON = "import falcon.asgi\n\napp = falcon.asgi.App()\n"


@pytest.mark.parametrize("served", [UVICORN, WSGI])
def test_an_asgi_app_that_looks_at_the_whole_path_gets_one_around_it(served, tmp_path):
    apply(fixes_of(tmp_path, FALCON, served).own_way)
    line, code = mended(tmp_path)
    assert line == served
    assert code.startswith(FALCON)
    assert code.endswith("    await app(scope, receive, send)\n\n\napp = without_prefix\n")


def test_an_app_that_its_own_script_starts_gets_nothing_below_that(tmp_path):
    assert fixes_of(tmp_path, FALCON + "import uvicorn\nuvicorn.run(app)\n", SCRIPT).own_way == ()


PAGE = '<html>\n<head lang="en">\n<script src="app.js"></script>\n'


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("from flask import Flask\n", "request.headers['X-VH-Prefix']"),
        ("import django\n", "request.headers.x_vh_prefix"),
        (FASTAPI, "request.headers['X-VH-Prefix']"),
    ],
)
def test_a_template_s_addresses_begin_with_the_prefix(code, prefix, tmp_path):
    (tmp_path / "templates").mkdir()
    fixes = fixes_of(tmp_path, code, WSGI, **{"templates/a.html": PAGE, "b.html": PAGE})
    assert fixes.with_base(Place(tmp_path / "b.html", 3)) == ()
    apply(fixes.with_base(Place(tmp_path / "templates" / "a.html", 3)))
    assert (tmp_path / "templates" / "a.html").read_text() == PAGE.replace(
        '<head lang="en">', f'<head lang="en"><base href="{{{{ {prefix} }}}}">'
    )


def test_node_leads_a_browser_to_the_slash_where_it_asks_for_the_prefix(tmp_path):
    start = "const server = http.createServer((req, res) => {\n"
    prefix = '  const at = (req.headers["x-vh-prefix"] ?? "").replace(/\\/$/, "");\n'
    fixes = fixes_of(tmp_path, start + prefix, "server-command: node web.js", "web.js")
    apply(fixes.with_base(Place(tmp_path / "web.js", 1)))
    lead = '  if (req.method === "GET" && req.url === at) return res.writeHead(307, {Location: `${at}/`}).end();\n'
    assert mended(tmp_path, "web.js")[1] == start + prefix + lead
