"""How a missing server is reported, and how long to wait before it is started again (K2). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import BuildError, ServerError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.errors import VhlocalError
    from vhlocal.findings import Finding
    from vhlocal.model import Place

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0

#: Seconds at least until an environment is tried again that could not be made: that takes long, and loads an index.
_BUILD_PAUSE = 300.0


@dataclass(frozen=True)
class Explanation:
    """Why a server is not there: what happened, where in the user's files, and what to do.

    ``detail`` is longer evidence, such as a traceback. ``finding`` says the same in a finding's words, where it is one.
    """

    reason: str
    hint: str
    place: Place | None
    detail: str = ""
    finding: Finding | None = None


def backoff(crashes: int) -> float:
    """Return the seconds to wait before the next start, after this many crashes in a row (K2): 1, 2, 4, up to 30."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (max(1, crashes) - 1))


def least_pause(error: Exception) -> float:
    """Return the seconds at least until what failed so is tried again."""
    return _BUILD_PAUSE if isinstance(error, BuildError) else 0.0


def explained(finding: Finding, detail: str = "") -> Explanation:
    """Return a finding as the reason why a server is not there."""
    return Explanation(finding.seen, finding.change, finding.place, detail, finding)


def explained_error(error: VhlocalError, endpoint: str) -> Explanation:
    """Return an error as the reason why an endpoint's server is not there."""
    reason = error.message.removeprefix(f"{endpoint}: ")
    return Explanation(reason, error.hint or "", error.place, error.detail or "", error.finding)


def as_error(explanation: Explanation, endpoint: str) -> ServerError:
    """Return the error that reports it."""
    return ServerError(
        f"{endpoint}: {explanation.reason}",
        place=explanation.place,
        hint=explanation.hint or None,
        detail=explanation.detail or None,
        finding=explanation.finding,
    )
