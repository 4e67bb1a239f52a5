"""The servers that live side by side in one container: the one that serves, the next one, those that end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from vhlocal.runtime.base import Exit
from vhlocal.session.tasks import settle
from vhlocal.session.warm.runner_client import GONE, NoRunnerError, RunnerClient, RunnerGoneError
from vhlocal.session.warm.runner_messages import is_answer, is_event
from vhlocal.session.warm.start_up import Birth, read_birth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vhlocal.runtime.base import Address, Entry, Layout
    from vhlocal.session.warm.held import Held

#: How a server ends when its container does: it is killed.
_WITH_ITS_CONTAINER = Exit(137)

#: Seconds that a server gets to be gone once it was killed.
_GONE = 5.0

#: Most refusals remembered of a server, whoever reports them.
_REFUSED = 100

#: Seconds in which everything arrives that a runner reported before it ended.
_LAST_WORDS = 2.0


class AloneError(Exception):
    """There cannot be two of a server, since the one that serves has ``held``, which only one can have."""

    def __init__(self, held: Held) -> None:
        super().__init__(f"the running server holds {held}")
        self.held = held


class NoRoomError(Exception):
    """One more server does not fit into the container beside the others; the text says why, ``hint`` what helps."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


class NotThereError(Exception):
    """A server that has answered does not stay: it ends, or the runner begins it again."""


class Fork:
    """One server in a container.

    ``bound`` is set as long as its own process listens at ``address``: what answers there then is this server and no
    other. ``forked`` and ``loaded`` are when its process and its code were there (monotonic seconds); ``evidence`` says
    why it failed.
    """

    def __init__(self, number: int, port: int, address: Address) -> None:
        self.number = number
        self.port = port
        self.address = address
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.begin_again()

    def begin_again(self) -> None:
        """Forget the process that was there: the runner begins it again."""
        self.bound = asyncio.Event()
        self.forked: float | None = None
        self.loaded: float | None = None
        self.evidence = ""
        #: How many workers answer requests, and how many threads in each; None where that is not known.
        self.slots: tuple[int, int] | None = None
        #: What it may end for, since somebody else has it (see ``held``): the runner's words.
        self.refused: list[dict[str, Any]] = []


