"""What a runtime is asked for and what it answers, whatever it runs servers in.

A runtime makes *environments* (an image and what is installed in it) and runs *servers* in them. It decides nothing:
the session plans which of them there are to be, and calls it from worker threads, so every method blocks.
All methods raise ``EngineError`` when the engine refuses, and ``BuildError`` where an environment cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vhlocal.contract.image import DEFAULT_PORT
from vhlocal.errors import BuildError
from vhlocal.regular import digest_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from vhlocal.contract.image import Install
    from vhlocal.contract.limits import ContainerLimits
    from vhlocal.events import Notice
    from vhlocal.model import Endpoint, SharedVolume, WorkspaceVolume


@dataclass(frozen=True)
class Entry:
    """One file to place in a server's file system: either ``content``, a ``source`` to read, or a ``link`` to make.

    ``digest`` stands for the source's content, so that entries can be compared without reading.
    """

    path: str
    mode: int = 0o644
    content: bytes | None = None
    source: Path | None = None
    digest: str = ""
    link: str | None = None


@dataclass(frozen=True)
class Layer:
    """One step of making an environment, on top of ``parent`` (another layer's tag, or a base image's name).

    ``tag`` is made from everything that the step reads, so that an equal layer has an equal tag. ``install`` is what it
    installs, in the code directory with ``entries`` placed before it. Those are taken away again, as a server gets its
    own, newer ones among them; what the installation has made beside them stays.
    """

    tag: str
    parent: str
    title: str
    install: Install
    entries: tuple[Entry, ...] = field(default=(), compare=False)

    def check_sources(self) -> None:
        """Make sure, once they were placed, that what has a digest is what the tag is made from: else BuildError."""
        for entry in self.entries:
            if entry.source is not None and entry.digest and not _is_still(entry.source, entry.digest):
                raise BuildError(f"{entry.source} was saved while {self.title} was about to be installed")


def _is_still(source: Path, digest: str) -> bool:
    try:
        return digest_of(source)[0] == digest
    except OSError:
        return False


@dataclass(frozen=True)
class PresentImage:
    """An image that exists: its id, that of the image that it was made on, and the machines that it is for.

    What is not known is empty.
    """

    id: str
    parent: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class PresentServer:
    """A server that exists, of this run or an earlier one."""

    id: str
    endpoint: str
    run: str
    running: bool


@dataclass(frozen=True)
class Mounts:
    """What a server is given beside its entries: chosen files by path in it (B4, see ``chosen``), and volumes (K4).

    ``shared`` pairs each shared volume with the host directory that stands in for its claim, of which it has all or a
    directory below.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    shared: tuple[tuple[SharedVolume, Path], ...] = ()
    workspace: WorkspaceVolume | None = None


@dataclass(frozen=True)
class Identity:
    """Whose server it is; ``project`` is ``owner/project``."""

    project: str
    endpoint: str


#: Production's directory of all that the platform gives a server (B6, B7).
_PRODUCTION_ROOT = "/valohai"
_IN_PRODUCTION = re.compile(rf"(?<![\w./-]){_PRODUCTION_ROOT}(?=/|\b(?![\w.-]))")


@dataclass(frozen=True)
class Layout:
    """Where a server finds things: in a container where production has them, elsewhere not.

    ``root`` stands for ``/valohai``; ``ServerSpec.staging`` is found at ``staging``. ``host`` is the address that
    servers are to be reached at from within: all of a container's, or this machine's loopback. ``port`` is where the
    server listens, ``control`` where its runner does, ``spares`` where the servers beside it do: so many that what
    bounds how many revisions answer at once is memory. ``token`` is what a runner that is there already
    knows vhlocal by.
    """

    port: int = DEFAULT_PORT
    root: str = _PRODUCTION_ROOT
    staging: str = f"{_PRODUCTION_ROOT}/staging"
    host: str = "0.0.0.0"
    control: int = 1024  # no endpoint can have it (R1)
    spares: tuple[int, ...] = tuple(range(61001, 61065))
    token: str = ""

    @property
    def shares_network(self) -> bool:
        """Whether the server listens on this machine itself, and not in a network of its own."""
        return self.host != "0.0.0.0"

    def located(self, text: str) -> str:
        """Return a path, or a text with paths in it, with production's paths led to where they are here."""
        return text if self.root == _PRODUCTION_ROOT else _IN_PRODUCTION.sub(self.root, text)

    def as_in_production(self, text: str) -> str:
        """Undo ``located`` in what a server has printed."""
        return text if self.root == _PRODUCTION_ROOT else text.replace(self.root, _PRODUCTION_ROOT)


@dataclass(frozen=True)
class ServerSpec:
    """All that a server is started from, in production's paths until it is ``located``.

    ``port`` is where it is to listen; ``more_ports`` are further ones in it that are to be reached from this machine.
    ``staging`` is a host directory of which it reads, at the layout's ``staging``. ``layout`` is where it was located.
    ``after`` is the server that was in its pod before it and has ended, if any: it gets that one's workspace volume.
    """

    identity: Identity
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    limits: ContainerLimits
    entries: tuple[Entry, ...]
    mounts: Mounts
    more_ports: tuple[int, ...] = ()
    staging: Path | None = None
    layout: Layout = field(default_factory=Layout)
    after: str = ""

    def located(self, layout: Layout) -> ServerSpec:
        """Return the same with all paths and the port as ``layout`` has them."""
        located = layout.located
        return replace(
            self,
            command=tuple(map(located, self.command)),
            environment={
                **{name: located(value) for name, value in self.environment.items()},
                "VALOHAI_PORT": str(layout.port),
            },
            port=layout.port,
            layout=layout,
            entries=tuple(replace(entry, path=located(entry.path)) for entry in self.entries),
            mounts=replace(self.mounts, files={located(path): source for path, source in self.mounts.files.items()}),
        )


