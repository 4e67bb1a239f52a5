"""Gunicorn's own settings and workers, as the runner leaves them or changes them."""

import signal

import pytest

from tests.runner.served import ALIAS, VERSION
from tests.runner.stacks import (
    ASGI_UVICORN,
    NEWEST,
    NO_ASGI,
    OLD_STARLETTE,
    OLDEST,
    OWN_WORKERS,
    USUAL,
    UVICORN,
)

TALKS = """
import os, sys, threading
def application(environ, start_response):
    print("says", os.getpid(), end="\\n")
    answer = repr((sys.path[0], sys.argv[1:], threading.current_thread().name != "MainThread")).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""


@pytest.fixture
def talking(tmp_path):
    (tmp_path / "server.py").write_text(TALKS)
    return tmp_path


@pytest.mark.parametrize("stack", [OLDEST, USUAL, NEWEST], ids=str)
def test_the_code_directory_comes_first_and_prints_show_at_once(serve, talking, stack):
    """R4, B7: ``sys.path`` begins with the working directory; stdout is not held back in a pipe."""
    with serve(stack, "server", talking) as server:
        body = server.get(VERSION, "/").body.decode()
        server.wait_for_line("says")
    assert body == repr((str(talking), ["server"], False))


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
@pytest.mark.parametrize("how", ["file", "environment"])
def test_the_users_gunicorn_settings_hold_except_the_address_p8(serve, talking, stack, how):
    """P8: the port is production's; everything else in ``gunicorn.conf.py`` or ``GUNICORN_CMD_ARGS`` counts."""
    environment = {}
    if how == "file":
        (talking / "gunicorn.conf.py").write_text("bind = '127.0.0.1:1'\nthreads = 2\naccesslog = '-'\n")
    else:
        environment["GUNICORN_CMD_ARGS"] = "--bind 127.0.0.1:1 --threads 2 --access-logfile -"
    with serve(stack, "server", talking, environment) as server:
        assert server.get(ALIAS, "/").body.decode().endswith(" True)")
        server.wait_for_line(f"GET {ALIAS}/ HTTP/1.1")
        assert f"0.0.0.0:{server.port}" in "\n".join(server.output)


