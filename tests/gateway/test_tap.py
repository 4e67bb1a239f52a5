"""What is handed on of requests and answers that pass, whole."""

from __future__ import annotations

from tests.gateway.harness import CLOSE, PATH, answering, get, stage


class Part:
    def __init__(self):
        self.data = b""

    def feed(self, data):
        self.data += data


class Taken:
    """A tap that keeps all that it is given."""

    part = Part

    def __init__(self):
        self.taken = []

    def take(self, record, asked, body, told, answer):
        self.taken.append(
            (record, asked, body and body.data, told, answer if isinstance(answer, bytes) else answer.data)
        )


def test_heads_and_bodies_are_handed_on_as_they_passed(run):
    async def main():
        async def script(peer):
            for answer in (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok",
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ):
                head = await peer.head()
                if b"Content-Length: 4" in head:
                    await peer.exactly(4)
                await peer.send(answer)

        tap = Taken()
        async with stage(script, tap=tap) as at, at.client() as client:
            await client.send(get(PATH, b"X-B: 2"))
            assert (await client.answer())[0] == 200
            await client.send(get(PATH, b"Content-Length: 4", method=b"POST") + b"body")
            assert (await client.answer())[0] == 201
            first, second = tap.taken
            assert (first[0].status, first[2], first[4]) == (200, None, b"ok")
            assert (b"X-B", b"2") in first[1]
            assert (b"X-A", b"1") in first[3]
            assert (second[0].status, second[2], second[4]) == (201, b"body", b"abc")

    run(main)


def test_what_no_server_answered_has_no_head_and_the_control_planes_own_is_not_handed_on(run):
    async def main():
        tap = Taken()
        async with stage(answering(b"ok"), tap=tap) as at, at.client() as client:
            at.table.publish([])
            await client.send(get(PATH))
            assert (await client.answer())[0] == 404
            await client.send(get(b"/", CLOSE))
            assert (await client.answer())[2] == b"control"
            assert tap.taken == []

    run(main)
