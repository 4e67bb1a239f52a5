"""Recordings as a HAR file (HTTP Archive 1.2), which browsers and other tools read."""

from __future__ import annotations

import base64
import http
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from vhlocal import __version__
from vhlocal.exchanges import header
from vhlocal.recorder.showing import fit_to_show, plain_text
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.exchanges import Body, Exchange, Header


def har(exchanges: Iterable[Exchange], url: str) -> str:
    """Return these recordings as the text of a HAR file; ``url`` is the gateway's, as ``http://127.0.0.1:8000``.

    What somebody is known by is hidden. What HAR has no word for is in fields that begin with ``_vhlocal``, as the
    format wants it.
    """
    entries = [_entry(fit_to_show(exchange), url.rstrip("/")) for exchange in exchanges]
    creator = {"name": "vhlocal", "version": __version__}
    return json_text({"log": {"version": "1.2", "creator": creator, "entries": entries}})


def _entry(exchange: Exchange, url: str) -> dict[str, Any]:
    took = round(exchange.seconds * 1000, 3)
    return {
        "startedDateTime": datetime.fromtimestamp(exchange.time, timezone.utc).isoformat(timespec="milliseconds"),
        "time": took,
        "request": _request(exchange, url),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_vhlocal_id": exchange.id,
        "_vhlocal_endpoint": exchange.endpoint,
        "_vhlocal_prefix": exchange.prefix,
        "_vhlocal_revision": exchange.revision,
        "_vhlocal_broke_off": exchange.answer.broke_off,
    }


def _request(exchange: Exchange, url: str) -> dict[str, Any]:
    request = exchange.request
    # A URL is ASCII; what a client has sent otherwise has a letter for each byte.
    target = re.sub(r"[^\x21-\x7e]+", lambda found: quote(found[0].encode("latin-1")), request.target)
    query = parse_qsl(target.partition("?")[2], keep_blank_values=True)
    written = {
        "method": request.method,
        "url": url + target,
        "httpVersion": "HTTP/1.1",
        "cookies": [_pair(*part.strip().partition("=")[::2]) for part in _cookies(request.headers)],
        "headers": [_pair(name, value) for name, value in request.headers],
        "queryString": [_pair(name, value) for name, value in query],
        "headersSize": -1,
        "bodySize": request.body.length,
    }
    if request.body.length:
        kind = header(request.headers, "content-type") or "application/octet-stream"
        written["postData"] = {"mimeType": kind, "params": [], **_body(request.body, "_vhlocal_encoding")}
    return written


def _response(exchange: Exchange) -> dict[str, Any]:
    answer = exchange.answer
    kind = header(answer.headers, "content-type") or "application/octet-stream"
    set_ = [value.partition(";")[0].partition("=") for name, value in answer.headers if name.lower() == "set-cookie"]
    return {
        "status": answer.status,
        "statusText": _phrase(answer.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [_pair(name.strip(), value) for name, _, value in set_],
        "headers": [_pair(name, value) for name, value in answer.headers],
        "content": {"size": answer.body.length, "mimeType": kind, **_body(answer.body, "encoding")},
        "redirectURL": header(answer.headers, "location") or "",
        "headersSize": -1,
        "bodySize": answer.body.length,
    }


def _body(body: Body, encoding: str) -> dict[str, Any]:
    if body.content is None:
        return {"text": "", "comment": body.why, "_vhlocal_length": body.length, "_vhlocal_sha256": body.digest}
    text = plain_text(body.content)
    if text is not None:
        return {"text": text}
    return {"text": base64.b64encode(body.content).decode(), encoding: "base64"}


def _cookies(headers: tuple[Header, ...]) -> list[str]:
    return [part for part in (header(headers, "cookie") or "").split(";") if part.strip()]


def _pair(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
