import asyncio
import threading

from tests.requests import ended, of_control
from vhlocal.events import Bus, Event, RequestsEnded
from vhlocal.session.traffic.requests import KEPT, Requests


class Told:
    """What the bus told, with a way to wait for it."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.batches: list[int] = []
        self._changed = asyncio.Event()
        bus.subscribe(self._take)

    def _take(self, event: Event) -> None:
        assert isinstance(event, RequestsEnded)
        self.batches.append(len(event.records))
        self._changed.set()

    async def wait_for(self, total: int) -> None:
        while sum(self.batches) < total:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 30)


def run(main) -> None:
    async def started():
        bus = Bus()
        await main(Requests(asyncio.get_running_loop(), bus), Told(bus))

    asyncio.run(started())


def test_requests_that_end_together_are_told_together_and_each_once():
    async def main(requests, told):
        for _ in range(3):
            requests.add(ended())
        assert told.batches == []
        await told.wait_for(3)
        requests.add(ended(404))
        await told.wait_for(4)
        assert told.batches == [3, 1]
        requests.add(ended())
        requests.close()
        assert told.batches == [3, 1, 1]

    run(main)


def test_all_is_told_once_everybody_has_heard_of_it():
    async def main(requests, told):
        assert requests.all_told()
        requests.add(ended(404))
        assert not requests.all_told()
        heard = []
        told.bus.subscribe(lambda event: heard.append(requests.all_told()))
        await told.wait_for(1)
        assert heard == [False], "somebody may have to hear of it still"
        assert requests.all_told()
        requests.add(of_control())
        assert requests.all_told(), "who asks for it makes such a request each time"
        requests.add(of_control()._replace(status=404))
        assert not requests.all_told()
        requests.close()

    run(main)


def test_many_requests_are_told_in_one_go():
    async def main(requests, told):
        for _ in range(2500):
            requests.add(ended())
        await told.wait_for(2500)
        assert told.batches == [2500]

    run(main)


def test_the_last_requests_are_known_at_once_and_bounded_in_number():
    async def main(requests, _told):
        for number in range(KEPT + 5):
            requests.add(ended(target=f"/{number}"))
        requests.add(ended(endpoint="words", target="/words"))
        requests.add(of_control())
        assert [record.target for record in requests.last(2)] == [f"/{KEPT + 4}", "/words"]
        assert [record.target for record in requests.last(1, lambda record: record.endpoint == "predict")] == [
            f"/{KEPT + 4}"
        ]
        assert len(requests.last(10 * KEPT)) == KEPT
        assert requests.last(0) == ()
        traffic = requests.traffic()
        assert {whose.endpoint: sums.statuses[200] for whose, sums in traffic.items()} == {
            "predict": KEPT + 5,
            "words": 1,
            "": 1,
        }

    run(main)


def test_readers_in_other_threads_neither_lose_nor_double_a_request():
    async def main(requests, told):
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                requests.traffic()
                requests.last(10)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(20_000):
            requests.add(ended())
        await told.wait_for(20_000)
        done.set()
        for reader in readers:
            reader.join()
        assert sum(told.batches) == 20_000
        assert requests.traffic()["predict", "", 0].statuses[200] == 20_000

    run(main)
