"""The servers of one container as vhlocal sees them, with a real runner at the other end."""

import asyncio
import contextlib
from pathlib import Path

import pytest

import vhlocal.runner
from tests.runner.stacks import USUAL, python_of
from tests.runner.test_serve_warm import FILES, LIBRARY, WSGI
from tests.runner.warm import TOKEN, warm
from tests.waiting import accepts
from vhlocal.runtime.base import Address, Layout
from vhlocal.runtime.process.ports import free_ports
from vhlocal.session.warm.forks import Forks, NoRoomError, NotThereError


@pytest.fixture
def served(tmp_path):
    """A runner whose first server has answered, and whose master has imported what there is."""
    runner = Path(vhlocal.runner.__file__).parent
    with warm(runner, tmp_path, WSGI, python_of(USUAL), FILES, {"library.py": LIBRARY}) as it:
        it.warm_up()
        yield it


def with_forks(it, spares, work):
    """Run ``work`` with what speaks with the runner, which may have so many servers beside the first."""

    async def connected():
        ports = free_ports(spares)
        layout = Layout(port=it.ports[1], host="127.0.0.1", control=it.control.port, spares=ports)
        addresses = {port: Address("127.0.0.1", port) for port in (it.ports[1], it.control.port, *ports)}
        forks = Forks(addresses, layout, lambda news: None)
        assert await forks.connect(TOKEN)
        try:
            await work(forks)
        finally:
            forks.close()

    asyncio.run(connected())


def test_a_server_whose_begin_is_given_up_ends_and_its_port_is_anothers_only_then(served):
    async def work(forks):
        for _ in range(10):
            beginning = asyncio.create_task(forks.begin())
            await asyncio.sleep(0)  # the order is on its way
            beginning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beginning
            # With one port beside the first there is room for the next only when this one has ended.
            await forks.others_ended(30)
        fork = await forks.begin()
        await asyncio.wait_for(fork.bound.wait(), 30)
        assert await forks.serve(fork)

    with_forks(served, 1, work)


@pytest.mark.parametrize("moment", ["begun", "bound", "served"])
def test_a_server_that_is_given_up_ends_and_the_one_that_serves_stays(served, moment):
    async def work(forks):
        first, fork = forks.serving, await forks.begin()
        if moment != "begun":
            await asyncio.wait_for(fork.bound.wait(), 30)
        if moment == "served":
            # Its answer does not matter any more: a newer save has come.
            serving = asyncio.create_task(forks.serve(fork))
            await asyncio.sleep(0)
            serving.cancel()
        forks.give_up(fork)
        await asyncio.wait_for(asyncio.shield(fork.ended), 30)
        assert not accepts(fork.port)
        assert forks.serving is first
        assert not first.ended.done()
        with pytest.raises(NotThereError):
            await forks.serve(fork)

    with_forks(served, 3, work)
    assert served.get(1).status == 200


def test_where_no_port_is_left_nobody_is_ended_for_one(served):
    async def work(forks):
        forked = [await forks.begin() for _ in range(2)]
        for fork in forked:
            await asyncio.wait_for(fork.bound.wait(), 30)
            await forks.serve(fork)
        with pytest.raises(NoRoomError, match="3 older servers still answer requests"):
            await forks.begin()
        await forks.stop(forked[0], 0)
        again = await forks.begin()
        assert again.port == forked[0].port
        assert not forked[1].ended.done()
        assert not any(fork.ended.done() for fork in (forked[1], again))

    with_forks(served, 2, work)
    assert served.get(1).status == 200


def test_a_stop_that_is_given_up_forgets_no_server_that_may_live(served):
    async def work(forks):
        fork = await forks.begin()
        await asyncio.wait_for(fork.bound.wait(), 30)
        stopping = asyncio.create_task(forks.stop(fork, 30))
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(NoRoomError):
            await forks.begin()
        await forks.stop(fork, 0)  # the first may have been given up before it was said
        await asyncio.wait_for(asyncio.shield(fork.ended), 120)
        assert (await forks.begin()).port == fork.port

    with_forks(served, 1, work)


def test_a_port_on_which_somebody_else_listens_is_passed_over(served):
    async def work(forks):
        first, second = forks._ports[1:]
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", first)
        async with server:
            assert (await forks.begin()).port == second
            with pytest.raises(NoRoomError):
                await forks.begin()

    with_forks(served, 2, work)


def test_what_a_connection_was_told_that_has_been_given_up_the_next_one_knows(served):
    """The address that the code binds is told once; here the test's own connection has heard it."""

    async def work(forks):
        assert await forks.serve(forks.serving)
        assert await forks.hosts(forks.serving) == ["0.0.0.0"]

    with_forks(served, 1, work)