class Forks:
    """What a container's runner keeps.

    ``on_news`` hears what the runner has learnt (``warm``, ``kept``, ``unkept``), of a reloader that it has
    ``left_out``, and of files that were ``made``.
    """

    def __init__(
        self, addresses: Mapping[int, Address], layout: Layout, on_news: Callable[[dict[str, Any]], None]
    ) -> None:
        self._addresses = addresses
        self._layout = layout
        self._ports = [layout.port, *layout.spares]
        self._on_news = on_news
        self._client: RunnerClient | None = None
        self._last = 1
        self.serving = Fork(1, layout.port, addresses[layout.port])
        self._known: dict[int, Fork] = {1: self.serving}
        self.mounted = False
        #: Set once the runner has reported all that it ever will.
        self.gone = asyncio.Event()

    async def connect(self, token: str) -> bool:
        """Reach the runner; False where there is none, since the command cannot be forked.

        RunnerGoneError where it does not answer.
        """
        control = self._addresses[self._layout.control]
        try:
            self._client, facts = await RunnerClient.connect(control.host, control.port, token, self._hear)
        except NoRunnerError:
            return False
        self.mounted = bool(self._judged("attend", facts).get("mounted"))
        return True

    @property
    def reachable(self) -> bool:
        """Whether the runner is still there."""
        return self._client is not None and self._client.connected

    @property
    def other_ports(self) -> tuple[int, ...]:
        """The ports of the runner itself and of servers that are to end, or might be there."""
        return (self._layout.control, *self._ports)

    async def write(self, copies: Sequence[Entry], removed: Sequence[str], were: Mapping[str, str]) -> str:
        """Let the runner bring files from the staging directory into the code's; return why it cannot, or nothing.

        ``were`` has by a copy's path where the same file is so far, among the ``removed``.
        """
        written = [_taken(copy, were) for copy in copies]
        answer = await self._ask(do="write", written=written, removed=list(removed))
        return f"{answer['error']}: {answer.get('file') or ''}" if "error" in answer else ""

    async def begin(self) -> Fork:
        """Begin the next server; NoRoomError where there is no memory or no port for it beside those that live."""
        taken = {fork.port for fork in self._known.values()}
        for port in [port for port in self._ports if port not in taken]:
            fork = self._new(port)
            refused = await self._order(fork)
            if not refused:
                return fork
            self._known.pop(fork.number, None)  # the runner may have gone since
            if refused == "memory":
                raise no_memory()
        raise NoRoomError(
            f"{len(taken)} older servers still answer requests", "each ends when its requests have been answered"
        )

    async def serve(self, fork: Fork) -> bool:
        """Make ``fork`` the one that the container lives for; return whether it listens on the port that it was given.

        Where it does not, the next one would meet it on its port: such a command cannot be forked. NotThereError where
        the process that has answered does not stay.
        """
        answer = await self._ask(do="serve", number=fork.number)
        if "refused" in answer:
            raise NotThereError
        self.serving = fork
        return bool(answer.get("bound"))

    async def hosts(self, fork: Fork) -> list[str]:
        """Return the addresses that a server listens at, as its code means them; an empty one is every address (R3)."""
        return [str(host) for host in (await self._ask(do="hosts", number=fork.number)).get("hosts", [])]

    async def birth(self, fork: Fork, *, measured: bool) -> Birth:
        """Return how a server came to be; with its imports, where they were to be ``measured``."""
        return read_birth(await self._ask(do="birth", number=fork.number), time.monotonic(), measured=measured)

    def give_up(self, fork: Fork) -> None:
        """End a server that is not to take over, whatever it has come to; its port is taken until it has ended."""
        if self._client is not None and self._client.connected:
            # The runner may just have been asked to live for this one.
            self._client.tell(do="serve", number=self.serving.number)
            self._client.tell(do="stop", number=fork.number, grace=0)
        else:
            self._known.pop(fork.number, None)
            settle(fork.ended, _WITH_ITS_CONTAINER)

    async def stop(self, fork: Fork, grace: float) -> None:
        """Ask a server to end, end it after ``grace`` seconds, and return when it has."""
        with contextlib.suppress(RunnerGoneError, asyncio.TimeoutError):
            await self._ask(do="stop", number=fork.number, grace=grace)
            await asyncio.wait_for(asyncio.shield(fork.ended), grace + _GONE)

    async def holds(
        self, kind: str, name: str, inode: Sequence[int] | None = None, *, fork: Fork | None = None
    ) -> bool:
        """Tell whether a server, or the one that serves, has what another could not have beside it.

        ``inode`` is a lock's.
        """
        number = (fork or self.serving).number
        return bool((await self._ask(do="holds", number=number, kind=kind, name=name, inode=inode)).get("holds"))

    async def refused(self, fork: Fork, *, gone: bool) -> list[dict[str, Any]]:
        """Return what a server was refused and ends for, or lives on without, in the runner's words.

        ``gone``: the runner has ended with it. Nothing can be asked any more, but all that it reported still arrives.
        """
        with contextlib.suppress(RunnerGoneError, asyncio.TimeoutError):
            if gone:
                await asyncio.wait_for(self.gone.wait(), _LAST_WORDS)
            elif not fork.ended.done():
                return [*fork.refused, *(await self._ask(do="lacks", number=fork.number)).get("lacks", [])]
        return fork.refused

    async def spares(self) -> bool:
        """Tell whether the kernel, for the memory limit, has killed none of the processes of the server that serves."""
        return bool((await self._ask(do="killed")).get("spared"))

    async def others_ended(self, limit: float) -> None:
        """Return once no server lives in the container but the one that serves, or after ``limit`` seconds."""
        others = [fork.ended for fork in self._known.values() if fork is not self.serving]
        if others:
            await asyncio.wait(others, timeout=limit)

    async def where(self, fork: Fork) -> str:
        """Return the stacks of a server's processes, as Python prints them; nothing where that cannot be found out."""
        with contextlib.suppress(RunnerGoneError):
            stacks = str((await self._ask(do="where", number=fork.number)).get("stacks", ""))
            return self._layout.as_in_production(stacks)
        return ""

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()

    async def _ask(self, **facts: Any) -> dict[str, Any]:
        if self._client is None:
            raise RunnerGoneError("there is no runner")
        return self._judged(facts["do"], await self._client.ask(**facts))

    def _judged(self, order: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Return an answer that can be read; RunnerGoneError where something else than the runner gives it."""
        if not is_answer(order, answer):
            self.close()
            raise RunnerGoneError("what answers is not the runner")
        return answer

    def _new(self, port: int) -> Fork:
        self._last += 1
        fork = self._known[self._last] = Fork(self._last, port, self._addresses[port])
        return fork

    async def _order(self, fork: Fork) -> str:
        """Have a server forked; return why it is refused, or nothing. Who gives up on the answer ends the server."""
        try:
            answer = await self._ask(do="fork", number=fork.number, port=fork.port)
        except BaseException:
            self.give_up(fork)
            raise
        return str(answer.get("refused", ""))

    def _hear(self, event: dict[str, Any]) -> None:
        """Take an event; ValueError, which ends the connection, where no runner would send it."""
        if event is GONE:
            for each in self._known.values():
                settle(each.ended, _WITH_ITS_CONTAINER)
            self._known = {}
            self.gone.set()
            return
        if not is_event(event):
            raise ValueError(event)
        kind = event.pop("event")
        fork = self._known.get(event.get("number", 0))
        if fork is None and "number" not in event:
            self._on_news({"event": kind, **event})
        elif fork is not None:
            _note(fork, kind, event, self._layout)
            if fork.ended.done():
                del self._known[fork.number]


def no_memory() -> NoRoomError:
    """Return what is raised where the memory limit is too small for two servers."""
    return NoRoomError(
        "the memory limit leaves no room for two servers at once", "raise resources.memory.max for quick reloads"
    )


def _taken(copy: Entry, were: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry in the runner's words."""
    facts = {"path": copy.path, "mode": copy.mode, "link": copy.link, "blob": copy.digest}
    return {**facts, "was": were[copy.path]} if copy.path in were else facts


def _note(fork: Fork, kind: str, event: dict[str, Any], layout: Layout) -> None:
    match kind:
        case "forked":
            fork.forked = fork.forked or time.monotonic()
        case "loaded":
            fork.loaded = fork.loaded or time.monotonic()
        case "serves" if event["workers"] > 0 and event["threads"] > 0:
            fork.slots = (event["workers"], event["threads"])
        case "failed":
            fork.evidence = layout.as_in_production(str(event["text"]))
        case "bound":
            fork.bound.set()
        case "refused" if len(fork.refused) < _REFUSED:
            fork.refused.append(event)
        case "again":
            fork.begin_again()
        case "ended":
            settle(fork.ended, Exit(int(event["code"]), bool(event["out_of_memory"])))
