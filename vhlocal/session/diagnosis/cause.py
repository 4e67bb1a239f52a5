"""From what a run knows of an endpoint's server to the finding that says what is wrong with it."""

from __future__ import annotations

import platform
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.commands import commands_of, lines_of, node_script
from vhlocal.checks.modules import Modules, is_endless
from vhlocal.checks.reach import Reach, fitted
from vhlocal.checks.server import registry
from vhlocal.checks.server.evidence import (
    Doing,
    Ended,
    Measured,
    Silent,
    Socket,
    Started,
    missing_file,
    missing_module,
    module_files,
)
from vhlocal.checks.server.port_in_use import is_clash
from vhlocal.checks.servers import the_server
from vhlocal.checks.starts import left_behind, no_server
from vhlocal.checks.unpackaged import why_unpackaged
from vhlocal.contract.image import requirements_file
from vhlocal.errors import EngineError, VhlocalError
from vhlocal.events import Notice
from vhlocal.findings import Note
from vhlocal.model import Place
from vhlocal.session import port
from vhlocal.session.diagnosis.exits import Explanation, explained, explained_error
from vhlocal.session.diagnosis.last_words import last_words
from vhlocal.session.diagnosis.tracebacks import last_failure, read_traceback, where
from vhlocal.session.tasks import in_thread
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vhlocal.checks.rule import Rule
    from vhlocal.checks.server.registry import Evidence
    from vhlocal.checks.starts import Cause
    from vhlocal.events import Bus, LogLine
    from vhlocal.findings import Finding
    from vhlocal.model import Endpoint, Package, RequestRecord
    from vhlocal.runtime.base import Exit, Listener, Runtime
    from vhlocal.session.diagnosis.last_words import Served

#: How the kernel's names of processors are written in images.
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

#: How many of the last requests are looked at, and how many are named.
_LAST, _NAMED = 20, 3

#: How a server ends whose engine is being stopped, and seconds until such an engine does not answer any more.
_ASKED_TO_END = (0, 137, 143)
_ENGINE_GOES = 0.5

#: Exit codes from here on are signals, which no exception has led to; Python has one for an interrupt.
_SIGNALS, _INTERRUPTED = 128, 130

#: How a script of Node's listens for its own machine alone, in one line.
_LISTENS = re.compile(r"\blisten\b.*[\"'`](?:localhost|127\.0\.0\.1|::1)[\"'`]")

#: Seconds that a request may have ended before its server was known to have.
_JUST_NOW = 2.0


