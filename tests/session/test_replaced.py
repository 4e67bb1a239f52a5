"""What is in flight at a server while a save replaces it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.waiting import wait_for
from vhlocal.api.plane import ControlPlane
from vhlocal.cli.project import read_project
from vhlocal.cli.up import run_options
from vhlocal.events import Bus, Event, Ready, RequestsEnded
from vhlocal.runtime.connect import connector
from vhlocal.session.loop import run
from vhlocal.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vhlocal.model import RequestRecord

YAML = """\
- endpoint:
    name: live
    image: python:3.11-slim
    server-command: python server.py
"""

#: Streams, answers late, and speaks just enough of WebSocket to greet and to be closed.
SERVER = """
import base64, hashlib, http.server, os, threading, time

NUMBER = 1
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "Upgrade" in self.headers:
            accept = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + GUID).encode()).digest()
            self.begin(101, ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                       ("Sec-WebSocket-Accept", base64.b64encode(accept).decode()))
            self.wfile.write(bytes([0x81, 1]) + str(NUMBER).encode())
            self.rfile.read(2)
        elif self.path.endswith("/events"):
            self.begin(200, ("Content-Type", "text/event-stream"), ("Connection", "close"))
            self.wfile.write(b"data: %d\\n\\n" % NUMBER)
            threading.Event().wait()
        else:
            self.begin(200, ("Content-Length", "1"))
            time.sleep(1 if self.path.endswith("/slow") else 0)
            self.wfile.write(str(NUMBER).encode())

    def begin(self, status, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


#: What a request gets to end at a server that was replaced; the slow one takes a second of it.
READ_SECONDS = 5


@pytest.fixture(autouse=True)
def own_directories(vhlocal, monkeypatch):
    for name, value in vhlocal.environment.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)


def during_a_run(directory: Path, visit: Callable[[str], None], read_seconds: float) -> list[RequestRecord]:
    """Run a project as processes, call ``visit`` with the endpoint's URL, and return what the requests left."""
    options = replace(
        run_options(directory, read_project(directory, (), {})),
        connect=connector("process", directory, strict=False),
        read_seconds=read_seconds,
        doctor=False,
    )
    bus, records, visits = Bus(), [], []
    session = Session(options, bus, ControlPlane())

    def visit_and_stop(url: str) -> None:
        try:
            visit(url)
        finally:
            session.request_stop()

    def hear(event: Event) -> None:
        if isinstance(event, Ready):
            visits.append(visiting.submit(visit_and_stop, f"{event.statuses[0].urls[0]}/"))
        elif isinstance(event, RequestsEnded):
            records.extend(record for record in event.records if record.endpoint)

    bus.subscribe(hear)
    with ThreadPoolExecutor() as visiting:
        run(session.run())
    for each in visits:
        each.result()
    return records


@pytest.mark.parametrize("strategy", ["fork", "replace", "restart"])
def test_k9_each_gets_its_time_and_is_then_closed_in_its_own_way(project, strategy):
    """A request is answered by the code that it began with; the streams are told to come back, and find the new."""
    files = {"valohai.yaml": YAML, "server.py": SERVER, "vhlocal.yaml": f"strategies:\n  live: {strategy}\n"}
    directory = project(files)
    seen: dict[str, object] = {}

    def visit(url: str) -> None:
        base = url.rstrip("/")
        address = base.replace("http://", "ws://")
        with connect(f"{address}/socket", proxy=None) as socket, requests.get(f"{base}/events", stream=True) as events:
            revision = events.headers["X-VHLocal-Revision"]
            lines = events.iter_lines()
            assert (socket.recv(), next(lines)) == ("1", b"data: 1")
            slow = requests.get(f"{base}/slow", stream=True, timeout=60)
            (directory / "server.py").write_text(SERVER.replace("NUMBER = 1", "NUMBER = 2"))
            wait_for(lambda: requests.get(base, timeout=60).text == "2", "the edit")
            seen["slow"] = slow.text
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            seen["close"] = (closed.value.rcvd.code, closed.value.rcvd.reason)
            seen["events"] = [line for line in lines if line]
            seen["revision"] = revision
            seen["reason"] = f"closed by vhlocal: revision {revision} was replaced {READ_SECONDS} s ago"
        with connect(f"{address}/socket", proxy=None) as socket:
            assert socket.recv() == "2"

    records = during_a_run(directory, visit, read_seconds=READ_SECONDS)
    assert seen["slow"] == "1"
    assert seen["close"] == (1012, seen["reason"])
    assert seen["events"] == [], "no more than the end, and that in good order"
    # The run's end may be quicker than what the last client sends when it leaves the new server.
    of_the_old = [record for record in records if record.revision == seen["revision"]]
    told = {record.target.rpartition("/")[2]: record for record in of_the_old if record.reason and record.is_ours}
    assert {name: record.reason for name, record in told.items()} == dict.fromkeys(("socket", "events"), seen["reason"])
    assert [record.status for record in records if record.status >= 400] == []


def test_k9_what_an_endpoint_answers_that_was_removed_is_not_told_as_replaced(project):
    directory = project({"valohai.yaml": YAML, "server.py": SERVER})
    seen: dict[str, object] = {}

    def visit(url: str) -> None:
        with connect(f"{url.replace('http://', 'ws://')}socket", proxy=None) as socket:
            assert socket.recv() == "1"
            (directory / "valohai.yaml").write_text(YAML.replace("name: live", "name: other"))
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            seen["close"] = (closed.value.rcvd.code, closed.value.rcvd.reason)

    (record,) = [one for one in during_a_run(directory, visit, read_seconds=1) if one.target.endswith("/socket")]
    reason = f"closed by vhlocal: the server with revision {record.revision} was removed 1 s ago"
    assert (seen["close"], record.reason) == ((1001, reason), reason)
