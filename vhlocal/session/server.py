"""One server of the run, from its making to its removal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from vhlocal.errors import ServerError
from vhlocal.session import probe
from vhlocal.session.exits import Explanation, explain_listeners
from vhlocal.session.tasks import beside, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import Address, Entry, Exit, OnLine, Runtime, ServerSpec

#: Seconds until the sockets of a server that does not answer are looked at, and between two looks.
_FIRST_LOOK = 2.0
_BETWEEN_LOOKS = 1.0

#: Looks in a row that must find the same fault before a start is given up.
_SURE_LOOPBACK = 2
_SURE_PORT = 10

#: Seconds after which a server that neither answers nor ends is given up: Kubernetes' default for a rollout.
START_LIMIT = 600.0


class EndedError(Exception):
    """The server ended before it answered."""

    def __init__(self, ended: Exit) -> None:
        super().__init__(ended)
        self.ended = ended


class Server:
    """A server made from ``spec``. ``on_line`` gets what it prints, from a thread of the runtime's."""

    def __init__(self, runtime: Runtime, endpoint: Endpoint, spec: ServerSpec, on_line: OnLine) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._spec = spec
        self._on_line = on_line
        self._prefix = spec.environment["SCRIPT_NAME"]
        self.id = ""
        self.address: Address | None = None
        self.ended: asyncio.Future[Exit] | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.ended is not None and not self.ended.done()

    async def create(self) -> None:
        """Make it, with its files in place."""
        self.id = await in_thread(self._runtime.create, self._spec)

    async def start(self) -> None:
        """Start it, also again after its end."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exit] = loop.create_future()

        def on_exit(how: Exit) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ended, how)

        self.ended = ended
        self.address = await in_thread(self._runtime.start, self.id, self._on_line, on_exit)

    async def wait_until_ready(self, on_trouble: Callable[[Explanation], None]) -> None:
        """Return once it answers; EndedError when it ends first, ServerError when it never could be reached (R3)."""
        assert self.address is not None and self.ended is not None
        async with beside(self._poll(self.address)) as (ready,), beside(self._look(on_trouble)) as (looking,):
            waiting: set[asyncio.Future[Any]] = {ready, looking, self.ended}
            done, _ = await asyncio.wait(waiting, timeout=START_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if ready in done:
            return
        if self.ended in done:
            raise EndedError(self.ended.result())
        if looking in done:
            explanation = looking.result()
            raise ServerError(
                f"{self._endpoint.name}: {explanation.reason}", place=explanation.place, hint=explanation.hint
            )
        raise ServerError(
            f"{self._endpoint.name}: the server has not answered in {START_LIMIT:.0f} s",
            place=self._endpoint.place(),
            hint="`vhlocal logs` shows what it printed",
        )

    async def sync(self, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        """Write changed files into it and take removed ones away."""
        await in_thread(self._runtime.sync, self.id, entries, removed)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and end it after ``grace`` seconds."""
        await in_thread(self._runtime.stop, self.id, grace)

    async def remove(self) -> None:
        """Take it away."""
        if self.id:
            await in_thread(self._runtime.remove, self.id)

    async def _poll(self, address: Address) -> None:
        pause = probe.FIRST_PAUSE
        while not await probe.answers(address, self._prefix):
            await asyncio.sleep(pause)
            pause = min(probe.LONGEST_PAUSE, pause * 1.2)

    async def _look(self, on_trouble: Callable[[Explanation], None]) -> Explanation:
        """Return why the server cannot be reached, once that is sure; tell ``on_trouble`` as soon as it is seen."""
        seen: Explanation | None = None
        times = 0
        await asyncio.sleep(_FIRST_LOOK)
        while True:
            listeners = await in_thread(self._runtime.listeners, self.id)
            found = explain_listeners(self._endpoint, listeners)
            times = times + 1 if found == seen else 1
            if found is not None and found != seen:
                on_trouble(found)
            seen = found
            own = any(listener.port == self._endpoint.port for listener in listeners)
            if found is not None and times >= (_SURE_LOOPBACK if own else _SURE_PORT):
                return found
            await asyncio.sleep(_BETWEEN_LOOKS)


def _settle(future: asyncio.Future[Exit], how: Exit) -> None:
    if not future.done():
        future.set_result(how)
