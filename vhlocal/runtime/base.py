"""What a runtime is asked for and what it answers, whatever it runs servers in.

A runtime makes *environments* (an image and what is installed in it) and runs *servers* in them. It decides nothing:
the session plans which of them there are to be, and calls it from worker threads, so every method blocks.
All methods raise ``EngineError`` when the engine refuses, and ``BuildError`` where an environment cannot be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vhlocal.contract.image import Install
    from vhlocal.contract.limits import ContainerLimits
    from vhlocal.model import SharedVolume, WorkspaceVolume


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
    installs, in the code directory with ``entries`` placed before it.
    """

    tag: str
    parent: str
    title: str
    install: Install
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class PresentImage:
    """An image that exists: its id, and the id of the image that it was made on (empty where unknown)."""

    id: str
    parent: str = ""


@dataclass(frozen=True)
class PresentServer:
    """A server that exists, of this run or an earlier one."""

    id: str
    endpoint: str
    run: str
    running: bool


@dataclass(frozen=True)
class Mounts:
    """What is mounted in a server: host files read-only by path in it (B4), and volumes (K4).

    ``shared`` pairs each shared volume with the host directory that stands in for its claim.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    shared: tuple[tuple[SharedVolume, Path], ...] = ()
    workspace: WorkspaceVolume | None = None


@dataclass(frozen=True)
class Identity:
    """Whose server it is; ``project`` is ``owner/project``."""

    project: str
    endpoint: str


#: Where ``ServerSpec.staging`` stands in a server.
STAGING_DIRECTORY = "/valohai/staging"


@dataclass(frozen=True)
class ServerSpec:
    """All that a server is started from.

    ``port`` is where it is to listen; ``more_ports`` are further ones in it that are to be reached from this machine.
    ``staging`` is a host directory that is mounted read-only at ``STAGING_DIRECTORY``, where the engine can.
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


@dataclass(frozen=True)
class Listener:
    """A TCP socket that listens inside a server's network (R3)."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only the server's own machine can reach it."""
        return self.host.startswith("127.") or self.host == "::1"


OnLine = Callable[[str, str], None]
"""Called with the stream's name and one line, without its end."""

OnExit = Callable[[Exit], None]

OnPull = Callable[[str, str, int, int], None]
"""Called with layer, status, current and total bytes."""


class Runtime(Protocol):
    """Makes environments and runs servers."""

    def image(self, name: str) -> PresentImage | None:
        """Return the image of this name, or None."""

    def pull(self, name: str, on_progress: OnPull) -> None:
        """Bring a base image here; BuildError when it cannot be had."""

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        """Make one layer, handing on what it prints; BuildError when its script fails."""

    def package(self, spec: ServerSpec, tag: str) -> None:
        """Make the whole image of an endpoint, files included, under ``tag``."""

    def servers(self, directory: str) -> Sequence[PresentServer]:
        """Return every server of the project in ``directory``, running or not."""

    def create(self, spec: ServerSpec) -> str:
        """Make a server with its files in place, not yet started, and return its id."""

    def start(self, server: str, on_line: OnLine, on_exit: OnExit) -> Mapping[int, Address]:
        """Start a server that is made or has ended, and return where each of its ports can be reached.

        The callbacks run in a thread of the runtime's own.
        """

    def sync(self, server: str, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        """Write changed files into a server and take removed ones (absolute paths) away."""

    def listeners(self, server: str) -> Sequence[Listener]:
        """Return the sockets that listen in a running server, as far as they can be read (R3)."""

    def stop(self, server: str, grace: float) -> None:
        """Ask a server to end, and end it after ``grace`` seconds."""

    def close(self) -> None:
        """Let go of everything that the runtime holds on this machine; no method is called after it."""

    def remove(self, server: str) -> None:
        """Take a server away with everything that only it used; no error when it is gone already."""
