"""The app whose saves are timed, one file for WSGI and ASGI alike, and the packages that it stands on."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import platformdirs

from benchmarks.peers.saves import FIRST
from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from pathlib import Path

#: The newest that are there for every Python that vhlocal supports. With ``watchfiles`` (in ``uvicorn[standard]``) and
#: ``inotify`` the two reloaders notice a save sooner than by looking once in a while.
_REQUIREMENTS = """\
pandas==2.3.3
scikit-learn==1.7.2
starlette==1.7.0
gunicorn==27.0.1
uvicorn[standard]==0.54.0
inotify==0.2.12; sys_platform == "linux"
"""

#: What the app imports from elsewhere, and so what a server that forks can have imported before.
IMPORTS = """\
import pandas
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
"""

_REST = """

MARKER = "{marker}"
ROWS = pandas.DataFrame({{"length": [1.0, 2.0, 3.0]}})
MODEL = make_pipeline(StandardScaler(), RandomForestClassifier())


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(MARKER)))])
    return [MARKER.encode()]


async def answer(request):
    return PlainTextResponse(MARKER)


app = Starlette(routes=[Route("/{{path:path}}", answer)])
"""


def text(marker: str) -> str:
    """Return the app that answers with ``marker``: ``application`` for WSGI, ``app`` for ASGI."""
    return IMPORTS + _REST.format(marker=marker)


def write_project(directory: Path) -> Path:
    """Write the app and its requirements, and return the file that is to be saved."""
    directory.mkdir()
    (directory / "requirements.txt").write_text(_REQUIREMENTS)
    file = directory / "server.py"
    file.write_text(text(FIRST))
    return file


def python_with_the_packages() -> str:
    """Return the Python of a virtual environment that has the app's packages; it is made once and kept."""
    key = hashlib.sha256(f"{sys.version}\n{_REQUIREMENTS}".encode()).hexdigest()[:12]
    directory = platformdirs.user_cache_path("vhlocal-benchmarks") / key
    python = directory / "bin" / "python"
    complete = directory / "complete"
    if not complete.exists():
        _run(sys.executable, "-m", "venv", "--clear", str(directory))
        (directory / "requirements.txt").write_text(_REQUIREMENTS)
        _run(str(python), "-m", "pip", "install", "--quiet", "-r", str(directory / "requirements.txt"))
        complete.touch()
    return str(python)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise UnmeasuredError(f"the peers' packages could not be installed:\n{done.stdout[-2000:]}")
