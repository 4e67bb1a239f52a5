"""Servers that do not come up, or do not stay: each is told with its reason, its place and the remedy."""

from __future__ import annotations

import pytest
import requests

from tests.cli.failing import has_traceback
from tests.engine.conftest import left_of
from tests.engine.servers import line_of, project_of
from tests.engine_fixtures import containers_of
from tests.waiting import free_port

SERVER_ERROR = 5


@pytest.fixture
def fails(kind, project, vhlocal, engine, base_image):
    """Run ``vhlocal up`` on files that cannot come up, and return what it said, on one line; nothing may be left."""

    def run(files: dict[str, str]) -> str:
        directory = project(files)
        ended = vhlocal("up", "-C", str(directory), "--port", "0")
        said = " ".join((ended.stdout + ended.stderr).split())
        assert ended.returncode == SERVER_ERROR, said
        assert not has_traceback(ended.stdout + ended.stderr), said
        assert containers_of(engine, directory) == []
        assert left_of(vhlocal) == []
        return said

    return run


def test_a_server_on_localhost_is_told_to_bind_all_addresses(fails):
    """R3: nothing outside of its container can reach it."""
    files = project_of("python server.py localhost")
    said = fails(files)
    assert "127.0.0.1:8000" in said
    assert "bind 0.0.0.0" in said
    assert f"valohai.yaml:{line_of(files, 'server-command')}" in said


def test_a_server_on_another_port_is_told_both_ports(fails):
    """R3: the endpoint's port is where it is looked for."""
    other = free_port()  # other tests have servers of their own beside this one
    files = project_of(f"python server.py 0.0.0.0 {other}", "    port: 9000\n")
    said = fails(files)
    assert str(other) in said
    assert "9000" in said
    assert f"valohai.yaml:{line_of(files, 'port: 9000')}" in said


def test_a_command_that_is_not_on_the_path_is_told_where_pip_puts_it(fails):
    """B3: exit code 127."""
    said = fails(project_of("uvicorn server:app"))
    assert "127" in said
    assert "~/.local/bin/uvicorn" in said


def test_the_first_failing_line_of_a_list_ends_the_server(fails):
    """R2: what follows it is not run."""
    said = fails(project_of("\n      - exit-with-grace\n      - python server.py"))
    assert "exit-with-grace was not found" in said or "exit-with-grace is not on this machine" in said


def test_a_missing_module_is_told_with_the_file_to_add_it_to(fails):
    """B2: the requirements file that production would read."""
    files = {**project_of("python server.py"), "requirements-deployment.txt": "", "requirements.txt": "nothing-such\n"}
    files["server.py"] = "import some_module_that_is_nowhere\n"
    said = fails(files)
    assert "some_module_that_is_nowhere" in said
    assert "requirements-deployment.txt" in said


def test_a_server_over_its_memory_limit_is_oom_killed_and_started_again(project, running):
    """K1, K2: the kernel ends it at the limit of the yaml; it is told as such, and comes back."""
    files = project_of("python server.py", "    resources:\n      memory:\n        max: 64\n")
    with running(project(files)) as run:
        url = run.url("plain").rstrip("/")
        assert requests.get(f"{url}/grow", timeout=60).status_code == 502
        ended = "error: plain: OOMKilled: the server exceeded its memory limit of 64 MiB, with GET /"
        run.wait_for_output(ended, "/grow in flight", f"valohai.yaml:{line_of(files, 'memory:')}")
        run.wait_for_restart("plain")
        assert requests.get(url, timeout=30).status_code == 200
