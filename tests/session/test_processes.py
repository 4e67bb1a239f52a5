"""Runs without an engine: what is particular to servers that are processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys

import psutil
import pytest
import requests

from tests.command import SOON
from tests.engine.conftest import left_of
from tests.engine.servers import line_of, project_of
from tests.session.conftest import NO_ENGINE
from tests.session.edited import YAML, numbered
from tests.waiting import LONG, free_port, wait_for
from vhlocal.runtime.process.pythons import find_python

SERVER_ERROR, BUILD_ERROR, ENGINE_ERROR = 5, 4, 3


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def asked(url: str) -> dict:
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.once
def test_where_no_engine_answers_auto_takes_processes_and_says_so(project, process_run):
    run = process_run(project(project_of("python server.py")))
    assert asked(run.url("plain"))["environment"]["VALOHAI_PORT"]
    told = " ".join(run.output().split())
    assert "endpoints run as processes on this machine" in told
    assert "files and network in place of the image's" in told


@pytest.mark.once
@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_r3_a_server_that_binds_every_address_can_be_reached(project, process_run, host):
    server = f"""
import http.server, os, socket
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in {host!r} else socket.AF_INET
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
Server(({host!r}, int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""
    run = process_run(project({**project_of("python bound.py"), "bound.py": server}))
    assert requests.get(run.url("plain"), timeout=30).status_code == 200


@pytest.mark.once
def test_strict_refuses_to_do_without_an_engine(project, vhlocal):
    ended = vhlocal("up", "--strict", "-C", str(project(project_of("python server.py"))), environment=NO_ENGINE)
    assert ended.returncode == ENGINE_ERROR
    assert "/nonexistent/docker.sock" in ended.stderr


@pytest.mark.once
def test_an_unknown_runtime_is_refused_with_those_that_there_are(project, vhlocal):
    files = {**project_of("python server.py"), "vhlocal.yaml": "runtime: podman\n"}
    ended = vhlocal("check", "-C", str(project(files)))
    assert ended.returncode == 2
    assert "vhlocal.yaml:1" in ended.stderr and "process" in ended.stderr


@pytest.mark.once
@pytest.mark.parametrize("command", ["python server.py", "(setsid python server.py &) ; sleep 1000"])
def test_kill_9_leaves_no_process(project, process_run, vhlocal, command):
    """Neither servers nor what they started in sessions of their own; and the next run clears the directory."""
    directory = project(project_of(f"'{command}'"))
    run = process_run(directory)
    processes = below(run.process.pid)
    assert len(processes) > 2
    run.kill()
    _, alive = psutil.wait_procs(processes, timeout=LONG)
    assert alive == []
    assert len(left_of(vhlocal)) == 1
    ended = vhlocal("down", "-C", str(directory))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "Removed the files of plain, left by a killed run\n", "its process has ended with the run"


@pytest.mark.once
def test_a_run_under_nohup_goes_on_when_its_terminal_is_closed(project, process_run, vhlocal, monkeypatch):
    monkeypatch.setattr(vhlocal, "prefix", ("nohup",))
    run = process_run(project(project_of("python server.py")))
    os.kill(run.process.pid, signal.SIGHUP)
    assert requests.get(run.url("plain"), timeout=LONG).status_code == 200
    os.kill(run.process.pid, signal.SIGINT)
    assert run.process.wait(LONG) == 0
    assert "Stopping (Ctrl-C)" in run.output() and "terminal" not in run.output()


@pytest.mark.once
def test_down_has_one_line_for_all_replicas_that_a_killed_run_left(project, process_run, vhlocal):
    directory = project(project_of("python server.py"))
    process_run(directory, "--replicas", "plain=3").kill()
    ended = vhlocal("down", "-C", str(directory))
    assert (ended.returncode, ended.stdout) == (0, "Removed what a killed run left of 3 servers of plain\n")


@pytest.mark.builds
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_installation_ends_with_the_run_however_that_ends(project, process_run, vhlocal, number):
    """B2: nothing goes on, and what was begun does not count as made."""
    setup = "import time\nprint('setting up', flush=True)\ntime.sleep(600)\n"
    files = {**project_of("python server.py"), "requirements.txt": "./local\n", "local/setup.py": setup}
    run = process_run(project(files), ready=False)
    wait_for(lambda: any("setup" in line or "egg_info" in line for line in commands(run.process.pid)), "the set-up")
    processes = below(run.process.pid)
    run.process.send_signal(number)
    run.process.wait(LONG)
    assert psutil.wait_procs(processes, timeout=LONG)[1] == []
    assert left_of(vhlocal) == []


def commands(pid: int) -> list[str]:
    found = []
    for process in below(pid):
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.once
@pytest.mark.parametrize("version", ["3.9", "2.7"])
def test_the_python_that_the_image_names_is_taken_where_it_is_at_hand(project, process_run, version):
    """B1, as far as it goes: else the one that runs vhlocal, and a notice."""
    files = project_of("python server.py")
    files["valohai.yaml"] = files["valohai.yaml"].replace("python:3.11-slim", f"python:{version}-slim")
    files["server.py"] = files["server.py"].replace(
        '"directory": os.getcwd(),', '"directory": os.getcwd(), "version": "%d.%d" % sys.version_info[:2],'
    )
    run = process_run(project(files))
    at_hand = find_python(version, os.environ) is not None
    used = version if at_hand else f"{sys.version_info.major}.{sys.version_info.minor}"
    assert asked(run.url("plain"))["version"] == used
    told = " ".join(run.output().split())
    assert (f"Python {version} is not on this machine: using {used}" in told) is not at_hand


def test_a_server_that_is_killed_is_started_again(project, process_run):
    """K2: with the same back-off as in containers."""
    run = process_run(project(project_of("python server.py")), "--no-reload")
    url = run.url("plain")
    for process in below(run.process.pid):
        with contextlib.suppress(psutil.Error):
            if "serve_warm" in " ".join(process.cmdline()):
                process.kill()
    run.wait_for_output("trying again in 1 s")
    run.wait_for_restart("plain")
    assert asked(url)


def test_an_edit_is_brought_in_by_a_fork_and_a_broken_one_is_not(project, process_run):
    """The same warm fork as in containers; the traceback leads into the user's own project."""
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1)})
    run = process_run(directory)
    url = run.url("words")
    assert asked(url)["number"] == 1
    (directory / "server.py").write_text(numbered(2))
    wait_for(lambda: asked(url)["number"] == 2, "the edit")
    run.wait_for_output("(fork)")
    (directory / "server.py").write_text("import nothing_of_this_name\n")
    wait_for(lambda: run.endpoints()["words"]["broken"], "the endpoint to be stale")
    run.wait_for_output("No module named 'nothing_of_this_name'")
    assert run.endpoints()["words"]["place"] == f"{directory / 'server.py'}:1"
    assert asked(url)["number"] == 2


