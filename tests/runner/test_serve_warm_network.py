"""R3: where a server listens and what it asks of itself, by what its code means; under the oldest Python too."""

import textwrap

import pytest

from tests.engine.servers import TELLS_ASKED
from tests.runner.stacks import OLDEST, USUAL, Stack, python_of
from tests.runner.warm import warm
from tests.waiting import free_port, wait_for

UVLOOP = Stack("py3.11-uvloop", "3.11", ("uvicorn>=0.30", "uvloop"))

HEAD = (
    """\
import http.server, json, os, socket, threading, time
PORT = int(os.environ["VALOHAI_PORT"])
"""
    + TELLS_ASKED
    + """
class Both(http.server.HTTPServer):
    address_family = socket.AF_INET6

def tried(host):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host, PORT))
        return trial

def heard(host):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host, PORT))
        trial.listen(1)

def serve(host, kind=http.server.HTTPServer):
    kind((host, PORT), Handler).serve_forever()

"""
)

#: What code does, and the addresses that it means to listen at.
LISTENS = {
    "one address": ("serve('0.0.0.0')", {"0.0.0.0"}),
    "the loopback": ("serve('localhost')", {"localhost"}),
    "every address by no name": ("serve('')", {""}),
    "both families": ("serve('::', Both)", {"::"}),
    "a port that is tried out on the loopback": ("tried('127.0.0.1'); serve('0.0.0.0')", {"0.0.0.0"}),
    "a port that is tried out everywhere": ("tried('0.0.0.0'); serve('127.0.0.1')", {"127.0.0.1"}),
    "a port that was listened at": ("heard('127.0.0.1'); serve('0.0.0.0')", {"0.0.0.0"}),
    "a socket that is bound, and never listens": (
        "kept = socket.socket()\n"
        "kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "kept.bind(('127.0.0.1', PORT))\n"
        "serve('0.0.0.0')",
        {"0.0.0.0"},
    ),
    "two sockets": (
        "threading.Thread(target=serve, args=('127.0.0.1',), daemon=True).start()\n"
        "class Alone(Both):\n"
        "    def server_bind(self):\n"
        "        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)\n"
        "        Both.server_bind(self)\n"
        "serve('::', Alone)",
        {"127.0.0.1", "::"},
    ),
    "a child's socket": ("os.fork() or serve('0.0.0.0')\nos.wait()", {"0.0.0.0"}),
}


@pytest.fixture
def start(runner, tmp_path):
    """Start a script that has ``HEAD`` before it."""

    def start(text, stack=USUAL, head=HEAD, **settings):
        python = python_of(stack)
        files = {"server.py": head + textwrap.dedent(text)}
        return warm(runner, tmp_path, ["command", str(python), "server.py"], python, files, **settings)

    return start


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize(("text", "hosts"), LISTENS.values(), ids=LISTENS)
def test_r3_what_listens_counts_and_not_what_was_bound_once(start, stack, text, hosts):
    with start(text, stack) as it:
        it.get(1)
        wait_for(lambda: set(hosts_of(it, 1)) == hosts, f"{hosts}, not {hosts_of(it, 1)}")


def test_r3_what_another_program_listens_at_is_told_as_the_kernel_has_it(start):
    """It is not led: the port that it is told is its own."""
    text = """
    import subprocess, sys
    code = "import http.server as h; h.HTTPServer(('127.0.0.1', %d), h.BaseHTTPRequestHandler).serve_forever()"
    subprocess.run([sys.executable, "-c", code % PORT])
    """
    with start(text) as it:
        it.get(1)
        assert hosts_of(it, 1) == ["127.0.0.1"]


def test_r3_a_fork_is_told_by_its_own_sockets(start):
    with start("tried('127.0.0.1'); serve('0.0.0.0')") as it:
        it.get(1)
        assert hosts_of(it, 7) == [], "nobody has this number"
        it.save("server.py", HEAD + "tried('0.0.0.0'); serve('127.0.0.1')")
        it.next()
        assert [hosts_of(it, 1), hosts_of(it, 2)] == [["0.0.0.0"], ["127.0.0.1"]]


ASKS = """
def ask():
    while True:
        try:
            connection = socket.create_connection((HOST, PORT), timeout=120)
        except ConnectionRefusedError:
            continue
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        ASKED.append(connection.recv(12).decode())
        return
PORT, HOST = %d, %s
threading.Thread(target=ask, daemon=True).start()
"""


@pytest.mark.parametrize("host", ["'127.0.0.1'", "'0.0.0.0'", "'127.0.1.1'"])
@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_server_reaches_itself_at_the_port_that_it_was_written_for(start, stack, host):
    """It is led elsewhere, and so is what it asks there of this machine, by whichever of its addresses."""
    fixed = free_port()
    text = ASKS % (fixed, host) + "serve('0.0.0.0')"
    with start(text, stack, declared=fixed) as it:
        wait_for(lambda: it.get(1).json() == ["HTTP/1.0 200"], "its answer to itself")


def test_a_port_that_a_server_binds_without_python_is_asked_there(start):
    """It listens at the port that it was written for, after all: its own questions are not led away."""
    text = """
    import _socket
    PORT = %d
    class Unled(http.server.HTTPServer):
        def server_bind(self):
            _socket.socket.bind(self.socket, self.server_address)
            self.server_name, self.server_port = "", PORT
    def ask():
        connection = socket.create_connection(("127.0.0.1", PORT), timeout=120)
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        ASKED.append(connection.recv(12).decode())
    server = Unled(("127.0.0.1", PORT), Handler)
    threading.Thread(target=ask, daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not ASKED: time.sleep(0.01)
    PORT = int(os.environ["VALOHAI_PORT"])
    serve("0.0.0.0")
    """
    fixed = free_port()
    with start(text % fixed, declared=fixed) as it:
        assert it.get(1).json() == ["HTTP/1.0 200"]


ODD = """
ODD = [(socket.AF_UNIX, b"/nowhere"), (socket.AF_INET, (b"127.0.0.1", PORT)), (socket.AF_VSOCK, (1, PORT))]
for family, address in ODD:
    try:
        with socket.socket(family) as odd:
            odd.connect(address)
    except OSError as error:
        ASKED.append(family.name)
serve("0.0.0.0")
"""


def test_what_is_no_host_and_port_is_left_as_it_is(start):
    """It fails as it does without the runner: nobody is there, or this kernel has no such sockets."""
    with start(ODD) as it:
        assert it.get(1).json() == ["AF_UNIX", "AF_INET", "AF_VSOCK"]


UVICORN_APP = """\
import asyncio, json, uvicorn
ASKED = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        app.asking = asyncio.ensure_future(ask())
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(ASKED).encode()})

async def ask():
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            continue
        writer.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        ASKED.append([(await reader.read(12)).decode(), type(asyncio.get_event_loop()).__module__])
        return

PORT = %d
uvicorn.run(app, host="0.0.0.0", port=PORT)
"""


def test_what_connects_without_pythons_sockets_reaches_itself_too(start):
    """uvloop does; once from a cold master, and once from one that has imported it."""
    expected, fixed = [["HTTP/1.1 200", "uvloop"]], free_port()
    with start(UVICORN_APP % fixed, UVLOOP, head="", declared=fixed) as it:
        wait_for(lambda: it.get(1).json() == expected, "its answer to itself")
        assert "uvloop" in it.warm_up()["modules"]
        number = it.fork()
        wait_for(lambda: it.get(number).json() == expected, "the fork's answer to itself")


def hosts_of(it, number):
    return it.control.ask(do="hosts", number=number)["hosts"]
