"""Finds out why an endpoint answers as it would not in production, as soon as it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vhlocal.checks.prefix.compared import acts
from vhlocal.contract.paths import split_target
from vhlocal.errors import VhlocalError
from vhlocal.events import Event, Examined, Notice, RequestsEnded, StatusChanged
from vhlocal.model import ServedAt, State
from vhlocal.session.diagnosis.replicas import AskedOfReplicas
from vhlocal.session.tasks import within
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.events import Bus
    from vhlocal.findings import Finding
    from vhlocal.model import RequestRecord
    from vhlocal.session.diagnosis.examine import ExaminedServer, Seen
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.desired import Inputs

#: What browsers and tools ask for at the root of every host.
_USUAL = ("/favicon.ico", "/robots.txt", "/apple-touch-icon", "/.well-known/")

#: Seconds before an endpoint that has just come up is examined again, where it did not answer in time: it may still be
#: busy with its start.
_PATIENCE = (2.0, 8.0)

_OUTSIDE = "outside"
_FIRST = "first"
_COMPARED = "compared"


@dataclass(frozen=True)
class DoctorNeeds:
    """What a doctor works with: ``found`` publishes a finding and its revision, ``host`` is what clients name.

    ``inputs`` are those of a version, by its name.

    ``asks`` hears of each request that an endpoint is sent: its method and its target.
    """

    bus: Bus
    tasks: Tasks
    routes: Routes
    inputs: Callable[[str], Inputs | None]
    found: Callable[[Finding, str], None]
    host: str
    asks: Callable[[ServedAt, str, str], None]


@dataclass(frozen=True)
class _Examination:
    """What is to be examined, once for each ``kind`` of trouble; ``path`` below the prefix is to be asked for."""

    at: ServedAt
    revision: str
    kind: str
    prefix: str
    path: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """By what it is known whether it was examined already: replicas have the same code."""
        return self.at.version, self.at.endpoint, self.revision, self.kind


class Doctor:
    """Examines each endpoint once it is up, and then once for each kind of trouble that a request has with its code.

    One examination at a time for each endpoint; requests never wait for it.
    """

    def __init__(self, needs: DoctorNeeds) -> None:
        self._needs = needs
        self._seen: set[tuple[str, str, str, str]] = set()
        self._looked_at: set[tuple[str, str]] = set()
        self._reported: set[tuple[str | None, str, str]] = set()
        self._asked = AskedOfReplicas()
        self._busy: defaultdict[ServedAt, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.contextmanager
    def on_duty(self) -> Iterator[None]:
        """Hear of requests for as long as the block lasts."""
        unsubscribe = self._needs.bus.subscribe(self._hear)
        try:
            yield
        finally:
            unsubscribe()

    @property
    def is_idle(self) -> bool:
        """Whether no examination is under way or waits for another."""
        return not self._under_way

    async def at_rest(self, seconds: float | None = None) -> None:
        """Wait until no examination is under way any more, for so many seconds at most."""
        await within(self._idle.wait(), seconds)

    async def examine_all(self) -> None:
        """Examine every endpoint that answers, if it was not yet, and wait for the end of that."""
        for at in self._needs.routes.served():
            if self._needs.routes.target(at).address is not None:
                self._examine_first(at)
        await self.at_rest()

    def _hear(self, event: Event) -> None:
        if isinstance(event, StatusChanged) and event.status.state is State.READY:
            self._examine_first(event.status.at)
        elif isinstance(event, RequestsEnded):
            for record in event.records:
                if self._asked.calls_for_comparison(record, path_of(record)):
                    at = ServedAt(record.version, str(record.endpoint), record.replica)
                    self._begin(_Examination(at, record.revision, _COMPARED, record.prefix, ""))
                for examination in self._examinations_for(record):
                    if examination.key not in self._seen:
                        self._seen.add(examination.key)
                        self._begin(examination)

    def _examine_first(self, at: ServedAt) -> None:
        if (key := (at.version, at.endpoint)) not in self._looked_at:
            self._looked_at.add(key)
            self._begin(_Examination(at, self._needs.routes.target(at).revision, _FIRST, "", ""))

    def _begin(self, examination: _Examination) -> None:
        self._under_way += 1
        self._idle.clear()
        self._needs.tasks.start(self._counted(examination), f"examine {examination.at}")

    async def _counted(self, examination: _Examination) -> None:
        try:
            await self._examine(examination)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _examinations_for(self, record: RequestRecord) -> Iterator[_Examination]:
        """Yield what a request gives cause for; one that went to the host's root may come from any endpoint's page."""
        if record.endpoint is not None:
            if (trouble := trouble_of(record)) is not None:
                path = path_of(record)
                kind = f"{trouble} {record.prefix} {'with' if path.endswith('/') else 'without'} a slash"
                at = ServedAt(record.version, record.endpoint, record.replica or 1)
                yield _Examination(at, record.revision, kind, record.prefix, path)
        elif record.status == 404 and not record.target.startswith(_USUAL):
            for at in self._needs.routes.served():
                target = self._needs.routes.target(at)
                if target.address is not None:
                    yield _Examination(at, target.revision, _OUTSIDE, "", "/")

    async def _examine(self, examination: _Examination) -> None:
        async with self._busy[examination.at]:
            seen: Seen | None = None
            try:
                server = self._server(examination)
                if examination.kind == _COMPARED:
                    seen = await self._compared(examination, server)
                elif server is not None:
                    seen = await _examined(server, examination)
            except Exception as error:  # noqa: BLE001 - a doctor that fails says so, and changes nothing
                if not self._is_replaced(examination):
                    self._needs.bus.publish(_failure(examination.at, error))
            if self._is_replaced(examination):
                self._seen.discard(examination.key)  # its code may come back
                if examination.kind == _FIRST:
                    self._looked_at.discard((examination.at.version, examination.at.endpoint))
            elif seen is not None:
                self._tell(seen, examination)

    async def _compared(self, examination: _Examination, server: ExaminedServer | None) -> Seen | None:
        """Compare the replica that was asked with another one, None where there is none."""
        from vhlocal.session.diagnosis.compare import compare  # noqa: PLC0415 - as above

        paths = self._asked.take(examination.at, examination.revision)
        beside = self._needs.routes.beside(examination.at)
        other = None if beside is None else self._server(replace(examination, at=beside))
        if server is None or beside is None or other is None:
            return None
        return await compare((server, other), (examination.at.replica, beside.replica), paths)

    def _server(self, examination: _Examination) -> ExaminedServer | None:
        """Return what is to be examined, None where other code serves by now; VhlocalError where none does."""
        from vhlocal.session.diagnosis.examine import ExaminedServer  # noqa: PLC0415 - as above

        if self._is_replaced(examination):
            return None
        target = self._needs.routes.target(examination.at)
        if target.address is None:
            raise VhlocalError("its server no longer answers")
        inputs, asks = self._needs.inputs(examination.at.version), partial(self._needs.asks, examination.at)
        if inputs is None:
            return None
        version, *aliases = self._needs.routes.paths(examination.at)
        alias = examination.prefix if examination.prefix in aliases else next(iter(aliases), None)
        names = tuple(endpoint.name for endpoint in inputs.endpoints)
        return next(
            (
                ExaminedServer(endpoint, inputs.package, target.address, version, alias, self._needs.host, asks, names)
                for endpoint in inputs.endpoints
                if endpoint.name == examination.at.endpoint
            ),
            None,
        )

    def _is_replaced(self, examination: _Examination) -> bool:
        """Tell whether newer code has come, or is about to."""
        target = self._needs.routes.target(examination.at)
        return target.holding or (target.address is not None and target.revision != examination.revision)

    def _tell(self, seen: Seen, examination: _Examination) -> None:
        inputs = self._needs.inputs(examination.at.version)
        for finding in seen.findings:
            key = (finding.endpoint, examination.revision, finding.definition.code)
            if key not in self._reported:
                self._reported.add(key)
                self._needs.found(finding.placed(inputs.named) if inputs else finding, examination.revision)
        if seen.caveat:
            self._needs.bus.publish(Examined(examination.at.endpoint, examination.revision, seen.caveat))


async def _examined(server: ExaminedServer, examination: _Examination) -> Seen:
    from vhlocal.session.diagnosis.examine import HangsUpError, Seen, UnansweredError, examine  # noqa: PLC0415 - all rules, which no start waits for

    for pause in _PATIENCE if examination.kind == _FIRST else ():
        try:
            return await examine(server, examination.path)
        except UnansweredError:
            await asyncio.sleep(pause)
    try:
        return await examine(server, examination.path)
    except HangsUpError:
        if examination.kind != _FIRST:
            raise
        return Seen(caveat="but closes the connection of a GET request at its URL without an answer")


def _failure(at: ServedAt, error: Exception) -> Notice:
    why = error.message if isinstance(error, VhlocalError) else f"{type(error).__name__}: {error}"
    return Notice(f"could not be examined: {why}", endpoint=at.name)


def trouble_of(record: RequestRecord) -> str | None:
    """Return the kind of an answer that the app itself gave, None where nothing is wrong with it."""
    if record.reason:
        return None
    if 300 <= record.status < 400 and record.status != 304:
        return "redirect"
    return str(record.status) if record.status in (404, 500) else None


def path_of(record: RequestRecord) -> str:
    """Return what to ask for: the path of a GET request, without its query; else the endpoint's root.

    A GET that may do something is not repeated: `/add` may redirect to what it has added. What failed in the app's
    code is not repeated either: it may take long, and its traceback is printed again.
    """
    target = record.target.partition("?")[0]
    repeatable = record.method in ("GET", "HEAD") and record.status != 500
    if not repeatable or not target.isascii() or not target.isprintable():
        return "/"
    split = split_target(target.encode())
    path = "/" if split is None else split[1].decode()
    return "/" if acts(path) else path
