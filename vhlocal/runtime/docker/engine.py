"""The Docker SDK, and nothing else: every call to the engine is made here, with its errors in the user's words."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from dataclasses import field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import docker
import docker.errors
import docker.types
import requests.exceptions
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.utils import decode_json_header
from docker.utils.config import find_config_file, load_general_config

from vhlocal.errors import EngineError
from vhlocal.runtime.docker.address import NoAddressError, check_address
from vhlocal.runtime.docker.failures import gone_away, no_answer, no_credentials, not_pulled, refused
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker.context import Context
    from docker.types.daemon import CancellableStream

    from vhlocal.contract.limits import ContainerLimits

#: Where the SDK looks when nothing names an address.
_USUAL = "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix:///var/run/docker.sock"

_CONTEXT_HINT = "`docker context ls` lists them; DOCKER_CONTEXT or `docker context use` chooses one"

T = TypeVar("T")

# A missing helper is reported as what it is, when it is needed.
warnings.filterwarnings("ignore", message="docker-credential-", module="docker.credentials")

#: What the SDK raises where no answer comes, besides its APIError for an answer that is a refusal.
_UNREACHABLE = (docker.errors.DockerException, requests.exceptions.RequestException)

#: Seconds that the engine gets to answer, and connections that are kept to it.
_CONNECTION: dict[str, Any] = {"timeout": 120, "max_pool_size": 32}

#: How the engine answers who removes a container while another removal of it is under way.
_UNDER_WAY = 409

#: How the engine answers who asks for what is not there, and the header with a file's facts.
_NOT_FOUND = 404
_FACTS = "X-Docker-Container-Path-Stat"

#: CPU shares that stand for one core, as Kubernetes counts them.
_SHARES_PER_CORE = 1024


@dataclass(frozen=True)
class Image:
    """An image as the engine has it; ``config`` is its own configuration (Env, Cmd, User and so on)."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    config: Mapping[str, Any]
    size: int
    architecture: str = ""


class Gone(EngineError):
    """What was asked for is not there, or not any more."""


@dataclass(frozen=True)
class Bind:
    """A host path mounted at ``target``; or a named ``volume``, or, where ``source`` is None, one of its own."""

    source: str | None
    target: str
    read_only: bool = True
    volume: bool = False


@dataclass(frozen=True)
class ContainerSpec:
    """What a container is created from. ``publish`` makes ``ports`` reachable on 127.0.0.1.

    ``host_network`` gives it this machine's own network in place of one of its own; ``reads`` lets it read what
    ``tell`` sends it. ``volumes_of`` is a container whose mounts it gets too, except for those that it has itself.
    """

    name: str | None
    image: str
    command: tuple[str, ...]
    labels: Mapping[str, str]
    working_directory: str
    environment: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    limits: ContainerLimits | None = None
    ports: tuple[int, ...] = ()
    publish: bool = False
    init: bool = False
    host_network: bool = False
    reads: bool = False
    volumes_of: str = ""


@dataclass(frozen=True)
class Container:
    """A container as a listing shows it; ``image`` is the id of the one that it was made from."""

    id: str
    labels: Mapping[str, str]
    running: bool
    image: str = ""


@dataclass(frozen=True)
class ContainerState:
    """A container as it is now; ``published`` maps its ports to those on 127.0.0.1, where there are any."""

    running: bool
    exit_code: int
    out_of_memory: bool
    address: str
    published: Mapping[int, int]


class ContainerUsage(NamedTuple):
    """What a container uses: bytes of memory, cached files aside, and seconds of CPU.

    ``throttled`` are the periods of its CPU limit so far, and in how many it was held back; None where it has none.
    """

    memory: int
    cpu: float
    throttled: tuple[int, int] | None


