"""One container, on a fake runtime: what it is asked for, in whatever order those who ask give up."""

import asyncio
import contextlib
import threading

import psutil

from tests.fakes.runtime import FakeRuntime
from tests.session.test_keeper_model import by, wanted
from tests.waiting import LONG, wait_for
from vhlocal.events import Bus
from vhlocal.model import Package
from vhlocal.reload.staging import Staging
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.endpoint.making import Making
from vhlocal.session.endpoint.server import Server
from vhlocal.session.probe import Probe


class SlowRuntime(FakeRuntime):
    """Starts a server once ``gate`` is open, and tells in which order it has done what."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.done: list[str] = []

    def start(self, *arguments, **named):
        assert self.gate.wait(30)
        started = super().start(*arguments, **named)
        self.done.append("start")
        return started

    def stop(self, server, grace):
        super().stop(server, grace)
        self.done.append("stop")

    def remove(self, server):
        super().remove(server)
        self.done.append("remove")


@contextlib.asynccontextmanager
async def created(runtime, place):
    """Return a server that can be started; it is removed in the end."""
    desired = wanted("good", "image", by(None))
    server = Server(
        Making(
            runtime=runtime,
            endpoint=desired.endpoint,
            spec=desired.spec,
            staging=Staging(place / "staging"),
            probe=Probe(),
            diagnosis=lambda: Diagnosis(runtime, place, Bus(), lambda: Package(place, {}, ""), lambda *_: ()),
            patience=10.0,
            on_line=lambda *_: None,
            on_pause=lambda: None,
            on_news=lambda _: None,
            asks=lambda *_: None,
        )
    )
    await server.create(None)
    try:
        yield server
    finally:
        await server.remove()
        runtime.close()


def test_a_stop_comes_after_the_start_that_was_given_up_before(tmp_path):
    """Else nobody would stop what that starts."""

    async def work():
        runtime = SlowRuntime()
        async with created(runtime, tmp_path) as server:
            starting = asyncio.create_task(server.start())
            await asyncio.sleep(0.05)
            starting.cancel()
            stopping = asyncio.create_task(server.stop(10))
            await asyncio.sleep(0.05)
            assert runtime.done == []
            runtime.gate.set()
            await stopping
            assert runtime.done == ["start", "stop"]
            assert runtime.living == []

    asyncio.run(work())


def test_a_server_is_removed_before_its_grace_is_over(tmp_path):
    """As when a run is ended for the second time."""

    class Stubborn(SlowRuntime):
        def stop(self, server, grace):
            assert removed.wait(LONG), "it is not removed before"
            self.done.append("stop")

        def remove(self, server):
            super().remove(server)
            removed.set()

    removed = threading.Event()

    async def work():
        runtime = Stubborn()
        runtime.gate.set()
        async with created(runtime, tmp_path) as server:
            await server.start()
            stopping = asyncio.create_task(server.stop(30))
            await asyncio.sleep(0.05)
            await server.remove()
            await stopping
            assert runtime.done == ["start", "remove", "stop"]

    asyncio.run(work())


def test_a_removal_that_is_given_up_ends_once_nothing_is_left(tmp_path):
    """As at the end of a run, which looks for what is there: not for what is still being made."""

    async def work():
        runtime = SlowRuntime()
        async with created(runtime, tmp_path) as server:
            starting = asyncio.create_task(server.start())
            await asyncio.sleep(0.05)
            starting.cancel()
            removing = asyncio.create_task(server.remove())
            await asyncio.sleep(0.05)
            removing.cancel()
            await asyncio.sleep(0.05)
            assert not removing.done()
            runtime.gate.set()
            await asyncio.wait({removing})
            assert runtime.done == ["start", "remove"]
            assert (removing.cancelled(), runtime.containers) == (True, {})

    asyncio.run(work())


def test_whoever_gives_up_waiting_for_the_first_answer_leaves_no_connection(tmp_path):
    """Whichever moment that is: the answer may have come already."""

    async def work():
        runtime = FakeRuntime()
        async with created(runtime, tmp_path) as server:
            await server.start()
            (process,) = runtime.living
            while not process.listens:
                await asyncio.sleep(0.01)
            answered = rounds = 0
            # How many rounds an answer takes is the machine's.
            while answered < 10:
                waiting = asyncio.create_task(server.wait_until_ready(lambda _: None))
                for _ in range(rounds):
                    await asyncio.sleep(0)
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    (await waiting).hang_up()
                    answered += 1
                await asyncio.to_thread(wait_for, lambda: not connections(process.port), f"none after {rounds} rounds")
                rounds += 1

    asyncio.run(work())


def connections(port):
    """Return the connections of this process with a port of its own."""
    return [
        each
        for each in psutil.Process().net_connections("tcp")
        if each.raddr and each.raddr.port == port and each.fd > 0
    ]
