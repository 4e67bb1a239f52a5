"""Where a command's server listens, and the edits by which it listens where requests come to.

The real programs took each form of line, and then listened on VALOHAI_PORT and every address; the sources of Panel,
Chainlit, BentoML and TensorFlow Serving, which are large, say that they do.
"""

from __future__ import annotations

import subprocess

import pytest

from tests.checks.edits import apply
from tests.checks.projects import command
from tests.checks.sample import found_in
from vhlocal.checks.commands import Command
from vhlocal.checks.in_one import in_one
from vhlocal.checks.modules import Modules
from vhlocal.checks.servers import listening
from vhlocal.model import Package, PackagedFile, Place

IMAGE = "company/base:1"
LISTENING = {"VH105", "VH106"}


def found(directory):
    return [one for one in in_one(found_in(directory)).findings if one.definition.code in LISTENING]


@pytest.mark.parametrize(
    ("line", "pasted"),
    [
        ("flask --app server run", "flask --app server run --host 0.0.0.0 --port $VALOHAI_PORT"),
        ("flask --app run run", "flask --app run run --host 0.0.0.0 --port $VALOHAI_PORT"),
        (
            "python -m flask --app server run -p 9000",
            "python -m flask --app server run --host 0.0.0.0 -p $VALOHAI_PORT",
        ),
        ("quart --app server run --port 8000", "quart --app server run --host 0.0.0.0 --port 8000"),
        ("litestar --app server:app run", "litestar --app server:app run --host 0.0.0.0"),
        ("mlflow models serve -m model", "mlflow models serve --host 0.0.0.0 -p $VALOHAI_PORT -m model"),
        ("python -m mlflow models serve -p 8000", "python -m mlflow models serve --host 0.0.0.0 -p 8000"),
        ("mlflow server --port 8000", "mlflow server --host 0.0.0.0 --port 8000"),
        (
            "streamlit run x.py -- --server.port 8000",
            "streamlit run --server.port $VALOHAI_PORT x.py -- --server.port 8000",
        ),
        ("python -W ignore -m uvicorn server:app", "python -W ignore -m uvicorn --host 0.0.0.0 server:app"),
        ("timeout -k 5 100 uvicorn server:app", "timeout -k 5 100 uvicorn --host 0.0.0.0 server:app"),
        ("env -u A B=c uvicorn server:app", "env -u A B=c uvicorn --host 0.0.0.0 server:app"),
        ("uv run --no-sync uvicorn server:app", "uv run --no-sync uvicorn --host 0.0.0.0 server:app"),
        ("poetry run gunicorn server:app", "poetry run gunicorn --bind 0.0.0.0:$VALOHAI_PORT server:app"),
        ("sh -c 'flask run --port 8000'", "sh -c 'flask run --host 0.0.0.0 --port 8000'"),
        ("python manage.py runserver 8000", "python manage.py runserver 0.0.0.0:8000"),
        ("python manage.py runserver 9000", "python manage.py runserver 0.0.0.0:$VALOHAI_PORT"),
        (
            "python manage.py runserver --settings site.settings 8000",
            "python manage.py runserver --settings site.settings 0.0.0.0:8000",
        ),
        ("python -m http.server 9000", "python -m http.server $VALOHAI_PORT"),
        ("python -m http.server --bind localhost", "python -m http.server --bind 0.0.0.0"),
        (
            "bokeh serve app.py --allow-websocket-origin=*",
            "bokeh serve --port $VALOHAI_PORT app.py --allow-websocket-origin=*",
        ),
        (
            "BOKEH_ALLOW_WS_ORIGIN=* panel serve x.py --address 127.0.0.1",
            "BOKEH_ALLOW_WS_ORIGIN=* panel serve --port $VALOHAI_PORT x.py --address 0.0.0.0",
        ),
        ("shiny run app.py", "shiny run --host 0.0.0.0 app.py"),
        ("chainlit run app.py --port 8000", "chainlit run --host 0.0.0.0 app.py --port 8000"),
        ("marimo run app.py", "marimo run --host 0.0.0.0 --port $VALOHAI_PORT app.py"),
        ("jupyter lab --ip=localhost --port=8000", "jupyter lab --ip=0.0.0.0 --port=8000"),
        ("uwsgi --http 127.0.0.1:9000 --module server:app", "uwsgi --http 0.0.0.0:$VALOHAI_PORT --module server:app"),
        ("bentoml serve service:Greet --port 3000", "bentoml serve service:Greet --port $VALOHAI_PORT"),
        ("tensorflow_model_server --rest_api_port=8501", "tensorflow_model_server --rest_api_port=$VALOHAI_PORT"),
    ],
)
def test_a_pasted_edit_is_one_that_the_program_takes(line, pasted, project):
    directory = project(command(line, image=IMAGE))
    findings = found(directory)
    (edit,) = {edit for finding in findings for edit in finding.edits}
    assert all(finding.edits for finding in findings)
    apply((edit,))
    assert edit.new.strip() == f"- {pasted}"
    assert found(directory) == []


