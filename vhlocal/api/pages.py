"""Pages for people and answers for programs, made from what is known of the run. Pure."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from vhlocal.api import describe
from vhlocal.contract.limits import MEBIBYTE
from vhlocal.gateway.report import Failure, FailureKind, Page
from vhlocal.model import State, Status
from vhlocal.session.warm.start_up import slowest
from vhlocal.visible import json_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.events import Notice
    from vhlocal.findings import Definition
    from vhlocal.model import Import, StartUp
    from vhlocal.session.view import View

_TAIL = 20
_REQUESTS = 15
_IMPORTS = 15
_ERROR = 400

_SEVERITIES = {"error": "bad", "warning": "busy", "notice": "dim"}

#: What to do, where an endpoint's own state says nothing better.
_HINTS = {
    FailureKind.UNAVAILABLE: "try again in a moment",
    FailureKind.REFUSED: "the server closed its port: look at `vhlocal logs`; if it has exited, it is restarted",
    FailureKind.RESET: "the server or one of its workers exited or hung up while answering: look at `vhlocal logs`",
    FailureKind.TIMEOUT: "answer sooner, or start the work and let the client poll for the result; "
    "if all workers are busy, add workers",
    FailureKind.ENDED: "the server may have processed the request: check before you send it again",
    FailureKind.HELD_TOO_LONG: "`vhlocal logs` shows what the new server is doing",
    FailureKind.HOLD_FULL: "try again in a moment",
    FailureKind.FULL: "raise the limit of open files (`ulimit -n`) before `vhlocal up`",
    FailureKind.SPOOL: "free some space there, or set TMPDIR to another directory before `vhlocal up`; "
    "`request-buffering` in vhlocal.yaml can stream an endpoint's bodies instead",
    FailureKind.TOO_LARGE: "production's ingress has this limit too: send less, or send it in parts",
}

#: The order in which people read an error; what is not here follows.
_FIRST = ("error", "why", "place", "detail", "hint", "known", "endpoint", "state", "findings", "log")

#: On every page of ours: it runs no script, loads nothing, and is nobody's frame.
SAFE = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #6b6b70; --good: #177a40; --bad: #c42b31; --busy: #96600f;
--soft: #8881 }
@media (prefers-color-scheme: dark) { :root { --dim: #9a9aa2; --good: #4cc27c; --bad: #ff7b7f; --busy: #e5b04f } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 3rem auto; padding: 0 1.25rem }
h1 { font-size: 1.35rem; margin-bottom: .25rem } h2 { font-size: 1.1rem; margin-top: 2rem } h3 { font-size: 1rem }
p.sub { color: var(--dim); margin-top: 0 } p { overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
td, th { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--dim); font-weight: 500 } .tight td { padding: .2rem .75rem .2rem 0 }
pre { background: var(--soft); padding: .9rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 13px }
code, pre { font-family: ui-monospace, monospace } code { font-size: .93em } td code { overflow-wrap: anywhere }
.hint { border-left: 3px solid var(--busy); padding-left: .8rem }
.found { border: 1px solid var(--line); border-left: 4px solid var(--dim); border-radius: 6px; margin: .8rem 0;
padding: .2rem 1rem }
.found p { margin: .55rem 0 } .found.error { border-left-color: var(--bad) }
.found.warning { border-left-color: var(--busy) } .found .hint { border-left-color: var(--good) }
.ready, .good { color: var(--good) } .crashed, .failed, .bad { color: var(--bad) } .building, .starting, .reloading,
.waiting, .busy { color: var(--busy) } .dim, .stopped { color: var(--dim) }
"""


def status_page(view: View) -> str:
    """Return the page at ``/``: every endpoint with its state and URLs."""
    version, *others = view.versions()
    beside = "".join(
        f"<br>beside it version {escape(each.name)}, aliases {escape(', '.join(each.aliases) or 'none')}"
        for each in others
    )
    rows = "".join(_row(status) for status in view.board.statuses())
    notices = "".join(f"<li>{_notice(notice)}</li>" for notice in view.board.notices())
    return _html(
        f"{version.owner}/{version.project}",
        f"<p class=sub>deployment {escape(version.deployment)}, version {escape(version.name)}, "
        f"aliases {escape(', '.join(version.aliases))}{beside}</p>"
        "<table><tr><th>endpoint<th>state<th>served at<th>revision</tr>"
        f"{rows}</table>"
        + _findings(view)
        + _requests(view)
        + _starts(view)
        + (f"<h2>Notices</h2><ul>{notices}</ul>" if notices else ""),
        refresh=2,
    )


