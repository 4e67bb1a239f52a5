"""The files of bodies that wait: there while they are needed, without a name, and gone with their request."""

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway.alone import Alone
from tests.gateway.harness import OK, PATH, PREFIX, Limits, Peer, Stage, get, server, stage
from tests.gateway.routes import route_to
from tests.gateway.test_connection import echo_body
from tests.gateway.test_held_bodies import CHUNKED, HELLO, LARGE, UPLOAD, hold, lead, left_with, pass_by
from tests.gateway.test_memory import head_of, listening
from tests.gateway.test_server_soak import moody, visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process' open files are told in /proc")

OTHER = "/acme/digits/local/20261124.0/other"
FIFTY_MEGABYTES = random.Random(1).randbytes(50_000_000)


def files(directory: Path, process: int | str = "self") -> list[Path]:
    """The unnamed files that a process has open in a directory, as paths that lead to them."""
    return list(_files(directory, process))


def _files(directory: Path, process: int | str) -> Iterator[Path]:
    for number in Path(f"/proc/{process}/fd").iterdir():
        try:
            target = number.readlink()
        except FileNotFoundError:
            continue
        if target.is_relative_to(directory) and target.name.endswith("(deleted)"):
            yield number


async def answered(at: Stage, client: Peer) -> None:
    lead(at)
    assert (await client.answer())[0] == 200


async def left(at: Stage, client: Peer) -> None:
    client.reset()


async def server_gone(at: Stage, client: Peer) -> None:
    async def hears(peer: Peer) -> None:
        await peer.head()

    async with server(hears) as gone:
        lead(at, gone)
        assert (await client.answer())[0] == 502


async def held_too_long(at: Stage, client: Peer) -> None:
    assert (await client.answer())[0] == 503


async def refused(at: Stage, client: Peer) -> None:
    at.table.publish([])
    assert (await client.answer())[0] == 404


async def closed(at: Stage, client: Peer) -> None:
    await at.gateway.close(0)


ENDS: dict[Callable, Limits] = {
    answered: {},
    left: {},
    server_gone: {},
    held_too_long: {"hold_seconds": 0.2},
    refused: {},
    closed: {},
}


@pytest.mark.parametrize("end", ENDS)
def test_a_file_has_no_name_and_goes_with_its_request(run, tmp_path, end):
    async def main():
        options: Limits = {"spool_directory": str(tmp_path), "spool_memory_bytes": 0, **ENDS[end]}
        async with stage(echo_body, **options) as at, at.client() as client:
            hold(at)
            await client.send(HELLO)
            while not files(tmp_path):
                await asyncio.sleep(0)
            assert list(tmp_path.iterdir()) == []
            await end(at, client)
            while files(tmp_path):
                await asyncio.sleep(0)

    run(main)


UNFINISHED: dict[str, Limits] = {
    "left": {},
    "stopped": {"body_seconds": 0.2},
    "too large": {"strict": True, "body_bytes": 4},
    "no room": {"spool_disk_bytes": 4},
    "malformed": {},
}


@pytest.mark.parametrize("end", UNFINISHED)
def test_a_file_goes_with_a_body_that_never_becomes_whole(run, tmp_path, end):
    async def main():
        options: Limits = {"spool_directory": str(tmp_path), "spool_memory_bytes": 0, **UNFINISHED[end]}
        async with stage(echo_body, **options) as at, at.client() as client:
            await client.send(CHUNKED + b"3\r\nabc\r\n")
            while not files(tmp_path):
                await asyncio.sleep(0)
            if end == "left":
                client.reset()
            else:
                await client.send({"malformed": b"zz\r\n", "stopped": b"3"}.get(end, b"3\r\ndef\r\n"))
                status = {"stopped": 408, "too large": 413, "no room": 507, "malformed": 400}[end]
                assert (await client.answer())[0] == status
            while files(tmp_path):
                await asyncio.sleep(0)

    run(main)


def test_a_file_goes_with_an_answer_that_comes_before_all_of_it_went_to_the_server(run, tmp_path):
    async def main():
        done = asyncio.Event()

        async def early(peer: Peer):
            await peer.head()
            peer.pause_reading()
            await peer.send(OK)
            await done.wait()

        async with stage(early, spool_directory=str(tmp_path)) as at, at.client() as client:
            hold(at)
            await client.send(UPLOAD + LARGE)
            assert await left_with(at, client) == 0
            assert len(files(tmp_path)) == 1
            lead(at)
            assert (await client.answer())[0] == 200
            assert not files(tmp_path)
            done.set()

    run(main)


def test_a_body_that_memory_has_room_for_makes_no_file(run, tmp_path):
    async def main():
        async with stage(echo_body, spool_directory=str(tmp_path), spool_memory_bytes=5) as at, at.client() as client:
            hold(at)
            await client.send(HELLO)
            await pass_by(at)
            assert not files(tmp_path)
            lead(at)
            assert (await client.answer())[2] == b"length:hello"

    run(main)


