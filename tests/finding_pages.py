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

`vhlocal check` reads a project and reports what would fail in production. Each finding has a stable code,
the place, what was seen, why it fails in production, and the change to make. The command checks only what is packaged,
and only the code that an endpoint runs: what `wsgi` or `server-command` names, and what that imports. If it is not
sure, it reports nothing.

    vhlocal check                             # in the terminal
    vhlocal check --json                      # for scripts
    vhlocal check --sarif > findings.sarif    # for code hosts, which show findings beside the lines
    vhlocal check --live                      # also starts every endpoint, and checks how it answers

Without `--live`, the command starts nothing and needs no engine. With `--live`, it builds and starts the endpoints as
`vhlocal up` does (and takes the same settings as flags), checks them with GET requests under the version's path and an
alias' path, and stops them. It prints its progress on stderr.

| Severity | When |
|---|---|
| error | It fails in production, or must not get into production. The exit code is 6 |
| warning | It may fail in production, or do harm there. The exit code stays 0 |
| notice | Worth knowing |

The exit code is 2 if the project cannot be read at all: `valohai.yaml` is missing, is not YAML or has no endpoint,
or a setting is wrong.

## Accept a finding

To accept a finding, add its code to `vhlocal.yaml` with the reason. The finding is still counted, is listed in JSON and
marked as suppressed in SARIF, and does not change the exit code:

```yaml
ignore:
  VH104: the image is built by our own CI from the same commit
```

## The doctor: what only a running endpoint shows

The doctor examines each endpoint once it is up. It also asks the server itself for the reason (VH4xx) when the app
answers 404, 500 or a redirect, or when a page sends a browser to a 404 at the root of the host. It requests the
endpoint's root and the path that failed, under the version's path and an alias' path, and a path that does not exist.
If they are missing, it also tries them without the prefix, with the prefix twice, and with or without the trailing
slash. It requests `/docs` of a FastAPI app, and up to three scripts, styles and pictures of a page at the root, and it
tests whether the WebSockets of the code, two at most, would open. It sends a host name like production's, and another
one if the app refuses that. From the answers, it can tell an app that does not know its prefix from an honest 404,
which is no finding, and from an app that serves one page for every path, which proves nothing.

If the root answers nothing, it also requests up to four routes that the code writes out. It leaves out a route that
takes GET if a word of its path does something (`/shutdown`, `/admin/reset`). Of the paths that code compares by hand,
it requests only those that model servers, health checks and pages usually have (`/predict`, `/health`, `/v1/models`).

The doctor sends only GET requests, about four to forty, without the query. It never repeats a request that had another
method, that was answered with a 500, or with a word in its path that does something (`/items/add`): it then requests
only the root. Each request carries
`User-Agent: vhlocal-doctor`, `X-VHLocal-Doctor: 1` and the headers that production's ingress sets, so that the app can
recognize it. The requests go directly to the server and are not among the run's requests. The doctor asks once for each
endpoint, revision and kind of trouble, one examination at a time, and no request waits for it. An answer may take three
seconds. If one takes longer, or the server is gone, the doctor says so in one line and changes nothing. Each finding is
shown once in the terminal, on the page and at `/api/endpoints`, where `examined` is true once the doctor has dealt with
every request so far.

`--no-doctor`, `VHLOCAL_DOCTOR=false` or `doctor: false` in `vhlocal.yaml` turns the doctor off: it then sends nothing.

## What it asks the network

Only VH203 uses the network. For exact pins and an official `python:X.Y` image, it asks the package index that pip is
configured to use which Pythons the version supports. The answers are kept in your cache directory for ever. Without a
network, it says so in one line, and everything else works as usual. If pip has several places to install from, it
asks none of them.

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
  "notes": ["what could not be checked"]
}}
```

`edits` are the change as lines of the project's files: `new` replaces `old`, which begins at `line`. Without `old`,
add the lines at the end of the file; `line` is then null. There are no edits if only you can choose the change.
`framework` says which of the remedies fits the endpoint's code. `framework`, `endpoint`, `line` and `column` may be
null. An item of `silenced` has all keys of a finding, and its `reason`.

## All findings

For each finding, there is a sample that has it and the same project mended.
[One test](../../tests/checks/test_findings.py) reads them all, [another](../../tests/session/diagnosis/test_doctor.py)
runs those about the prefix, and [a third](../../tests/checks/server/test_live.py) those about servers and limits.
As these (VH4xx to VH6xx) happen, `vhlocal up` reports each once, in the terminal, on the page and in the API. It also
reports the errors that it finds in the project itself. If a server does not start, the error is the finding. To see a
finding's page, and where this project has the finding, run a command such as `vhlocal explain VH408`.
See also [how to add a finding](adding.md).
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
        f"Fixed:\n\n```{example.language}\n{example.mended}\n```",
        f"Sample projects: [broken]({_sample(definition.code)}/broken), [fixed]({_sample(definition.code)}/mended).",
        f"To silence it, give the reason in `vhlocal.yaml`:\n\n```yaml\nignore:\n  {definition.code}: the reason\n```",
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
    sample = f"[broken]({_sample(code)}/broken), [fixed]({_sample(code)}/mended)"
    return f"| [{code}]({code}.md) | {definition.severity.value} | {definition.title} | {sample} |\n"


def _sample(code: str) -> str:
    static = code in [definition.code for definition in STATIC_DEFINITIONS]
    return f"../../tests/checks/{'samples' if static else 'live_samples'}/{code}"


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text)
