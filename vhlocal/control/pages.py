"""Pages for people and answers for programs, made from what is known of the run. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from vhlocal.contract.limits import MEGABYTE
from vhlocal.control import describe
from vhlocal.gateway.report import Failure, FailureKind, Page
from vhlocal.model import State, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.events import Notice
    from vhlocal.session.view import View

_TAIL = 20
_REQUESTS = 15
_ERROR = 400

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
:root { color-scheme: light dark; --line: #8884; --dim: #888; --good: #1a8f4b; --bad: #d1383d; --busy: #b7791f }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 3rem auto; padding: 0 1.25rem }
h1 { font-size: 1.35rem; margin-bottom: .25rem } h2 { font-size: 1.1rem; margin-top: 2rem }
p.sub { color: var(--dim); margin-top: 0 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .5rem .75rem .5rem 0;
border-bottom: 1px solid var(--line); vertical-align: top } th { color: var(--dim); font-weight: 500 }
pre { background: #8881; padding: .9rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 13px }
code, pre { font-family: ui-monospace, monospace } td code { overflow-wrap: anywhere }
.hint { border-left: 3px solid var(--busy); padding-left: .8rem }
.ready { color: var(--good) } .crashed, .failed, .error { color: var(--bad) } .building, .starting, .reloading,
.waiting, .warning { color: var(--busy) } .dim { color: var(--dim) }
"""


def status_page(view: View) -> str:
    """Return the page at ``/``: every endpoint with its state and URLs."""
    version = view.version
    rows = "".join(_row(status) for status in view.board.statuses())
    notices = "".join(f"<li>{_notice(notice)}</li>" for notice in view.board.notices())
    return _html(
        f"{version.owner}/{version.project}",
        f"<p class=sub>deployment {escape(version.deployment)}, version {escape(version.name)}, "
        f"aliases {escape(', '.join(version.aliases))}</p>"
        "<table><tr><th>endpoint<th>state<th>served at<th>revision</tr>"
        f"{rows}</table>"
        + _findings(view)
        + _requests(view)
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
    return Page((json.dumps(facts, indent=2) + "\n").encode(), "application/json", SAFE)


def _facts(view: View, failure: Failure) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if failure.kind is FailureKind.UNAUTHORIZED:
        return {"hint": "those that `basic-auth` names, by HTTP Basic auth: curl -u USER:PASSWORD"}
    if failure.kind is FailureKind.UNKNOWN:
        endpoints = [status.endpoint for status in view.board.statuses()]
        facts["error"], facts["known"] = describe.unknown_prefix(failure.prefix, view.version, endpoints)
        facts["hint"] = "see all paths with `vhlocal ps`"
        return facts
    status = view.board.status(failure.endpoint) if failure.endpoint else None
    if status is not None:
        facts |= _status_facts(failure, status)
        found = view.board.findings(status.endpoint)
        facts["findings"] = [describe.finding(finding) for finding in found if finding != status.finding]
        facts["log"] = [line.text for line in view.board.tail(status.endpoint, _TAIL)]
    return facts


def _status_facts(failure: Failure, status: Status) -> dict[str, Any]:
    facts: dict[str, Any] = {"endpoint": status.endpoint, "state": status.state.value}
    if failure.kind is FailureKind.UNAVAILABLE:
        facts["error"] = f"the endpoint {status.endpoint} is {status.state.value}"
        facts["hint"] = "wait a moment and try again"
    if status.reason:
        facts |= {"why": status.reason, "hint": status.hint}
    if status.place:
        facts["place"] = str(status.place)
    if status.detail:
        facts["detail"] = status.detail
    if status.finding:
        facts |= {"code": status.finding.definition.code, "page": status.finding.definition.page}
    return facts


def _failure_body(facts: dict[str, Any]) -> str:
    parts = [f"<p class=sub>HTTP {facts['status']}, told by vhlocal, not by the app</p>"]
    if facts.get("why"):
        parts.append(f"<p class={escape(facts['state'])}>{escape(facts['why'])}</p>")
    if facts.get("place"):
        parts.append(f"<p><code>{escape(facts['place'])}</code></p>")
    if facts.get("detail"):
        parts.append(f"<pre>{escape(facts['detail'])}</pre>")
    if facts.get("hint"):
        parts.append(f"<p class=hint>{escape(facts['hint'])}</p>")
    if facts.get("code"):
        parts.append(f"<p class=dim>{facts['code']}: see {escape(facts['page'])}</p>")
    parts += [_finding(finding) for finding in facts.get("findings", ())]
    if facts.get("known"):
        links = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a>' for path in facts["known"])
        parts.append(f"<ul>{links}</ul>")
    if facts.get("log"):
        parts.append(f"<h2>Last log lines</h2>{_log(facts['log'])}")
    parts.append('<p class=dim><a href="/">all endpoints</a></p>')
    return "".join(parts)


def _log(lines: Sequence[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _row(status: Status) -> str:
    links = "<br>".join(f'<a href="{escape(url)}">{escape(url)}</a>' for url in status.urls)
    state = status.state.value
    revision = f"<code>{escape(status.revision)}</code>"
    if status.broken:
        revision += f"<br><span class=failed><code>{escape(status.broken)}</code> is broken</span>"
    way = f"<br><span class=dim>reload: {status.strategy.value}</span>" if status.strategy else ""
    return (
        f"<tr><td>{escape(status.endpoint)}<td class={state}>{state}<td>{links}<td>{revision}{way}"
        f"{_memory(status)}</tr>{_why(status)}"
    )


def _memory(status: Status) -> str:
    """Return the most memory that an endpoint was seen to use, and what it may."""
    if status.memory is None:
        return ""
    of = f" of {status.memory.limit / MEGABYTE:.0f}" if status.memory.limit else ""
    return f"<br><span class=dim>memory: up to {status.memory.peak / MEGABYTE:.0f}{of} MB</span>"


def _why(status: Status) -> str:
    """Return the row that says what is wrong with an endpoint, or nothing."""
    if not status.reason:
        return ""
    parts = [f"<p class=failed>{escape(status.reason)}</p>"]
    if status.place:
        parts.append(f"<p><code>{escape(str(status.place))}</code></p>")
    if status.detail:
        parts.append(f"<pre>{escape(status.detail)}</pre>")
    if status.hint:
        parts.append(f"<p class=hint>{escape(status.hint)}</p>")
    if status.finding:
        definition = status.finding.definition
        parts.append(f"<p class=dim>{definition.code}: see {escape(definition.page)}</p>")
    return f"<tr><td colspan=4>{''.join(parts)}</tr>"


def _findings(view: View) -> str:
    """Return what would fail in production, as far as it was seen and is not told of an endpoint above already."""
    told = [status.finding for status in view.board.statuses()]
    found = "".join(
        f"<div class=found>{_finding(describe.finding(one))}</div>" for one in view.board.findings() if one not in told
    )
    return f"<h2>Findings</h2>{found}" if found else ""


def _finding(facts: dict[str, Any]) -> str:
    remedy = facts["remedy"].get(facts["framework"] or "")
    parts = [
        f"<p class={facts['severity']}><b>{facts['code']}</b> {escape(facts['seen'])}</p>",
        f"<p><code>{escape(facts['place'])}</code></p>",
        f"<p>{escape(facts['why'])}</p>",
        f"<p class=hint>{escape(facts['change'])}</p>",
    ]
    if facts["framework"] and remedy:
        parts.append(f"<p class=hint>{escape(facts['framework'])}: {escape(remedy)}</p>")
    return "".join(parts)


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
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>\n"
    )
