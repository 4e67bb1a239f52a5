"""The saves of a run, as far as they asked for something: how each was brought in, or why it could not be."""

from __future__ import annotations

import enum
import itertools
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.events import Compared, Edited, Event, Reloaded, StatusChanged
from vhlocal.model import State
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.errors import VhlocalError
    from vhlocal.model import Status, Strategy

#: Reloads that are kept, saves whose files are known, and files that are named of each.
KEPT = 200
_SAVES = 50
_FILES = 100

#: Events that report reloads.
_TELLING = (Compared, Edited, Reloaded, StatusChanged)

#: What names an endpoint: its version and itself.
_Whose = tuple[str, str]


class Outcome(enum.Enum):
    """How it went. The value is the word of the API. UNREAD: what was saved is no project; older code goes on."""

    SERVED = "served"
    BROKEN = "broken"
    UNREAD = "unread"


class Why(NamedTuple):
    """What was wrong with a save, where, what to do, and the longer evidence, such as a traceback; "" for nothing."""

    message: str
    place: str = ""
    hint: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Reload:
    """One save at one endpoint; ``time`` (epoch seconds) is when its outcome was known.

    ``endpoint`` is "" if the save could not be read at all. ``changed`` are its files, none if a server was started
    again. ``seconds`` count from when the save was noticed, if that is known. ``comparison`` says in one line how old
    and new code answered the latest requests, ``differs`` has those that differ.
    """

    id: int
    time: float
    version: str
    endpoint: str
    revision: str
    changed: tuple[str, ...]
    outcome: Outcome
    strategy: Strategy | None = None
    phases: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    replicas: int = 1
    error: Why | None = None
    comparison: str = ""
    differs: tuple[str, ...] = ()


class Reloads:
    """The last reloads. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._kept: OrderedDict[int, Reload] = OrderedDict()
        #: What was saved, by its revision: when, and which files.
        self._saves: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        #: The revision with which each endpoint was last reported broken, and why.
        self._broken: dict[_Whose, tuple[str, str]] = {}
        #: Whether the last save could not be read: endpoints are marked for that too.
        self._unread = False

    def apply(self, event: Event) -> Reload | None:
        """Take in one event, and return the reload that it adds or completes."""
        if not isinstance(event, _TELLING):
            return None
        with self._lock:
            if isinstance(event, Edited):
                return self._edited(event)
            if isinstance(event, Reloaded):
                return self._reloaded(event)
            if isinstance(event, Compared):
                return self._compared(event)
            if isinstance(event, StatusChanged):
                return self._status(event.status)
        return None

    def last(self) -> list[Reload]:
        """Return what is kept, oldest first."""
        with self._lock:
            return list(self._kept.values())

    def _edited(self, event: Edited) -> Reload | None:
        now = self._clock()
        self._unread = event.error is not None
        if event.error is not None:
            return self._keep(
                Outcome.UNREAD, ("", ""), "", now, changed=event.changed[:_FILES], error=_why(event.error)
            )
        self._saves[event.revision] = now, event.changed[:_FILES]
        self._saves.move_to_end(event.revision)
        if len(self._saves) > _SAVES:
            self._saves.popitem(last=False)
        return None

    def _reloaded(self, event: Reloaded) -> Reload:
        whose = event.at.version, event.at.endpoint
        self._broken.pop(whose, None)
        saved = self._saves.get(event.revision)
        # A server that is started anew has the revision of a save that came in long before.
        anew = saved is None or self._came_in(whose, event.revision, saved[0])
        return self._keep(
            Outcome.SERVED,
            whose,
            event.revision,
            self._clock(),
            changed=() if anew else self._unreported(whose, event.revision),
            strategy=event.strategy,
            phases=event.phases,
            seconds=event.seconds,
            replicas=event.replicas,
        )

    def _compared(self, event: Compared) -> Reload | None:
        whose = event.at.version, event.at.endpoint
        of_it = [one for one in self._kept.values() if (one.version, one.endpoint) == whose]
        if not of_it:
            return None
        self._kept[of_it[-1].id] = reload = replace(of_it[-1], comparison=event.counts, differs=event.differs)
        return reload

    def _status(self, status: Status) -> Reload | None:
        """The status of each replica reports a save that does not start. A crash without a save does not count, nor
        does one of code that was already serving.
        """
        whose = status.at.version, status.at.endpoint
        revision = status.broken or (status.revision if status.state is State.CRASHED else "")
        if not revision or not status.reason:
            return None
        saved = self._saves.get(revision)
        if self._broken.get(whose) == (revision, status.reason):
            return None
        if not status.broken and (saved is None or self._came_in(whose, revision, saved[0])):
            return None
        self._broken[whose] = revision, status.reason
        if saved is None and self._unread:
            return None
        now = self._clock()
        return self._keep(
            Outcome.BROKEN,
            whose,
            revision,
            now,
            changed=self._unreported(whose, revision),
            seconds=now - saved[0] if saved else None,
            error=Why(status.reason, str(status.place or ""), status.hint, status.detail),
        )

    def _unreported(self, whose: _Whose, revision: str) -> tuple[str, ...]:
        """Return the files of the save of ``revision``, and of earlier saves that no reload has reported."""
        reported = {one.revision for one in self._kept.values() if (one.version, one.endpoint) == whose}
        saves = list(self._saves)
        files: set[str] = set()
        for at in reversed(saves[: saves.index(revision) + 1] if revision in self._saves else []):
            if at in reported and at != revision:
                break
            files.update(self._saves[at][1])
        return tuple(sorted(files)[:_FILES])

    def _came_in(self, whose: _Whose, revision: str, since: float) -> bool:
        """Whether an endpoint has been served by this revision since it was saved."""
        return any(
            one.outcome is Outcome.SERVED and (one.version, one.endpoint, one.revision) == (*whose, revision)
            for one in self._kept.values()
            if one.time >= since
        )

    def _keep(self, outcome: Outcome, whose: _Whose, revision: str, now: float, **more: Any) -> Reload:
        reload = Reload(next(self._ids), now, *whose, revision, outcome=outcome, **more)
        self._kept[reload.id] = reload
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return reload


def _why(error: VhlocalError) -> Why:
    return Why(error.message, str(error.place or ""), error.hint or "", error.detail or "")
