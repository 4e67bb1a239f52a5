"""The contract is the same whatever servers run in: these tests are run on each runtime."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vhlocal.runtime.connect import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command import Running, Vhlocal
    from tests.engine_fixtures import Run


@pytest.fixture(params=sorted(RUNTIMES))
def kind(request: pytest.FixtureRequest, vhlocal: Vhlocal) -> str:
    """The runtime that every ``vhlocal`` of the test takes."""
    vhlocal.environment["VHLOCAL_RUNTIME"] = request.param
    return str(request.param)


@pytest.fixture
def running(kind: str, running: Run, vhlocal: Vhlocal) -> Run:
    """As everywhere; and no directory of a server is left."""

    @contextmanager
    def run(directory: Path, *arguments: str, ready: bool = True) -> Iterator[Running]:
        with running(directory, *arguments, ready=ready) as started:
            yield started
        assert left_of(vhlocal) == []

    return run


def left_of(vhlocal: Vhlocal) -> list[Path]:
    """Return the directories of servers that processes have left."""
    return list(Path(vhlocal.environment["XDG_CACHE_HOME"], "vhlocal").glob("servers/*/*"))
