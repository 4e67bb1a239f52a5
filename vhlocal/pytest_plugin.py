"""What pytest loads wherever vhlocal is installed: the fixtures' names, and nothing of ours until one is asked for.

Everybody's pytest imports this file. So it imports pytest alone, and has no hook that is called for each test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.testing.client import Endpoint
    from vhlocal.testing.running import Run
    from vhlocal.testing.snapshots import Snapshot


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("vhlocal")
    group.addoption("--vhlocal-update", action="store_true", help="Rewrite the snapshots of endpoints' answers.")
    more = "Run endpoint tests for this endpoint only; may be given more than once."
    group.addoption("--vhlocal-endpoint", action="append", default=[], metavar="NAME", help=more)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    text = "vhlocal_endpoints(*names): run the test for these endpoints, or all, under the version and each alias."
    config.addinivalue_line("markers", text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each endpoint under each of its paths, where the marker asks for that."""
    if "vhlocal_endpoint" in metafunc.fixturenames:
        from vhlocal.testing.collecting import parametrize  # noqa: PLC0415 - see the module

        parametrize(metafunc)


@pytest.fixture(scope="session")
def vhlocal_run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """The project's run: the one that there is, else one that is started for the session and ends with it."""
    from vhlocal.testing.running import use_run  # noqa: PLC0415 - see the module

    with use_run(request.session) as run:
        yield run


@pytest.fixture
def vhlocal_endpoint(request: pytest.FixtureRequest, vhlocal_run: Run) -> Endpoint:
    """An endpoint, and a client that stays inside of its path: each that the marker names, else the project's only."""
    from vhlocal.testing.collecting import endpoint_of  # noqa: PLC0415 - see the module

    return endpoint_of(request, vhlocal_run)


@pytest.fixture
def vhlocal_snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """Compares an answer with the one that was kept beside the test file; ``--vhlocal-update`` keeps this one."""
    from vhlocal.testing.snapshots import snapshot_of  # noqa: PLC0415 - see the module

    return snapshot_of(request)
