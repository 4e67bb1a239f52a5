"""A server that does not come up is told with the reason, the line of valohai.yaml and the remedy; nothing is left."""

from __future__ import annotations

import pytest

from tests.cli.projects import SERVER, YAML, plain


def commanded(command: str, **files: str) -> dict[str, str]:
    return plain() | {"valohai.yaml": YAML.replace("python server.py", command)} | files


def wsgi(target: str, **files: str) -> dict[str, str]:
    yaml = f"- endpoint:\n    name: plain\n    image: python:3.11-slim\n    wsgi: {target}\n"
    return {"valohai.yaml": yaml} | {f"{name}.py": text for name, text in files.items()}


#: What is said, the hint, and where: in the project's own code as far as that was reached.
NOT_LOADED = {
    "no such module": (wsgi("site_app"), "no module named site_app", "the project has site_app.py", "valohai.yaml:4:5"),
    "no such attribute": (
        wsgi("site_app:none", site_app=""),
        "`wsgi: site_app:none` could not be loaded: ",
        "",
        "valohai.yaml:4:5",
    ),
    "a missing requirement": (
        wsgi("site_app", site_app="import no_such_thing\n"),
        "no module named no_such_thing",
        "requirements-deployment.txt or requirements.txt",
        "site_app.py:1",
    ),
    "an error at import": (
        wsgi("site_app", site_app="raise ValueError('half-baked')\n"),
        "could not be loaded: ValueError: half-baked",
        "site_app.py:1 in <module>",
        "site_app.py:1",
    ),
    "a syntax error": (
        wsgi("site_app", site_app="def (:\n"),
        "could not be loaded: SyntaxError: ",
        "site_app.py:1",
        "site_app.py:1",
    ),
}


@pytest.mark.parametrize("case", NOT_LOADED)
def test_a_wsgi_module_that_does_not_import_is_told(project, failing, case):
    """R4: what `wsgi` names is served by Gunicorn."""
    files, message, hint, place = NOT_LOADED[case]
    directory = project(files)
    said = failing(directory, code=5)
    assert "error: plain: " in said
    assert message in said
    assert hint in said
    assert f"at {directory}/{place}\n" in said


def test_a_command_that_pip_put_off_the_path_is_told_with_the_right_one(project, failing):
    """B3: exit 127 is explained with the right path."""
    directory = project(commanded("uvicorn server:app --port 8000"))
    said = failing(directory, code=5)
    assert "error: plain: uvicorn was not found (exit code 127)\n" in said
    assert "write ~/.local/bin/uvicorn" in said
    assert f"at {directory}/valohai.yaml:4:5\n" in said


def test_the_first_failing_line_of_a_list_ends_the_server(project, failing):
    """R2: a list of lines is run by a shell, and the first that fails ends it."""
    yaml = YAML.replace("python server.py", "") + "      - echo one\n      - exit 4\n      - python server.py\n"
    directory = project(plain() | {"valohai.yaml": yaml})
    said = failing(directory, code=5)
    assert "plain | one\n" in said
    assert "error: plain: the server ended with exit code 4\n" in said


def test_a_server_that_ends_at_once_is_told_with_its_output(project, failing):
    directory = project(commanded("echo these are its words; exit 7"))
    said = failing(directory, code=5)
    assert "plain | these are its words\n" in said
    assert "error: plain: the server ended with exit code 7\n" in said
    assert f"at {directory}/valohai.yaml:4:5\n" in said


def test_a_server_on_loopback_is_told_to_bind_all_addresses(project, failing):
    """R3: a server bound to loopback is diagnosed by name, not left to time out."""
    directory = project(commanded("TEST_HOST=127.0.0.1 python server.py"))
    said = failing(directory, code=5)
    assert "the server listens on 127.0.0.1:8000, where only its own container can reach it" in said
    assert "bind 0.0.0.0 instead of 127.0.0.1" in said
    assert f"at {directory}/valohai.yaml:4:5\n" in said


def test_a_server_on_the_wrong_port_is_told_with_both_ports(project, failing):
    """R3: so is one that listens on another port."""
    directory = project(commanded("TEST_PORT=9000 python server.py"))
    said = failing(directory, code=5)
    assert "the server listens on port 9000, but the endpoint's port is 8000" in said
    assert "let the server listen on the port in VALOHAI_PORT, or write `port: 9000`" in said
    assert f"at {directory}/valohai.yaml:1:" in said


def test_a_server_over_its_memory_limit_is_told_with_the_limit_and_its_line(project, failing):
    """K2: OOMKilled is told with the limit and the yaml line."""
    limit = "    resources:\n      memory:\n        max: 64\n"
    files = commanded('python -c "bytearray(512 << 20)"')
    directory = project(files | {"valohai.yaml": files["valohai.yaml"] + limit})
    said = failing(directory, code=5)
    assert "error: plain: OOMKilled: the server exceeded its memory limit of 64 MiB before its first answer\n" in said
    assert f"at {directory}/valohai.yaml:6:7\n" in said
    assert "raise resources.memory.max to 128 at least" in said
    assert said.count("vhlocal explain VH507\n") == 1


def test_one_endpoint_that_fails_ends_the_others_too(project, failing):
    second = YAML.replace("plain", "second").replace("python server.py", "exit 9")
    said = failing(project(plain() | {"valohai.yaml": YAML + second, "server.py": SERVER}), code=5)
    assert "error: second: the server ended with exit code 9" in said


def test_a_detached_start_that_fails_gives_its_exit_code_and_its_output(project, failing):
    directory = project(commanded("echo these are its words; exit 7"))
    said = failing(directory, "--detach", code=5)
    assert "plain | these are its words\n" in said
    assert "error: plain: the server ended with exit code 7\n" in said
    assert failing(project(plain() | {"valohai.yaml": "- endpoint: {}\n"}), "--detach", code=2)
