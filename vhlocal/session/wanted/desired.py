"""What each endpoint's server is to be, from the project as it stands. Pure, but for the sizes and times of files."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.contract.environment import server_environment
from vhlocal.contract.image import (
    CODE_DIRECTORY,
    GUNICORN,
    METADATA_FILE,
    METADATA_PATHS,
    RUNNER_DIRECTORY,
    requirements_file,
    requirements_install,
    server_command,
)
from vhlocal.contract.limits import container_limits
from vhlocal.contract.metadata import ChosenFile, VersionFacts, metadata_file
from vhlocal.model import Place, ServedAt
from vhlocal.reload.command import warm_command
from vhlocal.reload.decide import Difference
from vhlocal.runtime.base import Entry, Identity, Layer, Mounts, ServerSpec
from vhlocal.scaling.look import Range
from vhlocal.session.probe import Probe
from vhlocal.session.wanted.plan import Environment
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vhlocal.contract.metadata import Origin
    from vhlocal.model import Endpoint, Package, PackagedFile, Strategy, Version
    from vhlocal.project.files import ChosenPath
    from vhlocal.project.requirements import RequirementInputs
    from vhlocal.scaling.look import Rule

_RUNNER = Path(__file__).parents[2] / "runner"


@dataclass(frozen=True)
class Bringing:
    """How newer code is brought to an endpoint: what the user has set for it.

    ``command`` is the one by which a runner starts the server, None where there can be none. ``strategy`` is None where
    it is to be chosen. ``keep_warm`` names loader functions, ``module:function``.
    """

    command: tuple[str, ...] | None
    strategy: Strategy | None
    probe: Probe
    keep_warm: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """The project as it was read: what every endpoint's server is made of.

    ``volumes`` is the host directory under which each volume claim has one of its own; ``requirements`` is None where
    the package has no requirements file (B2). ``strategies``, ``warm_up``, ``replicas`` and ``rules``, by which their
    numbers follow the load, are by endpoint, as far as they are set. ``streaming`` are the endpoints whose requests'
    bodies go straight on (K9). ``script_name`` has servers get ``SCRIPT_NAME`` (P5).
    ``replayed`` says of which endpoints requests are sent again at a save, ``safe`` ones or ``all``.
    ``frozen`` is how git names the directory of a commit, which is served beside the working tree and never changes
    (K10): ``REF:`` or ``REF:DIRECTORY/``; it is empty for the working tree.
    ``sources`` are the files that were read besides the package, or decide what is done with it. ``left_out`` are files
    that the run writes itself: they do not count.
    """

    version: Version
    endpoints: tuple[Endpoint, ...]
    package: Package
    files: Mapping[str, tuple[ChosenPath, ...]]
    variables: Mapping[str, str]
    requirements: RequirementInputs | None
    origin: Origin
    created: str
    base_url: str
    volumes: Path
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    streaming: frozenset[str] = frozenset()
    script_name: bool = True
    warm_up: Mapping[str, Probe] = field(default_factory=dict)
    keep_warm: tuple[str, ...] = ()
    replicas: Mapping[str, Range] = field(default_factory=dict)
    rules: Mapping[str, Rule[Any]] = field(default_factory=dict)
    replayed: Mapping[str, str] = field(default_factory=dict)
    sources: frozenset[Path] = frozenset()
    frozen: str = ""
    left_out: frozenset[Path] = frozenset()

    def within(self, endpoint: str) -> Range:
        """Return how many replicas an endpoint is to have (K3)."""
        return self.replicas.get(endpoint) or Range(1, 1)

    def named(self, place: Place) -> Place:
        """Return a place as the user knows it: that of a commit's file as git names it, ``REF:PATH`` (K10)."""
        directory = self.package.directory
        if not self.frozen or not place.file.is_relative_to(directory):
            return place
        return replace(place, file=Path(f"{self.frozen}{place.file.relative_to(directory).as_posix()}"))


