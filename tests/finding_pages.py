"""The pages of the findings, made from their definitions: ``python -m tests.finding_pages`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.as_json import SHAPE
from vhlocal.checks.registry import ALL_DEFINITIONS, STATIC_DEFINITIONS
from vhlocal.findings import PAGES

if TYPE_CHECKING:
    from vhlocal.findings import Definition

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / PAGES
INDEX = DIRECTORY / "README.md"

#: Pages that are written by hand.
BY_HAND = ("adding.md",)

FAMILIES = {
    "VH1": "`valohai.yaml` and settings",
    "VH2": "The package and its requirements",
    "VH3": "The source code",
    "VH4": "The prefix",
    "VH5": "The server",
    "VH6": "Limits",
}

HEAD = """\
# Findings

`vhlocal check` reads a project and says what would fail in production: a code that stays the same,
the place, what was seen, why it fails there, and the change to make. It looks only at what is packaged, and at the code
that an endpoint really runs, from what `wsgi` or `server-command` names along its imports. Where it is not sure it says
nothing.

    vhlocal check                             # in the terminal
    vhlocal check --json                      # for scripts
    vhlocal check --sarif > findings.sarif    # for code hosts, which show findings beside the lines
    vhlocal check --live                      # also starts every endpoint, and examines how it answers

Without `--live` it starts nothing and needs no engine. With it, endpoints are built and started as `vhlocal up` does
(all its settings are flags of `check` too), examined by GET requests under the version's path and an alias', and ended;
what goes on is told on stderr.

| Severity | Meaning |
|---|---|
| error | It fails in production, or must not get there. The exit code is 6 |
| warning | It may fail, or does harm. The exit code stays 0 |
| notice | Worth knowing |

The exit code is 2 where the project cannot be read at all: `valohai.yaml` is missing, no YAML or without an endpoint,
or a setting is wrong.

## Findings that may stay

A finding that is known is silenced by its code in `vhlocal.yaml`, with the reason. It is counted, listed in JSON,
suppressed in SARIF, and changes no exit code:

```yaml
ignore:
  VH104: the image is built by our own CI from the same commit
```

## The doctor: what only a running endpoint shows

Each endpoint is examined once it is up; and when its app answers 404, 500 or a redirect, or a page leads a browser to a
404 at the root of the host, the doctor asks the server itself why: VH4xx. It asks for the endpoint's root and for the
path that failed, under the version's path and an alias', and for a path that nobody has; where they are missing, also
without the prefix, with the prefix twice, and with or without the last slash; for `/docs` of a FastAPI app; for up to
three scripts, styles and pictures of a page at the root; and whether the WebSockets of the code, two at most, would
open. It names a host as production's, and another one where that is refused. From the answers it tells an app that does
not know its prefix from an honest 404, which is no finding, and from one page for everything, which proves nothing.

It sends GET requests alone, some four to forty, without the query. What failed by another method, or with a 500, is
never repeated: only the root is asked for. Each request carries `User-Agent: vhlocal-doctor`, `X-VHLocal-Doctor: 1` and
the headers that production's ingress sets, so that the app can tell them apart; they go to the server directly and are
no part of the run's requests. It asks once for each endpoint, revision and kind of trouble, one examination at a time,
and no request waits for it. An answer may take three seconds; where one takes longer or the server is gone, it says so
in one line and changes nothing. What it finds is told once in the terminal, on the page and at `/api/endpoints`,
where `examined` is true once it is through with every request so far.

`--no-doctor`, `VHLOCAL_DOCTOR=false` or `doctor: false` in `vhlocal.yaml` switch it off: then nothing is asked.

## What it asks the network

One thing, VH203: for exact pins and an official `python:X.Y` image, it asks the package index that pip is set up to use
which Pythons the version is for. Answers are kept in your cache directory for ever. Without a network it says so in one
line, and all else is as always. Where pip has several places to install from, nothing is asked.

## JSON

