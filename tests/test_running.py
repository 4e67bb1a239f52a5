"""``vhlocal up`` as the other tests run it: ready inside the context, nothing left after it."""

from __future__ import annotations

import json

import requests

PLAIN = {
    "valohai.yaml": (
        "- endpoint:\n    name: plain\n    image: python:3.11-slim\n    server-command: python server.py\n"
    ),
    "server.py": (
        "import http.server, os\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        body = self.path.encode()\n"
        "        self.send_response(200)\n"
        "        self.send_header('Content-Length', str(len(body)))\n"
        "        self.end_headers()\n"
        "        self.wfile.write(body)\n"
        "    do_HEAD = do_GET\n"
        "http.server.HTTPServer(('0.0.0.0', int(os.environ['VALOHAI_PORT'])), Handler).serve_forever()\n"
    ),
}


def test_a_run_answers_at_its_urls_and_ends_clean(project, running):
    with running(project(PLAIN), "--alias", "staging") as run:
        for name in (None, "dev", "staging"):
            url = run.url("plain", name).rstrip("/") + "/a//b"
            assert requests.get(url, timeout=60).text == url.removeprefix(run.base_url)


def test_ps_prints_what_the_api_tells(project, running, vhlocal):
    """What the other tests look at in its stead."""
    directory = project(PLAIN)
    with running(directory) as run:
        listed = vhlocal("ps", "--json", "-C", str(directory))
        assert listed.returncode == 0, listed.stderr
        printed, told = json.loads(listed.stdout)["endpoints"], list(run.endpoints().values())
        for each in (*printed, *told):
            del each["memory"]  # its peak may have risen in between
        assert printed == told
