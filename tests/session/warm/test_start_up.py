"""Where the time of a start went: of what was seen of it, and of real runs, in containers and in processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from tests.command import Running
from tests.engine.servers import project_of
from tests.session.edited import YAML, numbered
from tests.waiting import free_port, wait_for
from vhlocal.model import Import
from vhlocal.session.phases import Phases
from vhlocal.session.probe import Answered
from vhlocal.session.warm.start_up import Birth, read_birth, slowest, start_up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Vhlocal


class Answer(Answered):
    """An answer that came at one time and was asked for at another."""

    def __init__(self, asked: float, at: float) -> None:
        self.asked = asked
        self.at = at


def phases() -> Phases:
    known = Phases(10.0, lambda: 99.0)
    known.include("Gunicorn", 3.0)
    known.mark("created", 11.0)
    return known


def test_a_start_is_told_part_by_part_and_adds_up():
    imports = (
        Import("library", 0.5, 0.5),
        Import("mine", 1.0, 1.5, mine=True),
        Import("late", 0.25, 0.25, "", False, True),
    )
    told = start_up(phases(), 11.5, Birth(12.0, 14.0, imports), Answer(13.0, 14.25))
    assert told.phases == (
        ("Gunicorn", 3.0),
        ("created", 1.0),
        ("process started", 1.0),
        ("libraries imported", 0.5),
        ("app loaded", 1.5),
        ("first answer", 0.25),
    )
    assert told.seconds == 7.25
    assert told.first_request == 0.25, "the request waited for the app before"
    assert told.imports == imports


def test_without_measured_imports_the_app_and_its_libraries_are_one():
    told = start_up(phases(), 11.5, Birth(12.0, 14.0, None), Answer(13.0, 14.25))
    assert [name for name, _ in told.phases[2:]] == ["process started", "app loaded", "first answer"]
    assert told.imports is None


def test_where_no_runner_saw_it_the_port_is_what_is_known():
    told = start_up(phases(), 11.5, None, Answer(13.0, 14.25))
    assert told.phases[2:] == (("process started", 0.5), ("port opened", 1.5), ("first answer", 1.25))
    assert told.first_request == 1.25
    assert told.imports is None


def test_more_seconds_of_imports_than_there_were_are_threads_side_by_side():
    told = start_up(phases(), 11.5, Birth(12.0, 14.0, (Import("library", 9.0, 9.0),)), Answer(13.0, 14.0))
    assert dict(told.phases)["libraries imported"] == 2.0
    assert dict(told.phases)["app loaded"] == 0.0


def test_what_a_runner_tells_is_read_back_from_now():
    facts = {
        "forked": 3.0,
        "bound": 2.0,
        "loaded": 1.0,
        "imports": [[["a", 0.1, 0.2, "", True]], [["b", 0.1, 0.1, "a", False]]],
    }
    birth = read_birth(facts, 100.0, measured=True)
    assert (birth.forked, birth.loaded) == (97.0, 99.0)
    assert birth.imports == (Import("a", 0.1, 0.2, "", True), Import("b", 0.1, 0.1, "a", False, at_request=True))
    assert read_birth({**facts, "loaded": None}, 100.0, measured=False) == Birth(97.0, 98.0, None)
    assert read_birth({"refused": "ended"}, 100.0, measured=True) == Birth(None, None, None)


def test_the_slowest_come_first_and_a_package_s_own_parts_not_at_all():
    imports = [
        Import("pandas.core", 0.1, 3.0, "pandas"),
        Import("pandas", 0.1, 4.0, "server"),
        Import("json", 0.1, 0.1, "server"),
        Import("server", 0.5, 4.6, "", mine=True),
        Import("server.parts", 0.5, 0.5, "server", mine=True),
    ]
    assert [each.module for each in slowest(imports, 3)] == ["server", "pandas", "server.parts"]


@pytest.fixture
def up(vhlocal: Vhlocal, tmp_path: Path):
    """Start ``vhlocal up`` and end it."""
    started: list[Running] = []

    def start(directory: Path, *arguments: str) -> Running:
        run = Running(vhlocal, directory, free_port(), arguments, tmp_path / f"up-{len(started)}.log")
        started.append(run)
        run.wait_for_state("ready")
        wait_for(lambda: "ready: in" in run.output(), "the run to be ready")
        return run

    yield start
    for run in started:
        assert run.stop() in {0, 130}, run.output()


def profile_of(run: Running, endpoint: str) -> dict:
    answer = requests.get(f"{run.base_url}/api/profile", {"endpoint": endpoint}, timeout=30)
    assert answer.status_code == 200, answer.text
    (told,) = answer.json()["endpoints"]
    return told


SLOW = "import time\ntime.sleep(0.4)\n"
#: Imports a library, a module of the project's, and at its first request one more.
APP = (
    numbered(1)
    .replace("import json, os", "import json, os, wsgiref.validate, slow")
    .replace("    body =", "    import at_request\n    body =")
)
FILES = {"valohai.yaml": YAML, "server.py": APP, "slow.py": SLOW, "at_request.py": SLOW}


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.engine)])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("base_image")
    return str(request.param)


def test_profile_tells_a_start_import_by_import(project, up, runtime):
    run = up(project(FILES), "--profile", "--runtime", runtime)
    told = profile_of(run, "words")
    parts = {part["phase"]: part["seconds"] for part in told["phases"]}
    assert list(parts)[-5:] == ["created", "process started", "libraries imported", "app loaded", "first answer"]
    assert told["ready_seconds"] == pytest.approx(sum(parts.values()), abs=0.01)
    assert parts["app loaded"] >= 0.3
    assert told["first_request_seconds"] >= 0.3
    imports = {each["module"]: each for each in told["imports"]}
    assert imports["slow"]["self_seconds"] >= 0.3
    assert imports["slow"]["imported_by"] == "server"
    assert imports["slow"]["project"] and not imports["wsgiref.validate"]["project"]
    assert imports["at_request"]["at_first_request"] and not imports["slow"]["at_first_request"]
    assert run.endpoints()["words"]["ready_seconds"] == told["ready_seconds"]
    output = run.output()
    assert "words: ready after" in output
    assert [line for line in output.splitlines() if line.startswith("  slow (yours)")]
    assert "import time:" not in output, "what Python itself would print"


def test_what_was_made_for_it_is_part_of_a_start(project, up):
    """A crash is started again with what is installed, in a directory of its own."""
    directory = project({**FILES, "requirements.txt": "iniconfig  # for the start alone\n"})
    run = up(directory, "--runtime", "process", "--no-reload")
    told = profile_of(run, "words")
    parts = [part["phase"] for part in told["phases"]]
    assert parts[parts.index("requirements.txt") :][:3] == ["requirements.txt", "Gunicorn", "created"]
    asked = requests.get(run.url("words"), timeout=30).json()
    server = psutil.Process(asked["pid"]).parent()
    assert server is not None
    server.kill()
    wait_for(lambda: run.endpoints()["words"]["restarts"], "the crash")
    run.wait_for_state("ready")
    again = profile_of(run, "words")
    assert [part["phase"] for part in again["phases"]] == ["created", "process started", "app loaded", "first answer"]
    seconds = sum(part["seconds"] for part in again["phases"])
    assert again["ready_seconds"] == pytest.approx(seconds, abs=0.01)


def test_a_profiled_server_finds_what_any_server_finds(project, up):
    """Neither its environment tells of the profile, nor what it has been started with."""
    directory = project(project_of("python server.py", "    port: 8000\n"))
    seen = []
    for more in ((), ("--profile",)):
        run = up(directory, "--runtime", "process", *more)
        found = requests.get(run.url("plain"), timeout=30).json()
        seen.append(({name for name in found["environment"]}, found["arguments"]))
        run.stop()
    assert seen[0] == seen[1]


def test_a_script_is_profiled_too_and_reloads_go_on_as_ever(project, up):
    directory = project({**project_of("python server.py"), "slow.py": SLOW})
    server = directory / "server.py"
    server.write_text(f"import slow\n{server.read_text()}")
    run = up(directory, "--runtime", "process", "--profile")
    before = profile_of(run, "plain")
    assert "slow" in {each["module"] for each in before["imports"]}
    server.write_text(server.read_text() + "# edited\n")
    wait_for(lambda: "(fork)" in run.output(), "the edit")
    assert profile_of(run, "plain") == before, "a fork is no start"


def test_a_command_that_is_no_single_program_of_python_s_is_told_part_by_part(project, up):
    run = up(project(project_of("'true | python server.py'")), "--runtime", "process", "--profile")
    told = profile_of(run, "plain")
    assert [part["phase"] for part in told["phases"]][-3:] == ["process started", "port opened", "first answer"]
    assert told["imports"] is None
    assert "imports are not measured: the command is not a single Python program" in run.output()


def test_without_it_the_parts_are_told_and_no_import(project, up):
    run = up(project(FILES), "--runtime", "process")
    told = profile_of(run, "words")
    assert [part["phase"] for part in told["phases"]][-3:] == ["process started", "app loaded", "first answer"]
    assert told["imports"] is None
    assert run.endpoints()["words"]["ready_seconds"] == told["ready_seconds"]
    assert "ready after" not in run.output()
    answer = requests.get(f"{run.base_url}/api/profile?endpoint=nope", timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (404, "no endpoint `nope`")
