"""One endpoint's keeper under any order of saves, deaths, installations and an engine that goes and comes back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.fakes.runtime import CODE, FakeRuntime
from tests.machine import Machine, run_machine
from tests.served import at
from tests.waiting import LONG
from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import BuildError, InputError
from vhlocal.events import Bus, StatusChanged
from vhlocal.gateway.table import RouteTable
from vhlocal.model import Endpoint, Package, ServedAt, State, Strategy, Version
from vhlocal.reload.staging import Staging
from vhlocal.runtime.base import Entry, Exit, Identity, Mounts, Runtime, ServerSpec
from vhlocal.session.board import Board
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.endpoint.chatter import Chatter
from vhlocal.session.endpoint.keeper import Keeper
from vhlocal.session.endpoint.surroundings import Surroundings
from vhlocal.session.limits import RELOAD_LIMIT
from vhlocal.session.phases import Phases
from vhlocal.session.probe import Probe
from vhlocal.session.tasks import Tasks
from vhlocal.session.traffic.routes import Routes
from vhlocal.session.wanted.desired import Bringing, Desired
from vhlocal.session.wanted.environments import Upkeep
from vhlocal.session.wanted.plan import Environment
from vhlocal.session.wanted.wish import Wish
from vhlocal.session.warm.warmth import Warmth

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import Any

    from vhlocal.runtime.base import Address

NAME = "web"
WEB = at(NAME, version="dev")

#: Seconds within which what is asked for has to be there. What takes long here is an engine that comes back.
_LIMIT = LONG


#: A server that can neither be forked nor live beside another: it holds a GPU.
ALONE = Bringing(None, None, Probe(), ())


def wanted(code: str, image: str, bringing: Bringing) -> Desired:
    """Return a server whose code and revision are ``code``, in an environment of this name."""
    endpoint = Endpoint(NAME, image, 8000, server_command=("python server.py",))
    environment = Environment(WEB, image, ())
    spec = ServerSpec(
        identity=Identity("acme/words", NAME),
        image=image,
        command=("python", "server.py"),
        environment={"VH_DEFAULT_PREFIX": "/acme/words/local/dev/web/"},
        port=8000,
        limits=ContainerLimits(gpus=1 if bringing is ALONE else 0),
        entries=(Entry(CODE, content=code.encode()),),
        mounts=Mounts(),
    )
    return Desired(endpoint, environment, spec, code, (), bringing)


def by(strategy: Strategy | None) -> Bringing:
    """Return how a server that could be forked is brought in where the user has set ``strategy``."""
    return Bringing(("run", "it"), strategy, Probe(), ())


class Keeping(Machine):
    """A run with one endpoint on a fake runtime; ``bringing`` is how its edits are brought in."""

    def __init__(self, place: Path, bringing: Bringing) -> None:
        super().__init__()
        self.bringing = bringing
        self.loop = asyncio.new_event_loop()
        self.saves = self.installs = 0
        self.image = "image 0"
        self.installing: asyncio.Future[None] | None = None
        self.faults: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.faults.append(str(context)))
        self.do(asyncio.wait_for(self.begin(place), _LIMIT))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def begin(self, place: Path) -> None:
        self.runtime = FakeRuntime()
        self.bus = bus = Bus()
        self.board = Board()
        bus.subscribe(self.board.apply)
        self.tasks = Tasks(lambda error: self.faults.append(repr(error)))
        self.routes = Routes(RouteTable())
        self.routes.serve([Version("acme", "words", "local", WEB.version)])
        self.wish = wanted("good 0", self.image, self.bringing)

        async def drain(_address: Address, _is_removed: bool) -> None:
            pass

        async def compare(_at: ServedAt, _old: Address, _new: Address) -> None:
            pass

        runtime = cast(Runtime, self.runtime)
        surroundings = Surroundings(
            runtime=runtime,
            bus=bus,
            board=self.board,
            routes=self.routes,
            tasks=self.tasks,
            staging=Staging(place / "staging"),
            warmth=Warmth(place / "imports"),
            chatter=Chatter(),
            reloads=True,
            fail_fast=True,
            strict=False,
            profile=False,
            made={},
            patience=60.0,
            reload_seconds=RELOAD_LIMIT,
            environments=Upkeep(runtime, bus, {}),
            judging=lambda: Diagnosis(runtime, place, bus, lambda: Package(place, {}, ""), lambda _, __: ()),
            found=lambda _, __, ___: None,
            urls=lambda _: (),
            drain=drain,
            compare=compare,
            brought=lambda: None,
            read_again=lambda: self.keeper.want(Wish(self.wish, Phases(time.monotonic()), _made())),
        )
        self.keeper = Keeper(surroundings, self.wish, WEB, vital=True)
        self.keeper.begin()
        await self.keeper.started

    # What happens.

    @rule(kind=st.sampled_from(["good", "good", "broken", "hangs"]))
    def save(self, kind: str) -> None:
        """Save code, once more what is served perhaps."""
        self.saves += 1
        self.want(f"{kind} {self.saves}")

    @rule()
    def save_twice(self) -> None:
        """Save, and again before anybody has done anything about it."""
        self.save("good")
        self.save("good")

    @rule()
    def take_back(self) -> None:
        """Ask for what is served already."""
        code = self.answering()
        if code is not None:
            self.want(code)

    @rule(ends=st.booleans())
    def install(self, ends: bool) -> None:
        """Ask for another environment, or end what is being installed: well, or not."""
        if self.installing is None:
            self.installs += 1
            self.image = f"image {self.installs}"
            self.installing = self.loop.create_future()
            self.save("good")
        else:
            self.do(self.end_installation(BuildError("pip has failed") if ends else None))

    @rule()
    def unreadable(self) -> None:
        """Save a ``valohai.yaml`` that is none."""
        self.do(_now(lambda: self.keeper.cannot_read(InputError("no YAML"))))

    @rule(out_of_memory=st.booleans())
    def crash(self, out_of_memory: bool) -> None:
        """The container ends that serves."""
        process = self.led()
        for container in self.runtime.containers.values():
            if process in container.processes.values():
                self.do(_now(lambda it=container: it.end(Exit(137 if out_of_memory else 3, out_of_memory))))

    @rule(choice=st.integers(0, 3))
    def die(self, choice: int) -> None:
        """A server ends that does not serve (yet, or any more)."""
        others = [process for process in self.runtime.living if process is not self.led()]
        if others:
            self.do(_now(lambda: others[choice % len(others)].end(3)))

    @rule()
    def engine(self) -> None:
        """The engine goes away, or is there again."""
        self.runtime.away = not self.runtime.away

    @rule(seconds=st.sampled_from([0, 0.001, 0.005, 0.02, 0.1]))
    def wait(self, seconds: float) -> None:
        """Let things go on for a moment."""
        self.do(asyncio.sleep(seconds))

    # What holds at any time.

    @invariant()
    def a_server_is_there_or_it_is_told_why_not(self) -> None:
        status, target = self.board.status(WEB), self.routes.target(WEB)
        assert status is not None
        if status.state is State.CRASHED:
            assert status.reason
            assert target.address is None
        if target.address is not None:
            assert status.state is State.READY
        assert self.faults == []

    @invariant()
    def what_answers_is_what_the_route_tells(self) -> None:
        """Where it has not just ended."""
        process = self.led()
        if process is not None:
            assert process.code == self.routes.target(WEB).revision
            assert process.code.startswith("good")

    def leave(self) -> None:
        self.do(_end_all())
        self.runtime.close()
        self.loop.close()
        assert self.faults == []

    def end_well(self) -> None:
        """Whatever has happened: the engine is there again, good code is saved, and it is served, by one server."""
        self.runtime.away = False
        if self.installing is not None:
            self.do(self.end_installation(None))
        self.save("good")
        self.until(lambda: self.answering() == f"good {self.saves}", "the last save to be served")
        self.until(lambda: not self.routes.target(WEB).stale, "it not to be marked")
        self.until(lambda: len(self.runtime.living) == 1, "the other servers to end")
        self.until(lambda: len(self.runtime.containers) == 1, "the other containers to go")
        self.crash(out_of_memory=False)
        self.until(lambda: self.answering() == f"good {self.saves}", "it to be started again")
        self.do(self.keeper.stop(0))
        self.do(self.tasks.cancel())
        assert not self.runtime.containers

    # How.

    def want(self, code: str) -> None:
        made = self.installing
        self.wish = wanted(code, self.image, self.bringing)
        self.do(_now(lambda: self.keeper.want(Wish(self.wish, Phases(time.monotonic()), made or _made()))))

    async def end_installation(self, error: BuildError | None) -> None:
        installing, self.installing = self.installing, None
        assert installing is not None
        if error is None:
            installing.set_result(None)
        else:
            installing.set_exception(error)
            installing.exception()

    def led(self):
        """Return the server that requests are led to; None where there is none, or it has ended."""
        address = self.routes.target(WEB).address
        for process in self.runtime.living:
            if address is not None and process.port == address.port and process.listens:
                return process
        return None

    def answering(self) -> str | None:
        process = self.led()
        return None if process is None else process.code

    def facts(self) -> tuple[Any, ...]:
        """Return what to know of a state that should not be."""
        status, containers = self.board.status(WEB), self.runtime.containers
        assert status is not None
        servers = {name: [(each.code, each.port) for each in it.living] for name, it in containers.items()}
        return status.state, status.reason, self.routes.target(WEB), servers, self.faults

    def until(self, reached, what: str) -> None:
        async def poll() -> None:
            deadline = time.monotonic() + _LIMIT
            while not reached():
                assert time.monotonic() < deadline, f"waited in vain for {what}: {self.facts()}"
                await asyncio.sleep(0.005)

        self.do(poll())


async def _end_all() -> None:
    """End what is under way, also where the test has failed."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_LIMIT)


