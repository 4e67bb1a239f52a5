"""Recordings from a HAR file: vhlocal's own, a browser's, or another tool's.

http://www.softwareishard.com/blog/har-12-spec/ is their common format. A browser writes what its pages got: bodies
unpacked and as text, requests that never went out, WebSockets. What cannot be sent again as it was sent, or has no
answer to compare with, is left out and reported.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import json
import math
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from vhlocal.contract.paths import split_target
from vhlocal.errors import InputError
from vhlocal.exchanges import EMPTY, Answer, Body, Exchange, Request, header, whole
from vhlocal.masked import MASK
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

    from vhlocal.exchanges import Header

_MANY = 3
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

#: Why requests are left out, in the order of the report.
_ELSEWHERE = "that are not to an endpoint of this run"
_SOCKET = "that are WebSockets"
_UNANSWERED = "that got no answer"
_NO_REQUEST_BODY = "whose body is not whole in the file"
_NO_ANSWER_BODY = "whose answer's body is not in the file"

_FORM = "application/x-www-form-urlencoded"


class _LeftOut(Exception):
    """A request is left out: why, and which or where."""

    def __init__(self, why: str, where: str) -> None:
        super().__init__(why, where)
        self.why, self.where = why, where


@dataclass(frozen=True)
class Har:
    """What a HAR file has: requests to endpoints, and how many were left out, by why and where or which."""

    exchanges: tuple[Exchange, ...]
    left_out: Mapping[tuple[str, str], int]

    def told(self) -> str:
        """Return one sentence on what was left out, "" if nothing was."""
        reasons = (_ELSEWHERE, _SOCKET, _UNANSWERED, _NO_REQUEST_BODY, _NO_ANSWER_BODY)
        parts = [self._counted(why) for why in reasons if any(why == known for known, _ in self.left_out)]
        return f"left out {'; '.join(parts)}" if parts else ""

    def _counted(self, why: str) -> str:
        counts = Counter({where: count for (known, where), count in self.left_out.items() if known == why})
        named = ", ".join(f"{where} ({count})" for where, count in counts.most_common(_MANY))
        more = f" and {len(counts) - _MANY} more" if len(counts) > _MANY else ""
        return f"{sum(counts.values())} {why}: {named}{more}"


def read_har(text: str, file: Path, url: str) -> Har:
    """Read a HAR file's text. ``url`` is the gateway's, which other names of this machine lead to as well.

    Raises InputError where it is no HAR, where an entry cannot be read, and where nothing in it can be replayed here.
    """
    entries = _entries(text, file)
    run = urlsplit(url)
    found: list[Exchange] = []
    left_out: Counter[tuple[str, str]] = Counter()
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_exchange(entry, run, number))
        except _LeftOut as out:
            left_out[out.why, out.where] += 1
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise InputError(
                f"entry {number} of the HAR file cannot be read: {_reason(error)}",
                place=Place(file, _line(text, len(entries), number)),
                hint="export it again, as HAR 1.2 with content",
            ) from error
    har = Har(tuple(found), dict(left_out))
    if not found:
        raise InputError(
            f"the HAR file has nothing to replay at {url}; {har.told() or 'it has no request at all'}",
            place=Place(file),
            hint=_remedy({why for why, _ in left_out}, url),
        )
    return har


def _remedy(whys: set[str], url: str) -> str:
    if whys & {_NO_REQUEST_BODY, _NO_ANSWER_BODY}:
        return "export it again with content (`Save all as HAR with content`)"
    if _ELSEWHERE in whys:
        return f"record requests to this run, or write {url} for the other host in a copy of the file"
    return "record requests to this run: open its pages in the browser, or use `vhlocal requests --har FILE`"


def _entries(text: str, file: Path) -> list[Any]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is not a HAR file, because it is not JSON: {error.msg}",
            place=Place(file, error.lineno, error.colno),
            hint="export it again: its end may be missing",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not a HAR file: {error}", place=Place(file)) from error
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        hint = "export a HAR in the browser's network panel, or write one: vhlocal requests --har FILE"
        raise InputError("this JSON is not a HAR file: it has no log.entries", place=Place(file), hint=hint)
    return entries


def _line(text: str, many: int, number: int) -> int | None:
    """Return the line in which an entry begins, counted from 1; None where it is not sure."""
    decoder, blank = json.JSONDecoder(), re.compile(r"[\s,]*")
    for start in re.finditer(r'"entries"\s*:\s*\[', text):
        places, position = [], blank.match(text, start.end())
        with contextlib.suppress(ValueError):
            while position is not None and text[position.end()] != "]":
                places.append(position.end())
                position = blank.match(text, decoder.raw_decode(text, position.end())[1])
        if len(places) == many:
            return text.count("\n", 0, places[number - 1]) + 1
    return None


def _exchange(entry: Any, run: SplitResult, number: int) -> Exchange:
    request = entry["request"]
    text = str(request["url"]).partition("#")[0]
    try:
        url = urlsplit(text)
        is_here = _is_of(run, url)
    except ValueError as error:  # no URL, which cannot be this run's
        raise _LeftOut(_ELSEWHERE, text) from error
    if not is_here:
        raise _LeftOut(_ELSEWHERE, url.netloc or url.scheme or text)
    target = _target(text)
    path = target.partition("?")[0]
    prefix = entry.get("_vhlocal_prefix")
    if not prefix:
        found = split_target(path.encode())
        if found is None:
            raise _LeftOut(_ELSEWHERE, path)
        prefix = found[0]
    response = entry["response"] or {}
    if url.scheme in ("ws", "wss") or entry.get("_resourceType") == "websocket" or response.get("status") == 101:
        raise _LeftOut(_SOCKET, path)
    if int(response.get("status") or 0) <= 0:
        raise _LeftOut(_UNANSWERED, str(response.get("_error") or path))
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", str(request["method"])):
        raise ValueError(f"`{request['method']}` is not a method")
    ours = "_vhlocal_id" in entry
    sent = _headers(request.get("headers"))
    body = _posted(request, sent, path)
    if not ours:
        # The answer is in the file as it was unpacked: so is the new one to come.
        sent = tuple((name, value) for name, value in sent if name.lower() != "accept-encoding")
    return Exchange(
        id=str(entry.get("_vhlocal_id") or f"har-{number}"),
        time=_time(entry.get("startedDateTime")),
        endpoint=str(entry.get("_vhlocal_endpoint") or str(prefix).rpartition("/")[2]),
        revision=str(entry.get("_vhlocal_revision") or ""),
        request=Request(str(request["method"]), target, _without_hidden(sent), body),
        answer=_answer(response, entry, str(prefix), path),
        seconds=_seconds(entry.get("time")),
    )


def _is_of(run: SplitResult, url: SplitResult) -> bool:
    """Tell whether a URL leads to the gateway: by its own name, or by another one that this machine has for itself."""
    if url.scheme not in _PORTS or (url.port or _PORTS[url.scheme]) != (run.port or _PORTS[run.scheme]):
        return False
    host = (url.hostname or "").lower()
    return host == run.hostname or _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _target(url: str) -> str:
    """Return the path and query of a URL as they go over the wire: some tools write what is not ASCII as it is."""
    rest = re.sub(r"^[^:/?]+://[^/?]*", "", url)
    return re.sub(r"[^\x21-\x7e]+", lambda found: quote(found[0]), rest if rest.startswith("/") else f"/{rest}")


def _answer(response: Any, entry: Any, prefix: str, path: str) -> Answer:
    ours, status = "_vhlocal_id" in entry, int(response["status"])
    content = response.get("content") or {}
    headers = _headers(response.get("headers"))
    packed = header(headers, "content-encoding") is not None
    if not ours or content.get("encoding") != "base64":
        # A browser writes what it has unpacked, vhlocal what is text.
        headers = tuple((name, value) for name, value in headers if name.lower() != "content-encoding")
    broke_off = str(entry.get("_vhlocal_broke_off") or "")
    if status in (204, 304) or entry["request"]["method"] == "HEAD":
        # There is no body, though a browser writes what it has in its cache.
        return Answer(status, headers, EMPTY, prefix, broke_off)
    kind = header(headers, "content-type") or str(content.get("mimeType") or "")
    body = _body(content, content.get("encoding"), "" if ours else kind)
    if not (body or EMPTY).length and ((content.get("size") or 0) > 0 or content.get("_file")):
        raise _LeftOut(_NO_ANSWER_BODY, path)
    declared = "" if ours or packed else header(headers, "content-length") or ""
    if body is not None and declared.isdecimal() and body.length < int(declared):  # tools cut off long ones
        raise _LeftOut(_NO_ANSWER_BODY, path)
    return Answer(status, headers, body or EMPTY, prefix, broke_off)


def _posted(request: Any, headers: tuple[Header, ...], path: str) -> Body:
    """Return the request's body. Its declared length decides whether it is whole: many tools write only a part."""
    posted = request.get("postData") or {}
    kind = header(headers, "content-type") or str(posted.get("mimeType") or "")
    body = _body(posted, posted.get("_vhlocal_encoding") or posted.get("encoding"), "")
    if body is None and posted.get("params") and kind.startswith(_FORM):
        pairs = [(str(one["name"]), str(one.get("value") or "")) for one in posted["params"]]
        body = whole(urlencode(pairs).encode())
    declared, size = header(headers, "content-length") or "", request.get("bodySize")
    if not declared and isinstance(size, int) and size > 0 and header(headers, "content-encoding") is None:
        declared = str(size)  # what came in chunks has no other length
    if body is None and not declared and (not posted or size == 0):
        return EMPTY
    if (declared.isdecimal() and int(declared) != (body or EMPTY).length) or (body is None and not declared):
        raise _LeftOut(_NO_REQUEST_BODY, path)
    return body or EMPTY


