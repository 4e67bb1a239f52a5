"""The words that every part of vhlocal speaks: frozen values, no behaviour beyond reading themselves."""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.masked import MASK, masked_target
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vhlocal.findings import Finding


@dataclass(frozen=True)
class Place:
    """Where something stands in the user's files. ``line`` and ``column`` count from 1."""

    file: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return ":".join([str(self.file), *numbers])


@dataclass(frozen=True)
class EndpointFile:
    """A file that is chosen when a version is made and lands at ``path`` in the code directory (B4)."""

    name: str
    path: str
    place: Place


@dataclass(frozen=True)
class Resources:
    """Requests and limits (K1): CPU in cores, memory and ephemeral storage in mebibytes, devices by count."""

    cpu_min: float | None = None
    cpu_max: float | None = None
    memory_min: float | None = None
    memory_max: float | None = None
    storage_min: float | None = None
    storage_max: float | None = None
    devices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SharedVolume:
    """A volume claim that outlives the endpoint (K4)."""

    claim: str
    mount_path: str
    sub_path: str | None = None
    read_only: bool = False


@dataclass(frozen=True)
class WorkspaceVolume:
    """A volume that lives and dies with one replica (K4); ``size`` in gibibytes."""

    mount_path: str
    size: int


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of ``valohai.yaml``. Exactly one of ``wsgi`` and ``server_command`` is set (R2, R4).

    ``server_command`` holds shell lines; ``places`` maps the yaml's own keys (and ``resources.memory`` and the like,
    dotted) to where they stand, with ``""`` for the endpoint itself.
    """

    name: str
    image: str
    port: int
    wsgi: str | None = None
    server_command: tuple[str, ...] | None = None
    description: str = ""
    files: tuple[EndpointFile, ...] = ()
    resources: Resources = Resources()
    shared_volumes: tuple[SharedVolume, ...] = ()
    workspace_volume: WorkspaceVolume | None = None
    node_selector: str | None = None
    tolerations: tuple[Mapping[str, str], ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    def place(self, key: str = "") -> Place | None:
        """Where ``key`` stands, or the endpoint itself where the key is not written."""
        return self.places.get(key, self.places.get(""))


@dataclass(frozen=True)
class Version:
    """What a version's public paths are made of (P1 to P3). ``aliases`` are further names of ``name``."""

    owner: str
    project: str
    deployment: str
    name: str
    aliases: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)  # the standard one: there may be tens of thousands
class PackagedFile:
    """One file of the packaged set (B5): its posix path in the package, its content's hash, mode, size in bytes."""

    path: str
    source: Path
    digest: str
    mode: int
    size: int
    link: str | None = None


@dataclass(frozen=True)
class Package:
    """The project's code as production would get it (B5), and its revision: a hash over paths, modes and contents."""

    directory: Path
    files: Mapping[str, PackagedFile]
    revision: str


class Strategy(enum.Enum):
    """How an endpoint's new code is brought in. The value is the word that the user reads and writes.

    FORK: a process that has imported the libraries already becomes the new server, beside the old one. RESTART: the
    server is started again in its container, while requests wait. REPLACE: a second container is made ready first.
    """

    FORK = "fork"
    RESTART = "restart"
    REPLACE = "replace"


@dataclass(frozen=True)
class MemoryUse:
    """The most memory that an endpoint's server was seen to use, and its limit if it has one; in bytes."""

    peak: int
    limit: int | None = None


@dataclass(frozen=True)
class ServedAt:
    """What is served: an endpoint of a version (K10), by one of its replicas (K3), which are counted from 1.

    ``name`` is what messages call it: only as long as it takes to distinguish it from what else is served.
    """

    version: str
    endpoint: str
    replica: int = 1
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.endpoint)

    def __str__(self) -> str:
        return self.name


class State(enum.Enum):
    """What an endpoint is doing. The value is the word that the user reads."""

    WAITING = "waiting"
    BUILDING = "building"
    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    CRASHED = "crashed"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Import:
    """One module's import while a server started: seconds without and with what the module itself imports.

    ``importer`` is the module that imported it first, "" for none. ``mine`` is whether it is the project's,
    ``at_request`` whether it was imported after the code had been loaded, at the first request at the latest.
    """

    module: str
    own_seconds: float
    seconds: float
    importer: str = ""
    mine: bool = False
    at_request: bool = False


