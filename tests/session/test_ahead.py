"""A start's first server is begun ahead where the last start was the same, and only then; none is ever left."""

import socket
from pathlib import Path

import requests

from tests.engine.conftest import left_of
from tests.engine.servers import project_of
from tests.waiting import wait_for

#: Variables that each server has of its own.
OWN = {"HOME", "HOSTNAME", "PWD", "SCRIPT_NAME", "VALOHAI_PORT", "VH_DEFAULT_PREFIX"}


def test_a_server_is_begun_ahead_where_all_is_as_it_was(project, process_run, vhlocal):
    directory = project(project_of("python server.py"))
    found: list[dict] = []

    def was_begun_ahead() -> bool:
        run = process_run(directory)
        (root,) = left_of(vhlocal)
        # A directory has the name of its run, but for one that was made before the run had a name.
        ahead = root.name.rpartition("-")[0] != vhlocal.record(directory).run
        assert not root.joinpath("valohai/runner/__pycache__").exists(), "the runner was compiled for this server alone"
        assert not root.joinpath("valohai/runner/serve_warm.gate").exists()
        found.append(requests.get(run.url("plain"), timeout=30).json())
        learnt = Path(vhlocal.environment["XDG_CACHE_HOME"], "vhlocal/imports")
        wait_for(lambda: list(learnt.glob("*.json")), "something to be learnt")
        run.stop()
        assert left_of(vhlocal) == []
        return ahead

    # The first learns what the others import beforehand.
    assert [was_begun_ahead() for _ in range(3)] == [False, False, True]
    usual, ahead = (each["environment"] for each in found[1:])
    assert {name: ahead[name] for name in ahead.keys() - OWN} == {name: usual[name] for name in usual.keys() - OWN}
    assert {name: len(ahead[name].split("/")) for name in OWN} == {name: len(usual[name].split("/")) for name in OWN}
    assert ahead["VH_DEFAULT_PREFIX"] in found[-1]["path"]

    server = directory / "server.py"
    server.write_text(server.read_text().replace('"path": self.path', '"path": "edited"'))
    assert not was_begun_ahead()
    assert found[-1]["path"] == "edited"

    # Begun ahead, for a run that cannot be.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = vhlocal("up", "-C", str(directory), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2, done.stderr
    assert left_of(vhlocal) == []
