"""K3: a server on a shared machine has a host name of its own, and is found by it; under the oldest Python too."""

import json
import socket

import pytest

from tests.runner.stacks import OLDEST, USUAL, python_of
from tests.runner.warm import warm

CODE = """\
import http.server, json, os, platform, socket, threading
PORT = int(os.environ["VALOHAI_PORT"])
NAME = socket.gethostname()

def spoken_to(way):
    with socket.socket() as listener:
        listener.bind((NAME, 0))
        listener.listen(1)
        with way(listener.getsockname()[1]):
            return True

def by_address(port):
    client = socket.socket()
    client.connect((NAME, port))
    return client

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = [NAME, os.environ["HOSTNAME"], os.uname().nodename, platform.node(), os.uname()[1]]
        found = [socket.gethostbyname(NAME), socket.getaddrinfo(NAME, 80, socket.AF_INET)[0][4][0]]
        told = [socket.gethostbyname_ex(NAME)[0], socket.getfqdn()]
        spoken = [spoken_to(by_address), spoken_to(lambda port: socket.create_connection((NAME, port)))]
        body = json.dumps({"names": names, "found": found, "told": told, "spoken": spoken}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("0.0.0.0", PORT), Handler).serve_forever()
"""


def address_of_this_machine() -> str:
    """Return where it finds itself by its name, as not every machine does."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_k3_each_way_of_python_tells_the_servers_own_host_name_and_finds_it(stack, runner, tmp_path):
    python, named = python_of(stack), {"HOSTNAME": "digits-1a2b3c"}
    here = address_of_this_machine()
    words = ["command", str(python), "server.py"]
    with warm(runner, tmp_path, words, python, {"server.py": CODE}, variables=named) as it:
        for answer in (it.get(1), it.next()):
            said = json.loads(answer.body)
            assert said["names"] == ["digits-1a2b3c"] * 5
            assert said["found"] == [here] * 2
            assert said["told"] == ["digits-1a2b3c"] * 2
            assert said["spoken"] == [True] * 2
