"""What is known of a server that does not come up, has ended, or has come near a limit. Plain values."""

from __future__ import annotations

import posixpath
import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vhlocal.checks.starts import Cause
    from vhlocal.checks.unpackaged import Why
    from vhlocal.model import Endpoint

_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_FILE = re.compile(r"FileNotFoundError: .*'([^'\n]+)'\s*$", re.MULTILINE)
_IMPORT = re.compile(r"\s*(?:import|from)\s+([A-Za-z_]\w*)")

#: What a server was doing that answered once.
AFTER_ONE = "after its first request"

#: The part of a memory limit from which on it is near.
NEAR = 0.8


def place_of(endpoint: Endpoint, key: str) -> Place:
    """Return where a key stands, or the endpoint itself where the key is not written."""
    return endpoint.place(key) or Place(Path("valohai.yaml"))


def command_key(endpoint: Endpoint) -> str:
    """Return the key that names what serves."""
    return "server-command" if endpoint.wsgi is None else "wsgi"


def tells_a_miss(line: str) -> bool:
    """Tell whether a line says that a module or a file is not there."""
    return "NotFoundError: " in line and bool(_NO_MODULE.search(line) or _NO_FILE.search(line))


def missing_module(text: str) -> str | None:
    """Return the module that a log says could not be found, the last of several."""
    found = _NO_MODULE.findall(text)
    return found[-1] if found else None


def missing_file(text: str) -> str | None:
    """Return the file that a log says is not there, the last of several, relative to the code's directory.

    None where it is none of that directory's.
    """
    found = _NO_FILE.findall(text)
    if not found:
        return None
    path = posixpath.normpath(posixpath.join(CODE_DIRECTORY, found[-1]))
    inside = f"{CODE_DIRECTORY}/"
    return path.removeprefix(inside) if path.startswith(inside) else None


def module_files(module: str) -> tuple[str, ...]:
    """Return where the project would have a module: as a file, or as a package."""
    path = module.replace(".", "/")
    return (f"{path}.py", f"{path}/__init__.py")


@dataclass(frozen=True)
class Ended:
    """A server's end, with its exit ``code``; or, with none, an exception that it printed and outlived.

    ``lines`` are the last that it printed. ``raised`` is where the project's code raised the exception that ended it.
    ``when`` says what it was doing (``before its first answer``), ``requests`` which were in flight to it.
    ``requirements`` is the file that was installed (B2), ``packaged`` are the paths of the package, ``here`` those that
    it missed and that are in the project's directory, with why they are not packaged. ``commands`` are the places of
    the commands of ``server-command``. ``holder`` says, as the end of a sentence, who has its port. ``peak`` is the
    most memory that it was seen to use, in bytes. ``architecture`` is the image's and ``machine`` this machine's, ""
    where unknown. ``stands_in`` is whether something else stood in for the image. ``cause`` is why it serves nothing,
    as its command and code alone show.
    """

    endpoint: Endpoint
    code: int | None
    out_of_memory: bool = False
    lines: tuple[str, ...] = ()
    raised: Place | None = None
    when: str = ""
    requests: tuple[str, ...] = ()
    requirements: str | None = None
    packaged: Collection[str] = ()
    commands: tuple[tuple[str, Place], ...] = ()
    here: Mapping[str, Why] = field(default_factory=dict)
    holder: str = ""
    peak: int | None = None
    architecture: str = ""
    machine: str = ""
    stands_in: bool = False
    cause: Cause | None = None

    @property
    def text(self) -> str:
        """The last lines as one text."""
        return "\n".join(self.lines)

    @property
    def place(self) -> Place:
        """Where it came about: in the project's own code as far as that was reached, else what started the server."""
        return self.raised or self.command

    @property
    def fix(self) -> str:
        """What to do about the exception that was ``raised``: to go there; empty where none is known."""
        if self.raised is None:
            return ""
        return f"fix {self.raised.file.name}{f':{self.raised.line}' if self.raised.line else ''}"

    @property
    def command(self) -> Place:
        """Where the yaml says what serves."""
        return place_of(self.endpoint, command_key(self.endpoint))

    def where(self, command: str) -> Place:
        """Return the line that names a command, or where the yaml says what serves."""
        place = dict(reversed(self.commands)).get(command, self.command)
        return self.command if place.line == self.command.line else place


@dataclass(frozen=True)
class Socket:
    """A socket that listens in a server's network; ``loopback`` where only that can reach it."""

    host: str
    port: int
    loopback: bool

    @property
    def name(self) -> str:
        """The address as it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Doing:
    """Where a server's Python code is: at ``place`` in the project, whose line is ``text``, within ``inner``.

    ``endless`` is whether this is in a loop that nothing ends.
    """

    place: Place
    text: str = ""
    inner: str = ""
    endless: bool = False

    @property
    def imports(self) -> str:
        """The module that is being imported there, or nothing."""
        found = _IMPORT.match(self.text)
        return found[1] if found else ""


@dataclass(frozen=True)
class Silent:
    """A server that has not answered for ``seconds``; ``sockets`` is None where nobody could look.

    ``new`` is whether it is new code beside a server that goes on. ``cause`` is why it serves nothing, as its command
    and code alone show; ``binds`` is the line that has it listen for itself alone, where that is known.
    """

    endpoint: Endpoint
    seconds: float = 0.0
    sockets: tuple[Socket, ...] | None = None
    doing: Doing | None = None
    new: bool = False
    cause: Cause | None = None
    binds: Place | None = None


@dataclass(frozen=True)
class Measured:
    """The most memory that a server was seen to use, in bytes, and its limit; ``kept`` where the kernel keeps that."""

    endpoint: Endpoint
    peak: int
    limit: int
    kept: bool = True


@dataclass(frozen=True)
class Replicas:
    """How many replicas of an endpoint are wanted, and the most memory that one was seen to use, in bytes."""

    endpoint: Endpoint
    number: int
    peak: int | None = None


@dataclass(frozen=True)
class Together:
    """All replicas of a run, and the bytes of memory that its ``machine`` has, None where that cannot be asked."""

    wanted: tuple[Replicas, ...]
    machine: int | None


@dataclass(frozen=True)
class Started:
    """A server that answered for the first time, ``seconds`` after its start."""

    endpoint: Endpoint
    seconds: float


@dataclass(frozen=True)
class Passed:
    """A request that passed a limit of the ingress (K9): ``body`` by its size in bytes, else by time in seconds."""

    endpoint: Endpoint
    method: str
    body: bool
    limit: float
