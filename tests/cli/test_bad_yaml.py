"""What is wrong in the project's own files is told with the place and the remedy, before anything is started."""

from __future__ import annotations

import pytest

from tests.cli.projects import YAML, plain

BROKEN = "- endpoint:\n    name: plain\n   image: x\n"
TABBED = "- endpoint:\n\tname: plain\n"
NAMELESS = "- endpoint:\n    image: python:3.11-slim\n    server-command: python server.py\n"
LOW_PORT = YAML + "    port: 80\n"
MISSPELT = YAML + "    descripton: x\n"
TWICE = YAML + YAML
LEAVING = YAML + "    files:\n      - name: model\n        path: ../model.pkl\n"
ABSOLUTE = YAML + "    files:\n      - name: model\n        path: /model.pkl\n"
EMPTY = "- step:\n    name: s\n    image: x\n    command: x\n"

CASES = {
    "broken yaml": (BROKEN, "3:4", "not valid YAML", ""),
    "tab": (TABBED, "2:1", "not valid YAML", "indent with spaces"),
    "schema: a key is missing": (NAMELESS, "1:3", "`name`", ""),
    "schema: a value is wrong": (LOW_PORT, "5:11", "`port` must be at least 1025, not 80", ""),
    "schema: an unknown key": (MISSPELT, "5:5", "unknown key `descripton`", "did you mean `description`?"),
    "two endpoints of one name": (
        TWICE,
        "6:11",
        "two endpoints are named `plain`, the first on line 2",
        "another name",
    ),
    "a path that leaves the code": (LEAVING, "7:15", "leaves the code's directory", "below the code's directory"),
    "an absolute path": (ABSOLUTE, "7:15", "is absolute: /model.pkl", "relative to the code's directory"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_of_valohai_yaml_is_told_with_its_place(project, failing, case):
    text, position, message, hint = CASES[case]
    directory = project(plain() | {"valohai.yaml": text})
    said = failing(directory, code=2)
    assert f"at {directory}/valohai.yaml:{position}\n" in said
    assert message in said
    assert hint in said


@pytest.mark.parametrize(("command", "code"), [("up", 2), ("build", 2), ("check", 6)])
def test_every_command_that_reads_the_project_tells_its_faults(project, failing, command, code):
    directory = project(plain() | {"valohai.yaml": LOW_PORT})
    assert f"at {directory}/valohai.yaml:5:11\n" in failing(directory, command=command, code=code)


def test_all_faults_of_a_file_are_told_at_once(project, failing):
    directory = project(plain() | {"valohai.yaml": LOW_PORT + "    descripton: x\n"})
    said = failing(directory, code=2)
    assert f"at {directory}/valohai.yaml:5:11\n" in said
    assert f"{directory}/valohai.yaml:6:5: " in said


def test_a_project_without_endpoints_is_told_how_to_write_one(project, failing):
    said = failing(project({"valohai.yaml": EMPTY}), code=2)
    assert "valohai.yaml has no endpoint" in said
    assert "- endpoint:" in said


def test_a_directory_without_valohai_yaml_is_told_how_to_write_one(project, failing):
    said = failing(project({"README": ""}), code=2)
    assert "there is no valohai.yaml" in said
    assert "-C DIRECTORY" in said
    assert "- endpoint:" in said


def test_a_directory_that_is_not_there_is_named(tmp_path, failing):
    said = failing(tmp_path / "nowhere", code=2)
    assert f"there is no directory {tmp_path}/nowhere" in said
    assert "-C takes the directory of a valohai.yaml" in said


SETTINGS = {
    "unknown key": ("prot: 1\n", "1:1", "unknown key `prot`", "did you mean `port`?"),
    "wrong type": ("owner: me\nport: high\n", "2:7", "`port`", ""),
    "broken": ("owner: [\n", "2:1", "not valid YAML", ""),
    "bad variable": (
        "variables:\n  1X: y\n",
        "2:3",
        '"1X", which is not a valid variable name',
        "letters, digits and `_`",
    ),
    "bad name": ("owner: a/b\n", "1:8", "a/b", ""),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_fault_of_vhlocal_yaml_is_told_with_its_place(project, failing, case):
    text, position, message, hint = SETTINGS[case]
    directory = project(plain() | {"vhlocal.yaml": text})
    said = failing(directory, code=2)
    assert f"at {directory}/vhlocal.yaml:{position}\n" in said
    assert message in said
    assert hint in said


def test_a_requirements_file_that_includes_a_missing_one_is_told_with_its_line(project, failing):
    directory = project(plain() | {"requirements.txt": "# base\n-r base.txt\n"})
    said = failing(directory, code=2)
    assert f"at {directory}/requirements.txt:2\n" in said
    assert "`base.txt` does not exist" in said


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [("A=1\nnonsense\n", ":2", "is not NAME=VALUE"), ("1A=1\n", ":1", "is not a valid variable name")],
)
def test_a_fault_of_an_env_file_is_told_with_its_line(project, failing, text, place, message):
    """B8: the version's variables come from a file too."""
    directory = project(plain() | {"vars.env": text})
    said = failing(directory, "--env-file", str(directory / "vars.env"), code=2)
    assert f"at {directory}/vars.env{place}\n" in said
    assert message in said


def test_an_env_file_that_is_not_there_is_named(project, failing):
    directory = project(plain())
    said = failing(directory, "--env-file", str(directory / "none.env"), code=2)
    assert f"at {directory}/none.env\n" in said
    assert "cannot be read" in said
