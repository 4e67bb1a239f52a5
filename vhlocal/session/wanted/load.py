"""Reads a project into what its servers are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.contract.image import requirements_file
from vhlocal.contract.limits import unenforceable
from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.model import Version
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

    from vhlocal.model import Endpoint, Package
    from vhlocal.project.settings import Settings
    from vhlocal.session.probe import Probe


class Loaded(NamedTuple):
    """A project as it was read, and what its user should know of it."""

    inputs: Inputs
    notices: tuple[Notice, ...]


def name_version(settings: Settings, taken: Collection[str]) -> Version:
    """Return the version that a run serves; its name is the day's next unless it was given (P2)."""
    name = settings.version_name or version_name(datetime.now().date(), taken)
    aliases = version_aliases(settings.aliases, name)
    return Version(settings.owner, settings.project, settings.deployment, name, aliases)


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
        every = tuple(map(partial(_elsewhere, settings.images), override_images(config.endpoints, settings.images)))
        endpoints = select_endpoints(every, self.only)
        choice = choose_files(every, settings.files, self.directory, {endpoint.name for endpoint in endpoints})
        left_out = self.left_out if previous is None else previous.left_out
        known = None if previous is None else previous.package
        package = read_package(self.directory, known, left_out=self._inside(left_out))
        _check_access_log(settings.access_log, package)
        requirements = requirements_file(package.files)
        inputs = Inputs(
            version=self.version,
            endpoints=endpoints,
            package=package,
            files=choice.files,
            variables=settings.variables,
            requirements=None if requirements is None else requirement_inputs(package, requirements),
            origin=commit_origin(self.directory, package.revision, self.created),
            created=self.created.isoformat(),
            base_url=base_url,
            volumes=volumes_directory(),
            strategies=read_strategies(settings.strategies, every),
            streaming=read_streaming(settings.request_buffering, every),
            script_name=settings.script_name,
            warm_up=_warm_up(settings.warm_up, every, self.directory),
            keep_warm=read_loaders(settings.keep_warm),
            sources=frozenset(
                {config.path, self.directory / SETTINGS_FILE}
                | ({settings.env_file} if settings.env_file else set())
                | {choice.source for chosen in choice.files.values() for choice in chosen}
            ),
            left_out=left_out,
        )
        network = host_network(environment())
        own = self._left_out_notices() if previous is None else ()
        return Loaded(inputs, (*config.warnings, *choice.notices, *_unenforceable(endpoints), *network.notices, *own))

    def _inside(self, left_out: frozenset[Path]) -> frozenset[str]:
        return frozenset(
            path.relative_to(self.directory).as_posix() for path in left_out if path.is_relative_to(self.directory)
        )

    def _left_out_notices(self) -> list[Notice]:
        listed = set(packaged_paths(self.directory)) if self.left_out else set()
        return [left_out_notice(self.directory / path, self.directory) for path in self._inside(self.left_out) & listed]


def loader(directory: Path, only: Iterable[str], settings: Callable[[], Settings], version: Version) -> Loader:
    """Return a loader for one run."""
    return Loader(directory, version, tuple(only), settings, datetime.now(timezone.utc), own_output(directory))


def left_out_notice(path: Path, directory: Path) -> Notice:
    """Return what the user is to know of a file that is left out."""
    name = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
    return Notice(
        f"{name} is written by this run itself: it is left out, and its changes cause no reload",
        hint=f"name {name} in .gitignore or .vhignore, or write it outside of the project",
    )


def _check_access_log(path: Path | None, package: Package) -> None:
    if path is not None and path.is_relative_to(package.directory):
        inside = path.relative_to(package.directory).as_posix()
        if inside in package.files:
            raise InputError(
                f"the access log {inside} would be packaged with the code, and each request would cause a reload",
                hint="add it to .gitignore or .vhignore, or put it outside of the project",
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
