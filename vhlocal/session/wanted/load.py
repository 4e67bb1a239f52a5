"""Reads a project into what its servers are made of."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vhlocal.contract.image import requirements_file
from vhlocal.contract.limits import unenforceable
from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.model import Place, Version
from vhlocal.project.config import load_config
from vhlocal.project.files import choose_files
from vhlocal.project.naming import commit_origin, edited_origin, version_aliases, version_name
from vhlocal.project.network import host_network
from vhlocal.project.package import read_package
from vhlocal.project.packaged_paths import packaged_paths
from vhlocal.project.requirements import requirement_inputs
from vhlocal.project.selection import (
    check_known,
    override_images,
    read_loaders,
    read_replayed,
    read_replicas,
    read_rules,
    read_strategies,
    read_streaming,
    select_endpoints,
)
from vhlocal.project.settings import environment
from vhlocal.project.table import SETTINGS_FILE
from vhlocal.session.probe import read_probe
from vhlocal.session.record import volumes_directory
from vhlocal.session.wanted.desired import Inputs
from vhlocal.session.wanted.writers import own_output
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.contract.metadata import Origin
    from vhlocal.model import Endpoint, Package
    from vhlocal.project.config import Config
    from vhlocal.project.settings import Settings
    from vhlocal.session.probe import Probe


T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A version to serve beside the working tree: a git ref, and what is chosen for it (B4, B8)."""

    ref: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


class Loaded(NamedTuple):
    """A project as it was read, and what its user should know of it."""

    inputs: Inputs
    notices: tuple[Notice, ...]


def name_version(settings: Settings, taken: Collection[str]) -> Version:
    """Return the version that a run serves; its name is the day's next unless it was given (P2)."""
    name = settings.version_name or version_name(datetime.now().date(), taken)
    aliases = version_aliases(settings.aliases, name)
    return Version(settings.owner, settings.project, settings.deployment, name, aliases)


class Source(NamedTuple):
    """What a version is made from. ``directory`` is the user's, from where files are chosen."""

    directory: Path
    config: Config
    package: Package
    origin: Origin
    version: Version


def gather(source: Source, settings: Settings, only: Iterable[str], base_url: str, created: datetime) -> Loaded:
    """Return what every endpoint's server is made of, by what the user has set; InputError for what does not fit."""
    directory, config, package = source.directory, source.config, source.package
    every = tuple(map(partial(_elsewhere, settings.images), override_images(config.endpoints, settings.images)))
    endpoints = select_endpoints(every, only)
    choice = choose_files(every, settings.files, directory, {endpoint.name for endpoint in endpoints})
    requirements = requirements_file(package.files)
    inputs = Inputs(
        version=source.version,
        endpoints=endpoints,
        package=package,
        files=choice.files,
        variables=settings.variables,
        requirements=None if requirements is None else requirement_inputs(package, requirements),
        origin=source.origin,
        created=created.isoformat(),
        base_url=base_url,
        volumes=volumes_directory(),
        strategies=read_strategies(settings.strategies, every),
        streaming=read_streaming(settings.request_buffering, every),
        script_name=settings.script_name,
        warm_up=_warm_up(settings.warm_up, every, directory),
        keep_warm=read_loaders(settings.keep_warm),
        replicas=read_replicas(settings.replicas, every),
        rules=read_rules(settings.autoscale, every),
        replayed=read_replayed(settings.replay_on_save, every),
        sources=frozenset(
            {config.path, directory / SETTINGS_FILE}
            | ({settings.env_file} if settings.env_file else set())
            | {choice.source for chosen in choice.files.values() for choice in chosen}
        ),
    )
    return Loaded(inputs, (*choice.notices, *_unenforceable(endpoints)))