@pytest.mark.parametrize(
    "line",
    [
        "flask --app server routes",
        "mlflow models build-docker -m model",
        "python manage.py migrate",
        "python manage.py runserver -6",
        "python manage.py runserver 0.0.0.0:8000 -v 2",
        "streamlit run x.py --server.port 8000 -- --server.address localhost",
        "fastapi run server.py",
        "python -m http.server",
        "bokeh serve app.py --port 8000",
        "bokeh serve app.py --unix-socket /tmp/s",
        "shiny run --host 0.0.0.0 app.py",
        "chainlit run app.py --host 0.0.0.0",
        "marimo run app.py --host 0.0.0.0 --port $VALOHAI_PORT",
        "jupyter lab",
        "jupyter lab --config settings.py --ip localhost",
        "jupyter nbconvert --port 9000 x.ipynb",
        "uwsgi --http :8000 --module server:app",
        "uwsgi --ini app.ini",
        "uwsgi --socket 127.0.0.1:9000 --http 0.0.0.0:8000",
        "gunicorn --bind unix:/tmp/s server:app",
        "gunicorn -b /tmp/s server:app",
        "bentoml serve service:Greet",
        "tensorflow_model_server --port=8500 --rest_api_port=8000",
        "torchserve --start --foreground",
        "uv run --directory app uvicorn server:app",
        "env -C app uvicorn server:app",
        "sh -c 'uvicorn server:app --host $HOST'",
    ],
)
def test_a_command_that_listens_there_or_where_is_not_known_is_not_reported(line, project):
    assert found(project(command(line, image=IMAGE))) == []


def test_after_cd_a_programs_file_may_be_in_any_directory(project):
    lines = ("cd app", "gunicorn server:app")
    assert [one.definition.code for one in found(project(command(*lines, image=IMAGE)))] == ["VH106"]
    files = {"app/gunicorn.conf.py": "import os\n\nbind = os.environ['BIND']\n"}
    assert found(project(command(*lines, image=IMAGE, **files))) == []


def test_a_port_is_no_address_if_it_is_an_options_value(project):
    (finding,) = found(project(command("python manage.py runserver -v 2", image=IMAGE)))
    assert finding.change == "add 0.0.0.0:$VALOHAI_PORT after `runserver`"


@pytest.mark.parametrize(
    ("line", "pasted"),
    [
        ("python -m http.server -d files", "python -m http.server $VALOHAI_PORT -d files"),
        ("gunicorn server:app", "gunicorn --bind 0.0.0.0:$VALOHAI_PORT server:app"),
        ("python manage.py runserver", "python manage.py runserver 0.0.0.0:$VALOHAI_PORT"),
    ],
)
def test_the_port_is_told_in_the_programs_own_way(line, pasted, project):
    files = command(line, image=IMAGE)
    directory = project(files | {"valohai.yaml": files["valohai.yaml"] + "    port: 9100\n"})
    (edit,) = {edit for one in found(directory) for edit in one.edits if one.definition.code == "VH105"}
    apply((edit,))
    assert edit.new.strip() == f"- {pasted}"
    assert found(directory) == []


def test_r1_a_port_that_an_endpoint_cannot_have_is_no_remedy(project):
    (finding,) = found(project(command("gunicorn -b 0.0.0.0:80 server:app", image=IMAGE)))
    assert finding.change == "make it listen on $VALOHAI_PORT"
    (finding,) = found(project(command("gunicorn -b 0.0.0.0:1025 server:app", image=IMAGE)))
    assert finding.change == "make it listen on $VALOHAI_PORT, or write `port: 1025`"
    code = "from flask import Flask\n\napp = Flask(__name__)\napp.run(host='0.0.0.0', port=80)\n"
    findings = found_in(project(command("python server.py", image=IMAGE, **{"server.py": code}))).findings
    assert [one.change for one in findings if one.definition.code == "VH303"] == ["read the port from VALOHAI_PORT"]


def tracked(directory):
    """Make a directory git's: without it, no `.streamlit` is packaged, and with it none at the top (B5)."""
    subprocess.run(["git", "-C", directory, "init", "-q"], check=True)
    return directory


def configured(project, line, config, path="gunicorn.conf.py"):
    return found(project(command(line, image=IMAGE, **{path: config})))


