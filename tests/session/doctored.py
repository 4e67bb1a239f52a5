"""A server that tells what it was asked, and fails as its paths say; of the standard library alone."""

from __future__ import annotations

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
