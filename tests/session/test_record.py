import multiprocessing
import os
import stat
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from vhlocal.errors import InputError
from vhlocal.session.record import ProjectState, RunRecord, goes_on, layers_in_use, new_run, this_process

PID, BORN = this_process()
RECORD = RunRecord("run", PID, "http://127.0.0.1:8080", "secret", "20261124.0", BORN)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_a_run_is_found_while_it_lasts(directory):
    mine = ProjectState(directory)
    assert ProjectState(directory).running() is None
    mine.acquire()
    mine.write(RECORD)
    assert ProjectState(directory).running() == RECORD
    mine.write(replace(RECORD, ready=True))
    assert ProjectState(directory).running().ready
    mine.release()
    assert ProjectState(directory).running() is None


def test_the_record_with_its_token_is_for_the_user_alone(directory):
    mine = ProjectState(directory)
    mine.acquire()
    mine.write(RECORD)
    assert stat.S_IMODE((mine.path / "run.json").stat().st_mode) == 0o600
    mine.release()


def test_a_project_has_one_run_at_a_time(directory):
    mine = ProjectState(directory)
    mine.acquire()
    mine.write(RECORD)
    with pytest.raises(InputError, match=r"already being served at http://127\.0\.0\.1:8080"):
        ProjectState(directory).acquire()
    mine.release()


def die_with_the_lock(directory):
    mine = ProjectState(directory)
    mine.acquire()
    pid, born = this_process()
    mine.write(replace(RECORD, pid=pid, born=born))
    os._exit(9)


def test_a_run_that_was_killed_does_not_count(directory):
    killed = multiprocessing.get_context("spawn").Process(target=die_with_the_lock, args=(directory,))
    killed.start()
    killed.join()
    assert killed.exitcode == 9
    assert (ProjectState(directory).path / "run.json").exists()
    assert ProjectState(directory).running() is None
    ProjectState(directory).acquire()


def test_another_process_of_the_same_number_is_not_the_run(directory):
    mine = ProjectState(directory)
    mine.acquire()
    mine.write(replace(RECORD, born=BORN - 1))
    assert ProjectState(directory).running() is None
    mine.release()


def test_a_run_goes_on_as_long_as_its_process():
    assert goes_on(new_run())
    ended = multiprocessing.get_context("spawn").Process(target=new_run)
    ended.start()
    name = f"{ended.pid}-{psutil.Process(ended.pid).create_time() * 100:.0f}-abcdef"
    ended.join()
    assert not goes_on(name)
    assert not goes_on(f"{PID}-1-abcdef")
    assert not goes_on("")
    assert not goes_on("down")


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process can be waited for, and left")
def test_a_process_that_has_ended_is_not_there_although_nobody_has_asked_how_it_did(directory):
    process = subprocess.Popen(["sleep", "60"])
    born = psutil.Process(process.pid).create_time()
    run = f"{process.pid}-{born * 100:.0f}-abcdef"
    ProjectState(directory).write(replace(RECORD, pid=process.pid, born=born))
    assert goes_on(run)
    assert ProjectState(directory).running() is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    assert not goes_on(run)
    assert ProjectState(directory).running() is None
    ProjectState(directory).acquire()
    process.wait()


def test_p2_versions_of_the_day_are_remembered_and_older_ones_forgotten(directory):
    """P2: the counter goes on from run to run."""
    state = ProjectState(directory)
    state.keep_version("20261123.0")
    state.keep_version("20261124.0")
    state.keep_version("20261124.1")
    assert ProjectState(directory).versions("20261124") == {"20261124.0", "20261124.1"}
    assert ProjectState(directory).versions("20261123") == set()


def test_layers_are_in_use_while_their_project_is_there(directory):
    ProjectState(directory).keep_layers(["vhlocal/requirements:1"])
    assert layers_in_use() == {"vhlocal/requirements:1"}
    directory.rmdir()
    assert layers_in_use() == set()


class Engine:
    """Discards what nothing uses."""

    def __init__(self, *used):
        self.used = set(used)
        self.asked = []

    def discard(self, names):
        self.asked += names
        return [name for name in names if name not in self.used]


def stand_on(directory, *numbers):
    for number in numbers:
        ProjectState(directory).keep_layers([f"layer:{number}", "gunicorn"])


def test_the_layers_that_a_project_left_lately_are_kept_and_older_ones_discarded(directory):
    engine = Engine()
    stand_on(directory, *range(4))
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == []
    stand_on(directory, 4, 5)
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == ["layer:0", "layer:1"], "what newer ones have too stays"
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == ["layer:0", "layer:1"]
    assert layers_in_use() == {"layer:5", "gunicorn"}


def test_layers_that_a_project_goes_back_to_are_not_old(directory):
    engine = Engine()
    stand_on(directory, 0, 1, 0, 1, 0, 1, 0, 1)
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == []


def test_a_layer_in_use_is_discarded_once_it_is_not_any_more(directory):
    engine = Engine("layer:0")
    stand_on(directory, *range(5))
    ProjectState(directory).forget_layers(engine.discard)
    stand_on(directory, 5)
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == ["layer:0", "layer:0", "layer:1"]
    engine.used.clear()
    ProjectState(directory).forget_layers(engine.discard)
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == ["layer:0", "layer:0", "layer:1", "layer:0"]


def test_what_another_project_has_kept_is_not_discarded(directory, tmp_path):
    (tmp_path / "other").mkdir()
    stand_on(tmp_path / "other", 0, 7)
    engine = Engine()
    stand_on(directory, *range(6))
    ProjectState(directory).forget_layers(engine.discard)
    assert engine.asked == ["layer:1"]
    (ProjectState(directory).path / "layers.json").write_text("no json")
    ProjectState(directory).forget_layers(engine.discard)
    stand_on(directory, 1)
    assert layers_in_use() == {"layer:1", "layer:7", "gunicorn"}