async def _now(work) -> None:
    work()


def _made() -> asyncio.Future[None]:
    made = asyncio.get_running_loop().create_future()
    made.set_result(None)
    return made


def test_a_save_in_the_moment_in_which_the_one_before_takes_over_is_served(tmp_path):
    """It comes too late to give that one up, and is not lost by it."""
    keeping = Keeping(tmp_path, by(None))

    def save_again(event) -> None:
        if isinstance(event, StatusChanged) and event.status.revision == "good 1" and keeping.saves == 1:
            keeping.saves = 2
            keeping.wish = wanted("good 2", keeping.image, keeping.bringing)
            keeping.keeper.want(Wish(keeping.wish, Phases(time.monotonic()), _made()))

    keeping.bus.subscribe(save_again)
    try:
        keeping.save("good")
        keeping.until(lambda: keeping.answering() == "good 2", "the second save to be served")
    finally:
        keeping.teardown()


@pytest.mark.parametrize(
    "bringing",
    [by(None), by(Strategy.RESTART), by(Strategy.REPLACE), ALONE],
    ids=["fork", "restart", "replace", "alone"],
)
def test_whatever_happens_the_last_save_is_served_by_one_server(tmp_path, bringing):
    run_machine(lambda: Keeping(tmp_path, bringing), examples=10, steps=15)


