"""VH604: the server takes long to start, as a rollout counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import command_key, place_of
from vhlocal.contract import limits
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Started

DEFINITION = Definition(
    code="VH604",
    title="The server takes long to start",
    severity=Severity.WARNING,
    why="A rollout fails when a version's servers do not answer within ten minutes (Kubernetes' default for a "
    "deployment's progress). A cluster's machine has to pull the image first, is often slower, and starts several "
    "servers at once.",
    remedy={
        "": "Put downloads into `files` or into the image, and load what is not needed at once only when it is needed.",
    },
    example=Example("python", "model = download(url)", 'model = load("model.pkl")  # an entry in `files`'),
    rows=("B1", "B4"),
)


def find(started: Started) -> Iterator[Finding]:
    """Yield a start that took half of a rollout's patience, or more."""
    if started.seconds >= limits.SLOW_START:
        yield Finding(
            DEFINITION,
            place_of(started.endpoint, command_key(started.endpoint)),
            f"its start took over {limits.SLOW_START:.0f} s; a rollout fails after {limits.ROLLOUT_PATIENCE:.0f}",
            f"it took {started.seconds:.0f} s here: load less before the first answer",
            started.endpoint.name,
        )


RULE = Rule((DEFINITION,), find)
