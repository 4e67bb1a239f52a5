"""What the static rules look at: one project as it was read, and what is worked out from it when a rule first asks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from vhlocal.checks.commands import commands
from vhlocal.checks.images import is_official_python
from vhlocal.checks.modules import Modules
from vhlocal.checks.paths import openings
from vhlocal.checks.reach import Reach
from vhlocal.checks.requirements import parse
from vhlocal.contract.image import REQUIREMENTS_FILES, requirements_file
from vhlocal.project.config import read_config
from vhlocal.project.files import check_chosen
from vhlocal.project.git import ask_git
from vhlocal.project.reading import read_unhashed
from vhlocal.project.requirements import requirement_lines
from vhlocal.project.selection import check_known, override_images, read_loaders, read_strategies
from vhlocal.regular import content_of, text_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vhlocal.checks.commands import Command
    from vhlocal.checks.index import Index
    from vhlocal.checks.paths import Opened
    from vhlocal.checks.requirements import Requirements
    from vhlocal.model import Endpoint, Package
    from vhlocal.project.config import Config
    from vhlocal.project.settings import Settings

#: Texts above this, in bytes, are not looked through.
_LONGEST_TEXT = 1024 * 1024


@dataclass(frozen=True)
class Subject:
    """A project: its ``valohai.yaml`` as far as it goes, the packaged set, and what the user has set.

    ``endpoints`` are those in which nothing is wrong, on the images that were chosen. ``files`` are the chosen ones, by
    ``ENDPOINT.NAME``; ``index`` answers for exact versions of packages.
    """

    config: Config
    endpoints: tuple[Endpoint, ...]
    package: Package
    files: Mapping[str, Path]
    variables: Mapping[str, str]
    index: Index

    @property
    def directory(self) -> Path:
        """The project's directory."""
        return self.package.directory

    @cached_property
    def modules(self) -> Modules:
        """The packaged Python files."""
        return Modules(self.package)

    @cached_property
    def reaches(self) -> tuple[Reach, ...]:
        """The code of each endpoint, in their order."""
        return tuple(Reach(endpoint, self.commands[endpoint.name], self.modules) for endpoint in self.endpoints)

    @cached_property
    def openings(self) -> Mapping[str, tuple[Opened, ...]]:
        """The files that each endpoint's code opens, by the endpoint's name."""
        return {reach.endpoint.name: openings(reach.calls) for reach in self.reaches}

    @cached_property
    def yaml_lines(self) -> Sequence[str]:
        """The lines of ``valohai.yaml``."""
        return text_of(self.config.path, "utf-8-sig", "replace").splitlines()

    @cached_property
    def commands(self) -> Mapping[str, tuple[Command, ...]]:
        """The commands of each endpoint's ``server-command``, by the endpoint's name."""
        return {endpoint.name: commands(endpoint, self.yaml_lines) for endpoint in self.endpoints}

    @cached_property
    def requirements(self) -> Requirements | None:
        """What production installs, None where there is no such file (B2)."""
        name = requirements_file(self.package.files)
        return None if name is None else self._parsed(name)

    @cached_property
    def unread_requirements(self) -> Requirements | None:
        """What production does not install, since another file goes before (B2); None where there is no such file."""
        read = requirements_file(self.package.files)
        others = [name for name in REQUIREMENTS_FILES if name in self.package.files and name != read]
        return self._parsed(others[0]) if others else None

    @cached_property
    def untracked(self) -> frozenset[str]:
        """The packaged files that git does not track; none where the directory is no repository, or git fails."""
        listed = ask_git(self.directory, "ls-files", "-oz", "--exclude-standard")
        return frozenset(listed.split("\0")) & self.package.files.keys()

    @cached_property
    def known_images(self) -> tuple[Endpoint, ...]:
        """The endpoints whose image brings Python and nothing else."""
        return tuple(endpoint for endpoint in self.endpoints if is_official_python(endpoint.image))

    def text(self, path: str) -> str | None:
        """Return a packaged file's text, None where it is too long or no text."""
        file = self.package.files[path]
        if file.size > _LONGEST_TEXT:
            return None
        try:
            content = content_of(file.source)
        except OSError:
            return None
        return None if b"\0" in content else content.decode("utf-8", errors="replace")

    def relative(self, path: Path) -> str:
        """Return a path of the project as it is packaged."""
        return path.relative_to(self.directory).as_posix() if path.is_relative_to(self.directory) else str(path)

    def _parsed(self, name: str) -> Requirements:
        return parse(name, requirement_lines(self.package, name))


def read_subject(directory: Path, settings: Settings, index: Index) -> Subject:
    """Read a project for the static rules.

    InputError where it cannot be read at all, and for settings that name what there is not.
    """
    config = read_config(directory)
    endpoints = config.endpoints
    if not config.troubles:
        endpoints = override_images(endpoints, settings.images)
        _check_settings(endpoints, settings)
    return Subject(
        config,
        endpoints,
        read_unhashed(directory, include_untracked=settings.include_untracked),
        settings.files,
        settings.variables,
        index,
    )


def _check_settings(endpoints: Sequence[Endpoint], settings: Settings) -> None:
    read_strategies(settings.strategies, endpoints)
    read_loaders(settings.keep_warm)
    check_known(endpoints, settings.warm_up)
    check_chosen(endpoints, settings.files)
