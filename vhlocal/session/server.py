"""One container of the run, from its making to its removal, with the servers in it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vhlocal.errors import ServerError
from vhlocal.reload.runner_client import RunnerGoneError
from vhlocal.reload.staging import SavedAgainError
from vhlocal.session.desired import changed_entries
from vhlocal.session.forks import CONTROL_PORT, SPARE_PORTS, Forks
from vhlocal.session.ready import Awaited, EndedError, SilentError, wait_until_ready
from vhlocal.session.tasks import in_thread
from vhlocal.session.tracebacks import where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.model import Endpoint
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Address, Entry, Exit, Listener, OnLine, Runtime, ServerSpec
    from vhlocal.session.exits import Explanation
    from vhlocal.session.forks import Fork
    from vhlocal.session.probe import Answered, Probe

#: Seconds after which a server that neither answers nor ends is given up: Kubernetes' default for a rollout.
START_LIMIT = 600.0


@dataclass(frozen=True)
class Making:
    """What a container is made of and with. ``directory`` is the project's.

    ``staging`` holds the files that are brought into it later. ``on_line`` gets what it prints, from a thread of the
    runtime's.
    """

    runtime: Runtime
    directory: Path
    endpoint: Endpoint
    spec: ServerSpec
    staging: Staging
    probe: Probe
    on_line: OnLine


class Server:
    """See the module."""

    def __init__(self, making: Making) -> None:
        self._runtime = making.runtime
        self._directory = making.directory
        self._endpoint = making.endpoint
        self._spec = making.spec
        self._staging = making.staging
        self._probe = making.probe
        self._on_line = making.on_line
        self._prefix = making.spec.environment["SCRIPT_NAME"]
        self._present: tuple[Entry, ...] = making.spec.entries
        self._in_doubt: frozenset[str] = frozenset()
        self._by_archive = False
        self.id = ""
        self.addresses: Mapping[int, Address] = {}
        self.ended: asyncio.Future[Exit] | None = None
        #: Where its server answers now.
        self.address: Address | None = None
        #: The servers in it, where its command can be forked.
        self.forks: Forks | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.ended is not None and not self.ended.done()

    @property
    def can_fork(self) -> bool:
        """Whether the next server can be forked beside the one that serves."""
        return self.running and self.forks is not None and self.forks.reachable

    async def create(self, command: Sequence[str] = (), runner: Sequence[Entry] = ()) -> None:
        """Make it, with its files in place; ``command`` is the one by which its ``runner`` starts it, if it has one."""
        spec = self._spec
        if command:
            spec = replace(
                spec,
                command=tuple(command),
                entries=(*spec.entries, *runner),
                more_ports=(CONTROL_PORT, *SPARE_PORTS),
                staging=self._staging.directory,
            )
        self.id = await in_thread(self._runtime.create, spec)

    async def start(self) -> None:
        """Start it, also again after its end."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exit] = loop.create_future()

        def on_exit(how: Exit) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ended, how)

        self.ended = ended
        self._leave_runner()
        self.addresses = await in_thread(self._runtime.start, self.id, self._on_line, on_exit)
        self.address = self.addresses[self._spec.port]

    async def wait_until_ready(self, on_trouble: Callable[[Explanation], None]) -> Answered:
        """Return its first answer; EndedError when it ends first, ServerError when it cannot be reached (R3)."""
        assert self.address is not None and self.ended is not None
        awaited = self._awaited(self.address, self._spec.port, self.ended, START_LIMIT, hidden=(CONTROL_PORT,))
        try:
            return await wait_until_ready(awaited, on_trouble)
        except SilentError:
            raise ServerError(
                f"{self._endpoint.name}: the server has not answered in {START_LIMIT:.0f} s",
                place=self._endpoint.place(),
                hint="`vhlocal logs` shows what it printed",
            ) from None

    async def find_runner(self, token: str, on_news: Callable[[dict[str, Any]], None]) -> None:
        """Find out whether the server that answers now has a runner that can fork the next one."""
        if CONTROL_PORT not in self.addresses:
            return
        forks = Forks(self.addresses, self._spec.port, on_news)
        if not await forks.connect(token):
            return
        try:
            bound = await forks.serve(forks.serving)
        except RunnerGoneError:
            bound = False
        if bound:
            self.forks = forks
        else:
            forks.close()

    async def fork_until_ready(self, fork: Fork, limit: float, on_trouble: Callable[[Explanation], None]) -> Answered:
        """Return the first answer of a server beside the one that serves; errors as ``wait_until_ready``."""
        assert self.forks is not None
        others = [port for port in self.forks.other_ports if port != fork.port]
        awaited = self._awaited(fork.address, fork.port, fork.ended, limit, others)
        try:
            return await wait_until_ready(awaited, on_trouble)
        except EndedError as error:
            raise EndedError(error.ended, fork.evidence) from None
        except SilentError:
            place, inner = where(await self.forks.where(fork), self._directory)
            doing = f": it is still at {place}{f', in {inner}' if inner else ''}" if place else ""
            raise ServerError(
                f"{self._endpoint.name}: the new code has not answered in {limit:.0f} s{doing}",
                place=place or self._endpoint.place(),
                hint="what takes long there can be left to the first request, or be kept warm (`keep-warm`)",
            ) from None

    async def write(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files to what ``entries`` are; SavedAgainError when one of them has changed in the meantime."""
        changed, removed = changed_entries(self._present, entries)
        in_doubt = self._in_doubt
        changed += [entry for entry in entries if entry.path in in_doubt and entry not in changed]
        removed += sorted(in_doubt - {entry.path for entry in entries} - set(removed))
        if not changed and not removed:
            return
        copies = await in_thread(lambda: [self._staged(entry) for entry in changed])
        # Should it be broken off, nobody knows which of them are there.
        self._in_doubt = in_doubt | {entry.path for entry in changed} | set(removed)
        await self._bring(copies, removed)
        self._present, self._in_doubt = entries, frozenset()

    async def write_back(self, entries: tuple[Entry, ...]) -> None:
        """Bring its files back to what they were, as far as there are copies of them: an old server reads its own."""
        with contextlib.suppress(SavedAgainError):
            await self.write(entries)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and end it after ``grace`` seconds."""
        await in_thread(self._runtime.stop, self.id, grace)

    async def remove(self) -> None:
        """Take it away."""
        self._leave_runner()
        if self.id:
            await in_thread(self._runtime.remove, self.id)

    def _leave_runner(self) -> None:
        if self.forks is not None:
            self.forks.close()
            self.forks = None

    async def _bring(self, copies: Sequence[Entry], removed: Sequence[str]) -> None:
        """Let the runner take the copies from the staging directory; where it cannot, send them as an archive."""
        if not self._by_archive and self.forks is not None and self.can_fork and self.forks.mounted:
            self._by_archive = bool(await self.forks.write([_taken(copy) for copy in copies], removed))
            if not self._by_archive:
                return
        await in_thread(self._runtime.sync, self.id, copies, removed)

    def _staged(self, entry: Entry) -> Entry:
        """Return the entry with a copy of its file for its source: that stays what it is."""
        if entry.link is not None:
            return entry
        if entry.source is None:
            name = self._staging.keep_content(entry.content or b"")
        else:
            name = self._staging.keep(entry.digest, entry.source)
        return replace(entry, content=None, source=self._staging.directory / name, digest=name)

    def _awaited(
        self,
        address: Address,
        port: int,
        ended: asyncio.Future[Exit],
        limit: float,
        hidden: Sequence[int],
    ) -> Awaited:
        async def listeners() -> Sequence[Listener]:
            return await in_thread(self._runtime.listeners, self.id)

        return Awaited(
            self._endpoint, self._prefix, address, port, ended, listeners, limit, self._probe, frozenset(hidden)
        )


def _taken(copy: Entry) -> dict[str, Any]:
    """Return an entry in the runner's words."""
    return {"path": copy.path, "mode": copy.mode, "link": copy.link, "blob": copy.digest}


def _settle(future: asyncio.Future[Exit], how: Exit) -> None:
    if not future.done():
        future.set_result(how)
