"""VH306: an endpoint's code uses the inputs or outputs of an execution."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH306",
    title="The endpoint uses inputs or outputs of an execution",
    severity=Severity.WARNING,
    why="`/valohai/inputs` and `/valohai/outputs` exist in executions. A deployment has neither: nothing is downloaded "
    "for it, and nothing that it writes there is kept.",
    remedy={
        "": "Give the endpoint an entry in `files`, and open its `path`. Write what has to be kept to a volume or your "
        "own storage."
    },
    example=Example("python", 'joblib.load("/valohai/inputs/model/model.pkl")', 'joblib.load("model.pkl")'),
    rows=("B4", "B7"),
)

_RUN = re.compile(r"/valohai/(inputs|outputs)(/[^\n]*)?")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such paths in the code that an endpoint runs: training code in the same module does not count."""
    for reach in subject.reaches:
        for module, site, text in reach.texts:
            match = _RUN.fullmatch(text) if site.is_sure else None
            if match is not None:
                what = "open a chosen file (`files`) instead" if match[1] == "inputs" else "write elsewhere"
                yield Finding(
                    DEFINITION,
                    module.place(site.node),
                    f"`{text}` does not exist in a deployment",
                    what,
                    reach.endpoint.name,
                )


RULE = Rule((DEFINITION,), find)
