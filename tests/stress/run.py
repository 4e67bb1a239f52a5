"""One ``vhlocal up`` under stress, as it is seen from outside: what it prints, uses and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sysconfig
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import docker
import psutil
from docker.errors import NotFound

from tests.command import Running, Vhlocal
from tests.engine_fixtures import containers_of
from tests.stress.judge import Live
from tests.stress.saves import CAUSED
from tests.waiting import accepts, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Below = Mapping[int, list[psutil.Process]]

_PROJECT = Path(__file__).parent / "project"

_LIVE = re.compile(r"^(\S+): rev (\w+) live in ")

#: Seconds that processes get to be gone once the run has ended.
_GONE = 60.0

_MB = 1e6

#: The state of a socket in the kernel's table.
_LISTENS = "0A"

#: What no run says, whatever is saved: faults of its own.
_FAULTS = re.compile(r"bug in vhlocal|never retrieved|never awaited|^Traceback")


class Use(NamedTuple):
    """What vhlocal and its runners use: megabytes and open files; of the runners, the one that uses most."""

    memory: float
    files: int
    runner_memory: float
    runner_files: int


class Run:
    """A run in ``place``, a directory of its own that holds all that it may write."""

    def __init__(self, place: Path, runtime: str) -> None:
        self.place = place
        self.runtime = runtime
        self.directory = Path(
            shutil.copytree(_PROJECT, place / "project", ignore=shutil.ignore_patterns("__pycache__"))
        )
        self._vhlocal = Vhlocal(_environment(place))
        self.port = free_port()
        # What is recorded is kept within a bound of its own, and is no memory that grows by saves.
        arguments = ("--runtime", runtime, "--owner", "stress", "--project", runtime, "--no-record")
        self.running = Running(self._vhlocal, self.directory, self.port, arguments, place / "up.log")
        self.lives: list[Live] = []
        #: Errors that were told, by their text without numbers.
        self.errors: Counter[str] = Counter()
        #: Errors that no save had caused, and faults of vhlocal's own.
        self.faults: list[str] = []
        self._rest = ""
        #: The first processes of containers, by container.
        self._pids: dict[str, int] = {}

    async def follow(self) -> None:
        """Read what is printed as it comes; never returns."""
        with self.running.log.open(errors="replace") as log:
            while True:
                self._take(log.read())
                await asyncio.sleep(0.02)

    def _take(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        now = time.monotonic()
        for line in lines:
            if live := _LIVE.match(line):
                self.lives.append(Live(now, live[1], live[2]))
            elif line.startswith("error: "):
                self.errors[re.sub(r"\d+", "N", line)] += 1
            if _FAULTS.search(line) or (line.startswith("error: ") and not CAUSED.search(line)):
                self.faults.append(f"{line} (at {now:.2f})")

    # What it uses.

    def process(self) -> psutil.Process:
        """Return vhlocal's own process."""
        return psutil.Process(self.running.process.pid)

    def use(self) -> Use:
        """Return what it uses now."""
        process, runners = self.process(), self.runners()
        return Use(
            process.memory_info().rss / _MB,
            process.num_fds(),
            max(runner.memory_info().rss for runner in runners) / _MB,
            max(runner.num_fds() for runner in runners),
        )

    def runners(self) -> list[psutil.Process]:
        """Return the supervisors: the topmost of each server's processes that are the runner's."""
        return _runners(self._roots(), _below())

    def _roots(self) -> list[psutil.Process]:
        if self.runtime == "process":
            return [self.process()]
        roots = []
        with contextlib.closing(docker.from_env()) as client:
            for item in client.api.containers(filters={"label": f"vhlocal.directory={self.directory.resolve()}"}):
                with contextlib.suppress(NotFound, psutil.NoSuchProcess):  # one that has just been replaced
                    if pid := self._pid(client, item["Id"]):
                        roots.append(psutil.Process(pid))
        return roots

    def _pid(self, client: docker.DockerClient, container: str) -> int:
        """Return the first process of a container, which is started once, or 0 where that has not begun."""
        if not self._pids.get(container):
            self._pids[container] = client.api.inspect_container(container)["State"]["Pid"]
        return self._pids[container]

    def servers(self) -> dict[int, int]:
        """Return how many ports each supervisor's processes listen on beside its own, by its process id."""
        roots, below = self._roots(), _below()
        return {runner.pid: len(_ports(runner, below)) - 1 for runner in _runners(roots, below)}

    # What it leaves.

    def processes(self) -> list[psutil.Process]:
        """Return all processes that have to do with this run."""
        below, roots = _below(), (self.process(), *self._roots())
        return list(dict.fromkeys(process for root in roots for process in _tree(root, below)))

    def left(self, processes: list[psutil.Process]) -> Iterator[str]:
        """Tell what is left once the run has ended; ``processes`` are those that it had before."""
        deadline = time.monotonic() + _GONE
        while (alive := [each for each in processes if each.is_running()]) and time.monotonic() < deadline:
            time.sleep(0.1)
        strays = [process for process in psutil.process_iter() if _knows(process, self.place)]
        for process in dict.fromkeys((*alive, *strays)):
            yield f"process {process.pid}: {_command(process)}"
        if accepts(self.port):
            yield f"port {self.port}"
        if self.runtime == "docker":
            with contextlib.closing(docker.from_env()) as client:
                yield from (f"container {name}" for name in containers_of(client, self.directory))
        for path in (self.place / "tmp", self.place / "r"):
            yield from (f"file {each.relative_to(self.place)}" for each in path.rglob("*"))
        servers = self.place.glob("c/vhlocal/servers/*/*")
        yield from (f"file {each.relative_to(self.place)}" for each in servers)


