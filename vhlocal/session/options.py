"""What a run is started with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract.limits import READ_TIMEOUT, ROLLOUT_PATIENCE
from vhlocal.session.limits import RELOAD_LIMIT
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from vhlocal.contract.access import BasicAuth
    from vhlocal.findings import Finding
    from vhlocal.model import Version
    from vhlocal.runtime.base import Connect
    from vhlocal.session.wanted.desired import Inputs
    from vhlocal.session.wanted.load import Asked, Loaded


@dataclass(frozen=True)
class RunOptions:
    """See the module.

    ``load`` reads the project, given the base URL, what was read before, and the paths that may have changed since then
    (None where any may). ``doctor`` lets endpoints be asked why they answer as they would not in production;
    ``examine`` ends the run once each has been, whatever it answered. ``profile`` has the imports of servers measured.
    ``record`` keeps the last requests and answers. ``fail_fast`` ends the run with the first endpoint that does not
    come up; else the others are served, and a save is the next try. ``check`` looks at the project alone, in a thread,
    and returns what is wrong with it.
    ``load_commit`` reads a version from a commit, given its names and the base URL; ``versions`` are those to serve
    beside the working tree from the start.
    ``ignored`` are codes of findings that the project lives with. ``patience`` is how many seconds a server gets to
    answer for the first time, ``reload_seconds`` how many new code gets at least. ``read_seconds`` is how many may pass
    between two reads of an answer, and how many what is in flight gets once its server has been replaced (K9).
    """

    directory: Path
    version: Version
    host: str
    port: int
    port_given: bool
    reload: bool
    strict: bool
    access: BasicAuth | None
    access_log: Path | None
    doctor: bool
    examine: bool
    profile: bool
    record: bool
    ignored: Mapping[str, str]
    load: Callable[[str, Inputs | None, frozenset[Path] | None], Loaded]
    connect: Connect
    load_commit: Callable[[Asked, Version, str], Loaded]
    versions: tuple[Asked, ...] = ()
    fail_fast: bool = True
    check: Callable[[], Iterable[Finding]] = tuple
    patience: float = ROLLOUT_PATIENCE
    reload_seconds: float = RELOAD_LIMIT
    read_seconds: float = READ_TIMEOUT