@dataclass(frozen=True)
class Loader:
    """Reads one project again and again. ``settings`` reads what the user has set; ``only`` names wanted endpoints.

    ``left_out`` are files that this process writes itself, and which do not count therefore.
    """

    directory: Path
    version: Version
    only: tuple[str, ...]
    settings: Callable[[], Settings]
    created: datetime
    left_out: frozenset[Path] = frozenset()

    def __call__(self, base_url: str, previous: Inputs | None = None, touched: frozenset[Path] | None = None) -> Loaded:
        """Return the project as it stands; InputError for what is wrong with it.

        ``touched`` are the paths that may have changed since ``previous`` was read; None where any may. Where they are
        code alone, nothing else is read again.
        """
        if previous is not None and touched is not None and self._is_code(previous, touched):
            return self._code_alone(previous, touched)
        return self._whole(base_url, previous)

    def _is_code(self, previous: Inputs, touched: frozenset[Path]) -> bool:
        return not (touched & previous.sources) and all(path.is_relative_to(self.directory) for path in touched)

    def _code_alone(self, previous: Inputs, touched: frozenset[Path]) -> Loaded:
        paths = {path.relative_to(self.directory).as_posix() for path in touched}
        package = read_package(self.directory, previous.package, paths, self._inside(previous.left_out))
        if package.revision == previous.package.revision:
            return Loaded(previous, ())
        name = requirements_file(package.files)
        inputs = replace(
            previous,
            package=package,
            requirements=None if name is None else requirement_inputs(package, name),
            origin=edited_origin(previous.origin, package.revision, self.created),
        )
        return Loaded(inputs, ())

    def _whole(self, base_url: str, previous: Inputs | None) -> Loaded:
        settings = self.settings()
        config = load_config(self.directory)
        left_out = self.left_out if previous is None else previous.left_out
        known = None if previous is None else previous.package
        package = read_package(
            self.directory, known, left_out=self._inside(left_out), include_untracked=settings.include_untracked
        )
        if not settings.include_untracked:
            _check_tracked(config, package)
        _check_access_log(settings.access_log, package)
        origin = commit_origin(self.directory, package.revision, self.created)
        source = Source(self.directory, config, package, origin, self.version)
        inputs, notices = gather(source, settings, self.only, base_url, self.created)
        network = host_network(environment())
        own = self._left_out_notices() if previous is None else ()
        return Loaded(replace(inputs, left_out=left_out), (*config.warnings, *notices, *network.notices, *own))

    def _inside(self, left_out: frozenset[Path]) -> frozenset[str]:
        return frozenset(
            path.relative_to(self.directory).as_posix() for path in left_out if path.is_relative_to(self.directory)
        )

    def _left_out_notices(self) -> list[Notice]:
        listed = set(packaged_paths(self.directory)) if self.left_out else set()
        return [left_out_notice(self.directory / path, self.directory) for path in self._inside(self.left_out) & listed]


def read_versions(directory: Path, settings: Settings) -> tuple[Asked, ...]:
    """Return the commits to serve from the start, ``NAME`` to ``REF [ALIAS]...`` (K10).

    InputError where a ref names no commit of the repository that the project's ``directory`` is in, or one whose
    ``valohai.yaml`` is missing or wrong: nothing is to be built for a start that is not what was asked for.
    """
    found = []
    for name, text in settings.versions.items():
        entry = settings.found["versions"][name]
        ref, *aliases = text.split() or [""]
        if not ref:
            hint = f"such as {name}: v1.2, or `v1.2 prod`"
            raise InputError(f"`versions` names no commit for {name}", place=entry.place, hint=hint)
        from vhlocal.project.frozen import check_commit  # noqa: PLC0415 - few runs have a second version

        try:
            check_commit(directory, ref, environment())
        except InputError as error:
            what = f"{error.message}: {name} cannot be served ({entry.origin})"
            raise InputError(what, place=error.place or entry.place, hint=error.hint, detail=error.detail) from error
        found.append(Asked(ref, name, tuple(aliases)))
    return tuple(found)


