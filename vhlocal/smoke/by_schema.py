"""An app's own OpenAPI schema, given to Schemathesis: it makes requests from it and judges the answers."""

from __future__ import annotations

import json
import re
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree

from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import Request
from vhlocal.model import Place
from vhlocal.smoke.pythons import python_with, run_tool
from vhlocal.smoke.results import Result
from vhlocal.smoke.run import SECONDS, send
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vhlocal.exchanges import Header
    from vhlocal.smoke.results import Target

#: Where frameworks have the schema of an app, below its own root.
SCHEMAS = ("/openapi.json", "/schema/openapi.json", "/swagger.json", "/openapi/openapi.json", "/apispec_1.json")

#: The project's own settings for Schemathesis.
CONFIG = "schemathesis.toml"

#: With which methods an operation is tried that has them not. TRACE is refused before any app, as production's ingress
#: does (K9).
_METHODS = '[phases.coverage]\nunexpected-methods = ["get", "put", "post", "delete", "options", "patch"]\n'

#: Schemathesis' exit codes where its report has every verdict: all is well, something is not.
_JUDGED = (0, 1)

#: What vhlocal itself answers where no server is there to ask, and where the server hung up, in Schemathesis' reports.
_DOWN = re.compile(r'"error": "the endpoint [^"]+ is (?!ready)[a-z]+"')
_HUNG_UP = '"error": "the server hung up before it answered"'

#: Seconds that a server gets to answer again: it is started with growing pauses (K2). And between two looks.
_BACK, _PAUSE = 120.0, 0.25


@dataclass(frozen=True)
class Schema:
    """A schema's text, the path below the endpoint that has it, and the URL below which its own paths are."""

    target: Target
    path: str
    base: str
    content: bytes


def python_of(directory: Path, environ: Mapping[str, str]) -> Path:
    """Return a Python that has Schemathesis. InputError, with what to install, where none has it."""
    asked = python_with(("schemathesis",), directory, environ)
    if asked.found is None:
        raise InputError(
            f"Schemathesis is not installed in any of {', '.join(map(str, asked.all))}",
            hint=f"install it: {asked.all[-1]} -m pip install 'vhlocal[openapi]'",
        )
    return asked.found


def schema_of(target: Target) -> Schema | None:
    """Ask an endpoint for its schema where frameworks have it; None where it has none.

    Where an app adds the prefix to each of its routes, the schema's paths have it too (R6): they are the gateway's.
    """
    parts = urlsplit(target.url)
    for place in SCHEMAS:
        answer = send(target.url, Request("GET", f"{parts.path}{place}", target.headers), SECONDS, follow=True)
        if answer.status == 200 and not answer.broke_off and (paths := _paths(answer.body.content or b"")) is not None:
            whole = bool(paths) and all(path.startswith(f"{parts.path}/") for path in paths)
            base = f"{parts.scheme}://{parts.netloc}" if whole else target.url
            return Schema(target, place, base, answer.body.content or b"")
    return None


def run(
    python: Path, directory: Path, schema: Schema, more: tuple[Header, ...], environ: Mapping[str, str]
) -> list[Result]:
    """Have Schemathesis try every operation of a schema, and return a verdict for each; nothing is left behind.

    What an operation is answered while the server is down says nothing of it: it is tried again once the server is
    back, without those that have ended it. ``schemathesis.toml`` of the project's directory says how, headers included.
    Without one the target's are sent, and ``more``. VhlocalError where Schemathesis itself fails.
    """
    verdicts: dict[str, Result] = {}
    names: Sequence[str] = ()
    while True:
        report, results = _tried(python, directory, schema, more, environ, names)
        verdicts |= {result.name: result for result in results}
        down, broken = answered_by_vhlocal(report)
        names = [name for name in down if name not in broken]
        if not names:
            break
        culprit = ", ".join(broken) or "something else"
        if not broken or not _is_back(schema):
            why = f"not tried: the server was down, because {culprit} had ended it"
            verdicts |= {name: replace(verdicts[name], failures=(why,)) for name in names}
            break
    return list(verdicts.values())


