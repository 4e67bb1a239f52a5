"""Where the time of a start went, from what was seen of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.model import Import, StartUp
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.session.phases import Phases
    from vhlocal.session.probe import Answered

#: The parts of a start, after those of its environment: the libraries only where imports are measured, the port only
#: where nobody knows when the app was loaded.
CREATED, PROCESS, LIBRARIES, APP, PORT, ANSWER = (
    "created",
    "process started",
    "libraries imported",
    "app loaded",
    "port opened",
    "first answer",
)


@dataclass(frozen=True)
class Birth:
    """What a server's runner saw: when its process and its code were there (monotonic seconds), and what it imported.

    What it could not see is None.
    """

    forked: float | None
    loaded: float | None
    imports: tuple[Import, ...] | None


def read_birth(facts: dict[str, Any], now: float, *, measured: bool) -> Birth:
    """Read a runner's report: it counts back from ``now``, since its clock may be another machine's.

    ``measured``: it was asked to measure imports.
    """
    ago = {name: facts.get(name) for name in ("forked", "bound", "loaded")}
    # Code that has bound its port has been loaded; what accepts its clients elsewhere never reports more.
    loaded = ago["bound"] if ago["loaded"] is None else ago["loaded"]
    return Birth(
        forked=None if ago["forked"] is None else now - ago["forked"],
        loaded=None if loaded is None else now - loaded,
        imports=_imports(facts["imports"]) if measured and "imports" in facts else None,
    )


def start_up(phases: Phases, started: float, birth: Birth | None, answered: Answered) -> StartUp:
    """Return what a start consisted of, from its ``phases`` before the process was ``started``.

    ``birth`` is None where no runner saw it; its imports are None where they were not measured.
    """
    loaded = None if birth is None or birth.forked is None else birth.loaded
    if birth is None or birth.forked is None or loaded is None:
        phases.mark(PROCESS, started)
        phases.mark(PORT, answered.asked)
    else:
        phases.mark(PROCESS, birth.forked)
        if birth.imports is not None:
            libraries = sum(each.own_seconds for each in birth.imports if not each.mine and not each.at_request)
            phases.mark(LIBRARIES, min(loaded, birth.forked + libraries))
        phases.mark(APP, loaded)
    phases.mark(ANSWER, answered.at)
    first = answered.at - max(answered.asked, loaded or 0.0)
    return StartUp(phases.ended, max(0.0, first), None if birth is None else birth.imports)


def _imports(parts: Sequence[Sequence[Sequence[Any]]]) -> tuple[Import, ...]:
    before, since = parts
    return tuple(
        Import(name, own, seconds, importer, mine, at_request=part is since)
        for part in (before, since)
        for name, own, seconds, importer, mine in part
    )


def slowest(imports: Iterable[Import], count: int) -> list[Import]:
    """Return the imports that took longest with all that they import, the slowest first.

    Parts of a package that the package imports itself are left out, for they are in its own time.
    """
    entries = [each for each in imports if each.mine or _top(each.module) != _top(each.importer)]
    return sorted(entries, key=lambda each: each.seconds, reverse=True)[:count]


def _top(module: str) -> str:
    return module.partition(".")[0]