@pytest.mark.parametrize("begun", [False, True])
def test_a_file_that_cannot_be_read_back_is_told_and_never_passed_off_as_whole(run, tmp_path, begun):
    async def main():
        got: asyncio.Queue[bytes] = asyncio.Queue()

        async def script(peer: Peer):
            received = b""
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await peer.head()
                if begun:
                    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                while data := await peer.reader.read(2**18):
                    received += data
            got.put_nowait(received)

        options: Limits = {"spool_directory": str(tmp_path), "spool_memory_bytes": 100_000}
        async with stage(script, **options) as at, at.client() as client:
            hold(at)
            await client.send(CHUNKED + b"3\r\nabc\r\n")
            await pass_by(at)
            for _ in range(200):
                await client.send(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
            await client.send(b"0\r\n\r\n")
            assert await left_with(at, client) == 0
            (file,) = files(tmp_path)
            os.truncate(file, 8_000_000 if begun else 0)
            lead(at)
            if begun:
                assert (await client.rest()).endswith(b"Content-Length: 2\r\n\r\n")
            else:
                status, headers, _ = await client.answer()
                assert (status, headers["x-page"]) == (503, "spool")
                assert "shorter than what was written" in at.failures[0].reason
                await client.send(get(b"/"))
                assert (await client.answer())[2] == b"control", "all of the body was read"
            assert len(await got.get()) < 10_000_003
            while files(tmp_path):
                await asyncio.sleep(0)

    run(main)


def test_clients_and_servers_that_vanish_while_routes_change_leave_nothing_behind(run, tmp_path):
    chance = random.Random(5)

    async def main():
        done = asyncio.Event()
        limits: Limits = {"spool_memory_bytes": 10_000, "spool_disk_bytes": 200_000, "spool_directory": str(tmp_path)}
        async with stage(moody(chance), upstream_idle_seconds=0.05, linger_seconds=0.2, **limits) as at:

            async def mover() -> None:
                while not done.is_set():
                    at.table.publish([route_to(PREFIX, "predict", at.upstream, holding=bool(chance.randrange(2)))])
                    for _ in range(20):
                        await asyncio.sleep(0)

            moving = asyncio.gather(mover())
            for _ in range(20):
                await asyncio.gather(*(visitor(at, chance) for _ in range(20)))
            done.set()
            await moving
            lead(at)
            await at.nothing_open()
            assert not files(tmp_path)

    run(main)


def chunked(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), 2**20):
        part = body[at : at + 2**20]
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


UPLOADS = {
    "length": (get(PATH, b"Content-Length: %d" % len(FIFTY_MEGABYTES), method=b"POST"), [FIFTY_MEGABYTES]),
    "chunked": (CHUNKED, list(chunked(FIFTY_MEGABYTES))),
}


def body_of(connection: socket.socket) -> bytes:
    """The body, which has a length however it came (K9)."""
    with connection.makefile("rb") as stream:
        return stream.read(len(FIFTY_MEGABYTES))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("framing", UPLOADS)
def test_fifty_megabytes_wait_on_disk_and_arrive_byte_for_byte_whoever_is_slow(framing, loop):
    """Neither the client, who is quick, nor the server, which reads nothing for a while, fills the memory."""
    asked, go = threading.Event(), threading.Event()
    digests = []

    def serve(connection: socket.socket) -> None:
        while head := head_of(connection):
            if b"POST" in head:
                asked.set()
                go.wait(60)
                digests.append(hashlib.sha256(body_of(connection)).hexdigest())
            connection.sendall(OK)

    with listening(serve) as port, Alone(loop=loop) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            gateway.publish([(PREFIX, port), (OTHER, port)])
            ask_often(gateway, 100)
            before = gateway.memory()
            gateway.forget_peak()
            gateway.publish([(PREFIX, None), (OTHER, port)])
            head, parts = UPLOADS[framing]
            client.sendall(head)
            for part in parts:
                client.sendall(part)
            gateway.publish([(PREFIX, port), (OTHER, port)])
            assert asked.wait(60)
            # The others are served all the while.
            ask_often(gateway, 200)
            go.set()
            assert head_of(client).startswith(b"HTTP/1.1 200 ")
            growth = gateway.peak() - before
        facts = gateway.facts()
        assert facts["bytes_in"] == len(FIFTY_MEGABYTES)
        assert not facts["complaints"]
    assert digests == [hashlib.sha256(FIFTY_MEGABYTES).hexdigest()]
    assert growth < 16, f"grew by {growth:.1f} MB"


def ask_often(gateway: Alone, times: int) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        for _ in range(times):
            client.sendall(get(OTHER.encode()))
            assert head_of(client).startswith(b"HTTP/1.1 200 ")
            assert client.recv(2) == b"ok"


def test_a_disk_that_is_full_in_the_middle_of_a_write_is_507_and_leaves_nothing(tmp_path):
    """The system takes a part of a write, and then refuses."""

    def serve(connection: socket.socket) -> None:
        while head_of(connection):
            connection.sendall(OK)

    def send() -> None:
        head, parts = UPLOADS["length"]
        with contextlib.suppress(OSError):
            client.sendall(head + parts[0])

    with listening(serve) as port, Alone(file_bytes=3_000_001, spool_directory=str(tmp_path)) as gateway:
        gateway.publish([(PREFIX, port), (OTHER, port)])
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            sending = threading.Thread(target=send)
            sending.start()
            assert head_of(client).startswith(b"HTTP/1.1 507 ")
            client.close()
            sending.join()
        ask_often(gateway, 3)
        assert gateway.facts()["complaints"] == []
        assert files(tmp_path, gateway.pid) == []


def test_a_killed_gateway_leaves_no_file(tmp_path):
    with Alone(spool_directory=str(tmp_path)) as gateway:
        gateway.publish([(PREFIX, None)])
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            head, parts = UPLOADS["length"]
            client.sendall(head + parts[0][:3_000_000])
            wait_for(lambda: sizes(tmp_path, gateway) != [], "the body to be on disk")
            assert list(tmp_path.iterdir()) == []
            os.kill(gateway.pid, signal.SIGKILL)
            with contextlib.suppress(ConnectionResetError):  # where it had not read all yet
                assert client.recv(1) == b""
    assert list(tmp_path.iterdir()) == []


def sizes(directory: Path, gateway: Alone) -> list[int]:
    return [file.stat().st_size for file in files(directory, gateway.pid)]
