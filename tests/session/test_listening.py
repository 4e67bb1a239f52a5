"""R3 on this machine itself: what listens counts, not what was bound once, and a server reaches its own port."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

import requests

from tests.engine.servers import TELLS_ASKED
from tests.fakes.runtime import SlowRunner
from tests.session.test_keeper_model import wanted
from tests.session.test_processes import SERVER_ERROR
from tests.waiting import wait_for
from vhlocal.events import Bus
from vhlocal.model import Package
from vhlocal.reload.staging import Staging
from vhlocal.runtime.base import Runtime
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.endpoint.making import Making
from vhlocal.session.endpoint.server import Server
from vhlocal.session.probe import Probe
from vhlocal.session.warm.warmth import Runner

SERVER = (
    """\
import http.server, json, os, socket, sys, threading

TRIED, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
"""
    + TELLS_ASKED
    + """
def ask():
    connection = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    ASKED.append(connection.recv(12).decode())

with socket.socket() as trial:
    trial.bind((TRIED, PORT))
server = http.server.ThreadingHTTPServer((HOST, PORT), Handler)
threading.Thread(target=server.serve_forever).start()
ask()
"""
)


def endpoint(name: str, command: str) -> str:
    return (
        f"- endpoint:\n    name: {name}\n    image: python:3.11-slim\n    server-command: python server.py {command}\n"
    )


def _has_asked(url: str) -> bool:
    asked = requests.get(url, timeout=60).json()
    assert asked in ([], ["HTTP/1.0 200"])
    return bool(asked)


def test_r3_a_port_that_was_tried_out_on_the_loopback_is_served_to_all(project, process_run):
    """As Gradio does; two of them, so that one is led elsewhere than to the port that it names."""
    yaml = "".join(endpoint(name, "127.0.0.1 0.0.0.0 8000") for name in ("one", "two"))
    run = process_run(project({"valohai.yaml": yaml, "server.py": SERVER}))
    for name in ("one", "two"):  # it answers others while it still asks itself
        wait_for(partial(_has_asked, run.url(name)), f"the answer of {name} to itself")
    assert "VH501" not in run.output()


def test_r3_a_port_that_was_tried_out_for_all_and_is_served_to_itself_alone_is_refused(project, vhlocal):
    files = {"valohai.yaml": endpoint("plain", "0.0.0.0 127.0.0.1 8000"), "server.py": SERVER}
    ended = vhlocal("up", "--runtime", "process", "--port", "0", "-C", str(project(files)))
    assert ended.returncode == SERVER_ERROR, ended.stderr
    assert "the server listens on 127.0.0.1:8000, where only its own container can reach it" in ended.stderr


def test_a_runner_that_was_asked_for_too_early_is_not_taken_for_none(tmp_path):
    """R3: a machine short of time begins it after the first look; what it leads to the loopback is no fault."""

    async def start() -> None:
        slow = SlowRunner()
        runtime = cast(Runtime, slow)
        desired = wanted("good", "image", None)
        diagnosis = Diagnosis(runtime, tmp_path, Bus(), lambda: Package(tmp_path, {}, ""), lambda *_: ())
        making = Making(
            runtime=runtime,
            endpoint=desired.endpoint,
            spec=desired.spec,
            staging=Staging(tmp_path / "staging"),
            probe=Probe(),
            diagnosis=lambda: diagnosis,
            patience=10.0,
            on_line=lambda *_: None,
            on_pause=lambda: None,
            on_news=lambda _: None,
            asks=lambda *_: None,
        )
        server = Server(making)
        await server.create(Runner(("run",), 8000, (), {"modules": [], "denied": {}}, forks=True))
        await server.start()
        assert await server.reach_runner() is None
        async with await slow.begin_runner(server.id):
            await server.find_runner()
            await server.check_reach()
        await server.remove()
        runtime.close()

    asyncio.run(start())