def _body(content: Any, encoding: Any, kind: str) -> Body | None:
    """Return a body, None where the file does not have it; its text is in the charset of the type ``kind``."""
    length = content.get("_vhlocal_length")
    if length is not None:
        return Body(None, int(length), str(content.get("_vhlocal_sha256") or ""), str(content.get("comment") or ""))
    text = content.get("text")
    if text is None:
        return None
    if encoding == "base64":
        return whole(base64.b64decode("".join(str(text).split()), validate=True))
    charset = re.search(r"""charset\s*=\s*["']?([\w.:-]+)""", kind, re.IGNORECASE)
    with contextlib.suppress(LookupError, UnicodeError):
        return whole(str(text).encode(charset[1] if charset else "utf-8"))
    return whole(str(text).encode("utf-8", "surrogatepass"))


def _headers(headers: Any) -> tuple[Header, ...]:
    # A browser that spoke HTTP/2 writes what stands for the request line, as :path.
    # Browsers and what steers them join values of one name by line feeds, as several Set-Cookie.
    found = [(str(one["name"]), one.get("value")) for one in headers or ()]
    pairs = [(name, value) for name, values in found for value in ("" if values is None else str(values)).split("\n")]
    for name, value in pairs:
        if not re.fullmatch(r":?[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", value):
            raise ValueError(f"`{name}` is not a header")
    return tuple((name, _as_bytes(value)) for name, value in pairs if not name.startswith(":"))


