"""Small projects to run and to break: a server of the standard library, so that nothing has to be installed."""

from __future__ import annotations

from tests.session.edited import endpoint

YAML = endpoint("plain", "server-command: python server.py")

#: Answers with its path; some paths do something first. What it does is told by the last segment.
SERVER = """\
import http.server, json, os, pathlib, subprocess, sys, threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        word = self.path.rpartition("/")[2]
        action = getattr(self, "do_" + word, None)
        self.say(action() if action else self.path)

    do_HEAD = do_GET

    def do_exit(self):
        os._exit(3)

    def do_environment(self):
        return json.dumps({**os.environ, "<cwd>": os.getcwd()})

    def do_eat(self):
        return str(len(bytearray(512 << 20)))

    def do_child(self):
        return str(subprocess.call([sys.executable, "-c", "bytearray(512 << 20)"]))

    def do_wait(self):
        print("a request waits", flush=True)
        pathlib.Path("waiting").touch()
        while not pathlib.Path("go").exists():
            threading.Event().wait(0.02)
        return "waited"

    def say(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    address = os.environ.get("TEST_HOST", "0.0.0.0"), int(os.environ.get("TEST_PORT") or os.environ["VALOHAI_PORT"])
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""

PLAIN = {"valohai.yaml": YAML, "server.py": SERVER}


def plain(more: str = "", **files: str) -> dict[str, str]:
    """Return the plain project with more keys of its endpoint, given as indented yaml lines, and more files."""
    return {**PLAIN, "valohai.yaml": YAML + more, **files}
