"""``vhlocal check`` as a process: what it prints and what it ends with. It needs no engine."""

from __future__ import annotations

import json

from tests.checks.projects import command, flask

BROKEN = command("~/.local/bin/uvicorn server:app")
DOUBTFUL = command("python -m uvicorn server:app --host 0.0.0.0", image="python")
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere"}


def check(vhlocal, directory, *arguments):
    return vhlocal("check", "-C", str(directory), *arguments, environment=NO_ENGINE)


def test_a_sound_project_ends_with_0(vhlocal, project):
    done = check(vhlocal, project(flask("PATTERN = '\\d'\n")))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: nothing found\n", "")


def test_an_error_ends_with_6_and_is_told_with_its_place_and_page(vhlocal, project):
    directory = project(BROKEN)
    done = check(vhlocal, directory)
    assert done.returncode == 6
    assert f"at {directory}/valohai.yaml:5\n" in done.stdout
    assert "more: vhlocal explain VH106\n" in done.stdout
    assert done.stdout.endswith("1 error\n")


def test_files_are_named_from_the_current_directory(vhlocal, project):
    directory = project(BROKEN)
    done = vhlocal("check", "-C", directory.name, cwd=directory.parent)
    assert f"at {directory.name}/valohai.yaml:5\n" in done.stdout


def test_a_warning_ends_with_0(vhlocal, project):
    done = check(vhlocal, project(DOUBTFUL))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 warning")


def test_json_and_sarif_are_all_that_is_printed(vhlocal, project):
    directory = project(BROKEN)
    told = check(vhlocal, directory, "--json")
    assert (told.returncode, json.loads(told.stdout)["counts"]["error"]) == (6, 1)
    told = check(vhlocal, directory, "--sarif")
    assert (told.returncode, json.loads(told.stdout)["runs"][0]["results"][0]["ruleId"]) == (6, "VH106")


def test_what_is_silenced_with_a_reason_ends_with_0(vhlocal, project):
    done = check(vhlocal, project(BROKEN | {"vhlocal.yaml": "ignore:\n  VH106: a sidecar asks it\n"}))
    assert (done.returncode, done.stdout) == (0, "ok: nothing found, 1 silenced\n")
    done = check(vhlocal, project(BROKEN), "--ignore", "VH106=a sidecar asks it")
    assert done.returncode == 0


def test_a_silence_without_a_reason_or_of_no_finding_ends_with_2(vhlocal, project):
    directory = project(BROKEN | {"vhlocal.yaml": 'ignore:\n  VH106: ""\n'})
    done = check(vhlocal, directory)
    assert done.returncode == 2
    assert f"at {directory}/vhlocal.yaml:2:10\n" in done.stderr
    directory = project(BROKEN | {"vhlocal.yaml": "ignore:\n  VH106: x\n  VH160: x\n"})
    done = check(vhlocal, directory)
    assert done.returncode == 2
    assert f"at {directory}/vhlocal.yaml:3:10\n" in done.stderr
    assert "VH160, but there is no such finding" in done.stderr


def test_what_the_platform_refuses_is_a_finding_and_the_rest_is_looked_at(vhlocal, project):
    yaml = BROKEN["valohai.yaml"] + "- endpoint:\n    name: other\n    image: x:1\n    wsgi: server\n    port: 80\n"
    done = check(vhlocal, project(BROKEN | {"valohai.yaml": yaml}), "--json")
    assert done.returncode == 6
    assert [(one["code"], one["line"]) for one in json.loads(done.stdout)["findings"]] == [("VH106", 5), ("VH101", 10)]


def test_what_is_no_yaml_ends_with_2(vhlocal, project):
    directory = project(BROKEN | {"valohai.yaml": "- endpoint: [\n"})
    done = check(vhlocal, directory)
    assert done.returncode == 2
    assert f"at {directory}/valohai.yaml:2:1\n" in done.stderr


def test_a_file_that_is_not_chosen_is_a_warning(vhlocal, project):
    yaml = flask()["valohai.yaml"] + "    files:\n      - name: model\n        path: model.bin\n"
    done = check(vhlocal, project(flask() | {"valohai.yaml": yaml}))
    assert done.returncode == 0
    assert "choose it: --file greet.model=PATH" in done.stdout


def test_an_index_that_cannot_be_reached_is_one_line(vhlocal, project):
    directory = project(flask(**{"requirements.txt": "flask==3.0.0\nclick==8.1.7\n"}))
    environment = {**NO_ENGINE, "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:1/simple"}
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        environment[name] = ""
    done = vhlocal("check", "-C", str(directory), environment=environment)
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first.startswith("note: VH203 could not check whether every pin can be installed: 127.0.0.1 did not answer")
    assert second == "ok: nothing found"