def failure_page(view: View, failure: Failure, accept: str, *, tell_all: bool) -> Page:
    """Return what a client gets instead of an endpoint's answer: JSON, or HTML where it prefers that.

    Not ``tell_all``: no more than the error itself, to a client that may use endpoints and not see the run.
    """
    facts = {"error": failure.reason, "status": failure.status, "request_id": failure.request_id}
    if tell_all:
        facts |= _facts(view, failure)
    return told(facts, accept)


def told(facts: dict[str, Any], accept: str) -> Page:
    """Return an error's facts as JSON, or as HTML where the client prefers that."""
    if parse_accept_header(accept, MIMEAccept).best_match(["application/json", "text/html"]) == "text/html":
        moving = facts.get("state") not in {None, State.READY.value, State.STOPPED.value}
        body = _html(facts["error"], _failure_body(facts), refresh=2 if moving else None)
        return Page(body.encode(), "text/html; charset=utf-8", SAFE)
    ordered = {name: facts[name] for name in (*_FIRST, *facts) if name in facts}
    text = json_text(ordered)
    return Page(f"{text}\n".encode("utf-8", "replace"), "application/json", SAFE)


def _facts(view: View, failure: Failure) -> dict[str, Any]:
    if failure.kind is FailureKind.UNAUTHORIZED:
        return {"hint": "send a user name and password of `basic-auth`: curl -u USER:PASSWORD"}
    if failure.kind is FailureKind.UNKNOWN:
        return describe.unknown(view, failure.prefix)
    replicas = view.board.statuses(failure.endpoint, failure.version or None) if failure.endpoint else ()
    # Of several it is told of one that does not answer.
    status = min(replicas, key=lambda each: each.state is State.READY, default=None)
    if status is None:
        return {"hint": _HINTS[failure.kind]} if failure.kind in _HINTS else {}
    found = view.board.findings(status.endpoint)
    return {
        **_status_facts(failure, status),
        "findings": [describe.finding(finding) for finding in found if finding != status.finding],
        "log": [line.text for line in view.board.tail(status.at, _TAIL)],
    }


def _status_facts(failure: Failure, status: Status) -> dict[str, Any]:
    facts: dict[str, Any] = {"endpoint": status.endpoint, "state": status.state.value}
    if failure.kind is FailureKind.UNAVAILABLE:
        facts["error"] = f"the endpoint {status.endpoint} is {status.state.value}"
    if failure.kind in _HINTS:
        facts["hint"] = _HINTS[failure.kind]
    if status.reason:
        facts |= {"why": status.reason, "hint": status.hint or facts.get("hint", "")}
    if status.place:
        facts["place"] = str(status.place)
    if status.detail:
        facts["detail"] = status.detail
    if status.finding:
        facts |= {"code": status.finding.definition.code, "explain": status.finding.definition.explain}
    return facts


def _failure_body(facts: dict[str, Any]) -> str:
    parts = [f"<p class=sub>HTTP {facts['status']}, from vhlocal, not from your app{_state(facts)}</p>"]
    if facts.get("why"):
        parts.append(f"<p class={escape(facts['state'])}>{_prose(facts['why'])}</p>")
    if facts.get("place"):
        parts.append(f"<p><code>{escape(facts['place'])}</code></p>")
    if facts.get("detail"):
        parts.append(f"<pre>{escape(facts['detail'])}</pre>")
    if facts.get("hint"):
        parts.append(f"<p class=hint>{_prose(facts['hint'])}</p>")
    if facts.get("code"):
        parts.append(f"<p class=dim>{_link(facts['code'])}: <code>{escape(facts['explain'])}</code></p>")
    if facts.get("findings"):
        parts.append(f"<h2>Findings</h2>{''.join(map(_finding, facts['findings']))}")
    if facts.get("known"):
        links = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a>' for path in facts["known"])
        parts.append(f"<h2>What is served</h2><ul>{links}</ul>")
    if facts.get("log"):
        parts.append(f"<h2>Last log lines</h2>{_log(facts['log'])}")
    parts.append('<p class=dim><a href="/">all endpoints</a></p>')
    return "".join(parts)