@dataclass(frozen=True)
class StartUp:
    """How a server came to be ready: name and seconds of each part, in their order.

    ``first_request`` are the seconds that the first request took by itself. ``imports`` are in the order of their
    ends, None where they were not measured.
    """

    phases: tuple[tuple[str, float], ...]
    first_request: float
    imports: tuple[Import, ...] | None = None

    @property
    def seconds(self) -> float:
        """The seconds until it was ready."""
        return sum(seconds for _, seconds in self.phases)


@dataclass(frozen=True)
class Status:
    """All that is known of an endpoint's replica at one moment: what ``ps``, the pages and the error pages show.

    ``reason`` says why it is in this state, ``hint`` what to do; both are empty when all is well. ``urls`` has the
    version's URL first, then one per alias. ``restarts`` counts crashes since the start of the run. ``strategy`` is how
    the next edit is brought in. ``broken`` is a newer revision that does not start, while ``revision`` serves on: then
    ``reason``, ``hint``, ``place`` and ``detail`` (longer evidence, such as a traceback) are about that. ``finding`` is
    the reason's finding, if it has a code. ``caveat`` is what `ready` does not say: how it answers that it should not,
    or where it answers. ``memory`` is None until it is measured. ``start_up`` is about the last start; a fork is none.
    ``description`` is what ``valohai.yaml`` says of the endpoint.
    """

    at: ServedAt
    state: State
    reason: str = ""
    hint: str = ""
    place: Place | None = None
    detail: str = ""
    finding: Finding | None = None
    urls: tuple[str, ...] = ()
    revision: str = ""
    broken: str = ""
    strategy: Strategy | None = None
    image: str = ""
    container: str = ""
    restarts: int = 0
    memory: MemoryUse | None = None
    since: float = 0.0
    start_up: StartUp | None = None
    caveat: str = ""
    description: str = ""

    @property
    def endpoint(self) -> str:
        """The endpoint that it is of."""
        return self.at.endpoint

    @property
    def name(self) -> str:
        """What messages call the endpoint that it is of."""
        return self.at.name


@dataclass(frozen=True)
class Call:
    """A request that an app has a route for; ``target`` is below the endpoint's URL, ``file`` a body from the disk."""

    method: str
    target: str
    body: str = ""
    content_type: str = ""
    file: Path | None = None


@dataclass(frozen=True)
class Offer:
    """What a ready endpoint can be asked: ``url`` is where it answers, without a slash at its end.

    ``docs`` is the path of its own documentation below that, "" where none is known; ``call`` is None where no route of
    it is known.
    """

    url: str
    docs: str = ""
    call: Call | None = None


#: How the reason begins where vhlocal itself has ended a request.
CLOSED = "closed by vhlocal"


#: The key to look in a target.
_KEY = re.compile(r"([?&]key=)[^&#]*", re.IGNORECASE)


class RequestRecord(NamedTuple):
    """One request that ended. Made for each request, hence a tuple: it costs a fifth of a frozen dataclass.

    ``time`` is when it ended, in epoch seconds. ``endpoint`` is None and ``prefix`` empty for the control plane and for
    anything but a request. ``status`` is what the client got, 499 when it left before the head. Sizes count body bytes.
    The times are in seconds from the head's arrival: until it went on to a server (``gateway_seconds``: read,
    held, connected), until the answer's head went out, until the end; None for what did not happen. ``whole`` is False
    where the answer broke off after its head had gone out. ``reason`` says why, where the gateway answered itself.
    ``version`` names the one that the path led to, ``replica`` is the number of the server that was asked, 0 where its
    endpoint has no other. ``held_seconds`` are those of ``gateway_seconds`` in which the endpoint was changing.
    ``replayed`` is whether vhlocal has sent it again for its user, so that it is not recorded.
    """

    id: str
    time: float
    client: str
    endpoint: str | None
    revision: str
    prefix: str
    method: str
    target: str
    status: int
    bytes_in: int
    bytes_out: int
    gateway_seconds: float | None
    first_byte_seconds: float | None
    seconds: float
    whole: bool
    reason: str
    version: str = ""
    replica: int = 0
    held_seconds: float = 0.0
    replayed: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether vhlocal itself has ended it: that says nothing of its server."""
        return self.reason.startswith(CLOSED)

    @property
    def is_control(self) -> bool:
        """Whether it was a request to the control plane."""
        return bool(self.method) and not self.prefix

    def facts(self) -> dict[str, object]:
        """Return every field by name, with times to the microsecond; what the target holds of secrets is masked."""
        facts = {name: round(value, 6) if isinstance(value, float) else value for name, value in self._asdict().items()}
        if "?" in self.target:
            target = masked_target(self.target)
            facts["target"] = target if self.prefix else _KEY.sub(rf"\1{MASK}", target)
        return facts
