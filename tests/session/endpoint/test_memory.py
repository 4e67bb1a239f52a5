"""How the peak of a server's memory is watched, and its limit; of a server that says what it uses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from vhlocal.events import Bus
from vhlocal.model import Endpoint, Package, Resources
from vhlocal.runtime.base import Usage
from vhlocal.session.diagnosis.cause import Diagnosis
from vhlocal.session.endpoint import memory
from vhlocal.session.endpoint.memory import MemoryLimit, MemoryWatch
from vhlocal.session.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vhlocal.findings import Finding
    from vhlocal.session.endpoint import server


class Server:
    """Uses what it is given, look by look, and ends."""

    running = True

    def __init__(self, *used: int) -> None:
        self._used = list(used)

    async def usage(self) -> Usage | None:
        return Usage(self._used.pop(0), kept=False, cpu=0.0) if self._used else None


def test_the_peak_is_the_highest_that_counts_and_each_higher_one_is_told():
    """K2: what two servers need while new code comes in is not what production's one needs."""
    told: list[int] = []
    alone = iter([True, False, True, True])

    async def on_peak(used: int, kept: bool) -> None:
        told.append(used)

    watch = MemoryWatch(limited=True, counts=lambda: next(alone), on_peak=on_peak)
    asyncio.run(watch.follow(cast("server.Server", Server(10, 90, 30, 20))))
    assert told == [10, 30]
    assert watch.peak == 30


LIMIT = 100 * 1024 * 1024


@pytest.fixture
def limit_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[MemoryLimit, Any, list[str]]]:
    """Return a server's limit, what it is asked to serve, and the codes of what is found of it."""
    monkeypatch.setattr(memory, "_ON_ITS_WAY", 0)

    def make(server: Server, peak: int | None = None) -> tuple[MemoryLimit, Any, list[str]]:
        endpoint = Endpoint(
            name="web", image="python:3.11", port=8000, server_command=("x",), resources=Resources(memory_max=100)
        )
        asked, codes = SimpleNamespace(now=SimpleNamespace(endpoint=endpoint, revision="r1")), []

        def found(finding: Finding, _revision: str, _told: bool) -> None:
            codes.append(finding.definition.code)

        surroundings = SimpleNamespace(
            strict=False,
            tasks=Tasks(lambda error: codes.append(repr(error))),
            diagnosis=Diagnosis(cast("Any", None), tmp_path, Bus(), lambda: Package(tmp_path, {}, ""), lambda *_: ()),
            found=found,
        )
        limit = MemoryLimit(cast("Any", surroundings), cast("Any", server), LIMIT, lambda: asked.now, lambda: peak)
        return limit, asked, codes

    return make


@pytest.mark.parametrize(
    ("what", "peak", "kept", "codes"),
    [
        ("stays", None, True, ["VH601"]),
        ("is killed", None, True, []),
        ("has new code", None, True, []),
        ("passes it unkept", 101, False, ["VH507"]),
    ],
)
def test_what_comes_near_its_limit_is_near_it_only_if_it_stays(limit_of, what, peak, kept, codes):
    """What loads a model passes four fifths on its way to all: "raise it to what was used" would be no remedy."""
    server = Server()
    limit, asked, found = limit_of(server, peak and peak * LIMIT // 100)

    async def near() -> None:
        await limit.hear(LIMIT * 9 // 10, kept=kept)
        assert found == []
        server.running = what != "is killed"
        if what == "has new code":
            asked.now = SimpleNamespace(**{**vars(asked.now), "revision": "r2"})
        await asyncio.sleep(0.05)

    asyncio.run(near())
    assert found == codes


def test_the_last_look_of_a_run_that_ends_reports_at_once(limit_of):
    limit, _, found = limit_of(Server(LIMIT * 9 // 10, LIMIT * 9 // 10))

    async def look_twice() -> None:
        await limit.look()
        await limit.look()

    asyncio.run(look_twice())
    assert found == ["VH601"]
