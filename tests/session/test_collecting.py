"""Lines of servers become series, and what is charted nowhere is told (K6)."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.served import at
from vhlocal.events import Bus, Examined, LogLine, MetricsPrinted, Notice, StatusChanged
from vhlocal.model import State, Status
from vhlocal.series.store import MOST
from vhlocal.session.board import Board
from vhlocal.session.collecting import Collecting
from vhlocal.session.tasks import Tasks

WEB = at("web")
QUOTES = "{'vh_metadata': {'a': 1}}"
GOOD = '{"vh_metadata": {"a": 1.5, "best": "dog"}}'


class Run:
    """What a session has of it; ``told`` is what was to be judged, once all tasks are through."""

    def __init__(self):
        self.bus, self.board, self.judged, self.heard = Bus(), Board(), [], []
        self.bus.subscribe(self.board.apply)
        self.bus.subscribe(self.heard.append)
        self.failures = []
        self.tasks = Tasks(self.failures.append)
        loop = asyncio.get_running_loop()
        self.collecting = Collecting(loop, self.bus, self.board, self.tasks, self._tell)
        self.revision("r1")

    def _tell(self, whose, fault):
        self.judged.append((whose, fault.name, fault.why.split(" ")[0]))

    def revision(self, revision, whose=WEB):
        self.bus.publish(StatusChanged(Status(whose, State.READY, revision=revision)))

    def line(self, text, time=100.0, stream="stdout", whose=WEB):
        self.bus.publish(LogLine(whose, stream, text, time))

    async def told(self):
        await asyncio.sleep(0)  # what was handed to the loop begins
        await asyncio.gather(*self.tasks._tasks)
        assert self.failures == []
        found, self.judged = self.judged, []
        return found


@asynccontextmanager
async def a_run():
    run = Run()
    yield run
    await run.tasks.cancel()


def in_a_run(test):
    async def whole():
        async with a_run() as run:
            await test(run)

    def of_its_own():
        asyncio.run(whole())

    of_its_own.__doc__ = test.__doc__
    return of_its_own


@in_a_run
async def test_k6_a_line_of_metrics_is_collected_and_told(run):
    """K6: from stdout, under the replica that printed it."""
    second = replace(WEB, replica=2)
    run.line(GOOD, 1.0)
    run.line(GOOD, 2.0, whose=second)
    run.line("something else")
    run.line(GOOD, stream="stderr")
    run.bus.publish(Examined("web", "r1", "vh_metadata"))
    printed = [event for event in run.heard if isinstance(event, MetricsPrinted)]
    assert printed == [
        MetricsPrinted(WEB, 1.0, {"a": 1.5}, {"best": "dog"}),
        MetricsPrinted(second, 2.0, {"a": 1.5}, {"best": "dog"}),
    ]
    assert [(each.key.at, each.key.name, each.value) for each in run.collecting.store.series()] == [
        (WEB, "a", 1.5),
        (second, "a", 1.5),
    ]


@in_a_run
async def test_a_fault_is_judged_once_for_each_revision(run):
    for _ in range(3):
        run.line(QUOTES)
        run.line('{"vh_metadata": {"b": true, "c": null}}')
    assert await run.told() == [(WEB, "", "has"), (WEB, "b", "is")]
    run.revision("r2")
    run.line(QUOTES, 200.0)
    assert await run.told() == []
    run.line(QUOTES, 211.0)
    assert await run.told() == [(WEB, "", "has")]


@in_a_run
async def test_what_only_the_new_code_does_is_judged_at_once(run):
    run.line(GOOD)
    run.revision("r2")
    run.line(QUOTES)
    assert await run.told() == [(WEB, "", "has")]


@in_a_run
async def test_the_last_lines_of_the_old_server_are_not_the_new_codes(run):
    """An old server answers what it has begun, while the status tells of the new one."""
    run.line(QUOTES)
    assert len(await run.told()) == 1
    run.revision("r2")
    run.line(QUOTES, 101.0)
    run.line(GOOD, 102.0)
    assert await run.told() == []


@in_a_run
async def test_what_is_printed_twice_is_collected_once_and_no_fault(run):
    """As by a logger that echoes to stderr."""
    run.line(GOOD)
    run.line(GOOD, stream="stderr")
    run.line(f"INFO:root:{GOOD}", stream="stderr")
    assert await run.told() == []
    run.line('{"vh_metadata": {"other": 1}}', stream="stderr")
    assert await run.told() == [(WEB, "", "was")]


@in_a_run
async def test_too_many_names_are_told_once(run):
    for number in range(MOST + 3):
        run.line(f'{{"vh_metadata": {{"user {number}": 1}}}}')
    assert [event for event in run.heard if isinstance(event, Notice)] == [
        Notice(
            "some metrics are left out: a run keeps 200 series, names up to 100 characters",
            hint="do not put ids or times into the names of `vh_metadata`",
        )
    ]


@in_a_run
async def test_a_line_of_what_nobody_knows_is_not_judged(run):
    run.line(QUOTES, whose=at("gone"))
    assert await run.told() == []
