"""What an answer tells of the code that gave it."""

import pytest

from tests.gateway.harness import CLOSE, PATH, PREFIX, Peer, get, stage
from tests.gateway.routes import route_to


@pytest.mark.parametrize("ending", ["length", "chunked", "close"])
def test_every_answer_tells_its_revision_and_only_a_stale_one_that_it_is_stale(run, ending):
    """Whatever the app itself says under these names, in any case, in its head or after its body."""
    claims = b"x-vhlocal-revision: r0\r\nX-VHLOCAL-STALE: false\r\nX-VHLocal-Other: 1\r\n"
    answers = {
        "length": b"Content-Length: 2\r\n\r\nok",
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-vhlocal-stale: false\r\n\r\n",
        "close": b"Connection: close\r\n\r\nok",
    }

    async def claiming(peer: Peer):
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\n" + claims + answers[ending])
            if ending == "close":
                return

    async def main():
        async with stage(claiming, control=claiming) as at:
            told = []
            for stale in (False, True, False):
                at.table.publish([route_to(PREFIX, "predict", at.upstream, revision="r1", stale=stale)])
                told.append((await at.ask(get(PATH, CLOSE))).lower())
            told.append((await at.ask(get(b"/", CLOSE))).lower())
            assert [answer.count(b"x-vhlocal-revision: r1\r\n") for answer in told] == [1, 1, 1, 0]
            assert [answer.count(b"x-vhlocal-stale: true\r\n") for answer in told] == [0, 1, 0, 0]
            assert [answer.count(b"x-vhlocal-") for answer in told] == [2, 3, 2, 1], "the app's other headers pass"

    run(main)
