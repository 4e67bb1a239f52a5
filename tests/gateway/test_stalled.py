"""A gateway that could not run for a while, as on a busy machine or after Ctrl-Z, blames nobody for its own delay."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from tests.gateway.harness import OK, PATH, PREFIX, Peer, answering, get, stage
from tests.gateway.routes import route_to
from tests.gateway.test_memory import head_of, listening
from tests.waiting import LONG
from vhlocal.gateway.report import FailureKind
from vhlocal.gateway.server import Upstream

#: Seconds: the limits, and what is longer than them.
LIMIT, STALL = 0.4, 1.0


def client(at) -> socket.socket:
    """Return a connection of a client that is none of the loop's."""
    return socket.create_connection(("127.0.0.1", at.port), timeout=30)


async def answer_to(connection: socket.socket) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(None, connection.recv, 65536)


@pytest.mark.parametrize("rounds", range(6))
def test_a_server_that_has_accepted_meanwhile_is_not_called_slow(run, rounds):
    """It stalls in each of the rounds in which a connection may be on its way."""

    async def main():
        async with stage(answering(b"ok"), connect_seconds=LIMIT) as at:
            with client(at) as connection:
                connection.sendall(get(PATH))
                while not at.gateway.in_flight(at.upstream):
                    await asyncio.sleep(0)
                for _ in range(rounds):
                    await asyncio.sleep(0)
                time.sleep(STALL)
                assert (await answer_to(connection)).startswith(b"HTTP/1.1 200 ")
            assert at.failures == []

    run(main)


class Impatient:
    """A server that hangs up on its first client where that asks for nothing, once it is told that it has waited."""

    def __init__(self) -> None:
        self.waited = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        if not self.waited.is_set():
            assert self.waited.wait(LONG)
            connection.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                connection.recv(1, socket.MSG_PEEK)
                self.waited.clear()
            if self.waited.is_set():
                return
            connection.settimeout(LONG)
        if head_of(connection):
            connection.sendall(OK)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("rounds", range(6))
def test_a_server_that_was_not_asked_for_so_long_that_it_hung_up_is_asked_once_more(run, rounds, method):
    """As Gunicorn's threads do after some seconds. Nothing was sent, so the request may be of any kind."""

    async def main():
        impatient = Impatient()
        with listening(impatient) as port:
            async with stage(answering(b"")) as at:
                at.table.publish([route_to(PREFIX, "predict", Upstream("127.0.0.1", port))])
                with client(at) as connection:
                    connection.sendall(get(PATH, b"Content-Length: 0", method=method))
                    while not at.gateway.in_flight(Upstream("127.0.0.1", port)):
                        await asyncio.sleep(0)
                    for _ in range(rounds):
                        await asyncio.sleep(0)
                    impatient.waited.set()
                    time.sleep(1.2)
                    assert (await answer_to(connection)).startswith(b"HTTP/1.1 200 ")
                assert at.failures == []

    run(main)


class Closing:
    """A server that hangs up on whoever connects, without a word, or with one."""

    def __init__(self, word: bytes) -> None:
        self._word = word

    async def __call__(self, peer: Peer) -> None:
        if self._word:
            await peer.send(self._word)
        peer.reset()


@pytest.mark.parametrize("word", [b"", b"go away\n"], ids=["silent", "with a word"])
@pytest.mark.parametrize("rounds", range(12))
def test_a_server_that_hangs_up_before_it_is_asked_is_told_at_once(run, rounds, word):
    """Its end may come in any of the rounds between the connection and the request that it is for."""

    async def main():
        async with stage(Closing(word), connect_seconds=5.0) as at, at.client() as client:
            await client.send(get(PATH))
            for _ in range(rounds):
                await asyncio.sleep(0)
            time.sleep(0.01)
            status, _, body = await client.answer()
            assert (status, at.failures[0].kind) == (502, FailureKind.RESET), body

    run(main)
