"""Recordings from a HAR file, vhlocal's own or a browser's."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vhlocal.contract.paths import split_target
from vhlocal.errors import InputError
from vhlocal.exchanges import EMPTY, Answer, Body, Exchange, Request, whole
from vhlocal.masked import MASK
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from vhlocal.exchanges import Header

_NO_CONTENT = "the HAR file does not have it"
_MANY = 3


@dataclass(frozen=True)
class Har:
    """What a HAR file has: requests to endpoints, and how many went to other hosts and paths, by those."""

    exchanges: tuple[Exchange, ...]
    others: Mapping[str, int]

    def told(self) -> str:
        """Return one sentence of what was left out, "" where that is nothing."""
        if not self.others:
            return ""
        named = ", ".join(f"{where} ({count})" for where, count in Counter(self.others).most_common(_MANY))
        more = f" and {len(self.others) - _MANY} more" if len(self.others) > _MANY else ""
        return f"left out {sum(self.others.values())} requests that are not to an endpoint of this run: {named}{more}"


def read_har(text: str, file: Path, hosts: Collection[str]) -> Har:
    """Read a HAR file's text. ``hosts`` are the gateway's names, as ``127.0.0.1:8000``.

    Raises InputError where it is no HAR, where an entry cannot be read, and where no request is to one of the hosts.
    """
    entries = _entries(text, file)
    found: list[Exchange] = []
    others: Counter[str] = Counter()
    for number, entry in enumerate(entries, 1):
        try:
            exchange, where = _exchange(entry, hosts, number)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"entry {number} of the HAR file cannot be read: {_reason(error)}",
                place=Place(file),
                hint="export it again, as HAR 1.2 with content",
            ) from error
        if exchange is None:
            others[where] += 1
        else:
            found.append(exchange)
    har = Har(tuple(found), dict(others))
    if not found:
        raise InputError(
            f"the HAR file has no request to {' or '.join(sorted(hosts))}; {har.told() or 'it has none at all'}",
            place=Place(file),
            hint="record requests to this run: open its pages in the browser, or use vhlocal's own recordings",
        )
    return har


def _entries(text: str, file: Path) -> list[Any]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is no HAR file, which is JSON: {error.msg}", place=Place(file, error.lineno, error.colno)
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is no HAR file: {error}", place=Place(file)) from error
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise InputError("this JSON is no HAR file: it has no log.entries", place=Place(file))
    return entries


def _exchange(entry: Any, hosts: Collection[str], number: int) -> tuple[Exchange | None, str]:
    request, response = entry["request"], entry["response"]
    url = urlsplit(str(request["url"]))
    if url.netloc.lower() not in hosts:
        return None, url.netloc or url.scheme
    prefix = entry.get("_vhlocal_prefix")
    if not prefix:
        found = split_target(url.path.encode())
        if found is None:
            return None, url.path
        prefix = found[0]
    target = url.path + (f"?{url.query}" if url.query else "")
    posted = request.get("postData")
    body = EMPTY if posted is None else _posted(posted, request.get("bodySize"))
    seconds = max(0.0, float(entry.get("time") or 0)) / 1000
    exchange = Exchange(
        id=str(entry.get("_vhlocal_id") or f"har-{number}"),
        time=_time(str(entry["startedDateTime"])),
        endpoint=str(entry.get("_vhlocal_endpoint") or str(prefix).rpartition("/")[2]),
        revision=str(entry.get("_vhlocal_revision") or ""),
        request=Request(str(request["method"]), target, _without_hidden(_headers(request["headers"])), body),
        answer=_answer(response, str(prefix), str(entry.get("_vhlocal_broke_off") or "")),
        seconds=seconds,
    )
    return exchange, ""


def _answer(response: Any, prefix: str, broke_off: str) -> Answer:
    status = int(response["status"])
    content = response.get("content") or {}
    headers = _headers(response["headers"])
    if content.get("encoding") != "base64":
        # A browser writes what it has unpacked.
        headers = tuple((name, value) for name, value in headers if name.lower() != "content-encoding")
    if not status:
        broke_off = str(response.get("_error") or "the browser got no answer")
    return Answer(status, headers, _body(content, content.get("size"), content.get("encoding")), prefix, broke_off)


def _posted(posted: Any, size: Any) -> Body:
    if "text" not in posted:
        return Body(None, max(0, int(size or 0)), why=_NO_CONTENT)
    return _body(posted, size, posted.get("_vhlocal_encoding"))


def _body(content: Any, size: Any, encoding: Any) -> Body:
    length = content.get("_vhlocal_length")
    if length is not None:
        why = str(content.get("comment") or _NO_CONTENT)
        return Body(None, int(length), str(content.get("_vhlocal_sha256") or ""), why)
    text = content.get("text")
    if text is None:
        return EMPTY if not size or int(size) <= 0 else Body(None, int(size), why=_NO_CONTENT)
    if encoding == "base64":
        return whole(base64.b64decode(str(text), validate=True))
    return whole(str(text).encode("utf-8", "surrogatepass"))


def _headers(headers: Any) -> tuple[Header, ...]:
    # A browser that spoke HTTP/2 writes what stands for the request line, as :path.
    pairs = [(str(one["name"]), str(one["value"])) for one in headers]
    return tuple(pair for pair in pairs if not pair[0].startswith(":"))


def _without_hidden(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """Leave out what was hidden when it was written: sent, it would be a wrong password."""
    return tuple((name, value) for name, value in headers if MASK not in value)


def _time(text: str) -> float:
    # Python 3.10 reads no Z, and fractions of three or six digits alone.
    whole_seconds, dot, rest = text.replace("Z", "+00:00").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    moment = datetime.fromisoformat(whole_seconds + rest[len(digits) :] if dot else whole_seconds)
    return moment.timestamp() + (float(f"0.{digits}") if digits else 0.0)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return "its base64 is none" if isinstance(error, binascii.Error) else str(error)
