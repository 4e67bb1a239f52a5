"""Pages for people and answers for programs, made from what is known of the run. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.api import describe
from vhlocal.gateway.report import Failure, FailureKind, Page
from vhlocal.model import State, Status
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from vhlocal.findings import Definition
    from vhlocal.session.view import View

_TAIL = 20

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

#: What programs say that they accept, as a rule.
_NOT_HTML = ("*/*", "application/json", "")

#: The order in which people read an error; what is not here follows.
_FIRST = ("error", "why", "place", "detail", "hint", "known", "endpoint", "state", "findings", "log")

#: What the page of a failure may show, beside its error.
_PARTS = ("why", "place", "detail", "hint", "known", "endpoint", "state", "findings", "log", "code", "explain")

#: On every page at the gateway: it runs no script, loads nothing, and is nobody's frame.
SAFE = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)


def gateway_page(view: View, page: str) -> str:
    """Return the page at the gateway's ``/``: what is served, and where the run's own page is."""
    first = view.versions()[0]
    return _html(
        "gateway.html",
        f"{first.owner}/{first.project}",
        versions=[describe.version(version) for version in view.versions()],
        endpoints=[describe.status(status) for status in view.board.statuses()],
        page=page,
    )


def finding_page(view: View, definition: Definition, *, linked: bool = False) -> str:
    """Return what `vhlocal explain` shows of a finding, with where this run has it.

    ``linked`` where the page is served beside its style sheet, and is to have none in it.
    """
    return _html(
        "finding.html",
        f"{definition.code}: {definition.title}",
        severity=definition.severity.value,
        rows=definition.rows,
        findings=[describe.finding(one) for one in view.board.findings() if one.definition is definition],
        why=definition.why,
        remedy=definition.remedy,
        example=definition.example,
        linked=linked,
    )


def failure_page(view: View, failure: Failure, accept: str, *, tell_all: bool) -> Page:
    """Return what a client gets instead of an endpoint's answer: JSON, or HTML where it prefers that.

    Not ``tell_all``: no more than the error itself, to a client that may use endpoints and not see the run.
    """
    facts = {"error": failure.reason, "status": failure.status, "request_id": failure.request_id}
    if tell_all:
        facts |= _facts(view, failure)
    return told(facts, accept)


def told(facts: dict[str, Any], accept: str, *, linked: bool = False) -> Page:
    """Return an error's facts as JSON, or as HTML where the client prefers that; ``linked`` as for a finding."""
    if _prefers_html(accept):
        moving = facts.get("state") not in {None, State.READY.value, State.STOPPED.value}
        known = {**dict.fromkeys(_PARTS), **facts}
        body = _html("failure.html", facts["error"], refresh=2 if moving else None, linked=linked, **known)
        return Page(body.encode(), "text/html; charset=utf-8", SAFE)
    ordered = {name: facts[name] for name in (*_FIRST, *facts) if name in facts}
    text = json_text(ordered)
    return Page(f"{text}\n".encode("utf-8", "replace"), "application/json", SAFE)


def _prefers_html(accept: str) -> bool:
    if accept in _NOT_HTML:
        return False
    from werkzeug.datastructures import MIMEAccept  # noqa: PLC0415 - slow to import; see ``ControlPlane.page``
    from werkzeug.http import parse_accept_header  # noqa: PLC0415

    return parse_accept_header(accept, MIMEAccept).best_match(["application/json", "text/html"]) == "text/html"


def _facts(view: View, failure: Failure) -> dict[str, Any]:
    if failure.kind is FailureKind.UNAUTHORIZED:
        return {"hint": "send a user name and password of `basic-auth`: curl -u USER:PASSWORD"}
    if failure.kind is FailureKind.UNKNOWN:
        return describe.unknown(view, failure.prefix)
    replicas = view.board.statuses(failure.endpoint, failure.version or None) if failure.endpoint else ()
    # Of several replicas, show one that does not answer.
    status = min(replicas, key=lambda each: each.state is State.READY, default=None)
    if status is None:
        return {"hint": _HINTS[failure.kind]} if failure.kind in _HINTS else {}
    found = view.board.findings(status.endpoint, {status.revision, status.broken})
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


def _html(template: str, title: str, **facts: Any) -> str:
    # Only who prefers HTML has Jinja2 loaded.
    from vhlocal.api.rendering import render  # noqa: PLC0415

    return render(template, title=title, **facts)
