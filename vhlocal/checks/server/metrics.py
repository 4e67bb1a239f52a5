"""VH519 and VH520: the server prints metrics that are charted nowhere (K6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.model import Endpoint, Place

UNREAD = Definition(
    code="VH519",
    title="A line of metrics is not collected",
    severity=Severity.WARNING,
    why="Valohai collects lines on stdout that hold one JSON object with `vh_metadata` in it. Any other line stays in "
    "the log and is not charted, and nothing tells you so.",
    remedy={
        "": "Print one object to stdout with `json.dumps`, on a line of its own. Leave out values that are NaN or "
        "infinite: JSON cannot represent them.",
    },
    example=Example(
        "python",
        'print({"vh_metadata": {"accuracy": 0.92}})',
        'print(json.dumps({"vh_metadata": {"accuracy": 0.92}}))',
    ),
    rows=("K6",),
)
UNCHARTED = Definition(
    code="VH520",
    title="A metric is neither a number nor text",
    severity=Severity.NOTICE,
    why="Valohai charts numbers over time, and shows texts. Its documentation does not say what it does with `true`, "
    "`null`, lists and nested objects; here they are listed with the texts, and not charted.",
    remedy={"": "Give each number its own name, and print 1 or 0 for true or false."},
    example=Example(
        "python",
        'print(json.dumps({"vh_metadata": {"sure": True, "box": [4, 2]}}))',
        'print(json.dumps({"vh_metadata": {"sure": 1, "left": 4, "top": 2}}))',
    ),
    rows=("K6",),
)


@dataclass(frozen=True)
class Printed:
    """What a server has printed: ``why`` it is not charted, of the value ``name``, or of the line where that is "".

    ``place`` is the code that prints it, where that is sure, else what starts the server.
    """

    endpoint: Endpoint
    place: Place
    name: str
    why: str


def find(printed: Printed) -> Iterator[Finding]:
    """Yield that a line is not collected, or a value not charted."""
    name, why = printed.name, printed.why
    definition = UNCHARTED if name else UNREAD
    seen = f"the metric `{name}` {why}" if name else f"a line of metrics {why}"
    change = "print only numbers and texts" if name else 'print(json.dumps({"vh_metadata": {…}})), and nothing else'
    yield Finding(definition, printed.place, seen, change, printed.endpoint.name)


RULE = Rule((UNREAD, UNCHARTED), find)
