"""What is wrong on the command line is told with what would be right, before anything is started."""

from __future__ import annotations

import pytest

from tests.cli.projects import plain

FILES = "    files:\n      - name: model\n        path: models/model.pkl\n"

WRONG = {
    "unknown endpoint": (("plane",), "no endpoint `plane`", "did you mean `plain`?"),
    "unknown endpoint of --image": (("--image", "plane=x"), "no endpoint `plane`", "did you mean `plain`?"),
    "unknown endpoint of --file": (("--file", "plane.model=x"), "`plane.model`", "did you mean `plain.model`?"),
    "unknown entry of --file": (("--file", "plain.modl=x"), "`plain.modl`", "did you mean `plain.model`?"),
    "--file without a value": (("--file", "plain.model"), "flag --file takes ENDPOINT.NAME=PATH", '"plain.model"'),
    "--image without an endpoint": (("--image", "=x"), "flag --image takes ENDPOINT=IMAGE", '"=x"'),
    "--var without a value": (("--var", "X"), "flag --var takes NAME=VALUE", "which may be empty: NAME="),
    "--var that cannot be a name": (
        ("--var", "1X=2"),
        '"1X", which is not a valid variable name',
        "letters, digits and `_`",
    ),
    "a name that is no path segment": (("--owner", "a/b"), "owner (flag --owner)", "a/b"),
    "an alias that is no path segment": (("--alias", "a b"), "alias (flag --alias)", "a b"),
    "a port out of range": (("--port", "99999"), "--port", "0<=x<=65535"),
    "an unknown flag": (("--prot", "1"), "No such option", "--port"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_told_with_what_would_be_right(project, failing, case):
    arguments, message, hint = WRONG[case]
    said = failing(project(plain(FILES)), *arguments, code=2)
    assert message in said
    assert hint in said


def test_a_missing_file_choice_is_told_with_the_flag_before_anything_is_built(project, failing):
    """B4: a missing one is a clear error before anything is built."""
    directory = project(plain(FILES) | {"requirements.txt": "no-such-distribution-of-vhlocal\n"})
    said = failing(directory, code=2)
    assert "no file is chosen for `plain.model`" in said
    assert f"at {directory}/valohai.yaml:6:9\n" in said
    assert "choose it: --file plain.model=PATH" in said
    assert "build:" not in said


def test_a_chosen_file_that_is_not_there_is_named(project, failing):
    """B4: so is one that does not exist."""
    directory = project(plain(FILES))
    said = failing(directory, "--file", f"plain.model={directory}/none.pkl", code=2)
    assert f"the file chosen for `plain.model` does not exist: {directory}/none.pkl" in said
    assert f"at {directory}/valohai.yaml:6:9\n" in said


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("VHLOCAL_PORT", "high", 'environment VHLOCAL_PORT must be a port number from 0 to 65535, not "high"'),
        ("VHLOCAL_RELOAD", "perhaps", 'environment VHLOCAL_RELOAD must be true or false, not "perhaps"'),
        ("VHLOCAL_IMAGES", "x", "environment VHLOCAL_IMAGES takes ENDPOINT=IMAGE"),
    ],
)
def test_a_wrong_variable_of_the_environment_is_named(project, failing, name, value, message):
    assert message in failing(project(plain()), command="build", code=2, environment={name: value})


def test_an_unknown_command_is_named(vhlocal):
    done = vhlocal("upp")
    assert done.returncode == 2
    assert "No such command 'upp'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("-C", "elsewhere", "ps"), "No option '-C' goes before the command. Write `vhlocal ps -C …`"),
        (("--port", "9000", "up"), "Write `vhlocal up --port …`"),
        (("--port=9000", "up"), "Write `vhlocal up --port …`"),
        (("version", "-C", "elsewhere", "list"), "Write `vhlocal version list -C …`"),
        (("--nonsense",), "No such option '--nonsense'"),
    ],
)
def test_an_option_before_its_command_is_told_where_it_belongs(vhlocal, typed, said):
    done = vhlocal(*typed)
    assert done.returncode == 2
    assert said in done.stderr
    assert ("Write" in said) == ("Write" in done.stderr)


@pytest.mark.parametrize(("command", "code"), [("ps", 2), ("logs", 2)])
def test_a_command_about_a_run_says_so_when_there_is_none(project, failing, command, code):
    directory = project(plain())
    said = failing(directory, command=command, code=code)
    assert f"nothing is running for the project in {directory}" in said
    assert f"start it with `vhlocal up -C {directory}`" in said


@pytest.mark.parametrize("command", ["ps", "logs", "call", "url"])
def test_without_a_project_there_is_nothing_to_start(vhlocal, tmp_path, command):
    """`vhlocal up` could not start anything, so it is not the hint."""
    done = vhlocal(command, cwd=tmp_path)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert said.startswith(f"error: nothing is running in {tmp_path}, and there is no valohai.yaml hint: ")
    assert "`vhlocal ls`" in said
    assert "vhlocal up" not in said


@pytest.mark.parametrize("arguments", [("-h",), ("ps", "-h"), ("version", "add", "-h")])
def test_help_has_a_short_option(vhlocal, arguments):
    done = vhlocal(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == vhlocal(*arguments[:-1], "--help").stdout
    assert "  -h, --help " in done.stdout


def test_down_without_a_run_is_no_error(project, vhlocal, engine):
    done = vhlocal("down", "-C", str(project(plain())))
    assert (done.returncode, done.stdout) == (0, "Nothing is running\n")


def test_a_host_that_is_not_this_machines_is_told(project, failing):
    said = failing(project(plain()), "--host", "192.0.2.1", code=2)
    assert "cannot listen on 192.0.2.1" in said
    assert "--host" in said


def test_a_host_that_has_no_address_is_told(project, failing):
    assert "no.such.host.invalid" in failing(project(plain()), "--host", "no.such.host.invalid", code=2)


def test_an_access_log_that_would_be_packaged_is_refused_and_not_left_behind(project, failing):
    """B5: the file would be in the package, and each request an edit."""
    directory = project(plain())
    said = failing(directory, "--access-log", f"{directory}/logs.jsonl", code=2)
    assert "the access log logs.jsonl would be packaged with the code, and each request would cause a reload" in said
    assert "hint: add it to .gitignore or .vhignore, or put it outside the project" in said
    assert not (directory / "logs.jsonl").exists()


def test_an_access_log_that_cannot_be_written_is_named(project, failing):
    directory = project(plain())
    said = failing(directory, "--access-log", str(directory / "none" / "log"), code=2)
    assert f"the access log {directory}/none/log cannot be written: No such file or directory" in said
