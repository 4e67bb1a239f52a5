"""The supervisor under any order of saves, forks, ends and deaths: a real one, with real masters and servers."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.machine import Machine, run_machine
from tests.runner.stacks import USUAL, python_of
from tests.runner.warm import VERSION, free_port, warm
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.runner.warm import Warm

#: Answers with what it has loaded, and has a child that is in no group of its own server's.
SERVE = """\
import os, signal, socket
import library, own

if os.fork() == 0:
    os.setsid()
    os.closerange(0, 1000)
    signal.alarm(300)
    signal.pause()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", %d))
listener.listen()
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        text = own.TEXT.encode()
        connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %%d\\r\\n\\r\\n%%b" %% (len(text), text))
"""

#: Servers that may live beside each other.
_PORTS = 5


@dataclass
class Begun:
    """A server that was ordered: where it is to listen, what it may have loaded, and whether it may be gone."""

    port: int
    texts: set[str]
    may_end: bool = False


class Lives(Machine):
    """vhlocal's side of one runner; a port is given to the next server once the end of the one before was told.

    No rule has a precondition: what a runner has told by then is not the same each time, and so may not decide what is
    drawn. Where there is nothing to do, nothing is done.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Warm]]) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.it = self._stack.enter_context(start())
        self.it.warm_up()
        self.ports = [self.it.ports[1], *(free_port() for _ in range(_PORTS))]
        self.text = "text 0"
        self.saves = 0
        self.serving = 1
        self.told: list[dict] = []
        self.begun = {1: Begun(self.it.ports[1], {self.text})}

    def heard(self) -> dict[int, Begun]:
        """Take what was told, up to now; return the servers that live on."""
        self.hear()
        return self.begun

    def hear(self) -> None:
        """Take what was told, up to now."""
        self.it.control.ask(do="birth", number=self.serving)
        events, self.it.control.events = self.it.control.events, []
        for event in events:
            self.told.append(event)
            if event["event"] == "failed":
                assert "already in use" not in event["text"], event["text"]
            # Who orders the end of a server that has ended is told so once more.
            if event["event"] == "ended" and event["number"] in self.begun:
                assert self.begun.pop(event["number"]).may_end, f"ended without a reason: {self.told}"

    def other(self, choice: int) -> int | None:
        """Return one of the servers that do not serve, None where there is none."""
        others = [number for number in self.begun if number != self.serving]
        return others[choice % len(others)] if others else None

    # What happens.

    @rule(broken=st.sampled_from([False, False, True]))
    def save(self, broken: bool) -> None:
        """Save code, which is loaded by whoever has not done so yet."""
        self.saves += 1
        self.text = "" if broken else f"text {self.saves}"
        self.it.save("own.py", "1 / 0\n" if broken else f"TEXT = {self.text!r}\n")
        for number, server in self.begun.items():
            if number != self.serving:
                server.texts.add(self.text)
                server.may_end |= broken

    @rule(stopped=st.booleans())
    def fork(self, stopped: bool) -> None:
        """Order a server; where it is ``stopped``, that order comes before it has a process."""
        self.hear()
        taken = {server.port for server in self.begun.values()}
        free = [port for port in self.ports if port not in taken]
        if not free:
            return
        self.it.number += 1
        number = self.it.number
        self.it.ports[number] = free[0]
        self.begun[number] = Begun(free[0], {self.text}, may_end=stopped or not self.text)
        order = {"do": "fork", "number": number, "port": free[0]}
        if stopped:
            self.it.control.send(**order)
            self.it.control.ask(do="stop", number=number, grace=0)
        else:
            assert "refused" not in self.it.control.ask(**order)

    @rule(choice=st.integers(0, _PORTS), grace=st.sampled_from([0, 10]))
    def stop(self, choice: int, grace: int) -> None:
        """End a server, at whatever moment of its life."""
        number = self.other(choice)
        if number is not None:
            self.begun[number].may_end = True
            self.it.control.ask(do="stop", number=number, grace=grace)

    @rule(choice=st.integers(0, _PORTS))
    def die(self, choice: int) -> None:
        """Kill a server, if it listens by now."""
        number = self.other(choice)
        for process in () if number is None else self.processes():
            if self.begun[number].port in ports_of(process):
                self.begun[number].may_end = True
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    @rule()
    def kill_the_master(self) -> None:
        """What was ordered of it is done by the next one."""
        supervisor = self.it.server.process.pid
        for process in psutil.Process(supervisor).children():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(process.pid) == os.getpgid(supervisor):
                    process.kill()

    @rule()
    def take_over(self) -> None:
        """Serve by the newest server that is to live, once it answers, and end the one before."""
        self.hear()
        living = [number for number, server in self.begun.items() if not server.may_end and number != self.serving]
        if living:
            number = max(living)
            assert self.it.get(number).body.decode() in self.begun[number].texts
            assert self.it.serve(number)["bound"]
            self.begun[self.serving].may_end = True
            self.it.control.ask(do="stop", number=self.serving, grace=10)
            self.serving = number

    # What holds at any time.

    @invariant()
    def the_server_that_serves_answers(self) -> None:
        """It answers by one code, whatever is saved meanwhile."""
        server = self.begun[self.serving]
        text = self.it.server.get(VERSION, "/", port=server.port).body.decode()
        assert text in server.texts
        server.texts = {text}

    def end_well(self) -> None:
        """Every other server that was begun ends when it is told to, and nothing of it is left."""
        for number in [number for number in self.begun if number != self.serving]:
            self.begun[number].may_end = True
            self.it.control.ask(do="stop", number=number, grace=0)
        wait_for(lambda: len(self.heard()) == 1, f"the end of {self.begun}")
        listening = set().union(*map(ports_of, self.processes()))
        assert listening == {self.it.control.port, self.begun[self.serving].port}
        assert self.leaders() == 1, "what a server has started has not ended with it"
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ends with the one before
                process.kill()

    def leave(self) -> None:
        self._stack.close()

    def processes(self) -> list[psutil.Process]:
        supervisor = psutil.Process(self.it.server.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def leaders(self) -> int:
        """Return how many processes below the supervisor have a session of their own."""
        found = 0
        for process in self.processes()[1:]:
            with contextlib.suppress(ProcessLookupError):
                found += os.getsid(process.pid) == process.pid
        return found


def ports_of(process: psutil.Process) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    return set()


def test_whatever_the_order_every_server_ends_that_is_to_and_none_that_serves(runner, tmp_path):
    python, places = python_of(USUAL), itertools.count()

    def start():
        port = free_port()
        place = tmp_path / str(next(places))
        place.mkdir()
        files = {"serve.py": SERVE % port, "own.py": "TEXT = 'text 0'\n"}
        command = ["command", str(python), "serve.py"]
        return warm(runner, place, command, python, files, {"library.py": ""}, declared=port)

    run_machine(lambda: Lives(start), examples=6, steps=20)