class Stream(Generic[T]):
    """What the engine sends for as long as something lasts; iterate over it in one thread, close it from any."""

    def __init__(self, stream: CancellableStream[T]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[T]:
        """Yield what comes; ends with what it is about, or when it is closed."""
        try:
            yield from self._stream
        finally:
            # Left to the garbage collector, a response whose socket has gone complains when the process ends.
            self._stream._response.close()  # type: ignore[attr-defined]

    def close(self) -> None:
        """End it, also while another thread waits for more."""
        with contextlib.suppress(OSError, AttributeError, docker.errors.DockerException):
            self._stream.close()


class Engine:
    """One engine, reached by the usual means (``DOCKER_HOST``, the current context, the local socket)."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._api = client.api

    @classmethod
    def connect(cls, environ: Mapping[str, str]) -> Engine:
        """Reach the engine that ``environ`` names; EngineError, with how to start one, where none answers."""
        address, setting, client = _USUAL, "", None
        try:
            context = None if environ.get("DOCKER_HOST") else _context(environ)
            if context is not None:
                address, setting = str(context.Host), f"the Docker context {context.Name}"
                check_address(address, setting)
                client = docker.DockerClient(context.Host, tls=context.TLSConfig or False, **_CONNECTION)
            else:
                if named := environ.get("DOCKER_HOST", ""):
                    address, setting = named, "DOCKER_HOST"
                    check_address(address, setting)
                client = docker.from_env(environment=environ, **_CONNECTION)
            client.ping()
        except (*_UNREACHABLE, OSError) as error:
            if client is not None:
                client.close()
            raise no_answer(address, error, setting) from error
        return cls(client)

    @property
    def reaches_containers(self) -> bool:
        """Whether a container's own address can be reached from here: on Linux, with the engine in no world of its own.

        Docker Desktop runs in a virtual machine, a rootless engine in a network namespace.
        """
        info = self._call(self._api.info)
        desktop = "Docker Desktop" in str(info.get("OperatingSystem", ""))
        rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
        return sys.platform == "linux" and not desktop and not rootless

    def close(self) -> None:
        """Let go of all connections."""
        self._api.close()

    def image(self, name: str) -> Image | None:
        """Return the image of this name or id, or None, also where none can have this name."""
        try:
            return _image(self._call(self._api.inspect_image, name))
        except Gone:
            return None
        except EngineError as error:
            if "invalid reference format" in error.message:
                return None
            raise

    def images(self, label: str) -> list[Image]:
        """Return the images that carry a label (``name`` or ``name=value``)."""
        return [_image(found) for found in self._call(self._api.images, filters={"label": label})]

    def remove_image(self, name: str) -> None:
        """Take an image away; nothing happens where it is gone or in use."""
        with contextlib.suppress(Gone):
            self._call(self._api.remove_image, name)

    def pull(self, name: str) -> Iterator[dict[str, Any]]:
        """Pull an image, yielding the engine's progress records; BuildError when it cannot be had."""
        repository, tag = _repository_and_tag(name)
        try:
            for record in self._api.pull(repository, tag=tag, stream=True, decode=True):
                if "error" in record:
                    raise not_pulled(name, str(record["error"]))
                yield record
        except docker.errors.APIError as error:
            raise not_pulled(name, error.explanation or str(error)) from error
        except _UNREACHABLE as error:
            raise no_credentials(name, str(error), _settings_file()) or gone_away(error) from error

    def create(self, spec: ContainerSpec) -> str:
        """Create a container and return its id."""
        host = self._api.create_host_config(
            init=spec.init,
            network_mode="host" if spec.host_network else None,
            mounts=[_mount(bind) for bind in spec.binds],
            volumes_from=[spec.volumes_of] if spec.volumes_of else None,
            port_bindings={f"{port}/tcp": ("127.0.0.1", None) for port in spec.ports if spec.publish} or None,
            log_config=docker.types.LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
            **_limits(spec.limits),
        )
        created = self._call(
            self._api.create_container,
            spec.image,
            list(spec.command),
            name=spec.name,
            entrypoint=[],
            labels=dict(spec.labels),
            environment=dict(spec.environment),
            working_dir=spec.working_directory,
            ports=list(spec.ports) or None,
            stdin_open=spec.reads,
            host_config=host,
        )
        return str(created["Id"])

    def put(self, container: str, archive: IO[bytes]) -> None:
        """Unpack an archive at the container's root."""
        self._call(self._api.put_archive, container, "/", archive)

    def attach(self, container: str) -> Stream[tuple[bytes | None, bytes | None]]:
        """Attach to a container's output from now on, as pairs of (stdout, stderr) chunks; ends with the container."""
        return Stream(self._call(self._api.attach, container, stream=True, logs=False, demux=True))

    def tell(self, container: str, text: bytes) -> None:
        """Write to the standard input of a container that ``reads`` and runs; what it does not take is left."""
        attached = self._call(self._api.attach_socket, container, params={"stdin": 1, "stream": 1})
        # A file over the socket on Unix, the socket itself elsewhere; both end with the response that they came from.
        sock = getattr(attached, "_sock", attached)
        try:
            with contextlib.suppress(OSError):
                sock.sendall(text)
        finally:
            getattr(attached, "_response", attached).close()

    def start(self, container: str) -> None:
        """Start a container."""
        self._call(self._api.start, container)

    def wait(self, container: str) -> int:
        """Wait for a container's end and return its exit code."""
        return int(self._call(self._api.wait, container, timeout=None)["StatusCode"])

    def state(self, container: str) -> ContainerState:
        """Return what a container is doing and where it can be reached."""
        found = self._call(self._api.inspect_container, container)
        state, network = found["State"], found["NetworkSettings"]
        bindings = {port: found for port, found in (network.get("Ports") or {}).items() if found}
        return ContainerState(
            running=bool(state["Running"]),
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state["OOMKilled"]),
            address=_address(network),
            published={int(port.partition("/")[0]): int(found[0]["HostPort"]) for port, found in bindings.items()},
        )

    def containers(self, label: str) -> list[Container]:
        """Return all containers, running or not, that carry a label (``name`` or ``name=value``)."""
        found = self._call(self._api.containers, all=True, filters={"label": label})
        return [
            Container(item["Id"], item.get("Labels") or {}, item["State"] == "running", item["ImageID"])
            for item in found
        ]

    def used_images(self) -> set[str]:
        """Return the ids of the images that any containers, running or not, were made from."""
        return {item["ImageID"] for item in self._call(self._api.containers, all=True)}

    def run_in(self, container: str, command: Sequence[str]) -> bytes:
        """Run a command in a running container as root, and return all that it printed."""
        made = self._call(self._api.exec_create, container, list(command), user="0")
        output: bytes = self._call(self._api.exec_start, made["Id"])
        return output

    def usage(self, container: str) -> ContainerUsage | None:
        """Return what a container uses; None where it does not run."""
        stats = self._call(self._api.stats, container, stream=False, one_shot=True)
        found = stats.get("memory_stats") or {}
        if "usage" not in found:
            return None
        facts = found.get("stats") or {}
        cached = facts.get("total_inactive_file", facts.get("inactive_file", 0))  # cgroup version 1, 2
        stats_of_cpu = stats.get("cpu_stats") or {}
        cpu, throttling = stats_of_cpu.get("cpu_usage") or {}, stats_of_cpu.get("throttling_data") or {}
        periods, throttled = int(throttling.get("periods", 0)), int(throttling.get("throttled_periods", 0))
        return ContainerUsage(
            memory=max(0, int(found["usage"]) - int(cached)),
            cpu=int(cpu.get("total_usage", 0)) / 1e9,
            throttled=(periods, throttled) if periods else None,
        )

    def size(self, container: str, path: str) -> int | None:
        """Return the bytes of a file in a container, mounts included, whether it runs or not; None where none is."""
        answer = self._call(self._head, f"/containers/{container}/archive", {"path": path})
        return None if answer is None else int(decode_json_header(answer[_FACTS])["size"])

    def _head(self, path: str, query: Mapping[str, str]) -> Mapping[str, str] | None:
        """Ask for an answer's headers alone; None where nothing is there.

        The SDK has no such request, and its GET has the engine pack the whole file, which takes a tenth of a second.
        """
        api = self._api
        answer = api.head(
            f"{api.base_url}/v{api.api_version}{path}",
            params=query,
            headers=load_general_config().get("HttpHeaders"),
            timeout=_CONNECTION["timeout"],
        )
        if answer.status_code == _NOT_FOUND:
            return None
        answer.raise_for_status()
        return answer.headers

    def stop(self, container: str, grace: float) -> None:
        """Ask a container to end, and kill it after ``grace`` seconds; nothing happens where it is gone."""
        with contextlib.suppress(Gone):
            self._call(self._api.stop, container, timeout=int(grace))

    def kill(self, container: str) -> None:
        """Kill a container at once; nothing happens where it does not run."""
        with contextlib.suppress(EngineError):
            self._call(self._api.kill, container)

    def remove(self, container: str) -> None:
        """Take a container and its anonymous volumes away, running or not; it is gone then, whoever else removes it."""
        try:
            self._api.remove_container(container, v=True, force=True)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            if error.status_code != _UNDER_WAY:
                raise refused(str(error.explanation or error).strip()) from error
            self._wait_until_removed(container)
        except _UNREACHABLE as error:
            raise gone_away(error) from error

    def _wait_until_removed(self, container: str) -> None:
        with contextlib.suppress(Gone):
            ended = self._call(self._api.wait, container, timeout=_CONNECTION["timeout"], condition="removed")
            if failed := ended.get("Error"):
                raise refused(str(failed.get("Message")))

    def commit(self, container: str, tag: str, config: Mapping[str, Any]) -> None:
        """Make an image of a container, with ``config`` for what differs from the container's own."""
        repository, _, version = tag.rpartition(":")
        self._call(self._api.commit, container, repository=repository, tag=version, conf=dict(config))

    def events(self, label: str, kinds: Sequence[str]) -> Stream[dict[str, Any]]:
        """Return the engine's container events of these kinds, from now on, of containers that carry a label."""
        filters = {"type": "container", "label": label, "event": list(kinds)}
        return Stream(self._call(self._api.events, decode=True, filters=filters))

    def remove_volume(self, name: str) -> None:
        """Take a volume away; nothing happens where it is gone."""
        with contextlib.suppress(Gone):
            self._call(self._api.remove_volume, name)

    def volumes(self, name: str) -> list[str]:
        """Return the names of the volumes of this name: one or none."""
        found = self._call(self._api.volumes, filters={"name": f"^{re.escape(name)}$"})["Volumes"] or ()
        return [item["Name"] for item in found]

    def _call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except docker.errors.NotFound as error:
            raise Gone(str(error.explanation or error)) from error
        except docker.errors.APIError as error:
            raise refused(str(error.explanation or error).strip()) from error
        except _UNREACHABLE as error:
            raise gone_away(error) from error


