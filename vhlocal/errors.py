"""One error base. What the user reads is made here, so that every message has the same parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.findings import Finding
    from vhlocal.model import Place


class VhlocalError(Exception):
    """Something the user can act on.

    ``message`` says what happened and why, in one sentence; ``place`` where (file and line); ``hint`` what to do;
    ``detail`` is longer evidence, such as the end of a log. ``finding`` is what it is known as, where it has a code.
    ``exit_code`` is what the process ends with.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        hint: str | None = None,
        detail: str | None = None,
        finding: Finding | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint
        self.detail = detail
        self.finding = finding


class InputError(VhlocalError):
    """What was given is wrong: a flag, ``valohai.yaml``, ``vhlocal.yaml``. Nothing was started."""

    exit_code = 2


class EngineError(VhlocalError):
    """The container engine does not answer, or refused."""

    exit_code = 3


class BuildError(VhlocalError):
    """An image could not be made."""

    exit_code = 4


class ServerError(VhlocalError):
    """A server did not come up."""

    exit_code = 5
