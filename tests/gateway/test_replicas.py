"""Several servers of one endpoint, on real sockets (K3)."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.gateway.harness import ALIAS, PATH, PREFIX, answering, deaf_server, get, refusing, server, stage
from vhlocal.gateway.table import Replica, Route, Turn


def test_k3_requests_are_spread_strictly_in_turn_and_each_answer_says_whose_it_is(run):
    async def main():
        async with stage(answering(b"1")) as at, server(answering(b"2")) as two, server(answering(b"3")) as three:
            replicas = tuple(Replica(each, number) for number, each in enumerate((at.upstream, two, three), 1))
            turn = Turn()
            at.table.publish(Route(prefix, "predict", replicas, turn=turn) for prefix in (PREFIX, ALIAS))
            answers = []
            async with at.client() as one, at.client() as other:
                for client in (one, other, other) * 40:
                    await client.send(get(PATH))
                    status, headers, body = await client.answer()
                    assert (status, headers["x-vhlocal-replica"]) == (200, body.decode())
                    answers.append(body)
            assert Counter(answers) == {b"1": 40, b"2": 40, b"3": 40}
            assert [str(record.replica).encode() for record in at.records] == answers

    run(main)


def test_k3_a_body_that_is_read_first_takes_one_turn(run):
    async def main():
        async def script(peer):
            while True:
                await peer.head()
                await peer.exactly(3)
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with stage(script) as at, server(script) as two:
            replicas = (Replica(at.upstream, 1), Replica(two, 2))
            at.table.publish([Route(PREFIX, "predict", replicas)])
            async with at.client() as client:
                for _ in range(10):
                    await client.send(get(PATH, b"Content-Length: 3", method=b"POST") + b"abc")
                    assert (await client.answer())[0] == 200
            assert Counter(record.replica for record in at.records) == {1: 5, 2: 5}

    run(main)


def test_k3_one_that_lets_nobody_in_is_told_of_and_the_others_answer(run):
    async def main():
        async with stage(answering(b"1")) as at:
            with refusing() as gone:
                replicas = (Replica(at.upstream, 1), Replica(gone, 2))
                at.table.publish([Route(PREFIX, "predict", replicas)])
                async with at.client() as client:
                    for _ in range(10):
                        await client.send(get(PATH))
                        assert (await client.answer())[::2] == (200, b"1")
            assert len(at.refused) == 5
            assert {record.replica for record in at.records} == {1}

    run(main)


def test_k3_one_that_does_not_accept_in_time_is_told_of_and_the_others_answer(run):
    """As one whose network was taken away: nothing of the request was sent to it."""

    async def main():
        with deaf_server() as deaf, deaf_server() as deaf_too:
            async with stage(answering(b"1"), connect_seconds=3) as at, at.client() as client:
                at.table.publish([Route(PREFIX, "predict", (Replica(deaf, 1), Replica(at.upstream, 2)))])
                for _ in range(2):
                    await client.send(get(PATH))
                    assert (await client.answer())[::2] == (200, b"1")
                assert len(at.refused) == 1
                assert [record.replica for record in at.records] == [2, 2]
            async with stage(answering(b"1"), connect_seconds=0.1) as at, at.client() as client:
                at.table.publish([Route(PREFIX, "predict", (Replica(deaf, 1), Replica(deaf_too, 2)))])
                await client.send(get(PATH))
                assert (await client.answer())[0] == 504

    run(main)


def test_k3_where_all_let_nobody_in_it_is_waited_for_word_and_each_was_asked_once(run):
    async def main():
        async with stage(answering(b"1"), word_seconds=30) as at:
            with refusing() as gone, refusing() as gone_too:
                at.table.publish([Route(PREFIX, "predict", (Replica(gone, 1), Replica(gone_too, 2)))])
                async with at.client() as client:
                    await client.send(get(PATH))
                    while len(at.refused) < 2:
                        await asyncio.sleep(0.01)
                    at.table.publish([Route(PREFIX, "predict", (Replica(at.upstream, 1),))])
                    assert (await client.answer())[::2] == (200, b"1")
            assert len(at.refused) == 2

    run(main)