`shape` is {shape}; it changes only if a reader would be misled. Files are relative to the project.

```json
{{
  "shape": {shape},
  "counts": {{"error": 1, "warning": 0, "notice": 0}},
  "findings": [
    {{
      "code": "VH106", "severity": "error", "title": "…", "endpoint": "greet",
      "file": "valohai.yaml", "line": 4, "column": null,
      "seen": "…", "why": "…", "change": "…", "framework": "FastAPI",
      "edits": [{{"file": "valohai.yaml", "line": 4, "old": "…", "new": "…"}}],
      "remedy": {{"": "…", "FastAPI": "…"}}, "rows": ["R3"], "page": "docs/findings/VH106.md"
    }}
  ],
  "silenced": [{{"code": "VH104", "reason": "…"}}],
  "notes": ["what could not be looked at"]
}}
```

`edits` are the change in the project's own lines: `new` in the place of `old`, which begins at `line`; without `old`,
lines to add at the end of the file, and `line` is null. There are none where only you can choose. `framework` tells
which of the remedies fits the endpoint's code. It, `endpoint`, `line` and `column` may be null. An
item of `silenced` has all keys of a finding, and its `reason`.

## All findings

Each is shown by a sample that has it and by the same project mended: [one test](../../tests/checks/test_findings.py)
reads them all, [another](../../tests/session/diagnosis/test_doctor.py) runs those of the prefix, and
[a third](../../tests/checks/server/test_live.py) those of servers and limits.
`vhlocal up` tells these as they happen, once, on the terminal, the page and in the API, and the errors that the
project itself shows as well; where a server does not come up, the error is the finding. `vhlocal explain VH408` shows
a finding's page, and where this project has it.
[How to add one](adding.md).
"""


def page(definition: Definition) -> str:
    """One finding's page, as it is to be."""
    example = definition.example
    rows = ", ".join(f"[{row}](../contract.md)" for row in definition.rows) or "none"
    parts = [
        f"# {definition.code}: {definition.title}",
        f"Severity: {definition.severity.value}. Rows of the contract: {rows}. [All findings](README.md)",
        f"## Why it fails in production\n\n{definition.why}",
        "## What to change\n\n" + "\n".join(_remedy(name, text) for name, text in definition.remedy.items()),
        f"## Example\n\nBroken:\n\n```{example.language}\n{example.broken}\n```",
        f"Mended:\n\n```{example.language}\n{example.mended}\n```",
        f"A project [that has it]({_sample(definition.code)}/broken), and [mended]({_sample(definition.code)}/mended).",
        f"If it may stay, say why in `vhlocal.yaml`:\n\n```yaml\nignore:\n  {definition.code}: the reason\n```",
    ]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The page that lists all findings, as it is to be."""
    lines = [HEAD.format(shape=SHAPE)]
    for family, title in FAMILIES.items():
        own = [definition for definition in ALL_DEFINITIONS if definition.code.startswith(family)]
        if own:
            lines.append(f"\n### {family}xx: {title}\n\n| Code | Severity | Finding | Sample |\n|---|---|---|---|\n")
            lines += [_row(definition) for definition in own]
    return "".join(lines)


def pages() -> dict[str, str]:
    """Every page that is made, by its file's name."""
    return {INDEX.name: index(), **{f"{definition.code}.md": page(definition) for definition in ALL_DEFINITIONS}}


def _remedy(name: str, text: str) -> str:
    return f"- **{name}**: {text}" if name else f"{text}\n"


def _row(definition: Definition) -> str:
    code = definition.code
    sample = f"[broken]({_sample(code)}/broken), [mended]({_sample(code)}/mended)"
    return f"| [{code}]({code}.md) | {definition.severity.value} | {definition.title} | {sample} |\n"


def _sample(code: str) -> str:
    static = code in [definition.code for definition in STATIC_DEFINITIONS]
    return f"../../tests/checks/{'samples' if static else 'live_samples'}/{code}"


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text)
