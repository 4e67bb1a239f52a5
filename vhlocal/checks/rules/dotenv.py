"""VH310: variables are taken from a file that is not packaged (B5, B8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.rule import Rule
from vhlocal.checks.variable_files import asked, assigned, sources
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.regular import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH310",
    title="Variables come from a file that is not packaged",
    severity=Severity.WARNING,
    why="`load_dotenv()` and the readers of settings (environs, decouple, pydantic-settings, Starlette's `Config`, "
    "Dynaconf) read a file, and most say nothing if it is missing. `.env` is never in an ad hoc package, because its "
    "name begins with a dot, and never in a commit if git ignores it: in production, its variables are not set.",
    remedy={
        "": "Set the variables in Valohai, for the deployment's version or the project. Here, set them with `vhlocal "
        "up --env-file .env`, or `env-file: .env` in `vhlocal.yaml`."
    },
    example=Example("yaml", "# vhlocal.yaml\nreload: true", "# vhlocal.yaml\nreload: true\nenv-file: .env"),
    rows=("B5", "B8"),
)

#: Variables that are named, at most.
_MOST = 3


def find(subject: Subject) -> Iterator[Finding]:
    """Yield what reads such a file first, where the code asks for variables that only that one sets."""
    for reach in subject.reaches:
        wanted = {name.lower() for module, site in reach.sites for name in asked(module, site)}
        known = {*subject.variables, *exported(subject.commands[reach.endpoint.name])}
        for source in sources(reach.sites):
            path = _unpackaged(source.paths, reach, subject)
            if path is None:
                continue
            try:
                text = text_of(subject.directory / path, errors="replace")
            except OSError:  # a link to a device, or too large to be read by anything
                continue
            names = wanted if source.names is None else source.names
            missing = sorted(name for name in assigned(text) - known if name.lower() in names)
            if missing:
                more = f" and {len(missing) - _MOST} more" if missing[_MOST:] else ""
                named = ", ".join(missing[:_MOST]) + more
                seen = f"the code reads {path}, which is not packaged: {named} would not be set"
                change = f"set them in Valohai, and here with `--env-file {path}`"
                yield Finding(DEFINITION, source.module.place(source.node), seen, change, reach.endpoint.name)
                break


def _unpackaged(paths: Iterable[str], reach: Reach, subject: Subject) -> str | None:
    """Return the first of these files that is on this machine, where it is in no package or entry."""
    there = next((path for path in paths if (subject.directory / path).is_file()), None)
    packaged = {*subject.package.files, *(entry.path for entry in reach.endpoint.files)}
    return None if there in packaged else there


RULE = Rule((DEFINITION,), find)