@pytest.mark.builds
def test_other_requirements_replace_the_server(project, process_run):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1), "requirements.txt": ""})
    run = process_run(directory)
    url = run.url("words")
    (directory / "server.py").write_text(numbered(2).replace("import json", "import iniconfig, json"))
    (directory / "requirements.txt").write_text("iniconfig\n")
    wait_for(lambda: asked(url)["number"] == 2, "the edit")
    run.wait_for_output("(replace)")


@pytest.mark.once
def test_servers_listen_on_the_loopback_alone_though_they_bind_everything(project, process_run):
    """R3: the code asks for 0.0.0.0, as it must in production; others on the network are not let in by it."""
    run = process_run(project(project_of("python server.py")))
    hosts = {
        connection.laddr.ip
        for process in below(run.process.pid)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert hosts == {"127.0.0.1"}


@pytest.mark.once
def test_two_endpoints_with_one_port_run_side_by_side(project, process_run):
    """Each in a container of its own has port 8000; here one of them is led elsewhere."""
    files = project_of("python server.py 0.0.0.0 8000")
    files["valohai.yaml"] += files["valohai.yaml"].replace("plain", "other")
    run = process_run(project(files))
    assert {asked(run.url(name))["environment"]["SCRIPT_NAME"].rsplit("/")[-1] for name in ("plain", "other")} == {
        "plain",
        "other",
    }


def stubborn(port: int) -> dict[str, str]:
    """Return a project whose server has its port in its code, where nothing can lead it elsewhere."""
    files = project_of("sh serve.sh", f"    port: {port}\n")
    return {**files, "serve.sh": f"exec python -c 'import server_{port}'\n", f"server_{port}.py": fixed(port)}


def fixed(port: int, word: str = "one") -> str:
    return (
        "import http.server\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        f"        self.send_response(200); self.end_headers(); self.wfile.write(b'\"{word}\"')\n"
        "http.server.HTTPServer.allow_reuse_address = True\n"
        f"http.server.HTTPServer(('0.0.0.0', {port}), Handler).serve_forever()\n"
    )


def test_a_port_in_the_code_is_found_and_its_server_restarted(project, process_run):
    """There cannot be two of it: an edit stops the old one first, and requests wait meanwhile."""
    port = free_port()
    directory = project(stubborn(port))
    run = process_run(directory)
    url = run.url("plain")
    assert requests.get(url, timeout=30).json() == "one"
    (directory / f"server_{port}.py").write_text(fixed(port, "two"))
    wait_for(lambda: requests.get(url, timeout=60).json() == "two", "the edit")
    run.wait_for_output("(restart)")
    (directory / "vhlocal.yaml").write_text("variables: {LEVEL: high}\n")
    run.wait_for_count("(restart)", 2)
    assert requests.get(url, timeout=30).json() == "two"


@pytest.mark.once
def test_a_port_in_the_code_that_is_taken_is_named_with_its_holder(project, vhlocal):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        files = stubborn(taken.getsockname()[1])
        ended = vhlocal("up", "--port", "0", "-C", str(project(files)), environment=NO_ENGINE)
    told = " ".join((ended.stdout + ended.stderr).split())
    assert ended.returncode == SERVER_ERROR, told
    assert f"port {taken_port(files)} is in use by" in told
    assert f"(process {os.getpid()})" in told
    assert "VALOHAI_PORT" in told
    assert f"server_{taken_port(files)}.py:6" in told
    assert left_of(vhlocal) == []


def taken_port(files: dict[str, str]) -> str:
    found = re.search(r"port: (\d+)", files["valohai.yaml"])
    assert found is not None
    return found[1]


@pytest.mark.builds
def test_requirements_that_cannot_be_installed_end_the_run_with_pip_s_own_words(project, vhlocal):
    """B2: told as for images."""
    files = {**project_of("python server.py"), "requirements.txt": "--no-index\nno-such-package-anywhere-0\n"}
    by_pip = {**NO_ENGINE, "PATH": "/usr/bin:/bin"}
    ended = vhlocal("up", "--port", "0", "-C", str(project(files)), environment=by_pip)
    assert ended.returncode == BUILD_ERROR
    told = " ".join((ended.stdout + ended.stderr).split())
    assert "No matching distribution found for no-such-package-anywhere-0" in told
    assert left_of(vhlocal) == []


@pytest.fixture
def without_cgroups(vhlocal):
    """Run vhlocal where no kernel limits can be had: in a mount namespace of its own that has no cgroups."""
    vhlocal.prefix = ("unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup && exec "$@"', "sh")


GREEDY = """    resources:
      memory:
        max: 120
"""


@pytest.mark.once
@pytest.mark.usefixtures("without_cgroups")
def test_what_passes_its_memory_limit_is_told_as_what_production_would_end(project, process_run):
    """K2: where the kernel keeps no limit, vhlocal looks, and tells once."""
    files = project_of("python server.py", GREEDY)
    files["server.py"] = files["server.py"].replace("hoard = [", "global hoard; hoard = [").replace("1_000)", "300)")
    run = process_run(project(files))
    assert requests.get(f"{run.url('plain').rstrip('/')}/grow", timeout=60).status_code == 200
    unenforced = "resources.memory.max is not enforced: this user has no control groups"
    run.wait_for_output(unenforced, "its limit is 120 MiB", f"valohai.yaml:{line_of(files, 'memory:')}", "OOMKilled")
    assert run.endpoints()["plain"]["state"] == "ready"


@pytest.mark.once
@pytest.mark.usefixtures("without_cgroups")
def test_strict_ends_what_passes_its_memory_limit(project, process_run):
    """K2: as the kernel does in production; and it is started again."""
    files = project_of("python server.py", GREEDY)
    files["server.py"] = files["server.py"].replace("hoard = [", "global hoard; hoard = [").replace("1_000)", "300)")
    run = process_run(project(files), "--strict", "--runtime", "process")
    requests.get(f"{run.url('plain').rstrip('/')}/grow", timeout=60)
    run.wait_for_output("error: plain: OOMKilled: the server exceeded its memory limit of 120 MiB")
    run.wait_for_restart("plain")


@pytest.mark.once
def test_a_second_interrupt_ends_a_server_that_does_not_heed_the_first(project, process_run, vhlocal):
    directory = project(project_of("trap '' INT TERM; python server.py & wait; wait; sleep 1000"))
    run = process_run(directory)
    processes = below(run.process.pid)
    run.process.send_signal(signal.SIGINT)
    run.wait_for_output("Stopping (Ctrl-C)")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(SOON) in {0, 130}
    assert psutil.wait_procs(processes, timeout=LONG)[1] == []
    if left_of(vhlocal):  # where less than a second was too little to remove its directory
        run.wait_for_output("may still be there")
        assert vhlocal("down", "-C", str(directory)).returncode == 0


@pytest.mark.once
def test_b6_the_platforms_metadata_stays_where_a_chosen_file_or_one_of_the_package_is_to_land(project, process_run):
    """B4, B6: production's own is read-only; that a chosen file is to land there is a finding."""
    more = "    files:\n      - name: facts\n        path: ./valohai-metadata.json\n"
    files = {
        **project_of("python server.py", more),
        "valohai-metadata.json": "{}",
        "chosen.json": "{}",
        "vhlocal.yaml": "files:\n  plain.facts: chosen.json\n",
    }
    directory = project(files)
    run = process_run(directory)
    answer = requests.get(run.url("plain"), headers={"X-Read": "valohai-metadata.json"}, timeout=30).json()
    assert json.loads(answer["file"])["endpoint"]["name"] == "plain"
    assert (directory / "chosen.json").read_text() == "{}"
