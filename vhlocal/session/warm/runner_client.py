"""Speaks with the runner in a container (``runner/serve_warm_supervisor.py``): lines of JSON over a TCP connection."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, cast

#: Seconds that the runner gets to answer: it does nothing that takes long.
_PATIENCE = 30.0

#: Seconds within which its machine has to confirm what was sent, which it does however busy the runner is: else a
#: container that was taken off its network is waited for as long as one whose runner is slow.
_UNCONFIRMED = 5.0

#: Bytes of one message. It is the project's code that runs where the runner does, and may speak in its place.
_LONGEST = 1 << 22

#: Messages that are taken before others get their turn.
_AT_ONCE = 100

Facts = dict[str, Any]
OnEvent = Callable[[Facts], None]

#: The last event, which the runner itself cannot send: the connection has ended.
GONE: Facts = {"event": "gone"}


class RunnerGoneError(Exception):
    """The runner cannot be reached, or not any more."""


class NoRunnerError(RunnerGoneError):
    """Nobody listens where the runner would."""


class RunnerClient(asyncio.Protocol):
    """One connection. ``on_event`` gets what the runner sends without being asked, in the event loop's thread.

    It raises ValueError for what no runner sends, which ends the connection. The last event is ``GONE``.
    """

    def __init__(self, on_event: OnEvent, patience: float = _PATIENCE) -> None:
        self._on_event = on_event
        self._patience = patience
        self._rest = b""
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[Facts]] = {}
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(
        cls, host: str, port: int, token: str, on_event: OnEvent, patience: float = _PATIENCE
    ) -> tuple[RunnerClient, Facts]:
        """Connect and show the token; return the connection and what the runner knows.

        NoRunnerError where there is none, RunnerGoneError where it does not answer.
        """
        loop = asyncio.get_running_loop()
        try:
            _, client = await loop.create_connection(lambda: cls(on_event, patience), host, port)
        except OSError as error:
            raise NoRunnerError(str(error)) from error
        try:
            client.show(token)
            return client, await client.ask(do="attend")
        except BaseException:
            client.close()
            raise

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None

    def show(self, token: str) -> None:
        """Send what is heard first, and without which nothing else is."""
        if self._transport is not None:
            self._transport.write(token.encode() + b"\n")

    def tell(self, **facts: Any) -> int:
        """Send a command whose answer nobody waits for, unless the connection has ended; return its number."""
        self._asked += 1
        if self._transport is not None:
            self._transport.write(json.dumps({**facts, "id": self._asked}).encode() + b"\n")
        return self._asked

    async def ask(self, **facts: Any) -> Facts:
        """Send a command and return its answer; RunnerGoneError when none comes."""
        if self._transport is None:
            raise RunnerGoneError("the connection has ended")
        answer: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        self._waiting[self.tell(**facts)] = answer
        try:
            return await asyncio.wait_for(answer, self._patience)
        except (TimeoutError, asyncio.TimeoutError):
            if self._transport is not None:
                self._transport.abort()  # nobody is to wait as long for it once more
            raise RunnerGoneError("the runner does not answer") from None

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_UNCONFIRMED * 1000))

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if self._read() and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        """Take the next part of a flood, once others have had their turn."""
        if self._read():
            asyncio.get_running_loop().call_soon(self._read_on)
        elif self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _read(self) -> bool:
        """Take so many messages; return whether there are more."""
        *lines, self._rest = self._rest.split(b"\n", _AT_ONCE)
        try:
            for line in lines:
                self._take(json.loads(line))
            more = b"\n" in self._rest
            if not more and len(self._rest) > _LONGEST:
                raise ValueError("a message without an end")
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):  # it is not the runner who speaks
            self._rest = b""
            if self._transport is not None:
                self._transport.abort()
            return False
        return more

    def _take(self, facts: Any) -> None:
        if not isinstance(facts, dict):
            raise TypeError(facts)
        identity = facts.pop("id", None)
        if identity is None:
            self._on_event(facts)
        elif (waiting := self._waiting.pop(identity, None)) is not None and not waiting.done():
            waiting.set_result(facts)

    def connection_lost(self, exc: Exception | None) -> None:
        while self._read():
            pass
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(RunnerGoneError("the connection has ended"))
        self._on_event(GONE)