def test_a_worker_class_of_the_users_own_stays(serve, tmp_path):
    """R5: a project that names Uvicorn's worker gets it, wrapped all the same."""
    (tmp_path / "gunicorn.conf.py").write_text("worker_class = 'uvicorn.workers.UvicornWorker'\n")
    (tmp_path / "server.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    with serve(UVICORN, "server:app", tmp_path) as server:
        server.wait_for_line("Using worker: uvicorn.workers.UvicornWorker")
        assert f"{ALIAS}/openapi.json" in server.get(ALIAS, "/docs").body.decode()


STREAMS = """
import asyncio
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
app = FastAPI()

@app.get("/stream")
async def stream(request: Request):
    async def events():
        for number in range(5):
            gone = await request.is_disconnected()
            yield "data: %s\\n\\n" % ("gone" if gone else number)
            await asyncio.sleep(0.01)
    return StreamingResponse(events(), media_type="text/event-stream")
"""
GONE = "wsgi: request.is_disconnected() is true here while the client is still there"


@pytest.mark.parametrize(("stack", "told"), [(ASGI_UVICORN, False), (UVICORN, False), (USUAL, True)], ids=str)
def test_who_asks_whether_the_client_is_there_gets_a_worker_that_knows_or_is_told_r5(serve, tmp_path, stack, told):
    """R5: Uvicorn's worker where the requirements bring it; Gunicorn's own tells of clients that have not gone."""
    (tmp_path / "server.py").write_text(STREAMS)
    with serve(stack, "server:app", tmp_path) as server:
        for prefix in (VERSION, ALIAS):
            words = server.get(prefix, "/stream").body.decode().split("\n\n")
            assert ("data: gone" in words) is told
            assert words[0] == "data: 0"
        assert server.get(ALIAS, "/nothing").status == 404
        if told:
            server.wait_for_line(GONE)
        server.process.send_signal(signal.SIGTERM)
        server.wait()
        assert sum(GONE in line for line in server.output) == int(told), "once"


OWN = {
    "aiohttp.GunicornWebWorker": """
from aiohttp import web

async def answer(request):
    return web.Response(text=request.path)

def made():
    found = web.Application()
    found.router.add_get("/{rest:.*}", answer)
    return found

async def factory():
    return made()

app = made()
""",
    "tornado": """
import tornado.web

class Answer(tornado.web.RequestHandler):
    def get(self):
        self.write(self.request.path)

app = tornado.web.Application([("/.*", Answer)])
""",
}


@pytest.mark.parametrize(
    ("worker", "target"),
    [("aiohttp.GunicornWebWorker", "app"), ("aiohttp.GunicornWebWorker", "factory"), ("tornado", "app")],
)
def test_an_application_of_neither_kind_reaches_the_worker_that_the_user_chose_for_it(serve, tmp_path, worker, target):
    """R4: as it is, so that it sees the whole path (P4)."""
    (tmp_path / "gunicorn.conf.py").write_text(f"worker_class = {worker!r}\n")
    (tmp_path / "server.py").write_text(OWN[worker])
    with serve(OWN_WORKERS, f"server:{target}", tmp_path) as server:
        for prefix in (VERSION, ALIAS):
            assert server.get(prefix, "/x").body.decode() == f"{prefix}/x"


@pytest.mark.parametrize("stack", [UVICORN, OLD_STARLETTE, ASGI_UVICORN, USUAL, NEWEST], ids=str)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_asgi_is_imported_once_and_ends_gracefully_r5(serve, stack, threads):
    """R5: one import, one lifespan, and SIGTERM ends it with 0."""
    with serve(stack, "lifespan_site", environment={"GUNICORN_CMD_ARGS": f"--threads {threads}"}) as server:
        assert server.get(VERSION, "/").body == b"ok"
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    lines = server.output
    assert lines.count("made") == lines.count("shut") == 1
    assert not [line for line in lines if "Traceback" in line]


@pytest.mark.parametrize("stack", [UVICORN, USUAL, NEWEST], ids=str)
def test_a_failed_startup_ends_the_server_r5(serve, tmp_path, stack):
    """R5: an application whose lifespan fails to start does not serve; exit 3, as for any failed boot."""
    (tmp_path / "server.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await receive()\n"
        "    await send({'type': 'lifespan.startup.failed', 'message': 'no model'})\n"
    )
    with serve(stack, "server:app", tmp_path, wait=False) as server:
        server.wait_for_line("no model")
        assert server.wait() == 3


def test_asgi_without_a_worker_for_it_says_what_to_install_r5(serve, tmp_path):
    """R5: an older Gunicorn alone cannot serve ASGI; the message names the requirement."""
    (tmp_path / "server.py").write_text("async def app(scope, receive, send): pass\n")
    with serve(NO_ASGI, "server:app", tmp_path, wait=False) as server:
        line = server.wait_for_line("wsgi: server:app could not be loaded: it is an ASGI application")
        assert "add uvicorn" in line
        assert server.wait() == 3


@pytest.mark.parametrize("stack", [OLDEST, USUAL, UVICORN], ids=str)
def test_sighup_brings_in_new_code(serve, tmp_path, stack):
    """What a reload may use: the master lives on, and its next worker serves the new code under the same prefixes."""
    if stack is UVICORN:
        text = "async def app(scope, receive, send):\n    if scope['type'] == 'lifespan': raise RuntimeError\n"
        text += "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        text += "    await send({'type': 'http.response.body', 'body': b'one'})\n"
    else:
        text = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'one']\n"
    (tmp_path / "server.py").write_text(text)
    with serve(stack, "server:app", tmp_path) as server:
        assert server.get(ALIAS, "/").body == b"one"
        (tmp_path / "server.py").write_text(text.replace("one", "another"))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_line("Hang up: Master")
        server.wait_for_line("Worker exiting" if stack is not UVICORN else "Finished server process")
        assert server.get(ALIAS, "/").body == b"another"


def test_nothing_is_left_behind(serve, talking, tmp_path_factory):
    """No control socket in the home directory, no file in the code's directory."""
    home = tmp_path_factory.mktemp("untouched")
    with serve(USUAL, "server", talking, {"HOME": str(home)}) as server:
        assert server.get(VERSION, "/").status == 200
        assert list(home.iterdir()) == []
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    assert [path.name for path in talking.iterdir()] == ["server.py"]
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("stack", [OLDEST, USUAL], ids=str)
def test_a_crash_after_the_boot_brings_a_new_worker(serve, tmp_path, stack):
    """A worker that dies while serving is replaced; only a failed boot ends the server."""
    (tmp_path / "server.py").write_text(
        "import os\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/die':\n"
        "        os._exit(9)\n"
        "    start_response('200 OK', [])\n"
        "    return [b'alive']\n"
    )
    with serve(stack, "server:app", tmp_path) as server:
        server.wait_for_line("Booting worker with pid")
        with pytest.raises(ConnectionError):
            server.get(VERSION, "/die")
        server.wait_for_line("Booting worker with pid")
        assert server.get(VERSION, "/").body == b"alive"