@dataclass(frozen=True)
class Desired:
    """One endpoint's server as it is to be. ``spec.image`` is the environment's topmost image.

    ``bringing`` says how newer code of it is brought in. ``files`` are facts of the chosen files, see ``file_facts``.
    """

    endpoint: Endpoint
    environment: Environment
    spec: ServerSpec
    revision: str
    files: tuple[tuple[str, int, int, int], ...]
    bringing: Bringing

    @property
    def at(self) -> ServedAt:
        """The version and the endpoint."""
        return self.environment.at


def desired(inputs: Inputs, base: Callable[[str], str]) -> tuple[Desired, ...]:
    """Return the wanted server of every endpoint, in the order of ``valohai.yaml``.

    ``base`` is the runtime's, which says what stands for a base image.
    """
    return tuple(_desired(inputs, endpoint, base(endpoint.image)) for endpoint in inputs.endpoints)


def difference(old: Desired, new: Desired) -> Difference:
    """Return what differs between the server that runs and the one that is wanted."""
    return Difference(
        code=old.revision != new.revision,
        environment=old.environment != new.environment,
        settings=replace(old.spec, entries=()) != replace(new.spec, entries=())
        or old.files != new.files
        or old.bringing.keep_warm != new.bringing.keep_warm,
    )


def changed_entries(old: Iterable[Entry], new: Iterable[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the entries of ``new`` that differ from ``old``'s, and the absolute paths that are no more."""
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    changed = [entry for path, entry in after.items() if before.get(path) != entry]
    return changed, sorted(before.keys() - after.keys())


def moved_files(old: Iterable[Entry], changed: Iterable[Entry], removed: Iterable[str]) -> dict[str, str]:
    """Return for each changed entry that a removed one equals but for its path where that one is; each for one alone.

    So a directory that was renamed need not be copied.
    """
    gone = set(removed)
    free: dict[tuple[str, int], list[str]] = {}
    for entry in old if gone else ():
        if entry.path in gone and entry.source is not None:
            free.setdefault((entry.digest, entry.mode), []).append(entry.path)
    found = {}
    for entry in changed if free else ():
        if entry.source is not None and (paths := free.get((entry.digest, entry.mode))):
            found[entry.path] = paths.pop()
    return found


@functools.cache
def runner_files(pattern: str) -> tuple[Entry, ...]:
    """Return the files of ``runner/`` whose names match, as they were when somebody first asked: each save does."""
    return tuple(
        Entry(f"{RUNNER_DIRECTORY}/{path.name}", content=path.read_bytes()) for path in sorted(_RUNNER.glob(pattern))
    )


def file_facts(
    chosen: tuple[ChosenPath, ...], left_out: frozenset[Path] = frozenset()
) -> tuple[tuple[str, int, int, int], ...]:
    """Return path, size, time and inode of every chosen file; zeros for one that has gone, or is ``left_out``."""
    facts = []
    for choice in chosen:
        try:
            stat = None if choice.source in left_out else choice.source.stat()
        except OSError:
            stat = None
        if stat is None:
            facts.append((str(choice.source), 0, 0, 0))
        else:
            facts.append((str(choice.source), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(facts)


def _desired(inputs: Inputs, endpoint: Endpoint, base: str) -> Desired:
    environment = _environment(inputs, endpoint, base)
    chosen = inputs.files.get(endpoint.name, ())
    entries = [_code_entry(file) for file in _code(inputs, endpoint)]
    entries += _metadata_entries(inputs, endpoint)
    if endpoint.wsgi is not None:
        entries += runner_files("serve_wsgi*.py")
    version = inputs.version
    spec = ServerSpec(
        identity=Identity(f"{version.owner}/{version.project}", endpoint.name),
        image=environment.image,
        command=tuple(server_command(endpoint)),
        environment=server_environment(version, endpoint, inputs.variables, script_name=inputs.script_name),
        port=endpoint.port,
        limits=container_limits(endpoint.resources),
        entries=tuple(entries),
        mounts=Mounts(
            files={
                f"{CODE_DIRECTORY}/{choice.entry.path}": choice.source
                for choice in chosen
                if choice.entry.path != METADATA_FILE
            },
            shared=tuple((volume, inputs.volumes / volume.claim) for volume in endpoint.shared_volumes),
            workspace=endpoint.workspace_volume,
        ),
    )
    command = warm_command(endpoint)
    bringing = Bringing(
        command=None if command is None else tuple(command),
        strategy=inputs.strategies.get(endpoint.name),
        probe=inputs.warm_up.get(endpoint.name, Probe()),
        keep_warm=inputs.keep_warm,
    )
    return Desired(endpoint, environment, spec, inputs.package.revision, file_facts(chosen, inputs.left_out), bringing)


def _environment(inputs: Inputs, endpoint: Endpoint, base: str) -> Environment:
    places = {base: endpoint.places.get("image")}
    layers = []
    name = requirements_file(inputs.package.files)
    if name is not None and inputs.requirements is not None:
        read = inputs.requirements
        files = _code(inputs, endpoint) if read.local else [inputs.package.files[path] for path, _ in read.files]
        install = requirements_install(name)
        layers.append(
            Layer(
                tag=_tag("requirements", base, str(install), read.key()),
                parent=base,
                title=name,
                install=install,
                entries=tuple(_installed_entry(file, read) for file in files),
            )
        )
        places[layers[-1].tag] = Place(inputs.package.directory / name)
    if endpoint.wsgi is not None:
        parent = layers[-1].tag if layers else base
        layers.append(Layer(_tag("gunicorn", parent, str(GUNICORN)), parent, "Gunicorn", GUNICORN))
        places[layers[-1].tag] = endpoint.place("wsgi")
    known = {image: inputs.named(place) for image, place in places.items() if place is not None}
    return Environment(_at(inputs, endpoint), base, tuple(layers), known)


def _at(inputs: Inputs, endpoint: Endpoint) -> ServedAt:
    beside = f"@{inputs.version.name}" if inputs.frozen else ""
    return ServedAt(inputs.version.name, endpoint.name, name=f"{endpoint.name}{beside}")


def _tag(kind: str, *inputs: str) -> str:
    return f"vhlocal/{kind}:{hashlib.sha256(chr(0).join(inputs).encode()).hexdigest()[:16]}"


def _code(inputs: Inputs, endpoint: Endpoint) -> list[PackagedFile]:
    """Return the packaged files, without those in whose place a chosen one (B4) or the platform's own (B6) comes."""
    chosen = {METADATA_FILE, *(choice.entry.path for choice in inputs.files.get(endpoint.name, ()))}
    return [file for path, file in inputs.package.files.items() if path not in chosen]


def _installed_entry(file: PackagedFile, read: RequirementInputs) -> Entry:
    """Return a file that is there for an installation: requirements as they were read, whatever is saved until then.

    Of the others, those that the installation depends on have a digest.
    """
    entry = _code_entry(file)
    content = read.contents.get(file.path)
    if content is not None:
        return replace(entry, link=None, source=None, content=content)
    return entry if any(path == file.path and known for path, known in read.read) else replace(entry, digest="")


def _code_entry(file: PackagedFile) -> Entry:
    path = f"{CODE_DIRECTORY}/{file.path}"
    if file.link is not None:
        return Entry(path, link=file.link)
    return Entry(path, mode=file.mode, source=file.source, digest=file.digest)


def _metadata_entries(inputs: Inputs, endpoint: Endpoint) -> list[Entry]:
    facts = VersionFacts(
        version=inputs.version,
        endpoints=inputs.endpoints,
        files={
            name: [ChosenFile(choice.entry.name, choice.source.name, choice.size) for choice in chosen]
            for name, chosen in inputs.files.items()
        },
        origin=inputs.origin,
        created=inputs.created,
        base_url=inputs.base_url,
    )
    content = metadata_file(facts, endpoint.name)
    return [Entry(path, mode=0o444, content=content) for path in METADATA_PATHS]
