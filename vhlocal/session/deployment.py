"""What a run serves of its deployment: versions side by side, aliases that move, replicas (P3, K3, K10)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from vhlocal.checks.server.evidence import Replicas, Together
from vhlocal.contract.limits import requested_cpu
from vhlocal.errors import EngineError, InputError
from vhlocal.events import AliasMoved, Left, Notice, StatusChanged, VersionsChanged
from vhlocal.findings import Finding
from vhlocal.model import ServedAt, State, Status
from vhlocal.project.naming import validate_name, version_name
from vhlocal.project.schema import did_you_mean
from vhlocal.scaling.hpa import Hpa
from vhlocal.scaling.knative import Knative
from vhlocal.session.limits import GRACE, machine_memory
from vhlocal.session.moves import Move, Moves
from vhlocal.session.scaler import Following, cpu_utilization, follow, requests_in_flight
from vhlocal.session.tasks import in_thread, to_their_ends
from vhlocal.session.wanted.environments import tell_problems
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from vhlocal.errors import VhlocalError
    from vhlocal.events import Bus, Event
    from vhlocal.model import Version
    from vhlocal.runtime.base import Runtime
    from vhlocal.scaling.look import Range, Rule
    from vhlocal.session.board import Board
    from vhlocal.session.endpoint.fleet import Fleet
    from vhlocal.session.endpoint.use import Use
    from vhlocal.session.scaler import Measure
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.desired import Desired, Inputs
    from vhlocal.session.wanted.load import Asked, Loaded


class RemovedError(InputError):
    """A version was removed before it answered."""


@dataclass(frozen=True)
class Served:
    """One version that is served. ``ref`` is what it was asked for by, "" for the working tree.

    ``notices`` say what of a commit is not in it, or cannot be as in production.
    """

    name: str
    ref: str
    inputs: Callable[[], Inputs]
    fleet: Fleet
    notices: tuple[Notice, ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The names of its endpoints."""
        return tuple(endpoint.name for endpoint in self.inputs().endpoints)


@dataclass(frozen=True)
class DeploymentNeeds:
    """What a deployment works with.

    ``read`` reads a version from a commit, under its names; ``desire`` returns what is wanted of it, ``make`` makes the
    environments for that, and returns why those of some endpoints are not there; ``fleet`` returns what keeps its
    servers. ``taken`` has the names of versions of a day, ``keep`` remembers one. ``urls`` gives those of what is
    served, ``loads`` the requests in flight at each of so many replicas, None at one that takes none. ``found``
    publishes a finding, with the revision that it is about.
    """

    bus: Bus
    board: Board
    routes: Routes
    read: Callable[[Asked, Version], Loaded]
    desire: Callable[[Inputs], tuple[Desired, ...]]
    make: Callable[[tuple[Desired, ...]], Awaitable[Mapping[ServedAt, VhlocalError]]]
    fleet: Callable[[Inputs], Fleet]
    taken: Callable[[str], set[str]]
    keep: Callable[[str], None]
    urls: Callable[[ServedAt], tuple[str, ...]]
    tasks: Tasks
    loads: Callable[[ServedAt, int], list[int | None]]
    found: Callable[[Finding, str], None]


def memory_now(deployment: Deployment | None, runtime: Runtime | None) -> dict[ServedAt, int]:
    """Return the memory that running servers use, in bytes, as far as it can be measured; from any thread."""
    used: dict[ServedAt, int] = {}
    if deployment is None or runtime is None:
        return used
    for at, server in deployment.running():
        with contextlib.suppress(EngineError):  # it has gone meanwhile, or the engine is away
            found = runtime.usage(server)
            if found is not None:
                used[at] = found.memory
    return used