def _state(facts: dict[str, Any]) -> str:
    """Return the words for the state of the endpoint that is asked for, where there is one."""
    if "state" not in facts or facts["error"].endswith(f" is {facts['state']}"):
        return ""
    return f" · {escape(facts['endpoint'])} is <span class={escape(facts['state'])}>{escape(facts['state'])}</span>"


def escape(text: str) -> str:
    """Return a text as markup; it may be read on a terminal, too, where a page is asked for by ``curl``."""
    return html.escape(visible(text))


def _prose(text: str) -> str:
    """Return a sentence of ours as markup: what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _log(lines: Sequence[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _row(status: Status) -> str:
    links = "<br>".join(f'<a href="{escape(url)}">{escape(url)}</a>' for url in status.urls)
    state = status.state.value
    caveat = f"<br><span class=failed>{escape(status.caveat)}</span>" if status.caveat else ""
    revision = f"<code>{escape(status.revision)}</code>"
    if status.broken:
        revision += f"<br><span class=failed><code>{escape(status.broken)}</code> is broken</span>"
    way = f"<br><span class=dim>reload: {status.strategy.value}</span>" if status.strategy else ""
    return (
        f"<tr><td>{escape(status.name)}<td class={state}>{state}{caveat}<td>{links}<td>{revision}{way}"
        f"{_memory(status)}</tr>{_why(status)}"
    )


def _memory(status: Status) -> str:
    """Return the most memory that an endpoint was seen to use, and what it may."""
    if status.memory is None:
        return ""
    of = f" of {status.memory.limit / MEBIBYTE:.0f}" if status.memory.limit else ""
    return f"<br><span class=dim>memory: up to {status.memory.peak / MEBIBYTE:.0f}{of} MiB</span>"


def _why(status: Status) -> str:
    """Return the row that says what is wrong with an endpoint, or nothing."""
    if not status.reason:
        return ""
    parts = [f"<p class=failed>{_prose(status.reason)}</p>"]
    if status.place:
        parts.append(f"<p><code>{escape(str(status.place))}</code></p>")
    if status.detail:
        parts.append(f"<pre>{escape(status.detail)}</pre>")
    if status.hint:
        parts.append(f"<p class=hint>{_prose(status.hint)}</p>")
    if status.finding:
        definition = status.finding.definition
        parts.append(f"<p class=dim>{_link(definition.code)}: <code>{escape(definition.explain)}</code></p>")
    return f"<tr><td colspan=4>{''.join(parts)}</tr>"


def _findings(view: View) -> str:
    """Return what would fail in production, as far as it was seen and is not told of an endpoint above already."""
    told = [status.finding for status in view.board.statuses()]
    found = "".join(_finding(describe.finding(one)) for one in view.board.findings() if one not in told)
    return f"<h2>Findings</h2>{found}" if found else ""


def _finding(facts: dict[str, Any]) -> str:
    remedy = facts["remedy"].get(facts["framework"] or "")
    whose = f"{facts['endpoint']} · " if facts["endpoint"] else ""
    parts = [
        f"<p><b class={_SEVERITIES[facts['severity']]}>{_link(facts['code'])}</b> <b>{_prose(facts['seen'])}</b></p>",
        f"<p class=dim>{escape(whose)}<code>{escape(facts['place'])}</code></p>",
        f"<p>{_prose(facts['why'])}</p>",
        f"<p class=hint>{_prose(facts['change'])}</p>",
    ]
    parts += [_edit(edit) for edit in facts["edits"]]
    if facts["framework"] and remedy and not facts["edits"]:
        parts.append(f"<p class=hint>{escape(facts['framework'])}: {_prose(remedy)}</p>")
    return f'<div class="found {facts["severity"]}">{"".join(parts)}</div>'


def _link(code: str) -> str:
    return f'<a href="/findings/{code}">{code}</a>'


def finding_page(view: View, definition: Definition) -> str:
    """Return what `vhlocal explain` shows of a finding, with where this run has it."""
    mine = [one for one in view.board.findings() if one.definition is definition]
    found = "".join(_finding(describe.finding(one)) for one in mine)
    remedies = "".join(
        f"<p class=hint>{f'<b>{escape(name)}:</b> ' if name else ''}{_prose(text)}</p>"
        for name, text in definition.remedy.items()
    )
    example = definition.example
    return _html(
        f"{definition.code}: {definition.title}",
        f"<p class=sub>{definition.severity.value} · contract {escape(', '.join(definition.rows))}</p>"
        + (f"<h2>In this run</h2>{found}" if found else "")
        + f"<h2>Why it fails in production</h2><p>{_prose(definition.why)}</p><h2>What to do</h2>{remedies}"
        + f"<h2>Example</h2><pre>{escape(example.broken)}</pre><p>becomes</p><pre>{escape(example.mended)}</pre>"
        + '<p class=dim><a href="/">all endpoints</a></p>',
        refresh=None,
    )


def _edit(edit: dict[str, Any]) -> str:
    """Return a change of the project's own lines, to be pasted."""
    return f"<p class=dim><code>{escape(edit['place'])}</code></p><pre>{escape(chr(10).join(edit['shown']))}</pre>"


