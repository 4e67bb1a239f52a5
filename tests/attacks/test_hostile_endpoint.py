"""An endpoint's code, and a container beside it, that try the runner, the run, other endpoints and the machine.

The hostile endpoint does in its container what it is sent as Python; a neighbour is a container of the same network
that has nothing to do with vhlocal. Whatever they try, the other endpoint answers.
"""

from __future__ import annotations

import contextlib
import json
import socket

import pytest
import requests

from tests.engine_fixtures import BASE_IMAGE, containers_of
from tests.session.edited import endpoint
from tests.waiting import wait_for

SERVER = """\
import contextlib, http.server, io, os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(b"good")

    do_HEAD = do_GET

    def do_POST(self):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(self.rfile.read(int(self.headers["Content-Length"])), {"handler": self, "said": said})
        if not self.wfile.closed:
            self.say(said.getvalue().encode())

    def say(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""

#: Tries to be heard at addresses, with what is sent there; prints what came of each: "refused", or what was answered.
ASK = """\
import json, socket, sys
def ask(host, port, data):
    try:
        with socket.create_connection((host, port), 20) as connection:
            connection.settimeout(20)
            connection.sendall(data)
            answer = b""
            while more := connection.recv(65536):
                answer += more
            return answer.decode("latin-1")
    except OSError as error:
        return "refused"
"""


class Containers:
    """The containers of a run: what they know of their runners, and where they are."""

    def __init__(self, engine, directory):
        self._engine = engine
        found = [engine.containers.get(name) for name in containers_of(engine, directory)]
        self._by_name = {each.labels["vhlocal.endpoint"]: each for each in found}

    def runner(self, name):
        """Where a runner hears vhlocal, and its token."""
        settings = json.loads(self._by_name[name].exec_run(["cat", "/valohai/runner/serve_warm.json"]).output)
        return self.address(name), settings["control"], settings["token"]

    def address(self, name):
        networks = self._by_name[name].attrs["NetworkSettings"]["Networks"]
        return next(each["IPAddress"] for each in networks.values())

    def gateway(self):
        networks = self._by_name["good"].attrs["NetworkSettings"]["Networks"]
        return next(each["Gateway"] for each in networks.values())

    def beside(self, code):
        """Run Python in a container of the same network; what it has printed."""
        network = next(iter(self._by_name["good"].attrs["NetworkSettings"]["Networks"]))
        said = self._engine.containers.run(BASE_IMAGE, ["python", "-c", code], network=network, remove=True)
        return json.loads(said)


@pytest.fixture
def both(project, running, engine, vhlocal):
    vhlocal.environment["VHLOCAL_RUNTIME"] = "docker"
    how = "server-command: python server.py"
    directory = project({"valohai.yaml": endpoint("good", how) + endpoint("bad", how), "server.py": SERVER})
    with running(directory) as run:
        yield run, Containers(engine, directory)
        assert requests.get(run.url("good"), timeout=60).text == "good"
        assert {each["state"] for each in run.endpoints().values()} == {"ready"}


ORDER = '{"do": "where", "number": 1, "id": 2}\n'


def test_other_containers_reach_the_servers_port_and_nothing_else(both):
    run, containers = both
    host, control, token = containers.runner("good")
    # The machine itself is heard with the token, or nothing would be shown by what others get.
    with socket.create_connection((host, control), 30) as machine:
        machine.sendall(f"{token}\n{ORDER}".encode())
        assert b"stacks" in machine.recv(65536)
    down = "POST /api/down HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    port = int(run.base_url.rpartition(":")[2])
    tries = [(host, control, ORDER), (host, control, f"{token}\n{ORDER}"), (containers.gateway(), port, down)]
    code = f"{ASK}\nprint(json.dumps([ask(host, port, data.encode()) for host, port, data in {tries!r}]))"
    # As in production, a server's own port answers.
    served = f"{ASK}\nprint(json.dumps(ask({host!r}, 8000, b'GET / HTTP/1.0\\r\\n\\r\\n')))"
    assert containers.beside(served).endswith("good")
    for got in (containers.beside(code), requests.post(run.url("bad"), code, timeout=90).json()):
        assert got[2] == "refused", got
        assert set(got) <= {"", "refused"}, got
    assert run.process.poll() is None


def test_an_endpoints_code_has_neither_the_machine_nor_the_project(both, tmp_path):
    run, _ = both
    (tmp_path / "secret").write_text("secret")
    code = f"""
import json, os, pathlib
def writable(path):
    try:
        pathlib.Path(path, "planted").touch()
        return True
    except OSError:
        return False
