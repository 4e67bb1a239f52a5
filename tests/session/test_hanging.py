"""New code that never answers: the limit is a run's own, so that no test has to wait for the usual one."""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from tests.session.edited import YAML, numbered
from vhlocal.api.plane import ControlPlane
from vhlocal.cli.project import read_project
from vhlocal.cli.up import run_options
from vhlocal.events import Bus, Ready, StatusChanged
from vhlocal.runtime.connect import connector
from vhlocal.session.loop import run
from vhlocal.session.session import Session


@pytest.fixture(autouse=True)
def own_directories(vhlocal, monkeypatch):
    """Run in this process with state, cache and runtime directories of the test's own."""
    for name, value in vhlocal.environment.items():
        if name.startswith("XDG_") or name == "PATH":
            monkeypatch.setenv(name, value)


def options_of(directory):
    return run_options(directory, read_project(directory, (), {}))


def test_code_that_hangs_for_too_long_is_named_by_its_line(project):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(0)})
    connect = connector("process", directory, strict=False)
    options = replace(options_of(directory), connect=connect, reload_seconds=5)
    bus, told, numbers = Bus(), [], []
    session = Session(options, bus, ControlPlane())

    def save():
        (directory / "server.py").write_text("import threading\n\nthreading.Event().wait()\n" + numbered(1))

    def ask_and_stop(url):
        try:
            numbers.append(requests.get(url, timeout=30).json()["number"])
        finally:
            session.request_stop()

    def hear(event):
        if isinstance(event, Ready):
            done.append(beside.submit(save))
        elif isinstance(event, StatusChanged) and event.status.broken and not told:
            told.append(event.status)
            done.append(beside.submit(ask_and_stop, event.status.urls[0]))

    bus.subscribe(hear)
    done: list[Future[None]] = []
    with ThreadPoolExecutor() as beside:
        run(session.run())
    for each in done:
        each.result()
    (status,) = told
    assert re.search(r"has not answered in \d+ s: it is still at", status.reason)
    assert str(status.place) == f"{directory}/server.py:3"
    assert numbers == [0]


def test_new_code_gets_half_a_minute(project):
    assert options_of(project({"valohai.yaml": YAML, "server.py": numbered(0)})).reload_seconds == 30
