"""Everything that happens is an event; every display is a subscriber.

Events are frozen and carry what happened, never how it is to look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.errors import VhlocalError
    from vhlocal.findings import Finding
    from vhlocal.model import Offer, Place, RequestRecord, ServedAt, Status, Strategy


@dataclass(frozen=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True)
class StatusChanged(Event):
    """An endpoint entered a state, or what is known of it changed."""

    status: Status


@dataclass(frozen=True)
class StepStarted(Event):
    """A step of making an image began; ``cause`` says why it was needed."""

    step: str
    title: str
    cause: str
    endpoints: tuple[ServedAt, ...]


@dataclass(frozen=True)
class StepOutput(Event):
    """One line that a step printed."""

    step: str
    text: str


@dataclass(frozen=True)
class StepFinished(Event):
    """A step ended well after ``seconds``."""

    step: str
    title: str
    seconds: float


@dataclass(frozen=True)
class StepFailed(Event):
    """A step ended badly; ``output`` is all that it printed."""

    step: str
    title: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class StepUnneeded(Event):
    """Nothing that is wanted stands on a step any more: it may go on, and is not followed unless it starts again."""

    step: str
    title: str


@dataclass(frozen=True)
class PullProgress(Event):
    """One layer of a base image moved on; ``current`` and ``total`` in bytes, ``total`` 0 when unknown."""

    step: str
    image: str
    layer: str
    status: str
    current: int
    total: int


@dataclass(frozen=True)
class LogLine(Event):
    """One line that an endpoint's server printed; ``stream`` is ``stdout`` or ``stderr``; ``time`` in epoch seconds.

    ``usual`` is whether it says nothing of the user's code: a banner, or a request of vhlocal's own.
    """

    at: ServedAt
    stream: str
    text: str
    time: float
    usual: bool = False


@dataclass(frozen=True)
class MetricsPrinted(Event):
    """A line of an endpoint's server had metrics (K6): ``numbers`` and ``texts`` by name; ``time`` in epoch seconds."""

    at: ServedAt
    time: float
    numbers: Mapping[str, float] = field(hash=False)
    texts: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class LinesLeftOut(Event):
    """So many lines of an endpoint's came faster than a display shows them, and are not shown there."""

    at: ServedAt
    count: int

    @property
    def text(self) -> str:
        """What stands in their place."""
        return f"… {self.count:,} lines are left out: they came faster than they can be shown"


@dataclass(frozen=True)
class Notice(Event):
    """Something worth knowing that stops nothing; shown once for each text."""

    text: str
    place: Place | None = None
    hint: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True)
class Found(Event):
    """Something that would fail in production was seen on a run; ``revision`` is the code that it was seen with.

    ``told`` is whether an error already shows it to those who watch the run. Such a finding replaces the
    endpoint's earlier one with ``told``, since a server ends for one reason at a time.
    """

    finding: Finding
    revision: str
    told: bool = False


@dataclass(frozen=True)
class Examined(Event):
    """An endpoint that is ready was asked how it answers; ``revision`` is the code that answered.

    ``caveat`` is what `ready` does not say of it, "" for nothing.
    """

    endpoint: str
    revision: str
    caveat: str


@dataclass(frozen=True)
class Problem(Event):
    """Something went wrong that the run survives, such as a broken edit; ``then`` says what happens now."""

    error: VhlocalError
    endpoint: str | None = None
    then: str = ""


@dataclass(frozen=True)
class Listening(Event):
    """The gateway accepts connections at ``url``; ``link`` leads to the run's page."""

    url: str
    link: str


@dataclass(frozen=True)
class Ready(Event):
    """Every endpoint of the run answers, or it is known why it does not, ``seconds`` after the start.

    ``offers`` has by endpoint what can be asked of those that answer. ``link`` leads to the run's page. ``shared`` is
    what stands for ``url`` on other machines, and ``look`` is where they may look; both "" where none can connect.
    """

    url: str
    statuses: tuple[Status, ...]
    seconds: float
    offers: Mapping[ServedAt, Offer] = field(default_factory=dict, hash=False)
    link: str = ""
    shared: str = ""
    look: str = ""


@dataclass(frozen=True)
class Reloaded(Event):
    """New code answers, ``seconds`` after its save was noticed; ``phases`` are the parts of that, in their order.

    It is published once for an endpoint, when all of its ``replicas`` have the code.
    """

    at: ServedAt
    revision: str
    strategy: Strategy
    seconds: float
    phases: tuple[tuple[str, float], ...] = ()
    replicas: int = 1


@dataclass(frozen=True)
class Edited(Event):
    """A save was read that asks for something new: ``changed`` are its files, the project's own by relative paths.

    ``revision`` is what the package is since. ``error`` says why it could not be read as a project.
    """

    revision: str
    changed: tuple[str, ...]
    error: VhlocalError | None = None


@dataclass(frozen=True)
class Left(Event):
    """A replica is not wanted any more, and was forgotten."""

    at: ServedAt


@dataclass(frozen=True)
class VersionsChanged(Event):
    """A version came or went, or one of its aliases did."""


@dataclass(frozen=True)
class PinsChanged(Event):
    """A recorded request was pinned, or is not any more."""


@dataclass(frozen=True)
class Compared(Event):
    """Old and new code were asked the same: so many answers are the ``same``, ``differs`` has a line for each other.

    ``unanswered`` are those that the old code gave no whole answer to in time, so that nothing can be said of them.
    """

    at: ServedAt
    same: int
    differs: tuple[str, ...]
    unanswered: int = 0

    @property
    def counts(self) -> str:
        """How many were sent, and what came of them."""
        number = len(self.differs)
        parts = [f"{self.same} same"]
        if self.unanswered:
            parts.append(f"{self.unanswered} without a complete answer in time")
        if number:
            parts.append(f"{number} {'differs' if number == 1 else 'differ'}")
        return f"{self.same + number + self.unanswered} replayed: {', '.join(parts)}"

    @property
    def text(self) -> str:
        """The same, with the first that differs."""
        return f"{self.counts} ({self.differs[0]})" if self.differs else self.counts


@dataclass(frozen=True)
class Scaled(Event):
    """The number of an endpoint's replicas follows its load; ``why`` is the rule's word."""

    at: ServedAt
    before: int
    after: int
    why: str


@dataclass(frozen=True)
class AliasMoved(Event):
    """An alias points at another version: ``before`` is None where it pointed nowhere, ``after`` where it does now."""

    alias: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class RequestsEnded(Event):
    """Requests were answered, or ended otherwise, since the last such event; in the order of their ends."""

    records: tuple[RequestRecord, ...]


@dataclass(frozen=True)
class Stopping(Event):
    """The run is ending."""

    reason: str


@dataclass(frozen=True)
class Waiting(Event):
    """The end of the run takes its time: what it waits for, and how to end that."""

    text: str


Subscriber = Callable[[Event], None]
T = TypeVar("T", bound=Event)


class Bus:
    """Hands every event to every subscriber, in order, one event at a time.

    ``publish`` may be called from any thread; subscribers run in the caller's thread and must be quick.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Add a subscriber; the returned function takes it away again."""
        with self._lock:
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand ``event`` to all subscribers."""
        with self._lock:
            for subscriber in tuple(self._subscribers):
                subscriber(event)
