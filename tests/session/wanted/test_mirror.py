"""What is kept of a project while it is served: what its servers may go back to, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.session.edited import YAML
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.command import Vhlocal

MODEL = 200_000

#: Answers with the number that its code and the model beside it have.
APP = """\
import pathlib
NUMBER = 0


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"[%d, %d]" % (NUMBER, int(pathlib.Path("model.txt").read_text()))]
"""


def model(number: int) -> str:
    return str(number).rjust(MODEL)


def app(number: int) -> str:
    return APP.replace("NUMBER = 0", f"NUMBER = {number}")


def models_kept(vhlocal: Vhlocal) -> int:
    staging = Path(vhlocal.environment["XDG_STATE_HOME"]).glob("vhlocal/projects/*/staging/*")
    return sum(1 for file in staging if file.stat().st_size == MODEL)


def test_versions_that_nobody_goes_back_to_are_not_kept(project, process_run, vhlocal):
    directory = project({"valohai.yaml": YAML, "server.py": app(0), "model.txt": model(0)})
    run = process_run(directory)
    url = run.url("words")
    for number in range(1, 9):
        (directory / "model.txt").write_text(model(number))
        (directory / "server.py").write_text(app(number))
        wait_for(lambda number=number: requests.get(url, timeout=30).json() == [number, number], f"save {number}")
    wait_for(lambda: models_kept(vhlocal) == 1, "the one that is served to be kept alone")
    for number in range(9, 13):
        (directory / "server.py").write_text(f"broken_{number}\n")
        (directory / "model.txt").write_text(model(number))
        wait_for(lambda number=number: f"broken_{number}" in run.output(), f"broken save {number} to be told")
    wait_for(lambda: models_kept(vhlocal) == 2, "the last good one and the newest to be kept alone")
    wait_for(lambda: requests.get(url, timeout=30).json() == [8, 8], "the last good files to be back")
    (directory / "server.py").write_text(app(12))
    wait_for(lambda: requests.get(url, timeout=30).json() == [12, 12], "the mended code")
    wait_for(lambda: models_kept(vhlocal) == 1, "the one that is served to be kept alone")


def test_what_a_replacement_brought_can_be_gone_back_to(project, process_run):
    """Its files come from the project itself: they are copied once it is there."""
    directory = project({"valohai.yaml": YAML, "server.py": app(1), "model.txt": model(1)})
    run = process_run(directory)
    url = run.url("words")
    (directory / "vhlocal.yaml").write_text("variables:\n  COLOR: blue\n")
    (directory / "model.txt").write_text(model(2))
    wait_for(lambda: requests.get(url, timeout=30).json() == [1, 2], "the replacement")
    (directory / "server.py").write_text("broken\n")
    (directory / "model.txt").write_text(model(3))
    wait_for(lambda: run.endpoints()["words"]["broken"], "the failure to be told")
    wait_for(lambda: requests.get(url, timeout=30).json() == [1, 2], "the last good files to be back")
