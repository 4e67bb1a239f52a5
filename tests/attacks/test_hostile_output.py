"""An endpoint's output in whole runs: whatever comes, the others are served, and what is not shown is counted."""

from __future__ import annotations

import re

import requests

from tests.session.conftest import process_run
from tests.session.edited import endpoint
from tests.waiting import wait_for

__all__ = ["process_run"]

#: Lines of one request.
LINES = 100_000

SERVER = """\
import http.server, json, os, time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.say({})

    def do_POST(self):
        count, began = int(self.rfile.read(int(self.headers["Content-Length"]))), time.monotonic()
        for start in range(0, count, 1000):
            lines = "".join(f"line {number} of a flood\\n" for number in range(start, start + 1000))
            data = lines.encode()
            while data:
                data = data[os.write(1, data) :]
        self.say({"seconds": time.monotonic() - began})

    def say(self, told):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


def test_each_line_of_a_flood_is_shown_or_counted_and_others_are_served(project, process_run):
    """A display leaves lines out, and says how many; the app does not wait for it, and no request is lost."""
    how = "server-command: python server.py"
    directory = project({"valohai.yaml": endpoint("bad", how) + endpoint("good", how), "server.py": SERVER})
    run = process_run(directory)
    with requests.post(run.url("bad"), str(LINES), timeout=300, stream=True) as flood:
        for _ in range(20):
            assert requests.get(run.url("good"), timeout=60).json() == {}
        assert flood.json()["seconds"] > 0
    wait_for(lambda: sum(counted(run.output())) == LINES, "each line to be shown or counted")
    assert "line 0 of a flood" in run.output()
    kept = run.vhlocal("logs", "bad", "--tail", "5", "-C", str(directory)).stdout
    assert f"line {LINES - 1} of a flood" in kept, kept
    wait_for(lambda: requests.get(run.url("bad"), timeout=60).status_code == 200, "it to answer still")


def counted(output: str) -> tuple[int, int]:
    """Return how many lines of a flood are shown, and how many are said to be left out."""
    said = re.findall(r"… ([\d,]+) lines are left out", output)
    return len(re.findall(r"line \d+ of a flood", output)), sum(int(number.replace(",", "")) for number in said)
