"""What every keeper of a run works with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vhlocal.events import Bus
    from vhlocal.findings import Finding
    from vhlocal.model import ServedAt
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import Address, Runtime
    from vhlocal.session.board import Board
    from vhlocal.session.diagnosis.cause import Diagnosis
    from vhlocal.session.endpoint.chatter import Chatter
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.environments import Upkeep
    from vhlocal.session.warm.warmth import Warmth


@dataclass(frozen=True)
class Surroundings:
    """See the module.

    ``urls`` gives the URLs of what is served, ``drain`` waits until nothing is in flight at an address, and in the end
    ends what is, as at a server that was removed, or replaced. ``compare`` is given an old server and the new one that
    has taken over, while both live. ``reloads`` is False where no new code is ever brought in. ``fail_fast`` ends the
    run where a server does not come up at first.
    ``strict`` ends a server that production would end, ``patience`` and ``reload_seconds`` are the run's, in seconds.
    ``profile`` has imports measured. ``made`` has, by endpoint, what was made since its last server was: name and
    seconds. ``found`` gets a finding, the revision that it is about, and whether an error reports it too. ``brought``
    hears that an edit was brought in, and ``read_again`` that what was read of the project is not what is there any
    more.
    """

    runtime: Runtime
    bus: Bus
    board: Board
    routes: Routes
    tasks: Tasks
    environments: Upkeep
    staging: Staging
    warmth: Warmth
    chatter: Chatter
    reloads: bool
    fail_fast: bool
    strict: bool
    profile: bool
    made: dict[ServedAt, tuple[tuple[str, float], ...]]
    patience: float
    reload_seconds: float
    judging: Callable[[], Diagnosis]
    found: Callable[[Finding, str, bool], None]
    urls: Callable[[ServedAt], tuple[str, ...]]
    drain: Callable[[Address, bool], Awaitable[None]]
    compare: Callable[[ServedAt, Address, Address], Awaitable[None]]
    brought: Callable[[], None]
    read_again: Callable[[], None]

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Who says what is wrong with a server; made when something first seems to be: the rules take long to load."""
        return self.judging()
