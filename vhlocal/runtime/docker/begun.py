"""A start's first container, begun while vhlocal itself is still being imported.

An engine takes a third of a second to start a container, and the runner in it a tenth to import what it has learnt.
Both pass while vhlocal's own modules are imported. The container is made as the last start's was (``starts``), of the
project's files as they were then. Its runner waits at its gate until the session has worked out, as always, what its
server is to be made of, and the rest has been placed: what is new with each start, such as the metadata. Where anything
else differs, the container is removed, and another is created as if there had been none.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import asdict, replace
from typing import IO, TYPE_CHECKING, Any

from vhlocal.contract.image import RUNNER_DIRECTORY
from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import EngineError, VhlocalError
from vhlocal.project.settings import environment
from vhlocal.runtime import starts
from vhlocal.runtime.base import Entry
from vhlocal.runtime.docker import labels
from vhlocal.runtime.docker.archive import archive
from vhlocal.runtime.docker.engine import Bind, ContainerSpec, Engine
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vhlocal.runtime.base import ServerSpec
    from vhlocal.runtime.docker.engine import Stream

_GATE = Entry(f"{RUNNER_DIRECTORY}/serve_warm.gate", content=b"")
_OPEN = Entry(f"{RUNNER_DIRECTORY}/serve_warm.open", content=b"")

#: Seconds that an engine gets at most to create a container before anything else is imported.
_UNDISTURBED = 0.15


@dataclass(frozen=True)
class Made:
    """What a container was created from, of the image with this id, and which ``entries`` were placed in it.

    ``project`` is the directory of its project.
    """

    spec: ContainerSpec
    image: str
    entries: tuple[Entry, ...]
    project: str

    @property
    def version(self) -> str:
        """The name of the version that it serves."""
        return starts.version_of(self.spec.environment)


class Begun:
    """A container that was begun ahead, until it is ``take``n or ``abandon``ed.

    ``token`` is what its runner knows us by.
    """

    def __init__(self, made: Made, token: str) -> None:
        self.made = made
        self.token = token
        self._engine: Engine | None = None
        self._is_ours, self._is_taken = True, False
        self.output: Stream[tuple[bytes | None, bytes | None]] | None = None
        self._container = ""
        self._begins, self._abandoned = True, False
        self._lock = threading.Lock()
        self._connected, self._asked = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._begin, name="vhlocal-ahead", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """The endpoint whose server it is."""
        return self.made.spec.labels[labels.ENDPOINT]

    def wait_until_asked(self, seconds: float) -> None:
        """Return once the engine has created the container, or after so many seconds.

        Beside imports the thread would wait for the interpreter after each answer of the engine's.
        """
        self._asked.wait(seconds)

    def reached(self) -> Engine | None:
        """Return the engine, once it is reached, to keep and to close; None where it was not."""
        self._connected.wait()
        self._is_ours = False
        return self._engine

    def is_same(self, spec: ContainerSpec, image: str, entries: Collection[Entry]) -> bool:
        """Tell whether a container of this ``spec`` and image, with these ``entries``, is this one.

        Entries that the session makes for each start may be new to it: see ``missing``.
        """
        new = self.missing(entries)
        return (
            replace(self.made.spec, name=spec.name) == spec
            and self.made.image == image
            and all(entry.content is not None and not _is_runners(entry) for entry in new)
            and {entry.path for entry in self.made.entries} <= {entry.path for entry in entries}
            and not {entry.path for entry in self.made.entries} & {entry.path for entry in new}
        )

    def missing(self, entries: Collection[Entry]) -> list[Entry]:
        """Return which of these entries are not in it yet."""
        return [entry for entry in entries if entry not in self.made.entries]

    def take(self) -> str:
        """Return its container's id once that runs; EngineError where it does not."""
        self._thread.join()
        with self._lock:
            container, self._container = self._container, ""
        if not container or self._engine is None:
            raise EngineError("no container was begun ahead")
        if not self._engine.state(container).running:
            self._container = container
            raise EngineError("the container that was begun ahead has ended")
        starts.hold_still()
        self._is_taken = True
        return container

    def open(self, container: str, entries: Collection[Entry]) -> None:
        """Place what is missing, and let its server be forked."""
        assert self._engine is not None
        with archive([*self.missing(entries), _OPEN]) as packed:
            self._engine.put(container, packed)

    def abandon(self) -> None:
        """Have it removed; the next start finds by its labels what is left of it."""
        with self._lock:
            self._abandoned, begins = True, self._begins
        if not begins:
            self._thread = threading.Thread(target=self._remove, name="vhlocal-ahead", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return once nothing is left of what was abandoned, or after so many seconds."""
        self._thread.join(seconds)

    def _begin(self) -> None:
        try:
            with contextlib.suppress(VhlocalError, OSError), archive([*self.made.entries, _GATE]) as packed:
                if all(starts.is_as_it_was(entry, entry.source) for entry in self.made.entries):
                    self._create(packed)
        finally:
            self._connected.set()
            self._asked.set()
            with self._lock:
                self._begins, abandoned = False, self._abandoned
            if abandoned:
                self._remove()

    def _create(self, packed: IO[bytes]) -> None:
        self._engine = engine = Engine.connect(environment())
        self._connected.set()
        image = engine.image(self.made.spec.image)
        if image is not None and image.id == self.made.image and not self._abandoned:
            self._container = container = engine.create(self.made.spec)
            self._asked.set()
            engine.put(container, packed)
            self.output = engine.attach(container)
            engine.start(container)

    def _remove(self) -> None:
        with self._lock:
            container, self._container = self._container, ""
        if self._engine is None:
            return
        if container:
            with contextlib.suppress(EngineError):
                self._engine.remove(container)
        if self.output is not None and not self._is_taken:
            for _ in self.output:  # it ends with its container
                pass
        if self._is_ours:
            self._engine.close()


def read(facts: Mapping[str, Any]) -> Made | None:
    """Return what the first server of the last start was made of; None where that cannot be read."""
    with contextlib.suppress(LookupError, TypeError):
        spec, entries = facts["spec"], facts["entries"]
        made = Made(
            ContainerSpec(
                **{
                    **spec,
                    "command": tuple(spec["command"]),
                    "binds": tuple(Bind(**bind) for bind in spec["binds"]),
                    "limits": ContainerLimits(**spec["limits"]),
                    "ports": tuple(spec["ports"]),
                }
            ),
            str(facts["image"]),
            starts.read_entries(entries),
            str(facts["project"]),
        )
        return made if made.version else None
    return None


def begin(made: Made, run: str, version: str) -> None:
    """Begin what was ``made`` before anew, for ``run`` and for a version of this name."""
    token = secrets.token_urlsafe(32)
    again = replace(
        made,
        spec=replace(
            made.spec,
            name=_renamed(made.spec.name),
            labels={**made.spec.labels, labels.RUN: run},
            environment=starts.for_version(made.spec.environment, version),
        ),
        entries=tuple(starts.with_settings(entry, token=token) for entry in made.entries),
    )
    starts.name_run(run)
    begun = Begun(again, token)
    starts.set_begun(begun)
    begun.wait_until_asked(_UNDISTURBED)


def claim(project: str, run: str) -> Begun | None:
    """Return what was begun ahead for a project and a run; what is another's is removed."""
    return starts.claim(
        Begun, lambda begun: begun.made.project == project and begun.made.spec.labels[labels.RUN] == run
    )


def remember(made: Made, spec: ServerSpec) -> None:
    """Keep what the first container of this start is made of for the next, where that may be begun ahead."""
    typed = starts.hold_still()
    if not typed or made.spec.publish or made.spec.volumes_of:
        return
    kept = replace(made, entries=tuple(entry for entry in made.entries if entry.content is None or _is_runners(entry)))
    sources = [entry.source for entry in kept.entries if entry.source is not None]
    mounts = spec.mounts.files or spec.mounts.shared or spec.mounts.workspace
    if starts.may_be_kept(spec.environment, starts.settings_of(kept.entries), sources, mounts=bool(mounts)):
        starts.keep(typed, "docker", _written(kept))


def _is_runners(entry: Entry) -> bool:
    return entry.path.startswith(f"{RUNNER_DIRECTORY}/")


def _renamed(name: str | None) -> str:
    """Return a container's name with another number."""
    return f"{(name or '').rpartition('-')[0]}-{secrets.token_hex(3)}"


def _written(made: Made) -> dict[str, Any]:
    entries = [starts.with_settings(entry, token="") for entry in made.entries]
    return {**asdict(replace(made, entries=())), "entries": starts.write_entries(entries)}