@dataclass(frozen=True)
class Diagnosis:
    """Asks the rules of ``checks/server`` about one run's servers.

    ``package`` is the project's code as it was read last, ``requests`` gives the last ones of an endpoint. ``named``
    returns a place as the user knows it. A rule that fails, or a runtime that does not answer, is reported in one
    line and changes nothing.
    """

    runtime: Runtime
    directory: Path
    bus: Bus
    package: Callable[[], Package]
    requests: Callable[[int, Callable[[RequestRecord], bool]], Sequence[RequestRecord]]
    named: Callable[[Place], Place] = lambda place: place

    async def of_end(
        self, server: Served, ended: Exit, lines: Sequence[str], when: str, peak: int | None
    ) -> Explanation:
        """Say why a server ended; ``lines`` are its last ones, ``when`` what it was doing, ``peak`` its memory's."""
        return await in_thread(self._of_end, server, ended, lines, when, peak)

    def last_words(self, server: Served, lines: Sequence[LogLine], first: float) -> list[str]:
        """Return the last lines that may explain a server's end; ``first`` is when its first answer was asked for."""
        asked = self.requests(_LAST, lambda record: server.has(record) and not record.reason and record.whole)
        return last_words(lines, asked, first)

    async def of_miss(self, endpoint: Endpoint, lines: Sequence[str]) -> Finding | None:
        """Say what a server that goes on has missed, by its last lines (B2, B4, B5)."""
        return await in_thread(self._of_miss, endpoint, lines)

    def unreachable(self, endpoint: Endpoint, listeners: Iterable[Listener]) -> Finding | None:
        """Say why nothing answers on the endpoint's port although something listens (R3)."""
        sockets = _sockets(listeners)
        binds = _binds(endpoint) if any(socket.loopback for socket in sockets) else None
        return self._find(registry.UNREACHABLE, Silent(endpoint, sockets=sockets, binds=binds), endpoint)

    def silent(
        self, endpoint: Endpoint, seconds: float, listeners: Iterable[Listener] | None, stacks: str, *, new: bool
    ) -> Finding | None:
        """Say what a server does in place of answering; ``stacks`` are those of its Python code, as far as known."""
        sockets = None if listeners is None else _sockets(listeners)
        cause = self._cause(endpoint, no_server)
        evidence = Silent(endpoint, seconds, sockets, self._doing(stacks), new, cause, _binds(endpoint))
        return self._find(registry.SILENT, evidence, endpoint)

    def measured(self, endpoint: Endpoint, peak: int, limit: int, *, kept: bool) -> Finding | None:
        """Say that a server that runs has come near its memory limit, or has passed one that nobody keeps."""
        return self._find(registry.MEASURED, Measured(endpoint, peak, limit, kept), endpoint)

    def started(self, endpoint: Endpoint, seconds: float) -> Finding | None:
        """Say that a start took long."""
        return self._find(registry.STARTED, Started(endpoint, seconds), endpoint)

    def _of_end(self, server: Served, ended: Exit, lines: Sequence[str], when: str, peak: int | None) -> Explanation:
        endpoint = server.endpoint
        gone = self._engine_gone(endpoint, ended)
        if gone is not None:
            return explained_error(
                EngineError(f"the server ended with its container engine: {gone.message}"), endpoint.name
            )
        if _without_a_word(ended):
            lines = ()  # what was printed before was outlived
        lines = last_failure(lines)
        evidence = replace(
            self._evidence(endpoint, lines, ended),
            when=when,
            requests=self._broken_off(server),
            holder=port.holder(endpoint.port) if is_clash(lines) else "",
            peak=peak,
            architecture=self._architecture(endpoint),
            machine=_MACHINES.get(platform.machine(), platform.machine()),
            cause=self._cause(endpoint, left_behind, no_server) if ended.code == 0 and when else None,
        )
        found = self._find(registry.ENDED, evidence, endpoint)
        if found is None:
            return Explanation(
                f"the server ended with exit code {ended.code}",
                "look in its log for the reason",
                self.named(evidence.command),
            )
        traceback = None if ended.out_of_memory else read_traceback(lines)
        return explained(found, "" if traceback is None else str(traceback))

    def _of_miss(self, endpoint: Endpoint, lines: Sequence[str]) -> Finding | None:
        return self._find(registry.OUTLIVED, self._evidence(endpoint, last_failure(lines), None), endpoint)

    def _evidence(self, endpoint: Endpoint, lines: Sequence[str], ended: Exit | None) -> Ended:
        package, text = self.package(), "\n".join(lines)
        killed = ended is not None and ended.out_of_memory
        traceback = None if killed else read_traceback(lines)
        module, file = missing_module(text), missing_file(text)
        missed = (*(module_files(module) if module else ()), *([file] if file else ()))
        return Ended(
            endpoint,
            None if ended is None else ended.code,
            killed,
            tuple(lines),
            raised=None if traceback is None else traceback.place(self.directory),
            requirements=requirements_file(package.files),
            packaged=package.files.keys(),
            commands=tuple((command.words[0], command.place) for command in commands_of(endpoint)),
            here={path: why_unpackaged(path, package) for path in missed if (self.directory / path).exists()},
            stands_in=self.runtime.stands_in,
        )

    def _find(self, rules: Iterable[Rule[Evidence]], evidence: Evidence, endpoint: Endpoint) -> Finding | None:
        found = registry.diagnose(rules, evidence)
        if isinstance(found, Note):
            self.bus.publish(Notice(found.text, endpoint=endpoint.name))
            return None
        return None if found is None else self._fitted(found, endpoint).placed(self.named)

    def _fitted(self, finding: Finding, endpoint: Endpoint) -> Finding:
        """Return a finding with the framework of the endpoint's code, where the remedy differs by that."""
        if len(finding.definition.remedy) == 1:
            return finding
        try:
            return fitted(finding, [self._reach(endpoint)])
        except Exception:  # noqa: BLE001 - the general remedy will do
            return finding

    def _cause(self, endpoint: Endpoint, *ways: Callable[[Reach], Cause | None]) -> Cause | None:
        """Return why an endpoint's command serves nothing, as the first of some ways to look finds it."""
        if endpoint.wsgi is not None:
            return None
        try:
            reach = self._reach(endpoint)
            return next((cause for way in ways if (cause := way(reach)) is not None), None)
        except Exception:  # noqa: BLE001 - what was seen is reported without a cause
            return None

    def _reach(self, endpoint: Endpoint) -> Reach:
        return Reach(endpoint, commands_of(endpoint), Modules(self.package()))

    def _doing(self, stacks: str) -> Doing | None:
        place, inner = where(stacks, self.directory)
        if place is None:
            return None
        is_alone = stacks.count("most recent call first") == 1  # another process may start the server meanwhile
        return Doing(self.named(place), _line_at(place), inner, is_alone and is_endless(place))

    def _broken_off(self, server: Served) -> tuple[str, ...]:
        """Return the requests that ended badly with their server, the last ones first."""
        since = time.time() - _JUST_NOW
        last = [
            f"{record.method} {record.target}"
            for record in self.requests(_LAST, server.has)
            if record.time >= since and record.gateway_seconds is not None and _broken(record)
        ]
        return tuple(dict.fromkeys(reversed(last)))[:_NAMED]

    def _engine_gone(self, endpoint: Endpoint, ended: Exit) -> VhlocalError | None:
        """Return why the engine does not answer, where the server may have ended with it."""
        for pause in (0.0, _ENGINE_GOES) if ended.code in _ASKED_TO_END and not ended.out_of_memory else ():
            time.sleep(pause)
            try:
                self.runtime.image(self.runtime.base(endpoint.image))
            except EngineError as error:
                return error
        return None

    def _architecture(self, endpoint: Endpoint) -> str:
        try:
            image = self.runtime.image(self.runtime.base(endpoint.image))
        except VhlocalError:
            return ""
        return "" if image is None else image.architecture


def _without_a_word(ended: Exit) -> bool:
    """Whether a server ended in a way that no exception of its own leads to."""
    return ended.code == 0 or (ended.code > _SIGNALS and ended.code != _INTERRUPTED)


def _broken(record: RequestRecord) -> bool:
    return bool(record.reason or not record.whole) and not record.is_ours


def _sockets(listeners: Iterable[Listener]) -> tuple[Socket, ...]:
    return tuple(Socket(each.host, each.port, each.loopback) for each in listeners)


def _binds(endpoint: Endpoint) -> Place | None:
    """Return the line of Node's script that names this machine to `listen`, None where none or several do."""
    command = the_server(commands_of(endpoint))
    file, lines = node_script(command) if command is not None else (Path(), ())
    found = [number for number, line in enumerate(lines, 1) if _LISTENS.search(line)]
    return Place(file, found[0]) if len(found) == 1 else None


def _line_at(place: Place) -> str:
    lines = lines_of(place.file)
    number = (place.line or 0) - 1
    return lines[number] if 0 <= number < len(lines) else ""
