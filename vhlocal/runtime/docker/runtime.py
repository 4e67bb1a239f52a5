"""The Docker runtime: environments are images, servers are containers."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.errors import EngineError
from vhlocal.runtime import chosen, starts
from vhlocal.runtime.base import (
    Address,
    Exit,
    Layer,
    Layout,
    Listener,
    OnExit,
    OnLine,
    OnPause,
    OnPull,
    PresentImage,
    PresentServer,
    Spares,
    Throttling,
    Usage,
    hear_no_pause,
    spare_none,
)
from vhlocal.runtime.docker import begun, labels
from vhlocal.runtime.docker.archive import archive
from vhlocal.runtime.docker.artifact import make_artifact
from vhlocal.runtime.docker.begun import Begun, Made
from vhlocal.runtime.docker.engine import Bind, ContainerSpec, Engine
from vhlocal.runtime.docker.failures import sees_other_files
from vhlocal.runtime.docker.labels import Marks
from vhlocal.runtime.docker.layers import BuildNetwork, make_layer
from vhlocal.runtime.docker.volumes import directory_of, make_directory
from vhlocal.runtime.lines import Lines
from vhlocal.runtime.sockets import HEAD, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vhlocal.events import Notice
    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import Entry, ServerSpec
    from vhlocal.runtime.docker.engine import Stream


#: Seconds between two tries to hear of an engine's events again.
_BETWEEN_TRIES = 1.0

#: The exit code of who was killed.
_KILLED = 137

#: What the kernel has counted since its start.
_COUNTERS = Path("/proc/vmstat")

#: So many ports for servers beside the first, where each that is published costs a process or a forwarding.
_PUBLISHED = 12

#: What others do to a container, in the engine's words, and what that means for its endpoint.
_BY_HAND = {
    "pause": "{name} was paused from outside: its requests wait. Resume it with: docker unpause {name}",
    "unpause": "{name} was resumed",
}

#: Seconds that threads get to end when the engine is let go of.
_PATIENCE = 2.0


class DockerRuntime:
    """Runs servers in containers of one engine, for the project in ``directory``.

    ``run`` names this run in labels, ``owner`` the user whose the images are.
    """

    def __init__(
        self,
        engine: Engine,
        network: BuildNetwork,
        directory: str,
        run: str,
        owner: str = "",
        ahead: Begun | None = None,
    ) -> None:
        self._engine = engine
        #: The first server, where it was begun ahead: until it is laid out, then until it is created; then by its id.
        self._ahead, self._laid_out = ahead, dict[str, Begun]()
        self._begun: dict[str, Begun] = {}
        self._lock = threading.Lock()
        self._network = network
        self._marks = {labels.DIRECTORY: directory, labels.RUN: run}
        self._owner = owner
        self._sees_files = False
        self._run = run
        self._publish = not engine.reaches_containers
        self._out_of_memory: set[str] = set()
        #: Of containers with a limit: how many the kernel had ended for memory before, where that can be known.
        self._kills: dict[str, int] = {}
        self._spares: dict[str, Spares] = {}
        self._on_line: dict[str, OnLine] = {}
        self._on_pause: dict[str, OnPause] = {}
        self._ports: dict[str, tuple[int, ...]] = {}
        self._dated = 0
        #: Images that have lost their tags to newer ones.
        self._replaced: list[str] = []
        self._closed = threading.Event()
        self._events = self._hear()
        self._threads = [_started("vhlocal-engine", self._watch)]

    name = "docker"
    noun = "container"
    remains = "container"
    stands_in = False
    notices: Sequence[Notice] = ()

    def base(self, image: str) -> str:
        """Return the image itself."""
        return image

    def differences(self, endpoint: Endpoint) -> Sequence[Notice]:
        """Return nothing: what an engine cannot do is known of the yaml alone (``contract.limits.unenforceable``)."""
        return ()

    def image(self, name: str) -> PresentImage | None:
        """Return the image of this name, or None."""
        found = self._engine.image(name)
        return (
            None if found is None else PresentImage(found.id, found.labels.get(labels.PARENT, ""), found.architecture)
        )

    def pull(self, name: str, on_progress: OnPull) -> None:
        """Pull a base image, reporting each layer's bytes."""
        for record in self._engine.pull(name):
            detail = record.get("progressDetail") or {}
            if "id" in record and "status" in record:
                current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
                on_progress(str(record["id"]), str(record["status"]), current, total)

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        """Make one layer of an environment."""
        before = self._engine.image(layer.tag)
        make_layer(self._engine, layer, self._network, Marks(self._marks, self._owner), on_line)
        if before is not None:
            self._replaced.append(before.id)

    def discard(self, names: Sequence[str]) -> Collection[str]:
        """Remove layers that nobody wants any more, and those in whose place others were made, unless they are used."""
        waiting = [*names, *self._replaced]
        refused: list[str] = []
        # One that another stands on can only go after it: what is refused is tried again until nothing moves.
        while waiting:
            refused = [name for name in waiting if not self._removed(name)]
            if len(refused) == len(waiting):
                break
            waiting = refused
        self._replaced = [name for name in self._replaced if name in refused]
        return [name for name in names if name not in refused]

    def _removed(self, image: str) -> bool:
        """Take an image away; False where something uses it. An engine would only take its name from a parent."""
        found = self._engine.image(image)
        if found is None:
            return True
        if found.labels.get(labels.OWNER, self._owner) != self._owner:
            return False  # others may stand on it
        if any(each.labels.get(labels.PARENT) == found.id for each in self._engine.images(labels.KIND)):
            return False
        try:
            self._engine.remove_image(image)
        except EngineError:
            return False
        return True

    def package(self, spec: ServerSpec, tag: str) -> None:
        """Make the whole image of an endpoint."""
        make_artifact(self._engine, spec, tag, Marks(self._marks, self._owner))

    def layout(self, spec: ServerSpec) -> Layout:
        """Return production's: a container has a file system and a network of its own."""
        layout = Layout(spec.port)
        if self._publish:
            return replace(layout, spares=layout.spares[:_PUBLISHED])
        ahead = self._take_ahead(spec.identity.endpoint)
        if ahead is None:
            return layout
        self._laid_out[spec.identity.endpoint] = ahead
        return replace(layout, token=ahead.token)

    def servers(self, directory: str) -> Sequence[PresentServer]:
        """Return every container of the project in ``directory``, those of unfinished builds among them."""
        found = self._engine.containers(f"{labels.DIRECTORY}={directory}")
        return [
            PresentServer(item.id, item.labels.get(labels.ENDPOINT, ""), item.labels.get(labels.RUN, ""), item.running)
            for item in found
        ]

    def create(self, spec: ServerSpec) -> str:
        """Create a container with the server's files in it."""
        identity = spec.identity
        for volume, claim in spec.mounts.shared:
            make_directory(volume, claim)
        wanted = ContainerSpec(
            name=f"vhlocal-{_slug(identity.project)}-{identity.endpoint}-{_suffix()}",
            image=spec.image,
            command=chosen.copying(spec.mounts.files, spec.command),
            labels={
                labels.PROJECT: identity.project,
                labels.ENDPOINT: identity.endpoint,
                **self._marks,
            },
            working_directory=CODE_DIRECTORY,
            environment=spec.environment,
            binds=_binds(spec),
            limits=spec.limits,
            ports=(spec.port, *spec.more_ports),
            publish=self._publish,
            init=True,
            volumes_of=spec.after if spec.mounts.workspace else "",
        )
        entries = (*spec.entries, *chosen.entries(spec.mounts.files))
        kills = _kernel_kills() if spec.limits.memory is not None and not self._publish else None
        container = self._taken(wanted, entries) or self._engine.create(wanted)
        self._ports[container] = wanted.ports
        if kills is not None:
            self._kills[container] = kills
        try:
            self._check_files(container, spec)
            if container in self._begun:
                self._begun[container].open(container, entries)
            else:
                with archive(entries) as packed:
                    self._engine.put(container, packed)
                self._remember(wanted, spec, entries)
        except BaseException:
            self.remove(container)
            raise
        return container

    def start(
        self,
        server: str,
        on_line: OnLine,
        on_exit: OnExit,
        spares: Spares = spare_none,
        on_pause: OnPause = hear_no_pause,
    ) -> Mapping[int, Address]:
        """Start a container; its output and its end are reported from a thread of its own."""
        self._out_of_memory.discard(server)
        self._spares[server] = spares
        self._on_line[server] = on_line
        self._on_pause[server] = on_pause
        ahead = self._begun.pop(server, None)
        if ahead is not None and ahead.output is not None:
            chunks = ahead.output
        else:
            chunks = self._engine.attach(server)
            self._engine.start(server)
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(_started("vhlocal-output", self._follow, server, chunks, on_line, on_exit))
        state = self._engine.state(server)
        if state.published:
            return {port: Address("127.0.0.1", published) for port, published in state.published.items()}
        return {port: Address(state.address, port) for port in self._ports[server]}

    def sync(self, server: str, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        """Write changed files into a container, and remove others by its own ``rm``.

        Each call dates its files a second later than the one before: Python takes a compiled module for fresh when size
        and whole second of its source are as they were.
        """
        if removed:
            self._engine.run_in(server, ["rm", "-rf", "--", *removed])
        if entries:
            self._dated = max(int(time.time()), self._dated) + 1
            with archive(entries, self._dated) as packed:
                self._engine.put(server, packed)

    def listeners(self, server: str) -> Sequence[Listener]:
        """Return the listening sockets, read from the container's ``/proc``; EngineError where it has no ``cat``."""
        said = self._engine.run_in(server, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]).decode(errors="replace")
        if HEAD not in said:
            why = said.strip() or "the engine does not say why"
            raise EngineError(f"`cat /proc/net/tcp` cannot be run in the container: {why}")
        return list(dict.fromkeys(listening(said).values()))

    def written(self) -> Mapping[Path, float]:
        """Return nothing: a container does not reach the project."""
        return {}

    def usage(self, server: str) -> Usage | None:
        """Return what a container uses; the kernel keeps its limit."""
        used = self._engine.usage(server)
        if used is None:
            return None
        return Usage(used.memory, True, used.cpu, Throttling(*used.throttled) if used.throttled else None)

    def stop(self, server: str, grace: float) -> None:
        """Stop a container: SIGTERM, then SIGKILL after ``grace`` seconds."""
        self._kills.pop(server, None)
        self._engine.stop(server, grace)

    def remove(self, server: str) -> None:
        """Remove a container and its own volumes."""
        self._kills.pop(server, None)
        self._engine.remove(server)
        self._begun.pop(server, None)
        self._ports.pop(server, None)
        self._spares.pop(server, None)
        self._on_line.pop(server, None)

    def close(self) -> None:
        """Let go of the engine; the output of servers that still run is not followed any more."""
        self._closed.set()
        for ahead in (self._ahead, *self._laid_out.values()):
            if ahead is not None:
                starts.abandon(ahead)
        self._events.close()
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._engine.close()

    def _take_ahead(self, endpoint: str) -> Begun | None:
        """Return what was begun ahead, once, if it is this endpoint's."""
        with self._lock:
            ahead = self._ahead
            if ahead is None or ahead.endpoint != endpoint:
                return None
            self._ahead = None
        return ahead

    def _taken(self, wanted: ContainerSpec, entries: Collection[Entry]) -> str | None:
        """Return the container that was begun ahead, where it is the one that is wanted now."""
        ahead = self._laid_out.pop(wanted.labels[labels.ENDPOINT], None)
        if ahead is None:
            return None
        image = self._engine.image(wanted.image)
        if image is not None and ahead.is_same(wanted, image.id, entries):
            with contextlib.suppress(EngineError):
                container = ahead.take()
                self._begun[container] = ahead
                return container
        starts.abandon(ahead)
        return None

    def _remember(self, made: ContainerSpec, spec: ServerSpec, entries: Sequence[Entry]) -> None:
        image = self._engine.image(made.image) if starts.is_to_be_kept() else None
        if image is not None:
            begun.remember(Made(made, image.id, tuple(entries), self._marks[labels.DIRECTORY]), spec)

    def _check_files(self, container: str, spec: ServerSpec) -> None:
        """Make sure, once, that what is mounted is what this machine has: an engine may live among other files."""
        if self._sees_files:
            return
        mounted = {str(source): target for target, source in chosen.mounted(spec.mounts.files).items()}
        copies = () if spec.staging is None else spec.staging.glob("[!.]*")
        if (known := next(iter(copies), None)) is not None:
            mounted[str(known)] = f"{Layout(spec.port).staging}/{known.name}"
        for source, target in mounted.items():
            here, there = _size(Path(source)), self._engine.size(container, target)
            if here is not None and there != here and _size(Path(source)) == here:  # a copy may just have been removed
                raise sees_other_files(source)
        self._sees_files = True

    def _follow(
        self,
        server: str,
        chunks: Stream[tuple[bytes | None, bytes | None]],
        on_line: OnLine,
        on_exit: OnExit,
    ) -> None:
        stdout, stderr = Lines(lambda line: on_line("stdout", line)), Lines(lambda line: on_line("stderr", line))
        with contextlib.suppress(EngineError, OSError, ValueError):
            for out, err in chunks:
                stdout.feed(out or b"")
                stderr.feed(err or b"")
        stdout.end()
        stderr.end()
        on_exit(self._exit(server))

    def _exit(self, server: str) -> Exit:
        try:
            code = self._engine.wait(server)
            # The engine remembers also who was killed long ago and was no loss to the server.
            killed = server in self._out_of_memory or (code == _KILLED and self._killed_for_memory(server))
        except EngineError:
            return Exit(_KILLED)  # Removed from outside, or the engine has gone: no more can be known.
        return Exit(code, killed)

    def _killed_for_memory(self, server: str) -> bool:
        """Ask the engine, and the kernel: an engine never hears of a kill that took the whole container at once."""
        if self._engine.state(server).out_of_memory:
            return True
        before, now = self._kills.get(server), _kernel_kills()
        return before is not None and now is not None and now > before

    def _hear(self) -> Stream[dict[str, Any]]:
        return self._engine.events(f"{labels.RUN}={self._run}", ["oom", *_BY_HAND])

    def _watch(self) -> None:
        """Take the engine's events on the run's containers."""
        while not self._closed.is_set():
            with contextlib.suppress(EngineError, OSError, ValueError):
                for event in self._events:
                    self._take(str(event.get("id", "")), event)
            # The engine has ended, and may be back in a moment.
            if not self._closed.wait(_BETWEEN_TRIES):
                with contextlib.suppress(EngineError):
                    self._events = self._hear()

    def _take(self, container: str, event: Mapping[str, Any]) -> None:
        """End a container in which the kernel killed a process for memory, unless it is spared; report the rest."""
        text = _BY_HAND.get(str(event.get("Action")))
        if text is not None:
            tell = self._on_line.get(container)
            if tell is not None:
                tell("vhlocal", text.format(name=event["Actor"]["Attributes"]["name"]))
                self._on_pause[container](event["Action"] == "pause")
        elif not self._spares.get(container, spare_none)():
            self._out_of_memory.add(container)
            self._engine.kill(container)


def _kernel_kills() -> int | None:
    """Return how many processes this machine's kernel has ended for memory; None where it does not count them."""
    with contextlib.suppress(OSError, ValueError):
        for line in _COUNTERS.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None


def _started(name: str, target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def _binds(spec: ServerSpec) -> tuple[Bind, ...]:
    mounts = spec.mounts
    staging = [] if spec.staging is None else [Bind(str(spec.staging), Layout(spec.port).staging)]
    files = [Bind(str(source), target) for target, source in chosen.mounted(mounts.files).items()]
    shared = [
        Bind(str(directory_of(volume, claim)), volume.mount_path, read_only=volume.read_only)
        for volume, claim in mounts.shared
    ]
    workspace = None if spec.after else mounts.workspace
    own = [] if workspace is None else [Bind(None, workspace.mount_path, read_only=False, volume=True)]
    return (*files, *shared, *own, *staging)


def _slug(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9.-]+", "-", text).strip("-.") or "project"


def _suffix() -> str:
    return secrets.token_hex(3)


def _size(file: Path) -> int | None:
    """Return a file's bytes; None where there is none."""
    try:
        return file.stat().st_size if file.is_file() else None
    except OSError:
        return None
