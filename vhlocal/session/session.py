"""A run: from the project as it is read, to its servers answering, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Bus, Listening, Notice, Problem, Ready, StatusChanged, Stopping, Waiting
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.server import Gateway
from vhlocal.gateway.table import RouteTable, Upstream
from vhlocal.loops import call_soon
from vhlocal.model import ServedAt, State, Status
from vhlocal.recorder.store import Store
from vhlocal.reload.staging import Staging
from vhlocal.runtime import starts
from vhlocal.session import open_files, port
from vhlocal.session.board import Board
from vhlocal.session.changes import Changes
from vhlocal.session.collecting import Collecting
from vhlocal.session.deployment import Deployment, DeploymentNeeds, RemovedError, Served, memory_now
from vhlocal.session.diagnosis.doctor import Doctor, DoctorNeeds
from vhlocal.session.diagnosis.first_look import errors_of
from vhlocal.session.diagnosis.unreachable import Unreachable
from vhlocal.session.ending import Ending
from vhlocal.session.endpoint.chatter import Chatter
from vhlocal.session.endpoint.fleet import Fleet
from vhlocal.session.endpoint.surroundings import Surroundings
from vhlocal.session.leftovers import find_leftovers, remove_servers
from vhlocal.session.limits import GRACE
from vhlocal.session.offers.later import Offers
from vhlocal.session.pools import share_pools
from vhlocal.session.record import ProjectState, RunRecord, new_run, new_token, this_process
from vhlocal.session.tasks import Tasks, beside, in_thread, together, within
from vhlocal.session.telling import Telling
from vhlocal.session.traffic.access_log import access_log
from vhlocal.session.traffic.in_flight import InFlight
from vhlocal.session.traffic.requests import Requests
from vhlocal.session.traffic.routes import Routes
from vhlocal.session.view import View
from vhlocal.session.waits import Waits
from vhlocal.session.wanted.desired import Desired, Inputs, desired
from vhlocal.session.wanted.edits import EditNeeds, Edits
from vhlocal.session.wanted.environments import (
    Upkeep,
    forget_environments,
    remember_environments,
    tell_problems,
)
from vhlocal.session.wanted.execute import always
from vhlocal.session.wanted.mirror import Mirror
from vhlocal.session.wanted.own_files import OwnFiles
from vhlocal.session.wanted.settled import SettledLoad
from vhlocal.session.warm.warmth import Warmth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vhlocal.gateway.table import Replica, Route
    from vhlocal.runtime.base import Address, Runtime
    from vhlocal.session.diagnosis.cause import Diagnosis
    from vhlocal.session.options import RunOptions
    from vhlocal.session.view import Face
    from vhlocal.session.wanted.execute import IsNeeded
    from vhlocal.session.wanted.load import Asked

#: Seconds that requests in flight get to finish when the run ends.
_DRAIN = 5.0

#: Seconds that the doctor gets for what a run's card shows of its endpoints; later it is reported by itself.
_EXAMINED_BY_THEN = 10.0

#: Seconds that an engine gets to remove what is left of a run that ends at once, and then to be let go of.
_AT_ONCE = 0.8
_LET_GO = 0.2


class Session:
    """One run of one project. ``face`` answers what no endpoint answers."""

    def __init__(self, options: RunOptions, bus: Bus, face: Face) -> None:
        self._options = options
        self._bus = bus
        self._face = face
        self._run = starts.run() or new_run()
        self._state = ProjectState(options.directory)
        self._table = RouteTable()
        self._routes = Routes(self._table)
        self._routes.serve([options.version])
        self._tasks = Tasks(self._task_failed)
        self._board = Board()
        self._chatter = Chatter()
        self._unreachable = Unreachable(bus, self._board, self._routes, self._tasks)
        self._deployment: Deployment | None = None
        self._edits: Edits | None = None
        self._connected: Runtime | None = None
        self._gateway: Gateway | None = None
        self._removed = False
        self._recordings = Store() if options.record else None
        self._telling = Telling(bus, self._board, options.ignored, lambda: self._present().endpoints, self._inputs_of)
        self._in_flight = InFlight(
            self._routes, lambda upstream: self._gateway.in_flight(upstream) if self._gateway else 0
        )
        self._waits = Waits(self._board, lambda: self._connected, self._in_flight.at, GRACE, _DRAIN)
        self._made: dict[ServedAt, tuple[tuple[str, float], ...]] = {}
        bus.subscribe(self._board.apply)

    async def run(self) -> None:
        """Serve until asked to end; the error that ended the run is raised once nothing is left of it."""
        share_pools()
        self._loop = asyncio.get_running_loop()
        self._ending = Ending()
        self._begun, self._up = asyncio.Event(), asyncio.Event()
        self._started = time.monotonic()
        self._state.acquire()
        try:
            with self._signals(), access_log(self._options.access_log, self._bus):
                await self._serve_until_the_end()
        finally:
            self._state.release()

    def request_stop(self, reason: str = "`vhlocal down`", *, insist: bool = True) -> None:
        """End the run, from any thread; asked twice, at once, if the second ``insist``s."""
        call_soon(self._loop, self._ending.ask, reason, insist)

    @property
    def was_ended(self) -> bool:
        """Whether somebody has ended the run, be it with Ctrl-C: what it was to do may be undone."""
        return self._ending.is_asked

    async def _serve_until_the_end(self) -> None:
        async with beside(self._ending.tell(lambda text: self._bus.publish(Waiting(text)))):
            try:
                await self._ending.unless_insisted(self._serve())
            finally:
                await self._leave_nothing()

    async def _serve(self) -> None:
        listening = port.listen(self._options.host, self._options.port, given=self._options.port_given)
        host, number = listening.getsockname()[:2]
        self._url = f"http://{port.shown(host)}:{number}"
        with contextlib.ExitStack() as unless_used:
            unless_used.callback(listening.close)
            loaded = await self._ending.unless_asked(in_thread(self._options.load, self._url, None, None))
            if loaded is None:
                self._bus.publish(Stopping(self._ending.reason))
                return
            unless_used.pop_all()
        self._inputs, notices = loaded
        token = new_token()
        self._requests = requests = Requests(self._loop, self._bus)
        self._doctor = self._appointed()
        self._offers = Offers(self._url, self._routes, lambda: self._present().package, self._chatter)
        view = View(
            versions=lambda: self._routes.versions,
            board=self._board,
            requests=requests,
            metrics=Collecting(self._loop, self._bus, self._board, self._tasks, self._telling.printed).store,
            recordings=self._recordings,
            connections=lambda: (gateway.connections(), gateway.upstream_connections()),
            examined=lambda: requests.all_told() and self._doctor.is_idle,
            bus=self._bus,
            url=self._url,
            open_to_network=port.is_open(listening),
            shared=port.shared(self._options.host, self._url),
            token=token,
            run=self._run,
            stop=self.request_stop,
            memory=lambda: memory_now(self._deployment, self._connected),
            in_flight=self._in_flight.at,
            change=Changes(self._loop, self._ending, self._deployment_once_begun),
            schema=self._offers.schema,
            call=self._offers.call,
        )
        control = Upstream(*self._face.start(view))
        self._gateway = gateway = Gateway(
            self._table,
            GatewayOptions(
                control=control,
                access=self._options.access,
                strict=self._options.strict,
                read_seconds=self._options.read_seconds,
                connections=open_files.clients_within(open_files.raise_limit()),
            ),
            self._face.page,
            requests.add,
            self._telling.passed,
            self._refused,
            self._telling.dropped,
        )
        gateway.tap = self._recordings
        try:
            await gateway.start(listening)
            self._wait_for(self._inputs)
            pid, born = this_process()
            name, directory = self._options.version.name, str(self._options.directory)
            self._record = RunRecord(self._run, pid, self._url, token, name, born, directory=directory)
            self._where_possible(partial(self._state.write, self._record))
            self._bus.publish(Listening(self._url, self._face.link))
            if view.open_to_network:
                self._bus.publish(port.open_notice(number, guarded=self._options.access is not None))
            elif self._options.access is not None:
                self._bus.publish(Notice("the endpoints ask for a user name and password (`basic-auth`)"))
            for notice in (*notices, *((self._state.room.notice,) if self._state.room.notice else ())):
                self._bus.publish(notice)
            with self._doctor.on_duty() if self._options.doctor or self._options.examine else contextlib.nullcontext():
                self._ending.waits_for = self._waits.unremoved
                await self._ending.unless_asked(self._keep(gateway))
        finally:
            await self._close(gateway)

    @property
    def _runtime(self) -> Runtime:
        assert self._connected is not None
        return self._connected

    async def _keep(self, gateway: Gateway) -> None:
        """Bring everything up, then bring in every change."""
        connected = await in_thread(self._options.connect, self._run)
        self._connected = connected.runtime
        self._record = replace(self._record, runtime=self._connected.name)
        self._where_possible(partial(self._state.write, self._record))
        for notice in connected.notices:
            self._bus.publish(notice)
        wanted = self._desired(self._inputs)
        leftovers = await find_leftovers(self._runtime, str(self._options.directory))
        surroundings = await self._surroundings(gateway)
        fleet = Fleet(surroundings, lambda name: self._present().within(name).least)
        self._deployment = deployment = self._deployed(surroundings, fleet)
        fleet.enlist(wanted)
        deployment.tell_room()
        self._tell_differences(wanted)
        self._tasks.start(self._check(self._inputs), "check the project")
        failed = await self._upkeep.make_all(wanted, leftovers, fail_fast=self._options.fail_fast)
        tell_problems(self._bus, failed)
        fleet.begin(failed)
        if not self._options.reload:
            await self._start(fleet, deployment)
            if self._options.examine:
                await self._doctor.examine_all()
                await fleet.look_at_memory()
            else:
                await self._ending.asked()
            return
        settled = SettledLoad(partial(self._options.load, self._url))
        load = OwnFiles(settled, self._bus, self._inputs.left_out, self._runtime.written)
        needs = EditNeeds(load, self._desired, self._prepare, fleet.want, fleet.cannot_read)
        self._edits = edits = Edits(self._inputs, needs, self._bus, self._tasks)
        mirror = Mirror(fleet.staging, self._tasks, lambda: self._present().package, fleet.entries)
        # An endpoint that is up gets its edits while others still start.
        await together(edits.follow(wanted, failed), self._start(fleet, deployment), mirror.keep(self._bus, self._up))

    async def _check(self, inputs: Inputs) -> None:
        """Report the errors that the project itself shows, beside a build; a start that is quick goes first."""
        names = {None, *(endpoint.name for endpoint in inputs.endpoints)}
        found, revision = await errors_of(self._options.check, self._bus, self._up), inputs.package.revision
        # What an endpoint has shown by its answers says more than its code.
        for finding in [each for each in found if each.endpoint in names and not self._board.has_found(each, revision)]:
            self._telling.found(finding, revision)

    async def _start(self, fleet: Fleet, deployment: Deployment) -> None:
        """Publish when all that is wanted from the start answers, or it is known why not; none waits for another."""
        added = (self._add(asked, deployment) for asked in self._options.versions)
        await together(*added, self._come_up(fleet, deployment))
        seconds = time.monotonic() - self._started
        await self._doctor.at_rest(_EXAMINED_BY_THEN)
        offers = await self._offers.of(tuple(item for item, _ in fleet.wanted())) if self._options.doctor else {}
        link, shared, look = self._face.link, port.shared(self._options.host, self._url), self._face.look
        self._bus.publish(Ready(self._url, self._board.statuses(), seconds, offers, link, shared, look))
        self._where_possible(partial(self._state.write, replace(self._record, ready=True)))

    async def _come_up(self, fleet: Fleet, deployment: Deployment) -> None:
        """Wait for the working tree's servers; what others ask for is done from now on, after the start's versions."""
        self._begun.set()
        await fleet.started()
        deployment.begin_scaling(deployment.served[0])
        self._up.set()
        self._where_possible(partial(self._state.keep_version, self._options.version.name))
        self._remember(())

    async def _add(self, asked: Asked, deployment: Deployment) -> None:
        """Serve one of the versions that are wanted from the start; where that fails, the others are served."""
        try:
            with contextlib.suppress(RemovedError):  # by the user
                await deployment.add(asked)
        except VhlocalError as error:
            if self._options.fail_fast:
                raise
            self._bus.publish(Problem(error, then=f"{asked.name or asked.ref} is not served"))

    def _deployed(self, surroundings: Surroundings, fleet: Fleet) -> Deployment:
        """Return the deployment of which the working tree is the first version."""

        def beside(inputs: Inputs) -> Fleet:
            its = replace(surroundings, reloads=False, fail_fast=False, judging=partial(self._judging, lambda: inputs))
            return Fleet(its, lambda name: inputs.within(name).least)

        needs = DeploymentNeeds(
            bus=self._bus,
            board=self._board,
            routes=self._routes,
            read=lambda asked, version: self._options.load_commit(asked, version, self._url),
            desire=lambda inputs: desired(inputs, self._runtime.base),
            make=self._prepare,
            fleet=beside,
            taken=self._state.versions,
            keep=lambda name: self._where_possible(partial(self._state.keep_version, name)),
            urls=self._urls,
            tasks=self._tasks,
            loads=self._in_flight.by_replica,
            found=self._telling.found,
        )
        return Deployment(needs, Served(self._options.version.name, "", self._present, fleet))

    async def _deployment_once_begun(self) -> Deployment:
        await self._begun.wait()
        assert self._deployment is not None
        return self._deployment

    async def _compare(self, at: ServedAt, old: Address, new: Address) -> None:
        if self._recordings is not None and (self._present().replayed or self._recordings.pins.all()):
            from vhlocal.session.traffic.comparing import Comparing  # noqa: PLC0415 - few ask for it

            host, chosen = self._url.removeprefix("http://"), lambda: self._present().replayed
            await Comparing(self._recordings, chosen, host, self._bus)(at, old, new)

    async def _surroundings(self, gateway: Gateway) -> Surroundings:
        async def drain(address: Address, is_removed: bool) -> None:
            upstream = Upstream(address.host, address.port)
            await gateway.retire(upstream, self._options.read_seconds, is_removed=is_removed)

        self._upkeep = Upkeep(self._runtime, self._bus, self._made)
        return Surroundings(
            runtime=self._runtime,
            bus=self._bus,
            board=self._board,
            routes=self._routes,
            tasks=self._tasks,
            environments=self._upkeep,
            staging=await in_thread(Staging, self._state.staging),
            warmth=Warmth(),
            chatter=self._chatter,
            reloads=self._options.reload,
            fail_fast=self._options.fail_fast,
            strict=self._options.strict,
            profile=self._options.profile,
            made=self._made,
            patience=self._options.patience,
            reload_seconds=self._options.reload_seconds,
            judging=partial(self._judging, self._present),
            found=self._telling.found,
            urls=self._urls,
            drain=drain,
            compare=self._compare,
            brought=self._brought,
            read_again=self._read_again,
        )

    def _judging(self, inputs: Callable[[], Inputs]) -> Diagnosis:
        from vhlocal.session.diagnosis.cause import Diagnosis  # noqa: PLC0415 - no server's start is to wait for the rules

        # A commit's files are elsewhere than the user's, who may have other lines in them by now.
        directory = inputs().package.directory
        package, named = (lambda: inputs().package), (lambda place: inputs().named(place))
        return Diagnosis(self._runtime, directory, self._bus, package, self._requests.last, named)

    def _brought(self) -> None:
        if self._edits is not None:
            self._edits.look_soon()

    def _read_again(self) -> None:
        if self._edits is not None:
            self._edits.read_again()

    def _present(self) -> Inputs:
        """Return the project as it was read last."""
        return self._inputs if self._edits is None else self._edits.inputs

    def _inputs_of(self, version: str) -> Inputs | None:
        """Return what a version is made of; None where it is not served any more."""
        return None if self._deployment is None else self._deployment.inputs(version)

    def _appointed(self) -> Doctor:
        host = self._url.removeprefix("http://")
        asks = self._chatter.expect
        return Doctor(
            DoctorNeeds(self._bus, self._tasks, self._routes, self._inputs_of, self._telling.shown, host, asks)
        )

    def _refused(self, route: Route, replica: Replica) -> None:
        self._unreachable.refused(ServedAt(route.version, route.endpoint, replica.number or 1))

    def _desired(self, inputs: Inputs) -> tuple[Desired, ...]:
        # No server has to change for these.
        self._routes.stream(inputs.version.name, inputs.streaming)
        if self._deployment is not None:
            self._deployment.follow(inputs)
        return desired(inputs, self._runtime.base)

    def _tell_differences(self, wanted: tuple[Desired, ...]) -> None:
        """Publish what production does for these endpoints and the runtime does not."""
        for item in wanted:
            for notice in self._runtime.differences(item.endpoint):
                self._bus.publish(notice)

    async def _prepare(
        self, wanted: tuple[Desired, ...], is_needed: IsNeeded = always
    ) -> Mapping[ServedAt, VhlocalError]:
        self._tell_differences(wanted)
        failed = await self._upkeep.make_all(wanted, (), fail_fast=False, is_needed=is_needed)
        self._remember(wanted)
        return failed

    def _remember(self, wanted: tuple[Desired, ...]) -> None:
        """Keep what is wanted of a version now, and what the others stand on, from ``vhlocal prune``."""
        others = [] if self._deployment is None else self._deployment.beside({item.at.version for item in wanted})
        self._where_possible(partial(remember_environments, self._options.directory, (*wanted, *others)))
        self._tasks.start(forget_environments(self._runtime, self._options.directory), "forget old environments")

    def _where_possible(self, keep: Callable[[], None]) -> None:
        """Keep something for other commands; a failure is published, and the run goes on."""
        try:
            keep()
        except VhlocalError as error:
            self._bus.publish(Notice(error.message, hint=error.hint))

    async def _close(self, gateway: Gateway) -> None:
        """End everything that the run started, gracefully: each part gets its time."""
        self._bus.publish(Stopping(self._ending.reason))
        self._ending.waits_for = self._waits.unremoved
        await self._tasks.cancel()
        self._ending.waits_for = self._waits.unanswered
        await gateway.close(_DRAIN)
        if self._deployment is not None:
            self._ending.waits_for = self._waits.unended
            with contextlib.suppress(VhlocalError):  # its servers are then still there: that is reported
                await self._deployment.stop()
        self._ending.waits_for = self._waits.unremoved
        await self._remove_servers()

    async def _leave_nothing(self) -> None:
        """End what has not ended gracefully; what its engine does not do at once is left to the next command."""
        await together(self._leave_clients(), self._leave_runtime())

    async def _leave_clients(self) -> None:
        if self._gateway is not None:
            await self._gateway.close(0)
            await in_thread(self._face.stop)
            self._requests.close()

    async def _leave_runtime(self) -> None:
        if self._connected is not None:
            if not self._removed:
                await self._remove_servers(_AT_ONCE)
            await within(in_thread(self._runtime.close), _LET_GO if self._ending.at_once else None)

    async def _remove_servers(self, seconds: float | None = None) -> None:
        if self._connected is not None:
            problem = await remove_servers(self._runtime, str(self._options.directory), self._run, seconds)
            self._removed = True
            if problem is not None:
                self._bus.publish(Problem(problem))

    def _wait_for(self, inputs: Inputs) -> None:
        for endpoint in inputs.endpoints:
            at = ServedAt(inputs.version.name, endpoint.name)
            self._routes.close(at)
            waiting = Status(at, State.WAITING, urls=self._urls(at), since=time.time())
            self._bus.publish(StatusChanged(replace(waiting, description=endpoint.description)))

    def _urls(self, at: ServedAt) -> tuple[str, ...]:
        return tuple(f"{self._url}{path}" for path in self._routes.paths(at))

    def _task_failed(self, error: BaseException) -> None:
        self._bus.publish(Problem(error if isinstance(error, VhlocalError) else VhlocalError(f"unexpected: {error!r}")))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        # Here, since Windows has no SIGHUP.
        signals = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the terminal was closed"}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as `nohup` does
            del signals[signal.SIGHUP]
        for number, words in signals.items():
            self._loop.add_signal_handler(number, self._ending.ask, words)
        try:
            yield
        finally:
            for number in signals:
                self._loop.remove_signal_handler(number)