def _tried(
    python: Path,
    directory: Path,
    schema: Schema,
    more: tuple[Header, ...],
    environ: Mapping[str, str],
    names: Sequence[str],
) -> tuple[str, list[Result]]:
    """Have Schemathesis try these operations, or all; return its report, and the verdicts in it."""
    with tempfile.TemporaryDirectory(prefix="vhlocal-") as made:
        report, config = Path(made, "report.xml"), directory / CONFIG
        file = Path(made, "schema.json")
        file.write_bytes(schema.content)
        if not config.exists():
            headers = (*schema.target.headers, *more)
            # Not on the command line, which other users can see.
            config = Path(made, CONFIG)
            fields = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in headers)
            config.write_text(f"headers = {{ {fields} }}\n{_METHODS}", encoding="utf-8")
        command: list[str | Path] = [python, "-m", "schemathesis.cli", "--config-file", config, "run", file]
        command += ["--url", schema.base, "--no-color", "--report-junit-path", report]
        command += [word for name in names for word in ("--include-name", name)]
        code, said = run_tool(command, Path(made), environ)
        text = report.read_text(encoding="utf-8") if report.exists() else ""
    results = list(read_report(text, schema, more)) if text else []
    if code not in _JUDGED or not results or (code == 1) != any(one.failures for one in results):
        raise VhlocalError(f"Schemathesis ended with {code}, and its report does not say why", detail=said)
    return text, results


def _is_back(schema: Schema) -> bool:
    """Wait for the server to answer again; False where it does not."""
    until = time.monotonic() + _BACK
    while time.monotonic() < until:
        parts = urlsplit(schema.target.url)
        asked = Request("GET", f"{parts.path}{schema.path}", schema.target.headers)
        answer = send(schema.target.url, asked, SECONDS, follow=True)
        if answer.status == 200 and not answer.broke_off:
            return True
        time.sleep(_PAUSE)
    return False


def answered_by_vhlocal(text: str) -> tuple[list[str], list[str]]:
    """Return the operations of a report that were answered without a server, and those whose server hung up instead."""
    down, broken = [], []
    for case in ElementTree.fromstring(text).iter("testcase"):
        said = "".join(wrong.text or "" for wrong in case.iter("failure"))
        if _DOWN.search(said):
            down.append(case.get("name") or "")
        if _HUNG_UP in said:
            broken.append(case.get("name") or "")
    return down, broken


def read_report(text: str, schema: Schema, more: tuple[Header, ...] = ()) -> Iterator[Result]:
    """Yield the verdicts of Schemathesis' report in JUnit XML; headers that are ours are left out of its commands."""
    place = Place(Path(schema.path.lstrip("/")))
    for case in ElementTree.fromstring(text).iter("testcase"):
        if case.find("skipped") is None:
            reported = [*case.iter("failure"), *case.iter("error")]
            of_the_app = [each for each in reported if not _DOWN.search(each.text or "")]
            wrong = [_failure(each, more) for each in of_the_app or reported]
            yield Result(schema.target, case.get("name") or "", place, float(case.get("time") or 0), tuple(wrong))


def _failure(wrong: ElementTree.Element, more: tuple[Header, ...]) -> str:
    """Return what Schemathesis has found wrong, and the command that shows it."""
    lines = (wrong.text or "").splitlines()
    found = ", ".join(line.removeprefix("- ") for line in lines if line.startswith("- "))
    command = next((line.strip() for line in lines if line.strip().startswith("curl ")), "")
    for name, value in more:
        command = command.replace(f" -H '{name}: {value}'", "")
    if _HUNG_UP in "".join(lines):
        found = "the server ended, or hung up, before it answered"
    said = found or next((line.strip() for line in lines if line.strip()), wrong.get("message") or wrong.tag)
    return f"{said}: {command}" if command else said


def _paths(content: bytes) -> list[str] | None:
    """Return the paths of a schema, None where it is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not ({"openapi", "swagger"} & document.keys()):
        return None
    paths = document.get("paths")
    return list(map(str, paths)) if isinstance(paths, dict) else None
