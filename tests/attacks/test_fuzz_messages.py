"""What an endpoint's code says in its runner's place, known and made up: that endpoint's loss, and nothing else's."""

import asyncio
import json
import random

import pytest

from tests.attacks.conversations import SEEDS, conversations, hold, keep
from vhlocal.session.warm.runner_messages import is_answer, is_event

#: Enough for each kind of change to meet each message; about five seconds.
CONVERSATIONS = 600


@pytest.mark.parametrize("name", sorted(SEEDS, key=lambda name: (not str(name).startswith("found-"), str(name))))
def test_each_seed(tmp_path, name):
    assert asyncio.run(hold(SEEDS[name], tmp_path)) == []


@pytest.mark.parametrize("name", [name for name in SEEDS if name.startswith("sound")])
def test_what_a_runner_says_is_heard(name):
    """Or nothing would be tried."""
    assert all(is_event(json.loads(line)) for line in SEEDS[name]["events"])
    assert all(is_answer(order, json.loads(line)) for order, line in SEEDS[name]["answers"].items())


def test_whatever_it_says_ends_no_more_than_the_connection(tmp_path):
    chance = random.Random(20261126)

    async def main():
        for conversation, _ in zip(conversations(chance), range(CONVERSATIONS), strict=False):
            wrong = await hold(conversation, tmp_path)
            assert wrong == [], keep(conversation)

    asyncio.run(main())
