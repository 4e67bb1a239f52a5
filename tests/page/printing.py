"""A project whose endpoints print what they are asked to."""

from __future__ import annotations

import urllib.parse

import requests

from tests.session.edited import endpoint

SERVER = """\
import http.server, json, os, sys, urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        for name, line in urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query):
            if name == "many":
                for number in range(int(line)):
                    print("line %06d of many" % number)
            else:
                print(line, file=sys.stderr if name == "stderr" else sys.stdout)
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *said):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""

FILES = {
    "valohai.yaml": "".join(endpoint(name, "server-command: python server.py") for name in ("web", "words")),
    "server.py": SERVER,
}

#: What a run of it is started with: nothing but its own requests asks its servers.
ARGUMENTS = ("--runtime", "process", "--no-doctor")


def say(run, endpoint_name, *lines, **named):
    """Have an endpoint print lines, to stdout or by name to ``stderr``, or ``many``."""
    asked = urllib.parse.urlencode([("stdout", line) for line in lines] + list(named.items()))
    assert requests.get(f"{run.url(endpoint_name)}?{asked}", timeout=60).status_code == 200