def _settings_file() -> Path | None:
    file = find_config_file()
    return Path(str(file)) if file else None


def _context(environ: Mapping[str, str]) -> Context | None:
    """Return the context that the `docker` command would use, or None where that is the default one."""
    name = environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if name == "default":
        return None
    try:
        found = ContextAPI.get_context(name)
    except Exception as error:
        # The SDK raises the bare class for a file that it cannot read.
        raise NoAddressError(f"the Docker context {name} cannot be read: {error}", hint=_CONTEXT_HINT) from error
    if found is None:
        raise NoAddressError(f"there is no Docker context {name}", hint=_CONTEXT_HINT)
    return found if found.Host else None


def _image(found: Mapping[str, Any]) -> Image:
    config = found.get("Config") or {}
    labels = config.get("Labels") or found.get("Labels") or {}
    return Image(
        found["Id"],
        tuple(found.get("RepoTags") or ()),
        labels,
        config,
        int(found.get("Size", 0)),
        found.get("Architecture", ""),
    )


def _limits(limits: ContainerLimits | None) -> dict[str, Any]:
    if limits is None:
        return {}
    given: dict[str, Any] = {}
    if limits.memory is not None:
        # Kubernetes gives containers no swap: the two limits being equal means none here either (K1).
        given |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.memory_reservation is not None:
        given["mem_reservation"] = min(limits.memory_reservation, limits.memory or limits.memory_reservation)
    if limits.cpus is not None:
        given["nano_cpus"] = int(limits.cpus * 1e9)
    if limits.cpu_request is not None:
        given["cpu_shares"] = max(2, int(limits.cpu_request * _SHARES_PER_CORE))
    if limits.gpus:
        given["device_requests"] = [docker.types.DeviceRequest(count=limits.gpus, capabilities=[["gpu"]])]
    return given


def _mount(bind: Bind) -> docker.types.Mount:
    return docker.types.Mount(
        target=bind.target,
        source=bind.source,
        type="volume" if bind.volume else "bind",
        read_only=bind.read_only,
    )


def _address(network: Mapping[str, Any]) -> str:
    networks = network.get("Networks") or {}
    return next((str(item["IPAddress"]) for item in networks.values() if item.get("IPAddress")), "")


def _repository_and_tag(name: str) -> tuple[str, str | None]:
    if "@" in name:
        return name, None
    head, slash, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    return head + slash + repository, tag or "latest"
