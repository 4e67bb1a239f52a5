import asyncio

import pytest

from tests.served import at
from vhlocal.session.diagnosis.exits import Explanation
from vhlocal.session.endpoint.together import NotTogetherError, Together

ONE, TWO, THREE = at("a", 1), at("a", 2), at("a", 3)
WHY = Explanation("its import failed", "mend it", None)


def run(main):
    asyncio.run(asyncio.wait_for(main(), 30))


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_k3_nobody_goes_on_before_all_have_answered():
    async def main():
        together = Together([ONE, TWO, THREE])
        waiting = [asyncio.ensure_future(together.answered(each)) for each in (ONE, TWO)]
        await settled()
        assert not any(each.done() for each in waiting)
        await together.answered(THREE)
        await asyncio.gather(*waiting)
        assert [together.took_over(each) for each in (TWO, ONE, THREE)] == [False, False, True]

    run(main)


def test_k3_where_one_fails_none_goes_on_and_only_the_first_is_told():
    async def main():
        together = Together([ONE, TWO, THREE])
        waiting = asyncio.ensure_future(together.answered(ONE))
        await settled()
        assert together.fail(TWO, WHY)
        assert not together.fail(THREE, WHY)
        with pytest.raises(NotTogetherError, match="its import failed") as caught:
            await waiting
        assert (caught.value.who, caught.value.again) == (TWO, False)
        with pytest.raises(NotTogetherError):
            await together.answered(ONE)

    run(main)


def test_k3_one_that_has_no_server_is_not_waited_for():
    async def main():
        together = Together([ONE, TWO])
        waiting = asyncio.ensure_future(together.answered(ONE))
        await settled()
        together.leave(TWO)
        await waiting
        assert together.took_over(ONE)

    run(main)


def test_replicas_that_have_what_is_wanted_already_are_told_of_once():
    together = Together([ONE, TWO])
    together.leave(ONE)
    assert not together.took_over(ONE)
    together.leave(TWO)
    assert [together.took_over(each) for each in (TWO, ONE)] == [True, False]


def test_one_that_gives_up_may_be_back_and_is_waited_for_until_then():
    async def main():
        together = Together([ONE, TWO])
        first = asyncio.ensure_future(together.answered(ONE))
        await settled()
        first.cancel()
        await asyncio.wait({first})
        again = asyncio.ensure_future(together.answered(ONE))
        await settled()
        assert not again.done()
        await together.answered(TWO)
        await again

    run(main)
