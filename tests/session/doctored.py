"""A server that tells what it was asked, and fails as its paths say; of the standard library alone.

And what a run tells that its doctor has found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests

from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.command import Running

YAML = "- endpoint:\n    name: plain\n    image: python:3.11-slim\n    server-command: python server.py\n"

#: ``calls`` tells all requests so far; what ends in ``die`` is answered, and the server is gone; what ends in ``stall``
#: makes it slow for vhlocal's own requests from then on.
SERVER = """\
import http.server, json, os, threading, time

CALLS = []
SLOW = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        word = self.path.rpartition("/")[2]
        if word == "calls":
            return self.say(200, json.dumps(CALLS))
        CALLS.append({"method": self.command, "path": self.path, "headers": dict(self.headers)})
        if SLOW.is_set() and "X-VHLocal-Doctor" in self.headers:
            time.sleep(30)
        if word == "stall":
            SLOW.set()
        own = (self.headers.get("X-VH-Prefix") or "").rstrip("/")
        self.say(200 if self.path in (own, own + "/") else 500 if word == "bug" else 404, word)
        if word == "die":
            os._exit(3)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""

FILES = {"valohai.yaml": YAML, "server.py": SERVER}


def told(run: Running) -> dict:
    """Return what a run tells of its endpoints and of all that was found."""
    return requests.get(f"{run.base_url}/api/endpoints", timeout=30).json()


def wait_until_examined(run: Running) -> None:
    """Wait until the doctor is through with every request that was sent so far."""
    wait_for(lambda: told(run)["examined"], f"the examinations; the output was:\n{run.output()}")


def findings(run: Running) -> list[dict]:
    """Return what a run has found, as it stands."""
    return told(run)["findings"]


def codes_in(output: str) -> list[str]:
    """Return the codes of the findings that were printed, in their order."""
    return re.findall(r"(?:error|warning|notice) (VH\d+):", output)
