import asyncio
from dataclasses import dataclass

from tests.served import at
from vhlocal.events import Bus, Scaled
from vhlocal.scaling.knative import Knative
from vhlocal.scaling.look import Look, Range, Replica, Wanted
from vhlocal.session.scaler import Following, Spent, cpu_utilization, follow, requests_in_flight


@dataclass
class Told:
    """A rule that keeps what it was shown, and wants what it was given."""

    wants: list[int]
    interval: float = 0.05
    horizon: float = 1.0

    def __post_init__(self):
        self.looks: list[Look] = []

    def want(self, look, _within, _memory):
        self.looks.append(look)
        return Wanted(self.wants[min(len(self.looks), len(self.wants)) - 1], "told", None)


def test_k3_a_rule_is_shown_each_replicas_average_and_its_answer_is_followed():
    loads = [[4, 2, None]]
    scaled, rule = [], Told([3, 3, 5])
    bus, events = Bus(), []
    bus.subscribe(events.append)

    async def main():
        following = Following(at("a"), Range(1, 8), rule, requests_in_flight(lambda: loads[0]), scaled.append)
        task = asyncio.ensure_future(follow(following, bus))
        while not scaled:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert scaled == [5]
    assert events == [Scaled(at("a"), 3, 5, "told")]
    look = rule.looks[0]
    assert look.replicas == (Replica(4.0), Replica(2.0), Replica(None, ready=False))
    assert look.ready == 2


def test_k3_one_that_has_just_come_counts_for_the_time_that_it_was_there():
    counts = iter([[2], [2], [2, 8], [2, 8]])
    last = [2, 8]
    rule = Told([2], interval=0.35)

    async def main():
        following = Following(
            at("a"), Range(1, 8), rule, requests_in_flight(lambda: next(counts, last)), lambda _: None
        )
        task = asyncio.ensure_future(follow(following, Bus()))
        while not rule.looks:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))
    one, two = rule.looks[0].replicas
    assert one.load == 2.0
    assert two.load is not None
    assert two.load < 8.0


def test_k3_knatives_rule_follows_what_is_in_flight():
    scaled = []

    async def main():
        rule = Knative(target=2, utilization=1, window=0.5, interval=0.05)
        following = Following(at("a"), Range(1, 4), rule, requests_in_flight(lambda: [6]), scaled.append)
        task = asyncio.ensure_future(follow(following, Bus()))
        while not scaled:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert scaled[0] == 3


def used(before, after, requested=0.5):
    """Return what a replica's load is by what it had used before and after."""
    looks = iter([before, after])

    async def spent():
        return next(looks)

    async def asked():
        return await cpu_utilization(spent, requested)(0.2)

    return asyncio.run(asked())


def test_k3_cpu_is_measured_in_percent_of_what_is_requested():
    """K1: a tenth of a second in two is half of half a core, or less where the machine let the look wait."""
    (replica,) = used([Spent("a", 7.0)], [Spent("a", 7.05)])
    assert replica.ready
    assert 0 < replica.load <= 50
    (other,) = used([Spent("a", 7.0)], [Spent("a", 7.05)], requested=1.0)
    assert other.load <= 25


def test_k3_a_replica_that_was_not_there_all_the_time_is_not_ready_and_one_that_cannot_be_measured_is_missing():
    came = used([None], [Spent("a", 1.0)])
    another = used([Spent("a", 9.0)], [Spent("b", 1.0)])
    unknown = used([Spent("a", 9.0)], [Spent("a", None)])
    further = used([Spent("a", 9.0)], [Spent("a", 9.0), Spent("b", 1.0)])
    assert came == another == (Replica(None, ready=False),)
    assert unknown == (Replica(None),)
    assert further == (Replica(0.0), Replica(None, ready=False))
    assert used([Spent("a", 1.0), Spent("b", 1.0)], [Spent("a", 0.5)]) == (Replica(0.0),), "and less than nothing is 0"


def test_k3_an_endpoint_without_replicas_is_asked_about_again():
    scaled, loads = [], [[], [], [4]]

    async def main():
        count = requests_in_flight(lambda: loads.pop(0) if len(loads) > 1 else loads[0])
        following = Following(at("a"), Range(1, 8), Told([2], interval=0.01), count, scaled.append)
        task = asyncio.ensure_future(follow(following, Bus()))
        while not scaled:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert scaled[0] == 2