def _starts(view: View) -> str:
    """Return where the time of each endpoint's last start went."""
    starts = [(status.name, status.start_up) for status in view.board.statuses() if status.start_up is not None]
    rows = "".join(
        f"<tr><td>{escape(name)}<td>{start.seconds:.2f} s"
        f"<td>{_parts(start)}<td>{start.first_request * 1000:.1f} ms</tr>"
        for name, start in starts
    )
    if not rows:
        return ""
    head = "<tr><th>endpoint<th>ready after<th>of that<th>first request</tr>"
    imports = "".join(_imports(name, start.imports) for name, start in starts if start.imports)
    return f"<h2>Starts</h2><table>{head}{rows}</table>{imports}"


def _parts(start: StartUp) -> str:
    return "<br>".join(f"{seconds:.3f} s {escape(name)}" for name, seconds in start.phases)


def _imports(endpoint: str, imports: Sequence[Import]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each.module)}</code>{' <b>yours</b>' if each.mine else ''}"
        f"{' <span class=dim>at the first request</span>' if each.at_request else ''}"
        f"<td>{each.seconds:.3f} s<td>{each.own_seconds:.3f} s<td class=dim>{escape(each.importer)}</tr>"
        for each in slowest(imports, _IMPORTS)
    )
    head = "<tr><th>import<th>seconds<th>by itself<th>imported by</tr>"
    title = f"Slowest imports of {escape(endpoint)}, of {len(imports):,}"
    return f"<h3>{title}</h3><table class=tight>{head}{rows}</table>"


def _requests(view: View) -> str:
    records = view.requests.last(_REQUESTS)
    rows = "".join(
        f"<tr><td>{datetime.fromtimestamp(record.time):%H:%M:%S}<td>{escape(record.endpoint or '')}"
        f"<td>{escape(record.method)} <code>{escape(record.target)}</code>"
        f"<td class={'failed' if record.status >= _ERROR else 'ready'}>{record.status}"
        f"<td>{record.seconds * 1000:.1f} ms<td>{record.bytes_out:,}<td class=dim>{escape(record.reason)}</tr>"
        for record in reversed(records)
    )
    if not rows:
        return ""
    head = "<tr><th>at<th>endpoint<th>request<th>status<th>took<th>bytes<th></tr>"
    return f"<h2>Last requests</h2><table>{head}{rows}</table>"


def _notice(notice: Notice) -> str:
    parts: Iterable[str] = (
        str(part) for part in (notice.endpoint, notice.text, notice.place, notice.hint) if part is not None
    )
    return escape(" · ".join(parts))


def _html(title: str, body: str, refresh: int | None) -> str:
    again = f"<meta http-equiv=refresh content={refresh}>" if refresh else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>{again}<title>{escape(title)} · vhlocal</title>"
        f"<style>{_STYLE}</style><h1>{_prose(title)}</h1>{body}</html>\n"
    )
