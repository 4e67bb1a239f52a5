"""Reads a project into what its servers are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from vhlocal.project.naming import commit_origin, version_aliases, version_name
from vhlocal.project.network import host_network
from vhlocal.project.package import read_package
from vhlocal.project.requirements import requirement_inputs
from vhlocal.project.selection import override_images, select_endpoints
from vhlocal.project.settings import environment
from vhlocal.session.desired import Inputs
from vhlocal.session.record import volumes_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from vhlocal.model import Endpoint, Package
    from vhlocal.project.settings import Settings


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
    """Reads one project again and again. ``settings`` reads what the user has set; ``only`` names wanted endpoints."""

    directory: Path
    version: Version
    only: tuple[str, ...]
    settings: Callable[[], Settings]
    created: datetime

    def __call__(self, base_url: str, previous: Package | None) -> Loaded:
        """Return the project as it stands; InputError for what is wrong with it."""
        settings = self.settings()
        config = load_config(self.directory)
        every = tuple(map(partial(_elsewhere, settings.images), override_images(config.endpoints, settings.images)))
        endpoints = select_endpoints(every, self.only)
        choice = choose_files(every, settings.files, self.directory, {endpoint.name for endpoint in endpoints})
        package = read_package(self.directory, previous)
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
        )
        network = host_network(environment())
        return Loaded(inputs, (*config.warnings, *choice.notices, *_unenforceable(endpoints), *network.notices))


def loader(directory: Path, only: Iterable[str], settings: Callable[[], Settings], version: Version) -> Loader:
    """Return a loader for one run."""
    return Loader(directory, version, tuple(only), settings, datetime.now(timezone.utc))


def _check_access_log(path: Path | None, package: Package) -> None:
    if path is not None and path.is_relative_to(package.directory):
        inside = path.relative_to(package.directory).as_posix()
        if inside in package.files:
            raise InputError(
                f"the access log {inside} would be packaged with the code, and each request would cause a reload",
                hint="add it to .gitignore or .vhignore, or put it outside of the project",
            )


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