def _as_bytes(value: str) -> str:
    """Return a header's value with a letter for each byte: a browser writes one that was UTF-8 as its text."""
    return value if max(value, default="") <= "\xff" else value.encode("utf-8", "replace").decode("latin-1")


def _without_hidden(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """Leave out what was hidden when it was written: sent, it would be a wrong password."""
    return tuple((name, value) for name, value in headers if MASK not in value)


def _seconds(milliseconds: Any) -> float:
    known = isinstance(milliseconds, (int, float)) and math.isfinite(milliseconds)
    return max(0.0, float(milliseconds)) / 1000 if known else 0.0


def _time(text: Any) -> float:
    """Return a moment in seconds since 1970, 0 for what is none: nothing that is replayed goes by it."""
    # Python 3.10 reads no Z, and fractions of three or six digits alone.
    whole_seconds, dot, rest = str(text).replace("Z", "+00:00").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        moment = datetime.fromisoformat(whole_seconds + rest[len(digits) :] if dot else whole_seconds)
        return moment.timestamp() + (float(f"0.{digits}") if digits else 0.0)
    except (ValueError, OverflowError):
        return 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    if isinstance(error, (TypeError, AttributeError)):
        return "a value in it has a type other than HAR's"
    return "its base64 is invalid" if isinstance(error, binascii.Error) else str(error)
