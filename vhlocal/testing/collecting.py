"""Which endpoint a test is for, and under which of its paths: what the marker ``vhlocal_endpoints`` makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from vhlocal.api.client import Client
from vhlocal.errors import VhlocalError
from vhlocal.project.above import find_project
from vhlocal.project.config import read_config
from vhlocal.project.naming import version_aliases
from vhlocal.project.schema import did_you_mean
from vhlocal.project.settings import load_settings
from vhlocal.session.record import ProjectState
from vhlocal.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vhlocal.testing.client import Endpoint
    from vhlocal.testing.running import Run

FIXTURE, MARKER = "vhlocal_endpoint", "vhlocal_endpoints"

#: What stands for the working tree's version, whose name is another each day.
VERSION = "version"


class Place(NamedTuple):
    """An endpoint, and what it is asked under: ``VERSION``, or the name of an alias or of another version."""

    endpoint: str
    under: str


def project_of(paths: Iterable[Path]) -> Path:
    """Return the directory of the project that these test files are in. UsageError where that is none, or several."""
    directories = {find_project(path.parent, _runs) for path in paths}
    if len(directories) != 1 or None in directories:
        places = ", ".join(sorted(str(path) for path in paths)[:3])
        which = "no project" if directories <= {None} else "several projects"
        raise pytest.UsageError(f"{places}: in {which}; tests of endpoints lie beside or below their valohai.yaml")
    (directory,) = directories
    assert directory is not None
    return directory


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Have a test run for each endpoint and path that its marker asks for. UsageError for a name that is none."""
    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker is None:
        return
    try:
        known = places(project_of([metafunc.definition.path]))
    except VhlocalError as error:
        raise pytest.UsageError(in_lines(error)) from error
    names = list(dict.fromkeys(place.endpoint for place in known))
    for name in marker.args:
        if name not in names:
            raise pytest.UsageError(f"{MARKER}: no endpoint `{name}`; {did_you_mean(name, names)}")
    asked = metafunc.config.getoption("vhlocal_endpoint")
    wanted = [place for place in known if place.endpoint in (marker.args or names)]
    wanted = [place for place in wanted if not asked or place.endpoint in asked]
    metafunc.parametrize(FIXTURE, wanted, indirect=True, ids=[f"{place.endpoint}-{place.under}" for place in wanted])


def places(directory: Path) -> list[Place]:
    """Return what a project's endpoints are asked under: all that its run serves, else what one would begin with."""
    record = ProjectState(directory).running()
    if record is not None:
        served = Client(record).endpoints()
        found = [
            (str(each["endpoint"]), str(url).rstrip("/").split("/")[-2])
            for each in served["endpoints"]
            for url in each["urls"]
        ]
        return list(
            dict.fromkeys(Place(name, VERSION if under == served["version"] else under) for name, under in found)
        )
    aliases = version_aliases(load_settings(directory, {}, fetch=False).aliases, VERSION)
    endpoints = read_config(directory).endpoints
    return [Place(endpoint.name, under) for endpoint in endpoints for under in (VERSION, *aliases)]


def endpoint_of(request: pytest.FixtureRequest, run: Run) -> Endpoint:
    """Return the endpoint that a test was made for, else the project's only one."""
    place = getattr(request, "param", None)
    try:
        return run.endpoint() if place is None else run.endpoint(place.endpoint, place.under)
    except VhlocalError as error:
        pytest.fail(in_lines(error), pytrace=False)


def in_lines(error: VhlocalError) -> str:
    """Return an error as pytest shows it: what happened and where, the evidence, and what to do."""
    what = f"{error.place}: {error.message}" if error.place else error.message
    return visible("\n".join(part for part in (what, error.detail, error.hint) if part))


def _runs(directory: Path) -> bool:
    return ProjectState(directory).running() is not None
