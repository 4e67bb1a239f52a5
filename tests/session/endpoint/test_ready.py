"""Until a server answers: where it is asked."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import LONG, free_port
from vhlocal.events import Bus
from vhlocal.model import Endpoint
from vhlocal.runtime.base import Address, Exit, Listener
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.endpoint import ready
from vhlocal.session.endpoint.ready import Awaited, EndedError, wait_until_ready
from vhlocal.session.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

HOST = "127.0.0.1"


async def nothing() -> list[Listener]:
    return []


async def stacks() -> str:
    return ""


def served(asked: Callable[[], None] = lambda: None) -> Awaitable[asyncio.Server]:
    """Begin to answer every request with 200, after ``asked`` was called."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    return asyncio.start_server(answer, HOST)


def awaited(directory: Path, declared: int, port: int, **more: Any) -> Awaited:
    """Return a server that is to answer on ``port``, whose endpoint's port is ``declared``."""
    return Awaited(
        **{
            "endpoint": Endpoint("plain", "python", declared, server_command=("./serve",)),
            "prefix": "/x",
            "address": Address(HOST, port),
            "port": port,
            "ended": asyncio.get_running_loop().create_future(),
            "listeners": nothing,
            "stacks": stacks,
            "diagnosis": lambda: Diagnosis(None, directory, Bus(), lambda: None, lambda *_: ()),
            "limit": LONG,
            "probe": Probe(),
            **more,
        }
    )


def test_a_server_that_minds_its_own_port_is_asked_there_as_soon_as_it_listens_and_not_before(tmp_path, monkeypatch):
    """On this machine somebody else may have that port until then. It is not waited for the first look at all ports."""
    monkeypatch.setattr(ready, "_FIRST_LOOK", 2 * LONG)

    async def start() -> tuple[bool, list[str]]:
        happened: list[str] = []

        async def listeners() -> list[Listener]:
            happened.append("looked at")
            return [Listener(HOST, port)] if len(happened) > 2 else [Listener(HOST, 22)]

        async with await served(lambda: happened.append("asked")) as server:
            port = server.sockets[0].getsockname()[1]
            new = awaited(tmp_path, port, free_port(), listeners=listeners, shared=True)
            answered = await wait_until_ready(new, lambda notice: None)
            await answered.finish()
            return answered.address == Address(HOST, port), happened

    there, happened = asyncio.run(start())
    assert there
    assert happened == ["looked at", "looked at", "looked at", "asked"]


def test_the_older_server_is_not_asked_where_it_has_the_port_that_the_code_names(tmp_path):
    """It would answer in place of new code that has come to nothing, and that would be served."""

    async def start() -> None:
        async def listeners() -> list[Listener]:
            return [Listener(HOST, port)]

        async with await served() as older:
            port, loop = older.sockets[0].getsockname()[1], asyncio.get_running_loop()
            ended: asyncio.Future[Exit] = loop.create_future()
            loop.call_later(0.5, ended.set_result, Exit(3))
            more = {"ended": ended, "listeners": listeners, "new": True, "hidden": (port,), "shared": True}
            new = awaited(tmp_path, port, free_port(), **more)
            await wait_until_ready(new, lambda notice: None)

    with pytest.raises(EndedError):
        asyncio.run(start())


ONE_REQUEST = """\
import sys
from wsgiref.simple_server import demo_app, make_server

with make_server("127.0.0.1", int(sys.argv[1]), demo_app) as server:
    server.handle_request()
"""


def started(code: str, tmp_path, asked: list[str]) -> tuple[int, float, float]:
    """Start a server of this code, and return its first answer's status and times; EndedError where it ends.

    What it is asked is added to ``asked`` before it is.
    """

    async def start() -> tuple[int, float, float]:
        port, loop = free_port(), asyncio.get_running_loop()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(port))
        ended: asyncio.Future[Exit] = loop.create_future()
        waiting = loop.create_task(process.wait())
        waiting.add_done_callback(lambda done: ended.set_result(Exit(done.result())))
        new = awaited(tmp_path, port, port, ended=ended, asks=lambda method, target: asked.append(f"{method} {target}"))
        try:
            answered = await wait_until_ready(new, lambda notice: None)
            await answered.finish()
            return answered.status, answered.asked, answered.at
        finally:
            if process.returncode is None:
                process.kill()
            await waiting

    return asyncio.run(start())


def test_a_server_that_answers_one_request_and_ends_was_never_ready(tmp_path):
    with pytest.raises(EndedError) as raised:
        started(ONE_REQUEST, tmp_path, [])
    assert (raised.value.ended.code, raised.value.once) == (0, True)


def test_a_server_of_the_same_kind_that_goes_on_is_ready(tmp_path):
    requests: list[str] = []
    status, asked, at = started(ONE_REQUEST.replace("handle_request", "serve_forever"), tmp_path, requests)
    assert status == 200
    assert asked < at
    assert requests == ["GET /x/", "GET /x/"], "each is known before a log tells it"