files = {str(tmp_path / "secret")!r}, "/var/run/docker.sock", "/run/docker.sock"
staging = [line.split()[4] for line in open("/proc/self/mountinfo") if "staging" in line]
os.symlink("/", "/valohai/code/root")
print(json.dumps({{
    "sees": [path for path in files if os.path.exists(path)],
    "staging": [path for path in staging if writable(path)],
}}))
"""
    assert requests.post(run.url("bad"), code, timeout=60).json() == {"sees": [], "staging": []}
    # A save is brought in, whatever the code has put beside its files; the link is followed by nothing on the machine.
    server = run.directory / "server.py"
    server.write_text(server.read_text().replace('b"good"', 'b"newer"'))
    wait_for(lambda: requests.get(run.url("bad"), timeout=60).text == "newer", "the save to be brought in")
    wait_for(lambda: requests.get(run.url("good"), timeout=60).text == "newer", "the save to be brought in")
    assert list(run.directory.rglob("planted")) == []
    server.write_text(server.read_text().replace('b"newer"', 'b"good"'))
    wait_for(lambda: requests.get(run.url("good"), timeout=60).text == "good", "the save to be brought in")


SHARED = "    shared-volumes:\n      - pvc-name: {}\n        mount-path: /mnt/{}\n"

#: Has a directory of a volume be a link to one of the machine's, or takes that back.
SWAP = """
import os
os.rename("/mnt/all/good", "/mnt/all/kept")
os.symlink({outside!r}, "/mnt/all/good")
"""
SWAP_BACK = """
import os
os.unlink("/mnt/all/good")
os.rename("/mnt/all/kept", "/mnt/all/good")
"""
ON_VOLUMES = """
import ctypes, json, os
def tries(what):
    try:
        what()
        return "done"
    except OSError as error:
        return type(error).__name__
libc = ctypes.CDLL(None, use_errno=True)
def mounted_again():
    if libc.mount(b"none", b"/mnt/models", None, 32 | 4096, None):  # MS_REMOUNT, MS_BIND: and no longer read-only
        raise PermissionError
os.symlink("/", "/mnt/all/root")
print(json.dumps({
    "its own": tries(lambda: open("/mnt/all/own", "w").close()),
    "read-only": tries(lambda: open("/mnt/models/planted", "w").close()),
    "mounted again": tries(mounted_again),
    "its own root": os.path.exists("/mnt/all/root/valohai/code/server.py"),
    "above": os.path.exists("/mnt/all/../all/own"),
}))
"""


def test_k4_a_shared_volume_leads_nobody_out_of_it(project, running, engine, vhlocal, tmp_path):
    """K4: neither its own code, nor another endpoint whose part of it has become a link to the machine's files."""
    vhlocal.environment["VHLOCAL_RUNTIME"] = "docker"
    outside = tmp_path / "outside"
    outside.mkdir()
    how = "server-command: python server.py"
    bad = endpoint("bad", how) + SHARED.format("both", "all") + SHARED.format("models", "models").partition("\n")[2]
    bad += "        read-only: true\n"
    good = endpoint("good", how) + SHARED.format("both", "part") + "        sub-path: good\n"
    directory = project({"valohai.yaml": good + bad, "server.py": SERVER})
    with running(directory) as run:
        said = requests.post(run.url("bad"), ON_VOLUMES, timeout=60).json()
        refused = {"read-only": "OSError", "mounted again": "PermissionError"}
        assert said == {"its own": "done", **refused, "its own root": True, "above": True}
        volumes = next(tmp_path.rglob("vhlocal/volumes"))
        assert sorted(each.name for each in volumes.iterdir()) == ["both", "models"]
        assert list((volumes / "models").iterdir()) == []
        requests.post(run.url("bad"), SWAP.format(outside=str(outside)), timeout=60)
        engine.containers.get(run.endpoints()["good"]["container"]).kill()
        run.wait_for_output("which is outside the volume")
        assert requests.post(run.url("bad"), "print('still there')", timeout=60).text == "still there\n"
        requests.post(run.url("bad"), SWAP_BACK, timeout=60)
        wait_for(lambda: requests.get(run.url("good"), timeout=60).text == "good", "it to be started again")
    assert list(outside.iterdir()) == []


#: What an endpoint may do to who waits for it; each ends by itself.
FLOODS = {
    "an endless answer": """
handler.wfile.write(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
for _ in range(2000):
    handler.wfile.write(b"x" * 65536)
handler.wfile.close()
""",
    "interim answers": """
handler.wfile.write(b"HTTP/1.1 102 Processing\\r\\n\\r\\n" * 50_000)
""",
    "a huge head": """
handler.wfile.write(b"HTTP/1.1 200 OK\\r\\nX: " + b"x" * 5_000_000 + b"\\r\\n\\r\\n")
handler.wfile.close()
""",
    "lines": """
import os
for number in range(20_000):
    os.write(1, b"a line %d\\n" % number)
""",
    "a line without an end": """
import os
for _ in range(100):
    os.write(1, b"x" * 65536)
os.write(1, b"\\n")
""",
    "escapes": """
import os
os.write(1, b"\\x1b[2J\\x1b]0;evil\\x07\\r::error::forged\\n::error::forged\\n")
""",
    "processes": """
import os, time
for _ in range(60):
    if not os.fork():
        time.sleep(5)
        os._exit(0)
""",
}


def test_others_are_served_whatever_an_endpoint_does_to_who_waits_for_it(both):
    run, _ = both
    for name, code in FLOODS.items():
        with (
            contextlib.suppress(requests.RequestException),
            requests.post(run.url("bad"), code, timeout=60, stream=True) as flood,
        ):
            for _ in range(3):
                assert requests.get(run.url("good"), timeout=60).text == "good", name
            if name == "a huge head":
                assert flood.status_code == 502
    run.wait_for_output("forged")
    assert not any(text in run.output() for text in ("\x1b[2J", "\x1b]0;", "\x07")), "no terminal obeys it"
    assert not any(line.startswith("::error") for line in run.output().splitlines()), "and no CI"