def test_a_configuration_file_of_gunicorn_says_where_it_listens(project):
    (finding,) = configured(project, "gunicorn server:app", "import os\n\nbind = '127.0.0.1:8000'\n")
    assert (finding.definition.code, finding.place.file.name, finding.place.line) == ("VH106", "gunicorn.conf.py", 3)
    assert finding.edits[0].new == "bind = '0.0.0.0:8000'"
    config = "import os\n\nbind = [':5000']\n"
    (finding,) = configured(project, "gunicorn -c ./conf/web.py server:app", config, "conf/web.py")
    assert (finding.definition.code, finding.place.file.name, finding.place.line) == ("VH105", "web.py", 3)
    assert finding.edits[0].new == "bind = [f\"0.0.0.0:{os.environ['VALOHAI_PORT']}\"]"
    apply(finding.edits)
    assert found(finding.place.file.parent.parent) == []


def test_gunicorns_default_stays_if_its_file_binds_nothing(project):
    (finding,) = configured(project, "gunicorn server:app", "workers = 2\n")
    assert (finding.definition.code, finding.place.file.name) == ("VH106", "valohai.yaml")
    assert finding.edits[0].new.strip() == "- gunicorn --bind 0.0.0.0:$VALOHAI_PORT server:app"


@pytest.mark.parametrize(
    ("line", "config"),
    [
        ("gunicorn server:app", "bind = '0.0.0.0:8000'\n"),
        ("gunicorn server:app", "bind = 'unix:/tmp/s'\n"),
        ("gunicorn server:app", "bind = ['127.0.0.1:8000', '0.0.0.0:8000']\n"),
        ("gunicorn server:app", "import os\n\nbind = os.environ['BIND']\n"),
        ("gunicorn server:app", "bind = '127.0.0.1:8000'\nif True:\n    bind = '0.0.0.0:8000'\n"),
        ("gunicorn server:app", "from shared import *\n"),
        ("gunicorn server:app", "from shared import bind\n"),
        ("gunicorn server:app", "globals().update(bind='0.0.0.0:8000')\n"),
        ("gunicorn -b 0.0.0.0:8000 server:app", "bind = '127.0.0.1:8000'\n"),
        ("gunicorn -c gunicorn.conf.py -b 0.0.0.0:8000 server:app", "bind = '127.0.0.1:8000'\n"),
        ("gunicorn -c other.py server:app", "bind = '127.0.0.1:8000'\n"),
        ("gunicorn -c python:settings server:app", "bind = '127.0.0.1:8000'\n"),
        ("GUNICORN_CMD_ARGS='--bind 0.0.0.0:8000' gunicorn server:app", "bind = '127.0.0.1:8000'\n"),
    ],
)
def test_a_configuration_file_that_is_sound_or_not_certain_is_not_reported(line, config, project):
    assert configured(project, line, config) == []


def test_what_gunicorn_is_given_wins_over_its_file(project):
    (finding,) = configured(project, "gunicorn -c gunicorn.conf.py -b localhost:8000 server:app", "bind = ':8000'\n")
    assert (finding.definition.code, finding.place.file.name) == ("VH106", "valohai.yaml")


@pytest.mark.parametrize(
    ("line", "path", "config", "seen", "pasted"),
    [
        (
            "hypercorn -c hypercorn.toml server:app",
            "hypercorn.toml",
            'workers = 2\nbind = "127.0.0.1:8000"  # ours\n',
            ("VH106", "hypercorn.toml", 2),
            'bind = "0.0.0.0:8000"  # ours',
        ),
        (
            "hypercorn server:app --config ./conf/h.toml",
            "conf/h.toml",
            'bind = ["0.0.0.0:5000"]\n',
            ("VH105", "h.toml", 1),
            "- hypercorn --bind 0.0.0.0:$VALOHAI_PORT server:app --config ./conf/h.toml",
        ),
        (
            "hypercorn -c hypercorn.toml server:app",
            "hypercorn.toml",
            "workers = 2\n",
            ("VH106", "valohai.yaml", 5),
            "- hypercorn --bind 0.0.0.0:$VALOHAI_PORT -c hypercorn.toml server:app",
        ),
        (
            "cd app && streamlit run x.py --server.port 8000",
            "app/.streamlit/config.toml",
            '[browser]\ngatherUsageStats = false\n\n[server]\naddress = "localhost"\n',
            ("VH106", "config.toml", 5),
            'address = "0.0.0.0"',
        ),
        (
            "cd ./app/ && streamlit run x.py",
            "app/.streamlit/config.toml",
            "server.port = 8502\n",
            ("VH105", "config.toml", 1),
            "- cd ./app/ && streamlit run --server.port $VALOHAI_PORT x.py",
        ),
        (
            "cd app && streamlit run x.py",
            "app/.streamlit/config.toml",
            "[server]\nheadless = true\n",
            ("VH105", "valohai.yaml", 5),
            "- cd app && streamlit run --server.port $VALOHAI_PORT x.py",
        ),
        (
            "uwsgi --ini app.ini",
            "app.ini",
            "[uwsgi]\n; ours\nmodule = server:app\nhttp = 127.0.0.1:8000\n",
            ("VH106", "app.ini", 4),
            "http = 0.0.0.0:8000",
        ),
        (
            "uwsgi ./conf/app.ini:web",
            "conf/app.ini",
            "[web]\nhttp_socket = :5000\n[other]\nhttp = 127.0.0.1:8000\n",
            ("VH105", "app.ini", 2),
            "http_socket = :$(VALOHAI_PORT)",
        ),
    ],
)
def test_a_settings_file_says_where_its_program_listens(line, path, config, seen, pasted, project):
    directory = tracked(project(command(line, image=IMAGE, **{path: config})))
    (finding,) = found(directory)
    assert (finding.definition.code, finding.place.file.name, finding.place.line) == seen
    assert finding.edits[0].new.strip() == pasted
    apply(finding.edits)
    assert found(directory) == []


