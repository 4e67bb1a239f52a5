"""Small projects whose server is of the standard library alone, so that nothing has to be installed for them."""

from __future__ import annotations

SERVER = '''\
import http.server, json, os, sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else int(os.environ["VALOHAI_PORT"])


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells what it finds: the request, the environment, the working directory, and a file's text if one is named."""

    def do_GET(self):
        found = {
            "path": self.path,
            "headers": dict(self.headers),
            "environment": dict(os.environ),
            "directory": os.getcwd(),
            "arguments": sys.argv[1:],
        }
        name = self.headers.get("X-Read")
        if name:
            found["file"] = open(name).read()
            found["writable"] = os.access(name, os.W_OK)
        if self.path.endswith("/grow"):
            hoard = [b"x" * 1_000_000 for _ in range(1_000)]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()
'''

COMMAND = "    server-command: "


def project_of(command: str, more: str = "") -> dict[str, str]:
    """Return the files of a project with one endpoint, ``plain``; ``more`` is further yaml, indented by four."""
    endpoint = f"- endpoint:\n    name: plain\n    image: python:3.11-slim\n{COMMAND}{command}\n{more}"
    return {"valohai.yaml": endpoint, "server.py": SERVER}


def line_of(files: dict[str, str], text: str) -> int:
    """Return the number of the first line of ``valohai.yaml`` that holds ``text``."""
    return next(n for n, line in enumerate(files["valohai.yaml"].splitlines(), 1) if text in line)


#: What a server begins with that tells what it has ``ASKED``; the modules are imported before it.
TELLS_ASKED = """\
ASKED = []

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(ASKED).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
"""