class Deployment:
    """See the module. Every method belongs to the event loop's thread."""

    def __init__(self, needs: DeploymentNeeds, working: Served) -> None:
        self._needs = needs
        self._served = {working.name: working}
        self._working = working
        self._asked = _asked_of(working.inputs())
        self._scaling: dict[tuple[str, str], asyncio.Task[None]] = {}
        #: Versions' endpoints whose number of replicas somebody has asked for by a command.
        self._scaled: set[tuple[str, str]] = set()
        #: Held while a commit is read and its environments are made: one version at a time.
        self._changing = asyncio.Lock()
        #: Versions that are served no longer, and still answer the requests that have reached them.
        self._leaving: set[str] = set()
        #: What was too much for all replicas together when that was last checked: codes and endpoints.
        self._reported: set[tuple[str, str]] = set()
        #: The most memory that each replica was seen to use, as last reported.
        self._peaks: dict[ServedAt, int] = {}
        self.moves = Moves()
        needs.bus.subscribe(self._hear)

    @property
    def served(self) -> tuple[Served, ...]:
        """The versions, the working tree's first."""
        return tuple(self._served.values())

    def inputs(self, version: str) -> Inputs | None:
        """Return what a version is made of; None where it is not served."""
        served = self._served.get(version)
        return None if served is None else served.inputs()

    # Versions.

    async def add(self, asked: Asked) -> Served:
        """Serve a commit beside what is served; return once each of its endpoints answers or has reported why not.

        The ``notices`` of what is returned name aliases that were not moved, too. Others can change what is served
        while its servers start, and remove it.

        InputError where a name is taken or the commit cannot be served, BuildError where an environment cannot be made:
        then nothing has changed. RemovedError where it was removed before it answered.
        """
        async with self._changing:
            served, aliases = await self._take_in(asked)
        name = served.name
        await served.fleet.started()
        if self._served.get(name) is not served:
            raise RemovedError(f"{name} was removed before it answered", hint="vhlocal version list")
        self.begin_scaling(served)
        down = self.down(name)
        notices = [notice for alias in aliases if (notice := self._point_if_sound(alias, served, down))]
        for notice in notices:
            self._needs.bus.publish(notice)
        return replace(served, notices=(*served.notices, *notices))

    async def _take_in(self, asked: Asked) -> tuple[Served, tuple[str, ...]]:
        """Read a commit, make its environments, and serve it: its servers are to be started, its aliases moved."""
        version = self._named(asked)
        name = version.name
        inputs, notices = await in_thread(self._needs.read, asked, version)
        for alias in version.aliases:
            then = f"vhlocal alias {alias} {name} --force"
            self._check_lost(
                alias, name, inputs, hint=f"leave the alias out, and move it once the version is up: {then}"
            )
        wanted = self._needs.desire(inputs)
        failed = await self._needs.make(wanted)
        tell_problems(self._needs.bus, failed)
        if failed:
            raise next(iter(failed.values()))
        self._named(replace(asked, name=name))  # an alias may have been given the name meanwhile
        for notice in notices:
            self._needs.bus.publish(notice)
        served = Served(name, asked.ref, lambda: inputs, self._needs.fleet(inputs), notices)
        self._served[name] = served
        self._needs.keep(name)
        self._needs.routes.stream(name, inputs.streaming)
        for item in wanted:
            self._needs.routes.close(item.at)
            status = Status(item.at, State.WAITING, since=time.time())
            self._needs.bus.publish(StatusChanged(status))
        self._needs.routes.serve([*self._needs.routes.versions, replace(version, aliases=())])
        self._needs.bus.publish(VersionsChanged())
        served.fleet.enlist(wanted)
        served.fleet.begin({})
        self.tell_room()
        return served, version.aliases

    def _point_if_sound(self, alias: str, served: Served, down: Collection[str]) -> Notice | None:
        """Lead an alias to a version whose start has ended, with those endpoints ``down``; return why it was not."""
        name = served.name
        if down:
            text = f"`{alias}` was not moved to {name}: {', '.join(down)} does not answer"
            return Notice(text, hint=f"once it does: vhlocal alias {alias} {name}")
        try:  # other aliases and versions may have come since it was asked for
            self._check_aliases(name, (alias,))
            self._check_lost(
                alias, name, served.inputs(), hint=f"to move it anyway: vhlocal alias {alias} {name} --force"
            )
        except InputError as error:
            return Notice(f"`{alias}` was not moved to {name}: {error.message}", hint=error.hint)
        self._point(alias, name)
        return None

    async def remove(self, name: str) -> None:
        """Serve a version no longer: requests in flight are answered. InputError for one that cannot go."""
        served = self._of(name)
        if served is self._working:
            hint = "it is what you edit; stop the run with `vhlocal down`"
            raise InputError(f"{name} is the working tree's version", hint=hint)
        name = served.name
        aliases = self.aliases(name)
        if aliases:
            hint = "; ".join(f"vhlocal alias {alias} {self._working.name}" for alias in aliases)
            raise InputError(f"{name} has the alias{'es' * (len(aliases) > 1)} {', '.join(aliases)}", hint=hint)
        del self._served[name]
        for key in [key for key in self._scaling if key[0] == name]:
            self._scaling.pop(key).cancel()
        self._scaled = {key for key in self._scaled if key[0] != name}
        self._serve_without(name)
        self._leaving.add(name)
        try:
            await served.fleet.retire()
        finally:
            self._leaving.discard(name)

    def _serve_without(self, name: str) -> None:
        self._needs.routes.serve([version for version in self._needs.routes.versions if version.name != name])
        self._needs.bus.publish(VersionsChanged())

    def _named(self, asked: Asked) -> Version:
        today = datetime.now(timezone.utc).astimezone().date()
        taken = {*self._needs.taken(f"{today:%Y%m%d}"), *self._served}
        name = asked.name or version_name(today, taken)
        validate_name(name, "the version's name")
        if name in self._served:
            raise InputError(f"a version `{name}` is already served", hint=f"vhlocal version remove {name}")
        if name in self._leaving:
            hint = "try again once they are answered, or give the version another name"
            raise InputError(f"the version `{name}` that was removed still answers requests", hint=hint)
        for version in self._needs.routes.versions:
            if name in version.aliases:
                raise InputError(f"`{name}` is an alias of {version.name}", hint="give the version another name")
        aliases = tuple(dict.fromkeys(asked.aliases))
        self._check_aliases(name, aliases)
        return replace(self._needs.routes.versions[0], name=name, aliases=aliases)

    # Aliases.

    async def point(self, alias: str, name: str, *, force: bool = False) -> Move:
        """Lead an alias' paths to another version, at once (P3); nothing is started or stopped.

        InputError where an endpoint would be lost by that, unless ``force`` is given.
        """
        self._check_aliases(name, (alias,))
        served, before = self._of(name), self._pointed(alias)
        if before == served.name:
            raise InputError(f"`{alias}` already points at {before}", hint="vhlocal alias")
        if not force:
            how = f"requests to it would get 404; to move it anyway: vhlocal alias {alias} {name} --force"
            self._check_lost(alias, served.name, served.inputs(), hint=how)
        return self._point(alias, served.name)

    async def back(self, alias: str, *, force: bool = False) -> Move:
        """Lead an alias' paths to where they led before its last move that was not a return.

        InputError where an endpoint would be lost by that, unless ``force`` is given.
        """
        if not self.moves.can_go_back(alias):
            raise InputError(f"`{alias}` has not been moved", hint="vhlocal alias")
        before = self.moves.back(alias)
        if before is not None and before not in self._served:
            raise InputError(f"`{alias}` pointed at {before}, which is no longer served", hint="vhlocal version list")
        if before is not None and not force:
            how = f"requests to it would get 404; to move it anyway: vhlocal alias {alias} --back --force"
            self._check_lost(alias, before, self._served[before].inputs(), hint=how)
        return self._point(alias, before)

    def down(self, name: str) -> list[str]:
        """Return the endpoints of a version to whose paths no server answers at this moment."""
        routes = self._needs.routes
        led = ((at, routes.target(at)) for at in routes.served() if at.version == name)
        return sorted(at.endpoint for at, target in led if target.address is None and not target.holding)

    def _check_lost(self, alias: str, name: str, inputs: Inputs, *, hint: str) -> None:
        """See that a version of these ``inputs`` has all that is served under an alias; InputError if not."""
        before = self._pointed(alias)
        known = () if before is None else self._served[before].endpoints
        there = {endpoint.name for endpoint in inputs.endpoints}
        lost = [f"`{each}`" for each in known if each not in there]
        if lost:
            what = f"{name} has no endpoint {' or '.join(lost)}, which {before} serves under `{alias}`"
            raise InputError(what, hint=hint)

    def _point(self, alias: str, name: str | None) -> Move:
        move = Move(alias, self._pointed(alias), name, time.time())
        moved = []
        for version in self._needs.routes.versions:
            aliases = tuple(each for each in version.aliases if each != alias)
            moved.append(replace(version, aliases=(*aliases, alias) if version.name == name else aliases))
        self._needs.routes.serve(moved)
        self.moves.add(move)
        for each in filter(None, (move.before, name)):  # no other's paths have changed
            for status in self._needs.board.statuses(version=each):
                self._needs.bus.publish(StatusChanged(replace(status, urls=self._needs.urls(status.at))))
        self._needs.bus.publish(AliasMoved(alias, move.before, name))
        self._needs.bus.publish(VersionsChanged())
        return move

    def _pointed(self, alias: str) -> str | None:
        return next((version.name for version in self._needs.routes.versions if alias in version.aliases), None)

    def statuses(self, name: str) -> tuple[Status, ...]:
        """Return the statuses of a version's replicas."""
        return self._needs.board.statuses(version=name)

    def aliases(self, name: str) -> tuple[str, ...]:
        """Return the aliases that point at a version."""
        return next((version.aliases for version in self._needs.routes.versions if version.name == name), ())

    def _all_aliases(self) -> list[str]:
        return [alias for version in self._needs.routes.versions for alias in version.aliases]

    def _check_aliases(self, name: str, aliases: Iterable[str]) -> None:
        for alias in aliases:
            validate_name(alias, "an alias")
            if alias == name or alias in self._served:
                raise InputError(f"`{alias}` is the name of a version", hint="give the alias another name")

    # Replicas.

    async def scale(self, endpoint: str, within: Range, version: str | None = None) -> int:
        """Have so many replicas of an endpoint; return how many there were. Those that go are drained.

        Within a range their number follows the load.
        """
        served = self._with(endpoint, version)
        before = served.fleet.replicas(endpoint)
        self._scaled.add((served.name, endpoint))
        self._have(served, served.inputs(), endpoint, within)
        self.tell_room()
        return before

    async def restart(self, endpoint: str, version: str | None = None) -> int:
        """Have new servers of an endpoint, each in place of the old one once it answers; return how many."""
        served = self._with(endpoint, version)
        served.fleet.restart(endpoint)
        return served.fleet.replicas(endpoint)

    async def use(self, endpoint: str, version: str | None = None) -> Sequence[Use]:
        """Return what each replica of an endpoint uses now. InputError for what is not served."""
        return await self._with(endpoint, version).fleet.use(endpoint)

    def running(self) -> list[tuple[ServedAt, str]]:
        """Return the servers that run, of all versions, by what they serve; from any thread."""
        return [one for served in tuple(self._served.values()) for one in served.fleet.running()]

    def _have(self, served: Served, inputs: Inputs, endpoint: str, within: Range) -> None:
        """Have a number of replicas within a range, and follow the load where that leaves a choice.

        ``inputs`` are the version's, which may have been read just now.
        """
        scaling = self._scaling.pop((served.name, endpoint), None)
        if scaling is not None:
            scaling.cancel()
        before = served.fleet.replicas(endpoint)
        if before and before != (number := within.clamp(before)):
            served.fleet.scale(endpoint, number)
        if within.least != within.most:
            at = ServedAt(served.name, endpoint, name=served.fleet.name(endpoint))
            rule = inputs.rules.get(endpoint) or Knative()
            following = Following(
                at, within, rule, self._measure(served, inputs, at, rule), partial(served.fleet.scale, endpoint)
            )
            self._scaling[served.name, endpoint] = self._needs.tasks.start(
                follow(following, self._needs.bus), f"scale {at}"
            )

    def _measure(self, served: Served, inputs: Inputs, at: ServedAt, rule: Rule[Any]) -> Measure:
        """Return what measures the load of an endpoint that a rule follows."""
        [endpoint] = [each for each in inputs.endpoints if each.name == at.endpoint]
        requested = requested_cpu(endpoint.resources)
        if isinstance(rule, Hpa) and rule.cpu and requested:
            return cpu_utilization(partial(served.fleet.spent, at.endpoint), requested)
        return requests_in_flight(lambda: self._needs.loads(at, served.fleet.replicas(at.endpoint)))

    def beside(self, versions: Collection[str]) -> list[Desired]:
        """Return what is wanted of all versions but these."""
        others = [served for name, served in self._served.items() if name not in versions]
        return [item for served in others for item, _ in served.fleet.wanted()]

    def tell_room(self) -> None:
        """Report where all replicas together need more memory than this machine has, or than is set aside for them."""
        wanted = [each for served in self._served.values() for each in served.fleet.wanted()]
        before, self._reported = self._reported, set()
        if all(number == 1 for _, number in wanted):
            return
        from vhlocal.checks.server.registry import TOGETHER  # noqa: PLC0415 - a start is not to wait for the rules

        revisions = {item.endpoint.name: item.revision for item, _ in reversed(wanted)}
        replicas = tuple(Replicas(item.endpoint, number, self._peak(item.at)) for item, number in wanted)
        for finding in [each for rule in TOGETHER for each in rule.find(Together(replicas, machine_memory()))]:
            if isinstance(finding, Finding) and finding.endpoint is not None:
                self._reported.add((finding.definition.code, finding.endpoint))
                if (finding.definition.code, finding.endpoint) not in before:
                    self._needs.found(self._placed(finding), revisions[finding.endpoint])

    def _placed(self, finding: Finding) -> Finding:
        """Return a finding with its place as the user knows it, whichever version's that is."""
        for served in self._served.values():
            finding = finding.placed(served.inputs().named)
        return finding

    def _peak(self, at: ServedAt) -> int | None:
        """Return the most memory that a replica was seen to use, in bytes."""
        known = [status.memory.peak for status in self._needs.board.statuses(at.endpoint, at.version) if status.memory]
        return max(known, default=None)

    def _hear(self, event: Event) -> None:
        # Statuses come with each move of an alias too, and to look through all replicas holds up the loop.
        if isinstance(event, Left):
            self._peaks.pop(event.at, None)
        elif isinstance(event, StatusChanged) and event.status.memory is not None:
            at, peak = event.status.at, event.status.memory.peak
            if self._peaks.get(at) != peak:
                self._peaks[at] = peak
                self.tell_room()

    def follow(self, inputs: Inputs) -> None:
        """Have the numbers of replicas that the project asks for now, where it has asked for others."""
        before, self._asked = self._asked, _asked_of(inputs)
        for key in [key for key in self._scaling if key[0] == self._working.name and key[1] not in self._asked]:
            self._scaling.pop(key).cancel()
        for endpoint, asked in self._asked.items():
            if asked != before.get(endpoint):
                self._have(self._working, inputs, endpoint, inputs.within(endpoint))

    def begin_scaling(self, served: Served) -> None:
        """Follow the load of a version's endpoints that have a range, unless they were scaled during the start."""
        inputs = served.inputs()
        for endpoint, within in inputs.replicas.items():
            if (served.name, endpoint) in self._scaled:
                continue
            if within.least != within.most and served.fleet.replicas(endpoint):
                self._have(served, inputs, endpoint, within)

    async def stop(self) -> None:
        """End every server of every version; the error of the first that could not be ended, once all others have."""
        await to_their_ends(*(served.fleet.stop(GRACE) for served in self._served.values()))

    def _with(self, endpoint: str, version: str | None) -> Served:
        """Return the version, the working tree's unless another is named; InputError where it has no such endpoint."""
        served = self._working if version is None else self._of(version)
        if endpoint not in served.endpoints:
            raise InputError(
                f"{served.name} has no endpoint `{endpoint}`", hint=did_you_mean(endpoint, served.endpoints)
            )
        return served

    def _of(self, name: str) -> Served:
        """Return a version by its name or by an alias of it."""
        served = self._served.get(self._pointed(name) or name)
        if served is None:
            names = [*self._served, *self._all_aliases()]
            raise InputError(f"no version `{name}` is served", hint=did_you_mean(name, names))
        return served


def _asked_of(inputs: Inputs) -> dict[str, tuple[object, ...]]:
    """Return what a project asks of the number of each endpoint's replicas, and by what that follows which load."""
    return {
        endpoint.name: (
            inputs.replicas.get(endpoint.name),
            inputs.rules.get(endpoint.name),
            requested_cpu(endpoint.resources),
        )
        for endpoint in inputs.endpoints
    }
