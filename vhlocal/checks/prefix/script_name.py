"""VH413: an endpoint answers right only because `SCRIPT_NAME` is set, which nobody knows of production (P5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Place

DEFINITION = Definition(
    code="VH413",
    title="The app works only because `SCRIPT_NAME` is set",
    severity=Severity.WARNING,
    why="Valohai's documentation had `SCRIPT_NAME` for some weeks in 2020; since then it has the header `X-VH-Prefix` "
    "and the variable `VH_DEFAULT_PREFIX` instead. It is not known whether production still sets `SCRIPT_NAME`: if "
    "it does not, the app ends or answers 404.",
    remedy={
        "": "Read the prefix from the request's `X-VH-Prefix` header, which is right under every alias; outside a "
        'request, use `os.environ["VH_DEFAULT_PREFIX"]`, which ends in a slash. To try it, set `script-name: false` '
        "in `vhlocal.yaml`.",
    },
    example=Example(
        "python", 'PREFIX = os.environ["SCRIPT_NAME"]', 'PREFIX = os.environ["VH_DEFAULT_PREFIX"].rstrip("/")'
    ),
    rows=("P5", "P6", "P7"),
)

_NAME = "SCRIPT_NAME"
#: What reads it by itself.
_READERS = ("gunicorn",)


def may_need_it(subject: Subject) -> tuple[str, ...]:
    """Return the names of the endpoints that may read `SCRIPT_NAME`: to ask the others without it shows nothing."""
    return tuple(reach.endpoint.name for reach in subject.reaches if _may_read(reach, subject))


def needing_it(subject: Subject, found: Collection[Finding], without: Collection[Finding]) -> list[Finding]:
    """Return what only goes wrong where `SCRIPT_NAME` is not set, from what was ``found`` with it and ``without``."""
    needing = []
    for reach in subject.reaches:
        name = reach.endpoint.name
        known = {each.definition.code for each in found if each.endpoint == name}
        new = [each for each in without if each.endpoint == name and each.definition.code not in known]
        worst = next((each for each in new if each.definition.severity is Severity.ERROR), None)
        if worst is not None:
            seen = f"without `{_NAME}`: {worst.seen}"
            change = "read the prefix from the request's `X-VH-Prefix`, or from `VH_DEFAULT_PREFIX`"
            needing.append(Finding(DEFINITION, _place(reach) or worst.place, seen, change, name))
    return needing


def _may_read(reach: Reach, subject: Subject) -> bool:
    lines = reach.endpoint.server_command or ()
    if any(word in line for line in lines for word in (_NAME, *_READERS)) or _place(reach) is not None:
        return True
    return not reach.reached and any(_NAME in (subject.text(path) or "") for path in subject.package.files)


def _place(reach: Reach) -> Place | None:
    """Return the first line of the code that names the variable."""
    return next((module.place(site.node) for module, site, text in reach.texts if text == _NAME), None)
