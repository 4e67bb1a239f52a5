import os
import socket
from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.session.port import listen
from vhlocal.session.record import ProjectState, RunRecord, this_process


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_was_asked_for_is_taken_or_its_holder_named(taken):
    with pytest.raises(InputError) as caught:
        listen("127.0.0.1", taken, given=True)
    assert f"port {taken} is in use" in caught.value.message
    assert f"process {os.getpid()}" in caught.value.message


def test_a_port_that_another_run_of_this_user_s_holds_is_told_by_its_project(taken, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    pid, born = this_process()
    project = tmp_path / "an other"
    project.mkdir()
    record = RunRecord("1-2-3", pid, f"http://127.0.0.1:{taken}", "t", "20261126.0", born, directory=str(project))
    ProjectState(Path(project)).write(record)
    with pytest.raises(InputError) as caught:
        listen("127.0.0.1", taken, given=True)
    assert caught.value.message == f"port {taken} is in use by your run of {project}"
    assert f"vhlocal down -C '{project}'" in caught.value.hint


def test_a_port_that_was_not_asked_for_gives_way_to_the_next_free_one(taken):
    with listen("127.0.0.1", taken, given=False) as found:
        assert taken < found.getsockname()[1] < taken + 100


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0, given=False)