def load_commit(load: Loader, asked: Asked, version: Version, base_url: str) -> Loaded:
    """Read a version from a commit (B5, K10), with the run's settings as far as they are about its endpoints.

    InputError where there is no such commit, or it cannot be served.
    """
    from vhlocal.project.frozen import as_committed, freeze  # noqa: PLC0415 - few runs have a second version

    frozen = freeze(load.directory, asked.ref)
    settings = _about(load.settings(), {endpoint.name for endpoint in frozen.config.endpoints})
    files, variables = {**settings.files, **asked.files}, {**settings.variables, **asked.variables}
    source = Source(load.directory, frozen.config, frozen.package, frozen.origin, version)
    now = datetime.now(timezone.utc)
    with as_committed(frozen.commit, frozen.directory):
        inputs, notices = gather(source, replace(settings, files=files, variables=variables), (), base_url, now)
    return Loaded(replace(inputs, frozen=frozen.commit.shown), (*frozen.notices, *notices))


def _about(settings: Settings, endpoints: Collection[str]) -> Settings:
    """Return the settings without what is set for other endpoints."""

    def of(chosen: Mapping[str, T]) -> dict[str, T]:
        return {key: value for key, value in chosen.items() if key.partition(".")[0] in endpoints}

    return replace(
        settings,
        files=of(settings.files),
        images=of(settings.images),
        strategies=of(settings.strategies),
        warm_up=of(settings.warm_up),
        request_buffering=of(settings.request_buffering),
        replicas=of(settings.replicas),
        autoscale=of(settings.autoscale),
        replay_on_save=of(settings.replay_on_save),
    )


def loader(directory: Path, only: Iterable[str], settings: Callable[[], Settings], version: Version) -> Loader:
    """Return a loader for one run."""
    return Loader(directory, version, tuple(only), settings, datetime.now(timezone.utc), own_output(directory))


def left_out_notice(path: Path, directory: Path) -> Notice:
    """Return what the user is to know of a file that is left out."""
    name = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
    return Notice(
        f"this run writes {name} itself: it is not packaged, and its changes cause no reload",
        hint=f"name {name} in .gitignore or .vhignore, or write it outside the project",
    )


def _check_tracked(config: Config, package: Package) -> None:
    """Refuse a package without its ``valohai.yaml``, as the platform's client does (B5)."""
    name = config.path.name
    if name not in package.files:
        raise InputError(
            f"{name} would not be packaged: git does not track it, or .vhignore names it",
            place=Place(config.path),
            hint=f"git add {name}, or set include-untracked to true",
        )


def _check_access_log(path: Path | None, package: Package) -> None:
    if path is not None and path.is_relative_to(package.directory):
        inside = path.relative_to(package.directory).as_posix()
        if inside in package.files:
            raise InputError(
                f"the access log {inside} would be packaged with the code, and each request would cause a reload",
                hint="add it to .gitignore or .vhignore, or put it outside the project",
            )


def _warm_up(requests: Mapping[str, str], endpoints: Sequence[Endpoint], directory: Path) -> dict[str, Probe]:
    check_known(endpoints, requests)
    return {name: read_probe(text, directory) for name, text in requests.items()}


def _elsewhere(images: Collection[str], endpoint: Endpoint) -> Endpoint:
    """Forget where the yaml names an image in whose place another was set: an error is not to point there."""
    if endpoint.name not in images:
        return endpoint
    return replace(endpoint, places={key: place for key, place in endpoint.places.items() if key != "image"})


def _unenforceable(endpoints: Iterable[Endpoint]) -> Iterable[Notice]:
    for endpoint in endpoints:
        for key in unenforceable(endpoint.resources):
            yield Notice(
                f"resources.{key} is not enforced on this machine",
                endpoint.place(f"resources.{key.partition('.')[0]}"),
                "production does enforce it",
                endpoint.name,
            )
        if endpoint.node_selector or endpoint.tolerations:
            yield Notice(
                "node-selector and tolerations choose among machines: there is only this one",
                endpoint.place("node-selector" if endpoint.node_selector else "tolerations"),
                None,
                endpoint.name,
            )