@pytest.mark.parametrize(
    ("line", "path", "config"),
    [
        ("hypercorn -c hypercorn.toml server:app", "hypercorn.toml", 'bind = ["127.0.0.1:8000", "0.0.0.0:8000"]\n'),
        ("hypercorn -c hypercorn.toml server:app", "hypercorn.toml", 'bind = [\n  "127.0.0.1:8000",\n]\n'),
        ("hypercorn -c hypercorn.toml server:app", "hypercorn.toml", "insecure_bind = '0.0.0.0:8000'\n"),
        ("hypercorn -c hypercorn.toml -b 0.0.0.0:8000 server:app", "hypercorn.toml", 'bind = "127.0.0.1:8000"\n'),
        ("hypercorn -c file:h.py server:app", "h.py", "bind = '127.0.0.1:8000'\n"),
        ("cd app && streamlit run x.py", "app/.streamlit/config.toml", "[server]\nport = 8000\n"),
        ("cd app && streamlit run x.py", "app/.streamlit/config.toml", "server = { port = 8000 }\n"),
        ("cd $APP && streamlit run x.py", "app/.streamlit/config.toml", "[server]\nport = 8502\n"),
        ("streamlit run app/x.py", "app/.streamlit/config.toml", "[server]\nport = 8000\n"),
        ("cd a && STREAMLIT_SERVER_PORT=8000 streamlit run x.py", "a/.streamlit/config.toml", "server.port = 8502\n"),
        ("cd a && streamlit run x.py --server.port 8000", "a/.streamlit/config.toml", "server.port = 8502\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nhttp = :8000\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nhttp = :$(PORT)\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nport = 9000\nhttp = 127.0.0.1:%(port)\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nif-env = LOCAL\nhttp = 127.0.0.1:8000\nendif =\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nhttp = 127.0.0.1:8000\nhttp = 0.0.0.0:8000\n"),
        ("uwsgi app.ini", "app.ini", "[uwsgi]\nsocket = 127.0.0.1:9000\n"),
        ("uwsgi --ini app.ini --http :8000", "app.ini", "[uwsgi]\nhttp = 127.0.0.1:8000\n"),
        ("uwsgi app.ini --http 127.0.0.1:9000", "app.ini", "[uwsgi]\nhttp = :8000\n"),
        ("UWSGI_HTTP=:8000 uwsgi --ini app.ini", "app.ini", "[uwsgi]\nhttp = 127.0.0.1:8000\n"),
        ("uwsgi app.ini other.ini", "app.ini", "[uwsgi]\nhttp = 127.0.0.1:8000\n"),
    ],
)
def test_a_settings_file_that_is_sound_or_not_certain_is_not_reported(line, path, config, project):
    assert found(tracked(project(command(line, image=IMAGE, **{path: config})))) == []


def test_b5_a_commits_tree_has_the_settings_at_its_top(tmp_path):
    file = tmp_path / ".streamlit" / "config.toml"
    file.parent.mkdir()
    file.write_text("[server]\nport = 8502\n")
    packaged = {".streamlit/config.toml": PackagedFile(".streamlit/config.toml", file, "", 0o644, 0)}
    commands = [Command(("streamlit", "run", "app/x.py"), Place(tmp_path / "valohai.yaml", 1))]
    listens = listening(commands, packaged, {}, Modules(Package(tmp_path, packaged, "")))
    assert listens is not None
    assert (listens.port, listens.port_place, listens.host) == (8502, Place(file, 2), "0.0.0.0")
