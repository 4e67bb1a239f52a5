"""What a container of the run is made of and with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.model import Endpoint
    from vhlocal.reload.staging import Staging
    from vhlocal.runtime.base import OnLine, Runtime, ServerSpec
    from vhlocal.session.diagnosis.cause import Diagnosis
    from vhlocal.session.probe import Probe


@dataclass(frozen=True)
class Making:
    """See the module.

    ``staging`` holds the files that are brought into it later. ``on_line`` gets what it prints, from a thread of the
    runtime's. ``on_pause`` is called when somebody outside has paused or resumed it. ``on_news`` hears what its runner
    has learnt, ``asks`` of each request by which it is to show that it is there.
    ``patience`` is how many seconds it gets to answer for the first time. ``made`` is what was made for it before:
    name and seconds. ``after`` is the id of the container that was in the same pod before it, if any.
    """

    runtime: Runtime
    endpoint: Endpoint
    spec: ServerSpec
    staging: Staging
    probe: Probe
    diagnosis: Callable[[], Diagnosis]
    patience: float
    on_line: OnLine
    on_pause: Callable[[], None]
    on_news: Callable[[dict[str, Any]], None]
    asks: Callable[[str, str], None]
    made: tuple[tuple[str, float], ...] = ()
    after: str = ""