@dataclass(frozen=True)
class Address:
    """Where a server can be reached from this machine."""

    host: str
    port: int


@dataclass(frozen=True)
class Exit:
    """How a server ended: its exit code, and whether the kernel killed it for passing its memory limit (K2)."""

    code: int
    out_of_memory: bool = False


class Throttling(NamedTuple):
    """Of so many periods of the kernel's CPU limit, in how many a server was held back, since its start (K1)."""

    periods: int
    throttled: int


@dataclass(frozen=True)
class Usage:
    """What a server uses: bytes of memory at this moment, cached files aside, and seconds of CPU since it was started.

    ``kept``: the kernel limits its memory. The kernel's own highest mark is not asked for: it counts cached
    files, which nothing is ended for. ``throttling`` is None where the kernel keeps no CPU limit.
    """

    memory: int
    kept: bool
    cpu: float
    throttling: Throttling | None = None


@dataclass(frozen=True)
class Listener:
    """A TCP socket that listens inside a server's network (R3)."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only the server's own machine can reach it."""
        return self.host.startswith("127.") or self.host in {"::1", "localhost"}


OnLine = Callable[[str, str], None]
"""Called with the stream's name and one line, without its end."""

OnExit = Callable[[Exit], None]

Spares = Callable[[], bool]
"""Asked when the kernel has killed a process of a server's for its memory limit: whether the server goes on.

As a rule it does not: Kubernetes ends all of it where it can (cgroup v2's group kill), and a server that quietly lost a
worker would be kinder than production (K2). What was to take over beside the server that serves is not that server.
"""


def spare_none() -> bool:
    """See ``Spares``: what production does."""
    return False


OnPause = Callable[[bool], None]
"""Called with True when somebody has paused a running server from outside, and with False when it was resumed."""


def hear_no_pause(paused: bool) -> None:
    """See ``OnPause``: for who need not know."""


OnPull = Callable[[str, str, int, int], None]
"""Called with layer, status, current and total bytes."""


class Runtime(Protocol):
    """Makes environments and runs servers.

    ``name`` is the one of the table in ``runtime/connect.py``, ``noun`` what a server is in it, and ``remains`` what is
    left of one whose run was killed. ``stands_in``: base images are not used, so what they bring beside Python is
    missing. ``notices`` are what the user should know of where it keeps things.
    """

    name: str
    noun: str
    remains: str
    stands_in: bool
    notices: Sequence[Notice]

    def base(self, image: str) -> str:
        """Return the name by which it knows what stands for a base image of ``valohai.yaml``."""
        ...

    def differences(self, endpoint: Endpoint) -> Sequence[Notice]:
        """Return what production would do for an endpoint, and this runtime does not on this machine."""
        ...

    def image(self, name: str) -> PresentImage | None:
        """Return the image of this name, or None."""

    def pull(self, name: str, on_progress: OnPull) -> None:
        """Bring a base image here; BuildError when it cannot be had."""

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        """Make one layer, handing on what it prints; BuildError when its script fails."""

    def discard(self, names: Sequence[str]) -> Collection[str]:
        """Remove layers that nobody wants any more; return those that are not there now.

        What something uses, be it a server or another layer, stays.
        """
        ...

    def layout(self, spec: ServerSpec) -> Layout:
        """Return where a new server made from ``spec`` will have things; it is to be ``located`` accordingly."""
        ...

    def servers(self, directory: str) -> Sequence[PresentServer]:
        """Return every server of the project in ``directory``, running or not."""

    def create(self, spec: ServerSpec) -> str:
        """Make a server with its files in place, not yet started, and return its id."""

    def start(
        self,
        server: str,
        on_line: OnLine,
        on_exit: OnExit,
        spares: Spares = spare_none,
        on_pause: OnPause = hear_no_pause,
    ) -> Mapping[int, Address]:
        """Start a server that is made or has ended, and return where each of its ports can be reached.

        The callbacks run in a thread of the runtime's own.
        """

    def sync(self, server: str, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        """Write changed files into a server and take removed ones (absolute paths) away."""

    def listeners(self, server: str) -> Sequence[Listener]:
        """Return the sockets that listen in a running server; EngineError where they cannot be read (R3)."""

    def written(self) -> Mapping[Path, float]:
        """Return the files of the project that servers reported writing, and when each was last begun.

        Absolute and without links; seconds of the epoch.
        """
        ...

    def usage(self, server: str) -> Usage | None:
        """Return what a running server uses, and whether its limit is kept without vhlocal (K1); None once it ended."""

    def stop(self, server: str, grace: float) -> None:
        """Ask a server to end, and end it after ``grace`` seconds."""

    def close(self) -> None:
        """Let go of everything that the runtime holds on this machine; no method is called after it."""

    def remove(self, server: str) -> None:
        """Take a server away with everything that only it used; no error when it is gone already."""


class ImageRuntime(Runtime, Protocol):
    """A runtime whose environments are images."""

    def package(self, spec: ServerSpec, tag: str) -> None:
        """Make the whole image of an endpoint, files included, under ``tag``."""


@dataclass(frozen=True)
class Connected:
    """A runtime that is ready, and what the user should know of it."""

    runtime: Runtime
    notices: tuple[Notice, ...] = ()


#: Reaches a runtime for a run, by the run's name.
Connect = Callable[[str], Connected]