def _environment(place: Path) -> dict[str, str]:
    """Return an environment in which no state of the machine's user is read or written."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VHLOCAL_")}
    for name in ("STATE_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
        # Short, since the path of an environment's Python has to fit into a script's first line.
        directory = place / name[0].lower()
        directory.mkdir(mode=0o700)
        environment[f"XDG_{name}"] = str(directory)
    temporary, tools = place / "tmp", place / "tools"
    temporary.mkdir()
    tools.mkdir()
    uv = shutil.which("uv", path=sysconfig.get_path("scripts"))
    if uv is not None:
        (tools / "uv").symlink_to(uv)
    return {**environment, "TMPDIR": str(temporary), "PATH": f"{tools}:{environment['PATH']}"}


def _below() -> Below:
    """Return all processes of this machine by their parents: one look, for as many questions as wanted."""
    below = defaultdict(list)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            below[process.ppid()].append(process)
    return below


def _tree(root: psutil.Process, below: Below) -> Iterator[psutil.Process]:
    yield root
    for child in below.get(root.pid, ()):
        yield from _tree(child, below)


def _runners(roots: Sequence[psutil.Process], below: Below) -> list[psutil.Process]:
    found = []
    for root in roots:
        found += _topmost(root, below)
    return found


def _topmost(process: psutil.Process, below: Below) -> list[psutil.Process]:
    """Return the runners in a tree of processes that are below no other one."""
    if _is_runner(process):
        return [process]
    return [runner for child in below.get(process.pid, ()) for runner in _topmost(child, below)]


def _is_runner(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(word.endswith("/serve_warm.py") for word in process.cmdline()[:3])
    return False


def _ports(runner: psutil.Process, below: Below) -> set[int]:
    """Return the ports that a runner's processes listen on, in the network that they have."""
    sockets = set()
    for process in _tree(runner, below):
        # A process that is about to end has no files any more.
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(link.readlink()))
    ports = set()
    for family in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            _, *rows = Path(f"/proc/{runner.pid}/net/{family}").read_text().splitlines()
            for _, local, _, state, *_, inode in (row.split()[:10] for row in rows):
                if state == _LISTENS and f"socket:[{inode}]" in sockets:
                    ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _knows(process: psutil.Process, place: Path) -> bool:
    """Tell whether a process of somebody else works in a directory, or was started with it."""
    if process.pid == os.getpid():
        return False
    with contextlib.suppress(psutil.Error):
        return process.cwd().startswith(str(place)) or str(place) in " ".join(process.cmdline())
    return False


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return "?"