def test_no_request_is_led_to_a_restart_that_was_given_up_halfway(tmp_path):
    """Its server may have either code, and is not waited for any more."""
    keeping = Keeping(tmp_path, by(Strategy.RESTART))
    try:
        keeping.save("good")
        while all(process.code != "good 1" for process in keeping.runtime.living):
            keeping.wait(0)
        keeping.install(ends=False)
        while keeping.answering() is None:
            keeping.what_answers_is_what_the_route_tells()
            keeping.a_server_is_there_or_it_is_told_why_not()
            keeping.wait(0)
        assert keeping.answering() == "good 0"
        keeping.what_answers_is_what_the_route_tells()
    finally:
        keeping.teardown()


def test_an_endpoint_that_is_removed_says_nothing_more_of_itself(tmp_path):
    """It may be added again before the last request of the one before is answered: the new one was called stopped."""
    keeping = Keeping(tmp_path, by(None))
    try:
        keeping.save("good")
        heard = []
        keeping.bus.subscribe(heard.append)
        keeping.do(keeping.keeper.retire())
        assert [event for event in heard if isinstance(event, StatusChanged)] == []
        assert not keeping.runtime.living
    finally:
        keeping.leave()


def test_a_restart_that_the_engine_does_not_do_is_tried_again(tmp_path):
    keeping = Keeping(tmp_path, by(Strategy.RESTART))
    try:
        keeping.save("good")
        while keeping.runtime.living:
            keeping.wait(0)
        keeping.runtime.away = True
        keeping.until(lambda: keeping.board.status(WEB).state is not State.RELOADING, "it to be told")
        keeping.a_server_is_there_or_it_is_told_why_not()
        assert keeping.board.status(WEB).state is State.CRASHED
        keeping.runtime.away = False
        keeping.until(lambda: keeping.answering() == "good 1", "it to be started again")
    finally:
        keeping.teardown()
