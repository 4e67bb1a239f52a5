"""What speaks in the runner's place may be the project's code: it is read in turns, and to its end."""

import asyncio

import pytest

from vhlocal.session.warm.runner_client import RunnerClient, RunnerGoneError

ATTENDED = b'{"id": 1}\n'


async def heard(burst: bytes, ticks: bool = False) -> list:
    """What a client tells of a runner that answers, sends a burst, and hangs up; ``tick`` for each round in between."""
    told, ended = [], asyncio.Event()

    async def runner(reader, writer):
        await reader.readuntil(b"}\n")
        writer.write(ATTENDED + burst)
        writer.close()

    def on_event(event):
        told.append(event)
        if event == {"event": "gone"}:
            ended.set()

    server = await asyncio.start_server(runner, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client, _ = await RunnerClient.connect("127.0.0.1", port, "token", on_event)
        while not ended.is_set():
            await asyncio.sleep(0)
            if told and told[-1] != "tick":
                told.append("tick")
        assert not client.connected
    return told


def test_others_have_their_turn_in_the_midst_of_a_flood_and_nothing_is_lost():
    events = 5000
    burst = b"".join(b'{"event": %d}\n' % number for number in range(events))
    told = asyncio.run(asyncio.wait_for(heard(burst), 60))
    assert [event["event"] for event in told if event != "tick"] == [*range(events), "gone"]
    assert told.count("tick") > 20


@pytest.mark.parametrize("burst", [b"[]\n", b"1\n", b"null\n", b"\xff\n", b"[" * 200_000 + b"\n", b"x" * 5_000_000])
def test_what_no_runner_says_ends_the_connection_and_nothing_else(burst):
    told = asyncio.run(asyncio.wait_for(heard(b'{"event": 1}\n' + burst + b'{"event": 2}\n'), 60))
    assert {"event": 2} not in told
    assert [event for event in told if event != "tick"][-1] == {"event": "gone"}


def test_nobody_waits_for_a_runner_that_has_gone():
    async def main():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(RunnerGoneError):
                await RunnerClient.connect("127.0.0.1", port, "token", lambda _: None)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_runner_that_does_not_answer_is_waited_for_once():
    told = []

    async def silent(reader, writer):
        await reader.readuntil(b"}\n")
        writer.write(ATTENDED)
        await reader.read()
        writer.close()

    async def main():
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            client, _ = await RunnerClient.connect("127.0.0.1", port, "token", told.append, patience=0.1)
            with pytest.raises(RunnerGoneError, match="does not answer"):
                await client.ask(do="write")
            while client.connected:
                await asyncio.sleep(0)
            with pytest.raises(RunnerGoneError, match="has ended"):
                await client.ask(do="write")

    asyncio.run(asyncio.wait_for(main(), 60))
    assert told == [{"event": "gone"}]
