"""What the session shows to its faces, and what it asks of the one that answers requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from vhlocal.events import Bus
    from vhlocal.gateway.report import Failure, Page
    from vhlocal.model import Call, ServedAt, Version
    from vhlocal.recorder.store import Store
    from vhlocal.series.store import Store as Metrics
    from vhlocal.session.board import Board
    from vhlocal.session.deployment import Deployment
    from vhlocal.session.traffic.requests import Requests


T = TypeVar("T")


class Change(Protocol):
    """Has work done on the run's deployment in the session's loop, from any other thread."""

    def __call__(self, work: Callable[[Deployment], Coroutine[Any, Any, T]]) -> T:
        """Return what ``work`` returns, or raise its VhlocalError; another where the run is not so far, or ends."""
        ...


@dataclass(frozen=True)
class View:
    """A run as others see it. All of it may be used from any thread.

    ``versions`` are those that are served, the working tree's first. ``metrics`` are those that servers have printed,
    ``recordings`` the last requests and answers, None where nothing is recorded. ``url`` is the gateway's,
    ``open_to_network`` is True where others than this machine can connect to it, and ``shared`` is what stands for
    ``url`` there, "" where it is the same. ``stop`` ends the run, given at whose wish, ``token`` is what changes need.
    ``connections`` returns how many clients are connected and how many connections to servers are open, ``examined``
    whether the doctor is through with every request that has ended. ``memory`` looks what each server uses at this
    moment, in bytes, and may take a while; ``in_flight`` returns how many requests are on their way to a replica.
    ``change`` does something to the deployment and returns what came of it. ``schema`` returns what an endpoint with
    these replicas says of itself in OpenAPI, None where it says nothing; ``call`` a request that it has a route for.
    """

    versions: Callable[[], tuple[Version, ...]]
    board: Board
    requests: Requests
    metrics: Metrics
    recordings: Store | None
    connections: Callable[[], tuple[int, int]]
    examined: Callable[[], bool]
    bus: Bus
    url: str
    open_to_network: bool
    shared: str
    token: str
    run: str
    stop: Callable[[str], None]
    memory: Callable[[], Mapping[ServedAt, int]]
    in_flight: Callable[[ServedAt], int]
    change: Change
    schema: Callable[[Sequence[ServedAt]], Any]
    call: Callable[[Sequence[ServedAt]], Call | None]


class Face(Protocol):
    """Answers all that is not an endpoint's own answer."""

    def start(self, view: View) -> tuple[str, int]:
        """Begin to answer and return the address, on loopback, to which the gateway sends requests."""

    @property
    def link(self) -> str:
        """Where a browser of this machine finds the run's page, with the key to it; once started."""
        ...

    @property
    def look(self) -> str:
        """Where browsers of other machines are let in to look, "" where none can connect; once started."""
        ...

    def page(self, failure: Failure) -> Page:
        """Return the page for a request that no endpoint answered; called in the gateway's loop: be quick."""

    def stop(self) -> None:
        """End."""
