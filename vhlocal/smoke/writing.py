"""A recorded request and its answer as a smoke test: the text of a ``.http`` file, with what was answered expected."""

from __future__ import annotations

import json
import math
import re
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from vhlocal.comparison.bodies import JSON, content_type, read
from vhlocal.comparison.paths import written
from vhlocal.contract.headers import to_send
from vhlocal.contract.paths import split_target
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import header, text_of
from vhlocal.masked import MASK, masked_header, masked_target
from vhlocal.smoke.cases import FromFile
from vhlocal.smoke.heads import OF_A_URL, head
from vhlocal.smoke.reading import METHODS
from vhlocal.smoke.reading import read as read_file
from vhlocal.smoke.results import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.exchanges import Exchange, Header, Request

#: So many values of a JSON answer are expected, and texts that are no longer than this.
_VALUES, _LONGEST = 10, 80
#: Headers by which a client says what it is: another one says something else, and none of it is the app's matter.
_OF_THE_CLIENT = re.compile(r"accept-encoding|user-agent|sec-.*|dnt|priority|upgrade-insecure-requests", re.IGNORECASE)


#: Bodies that REST Client changes if they are text: it ends the one by a line end, and percent-encodes the other.
_FORM = re.compile("application/x-www-form-urlencoded", re.IGNORECASE)
_CHANGED = re.compile(rf"application/x-ndjson|{_FORM.pattern}", re.IGNORECASE)
_ENCODED = re.compile(rb"(?:[!#$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*")
#: What makes a file one that editors do not open as text.
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: The variable that stands for a brace where two of them would begin a variable.
_BRACE = "brace"
#: An endpoint to read requests back for.
_PREFIX = "/o/p/d/v/e"
_ANY = Target("e", "v", f"http://127.0.0.1{_PREFIX}")


class Written(NamedTuple):
    """A request to append to a ``.http`` file, and the files that its body is in, by their names beside it.

    ``notes`` say what of it an editor sends otherwise than it was.
    """

    text: str
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


class _Head(NamedTuple):
    """A request line and headers as they are written, the values to give to variables, and what is read back of it."""

    lines: tuple[str, ...]
    hidden: Mapping[str, str]
    notes: tuple[str, ...]
    target: str
    headers: tuple[Header, ...]


def beginning(url: str) -> str:
    """Return the first line of a ``.http`` file, by which editors can send it; ``url`` is the endpoint's own."""
    return f"@endpoint = {url.rstrip('/')}\n"


def smoke_test(exchange: Exchange, name: str) -> Written:
    """Return a recorded request that expects its answer; ``name`` begins the names of body files.

    Credentials, also masked ones, become variables without a value: a file that lacks one is reported when it is
    read. Raises VhlocalError for what cannot be sent again, or has no whole answer.
    """
    request, answer = exchange.request, exchange.answer
    if request.body.content is None:
        raise VhlocalError(f"the body of request {exchange.id} was not kept: {request.body.why}")
    if answer.broke_off or request.method not in METHODS:
        why = (
            f"its answer was not whole: {answer.broke_off}" if answer.broke_off else f"editors send no {request.method}"
        )
        raise VhlocalError(f"request {exchange.id} cannot become a smoke test: {why}")
    written = _head(exchange)
    lines = [
        f"### {request.method} {_encoded(_within(exchange).partition('?')[0]) or '/'}",
        *[f"# {name} was hidden: write `@{name} = {_gaps(value)}` above" for name, value in written.hidden.items()],
        *[f"# {note}" for note in written.notes],
        *[f"# expect {line}" for line in _expected(exchange)],
        *written.lines,
    ]
    return _with_body("\n".join(lines) + "\n", exchange, written, name)


def _within(exchange: Exchange) -> str:
    """Return what of a request's target is below its endpoint's path, which a client may have written otherwise."""
    path, mark, query = exchange.request.target.partition("?")
    split = split_target(path.encode("latin-1"))
    rest = path.removeprefix(exchange.prefix) if split is None else split[1].decode("latin-1")
    return f"{rest}{mark}{query}"


def _expected(exchange: Exchange) -> Iterator[str]:
    answer = exchange.answer
    yield str(answer.status)
    kind = content_type(answer)[0]
    if kind:
        yield f"header content-type: {kind}"
    body = read(answer)
    if body.kind == JSON and answer.body.content:
        for path, value in [*_leaves(body.value)][:_VALUES]:
            how = "~" if isinstance(value, float) else "=="
            yield f"{written(path)} {how} {json.dumps(value, ensure_ascii=False)}"


def _leaves(document: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, (dict, list)) and value:
            below = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [((*path, key), inner) for key, inner in below][::-1]
        elif _can_be_expected(path, value):
            yield path, value


def _can_be_expected(path: tuple[str | int, ...], value: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    text = f"{written(path)}\n{json.dumps(value, ensure_ascii=False)}"
    is_half_a_letter = any("\ud800" <= letter <= "\udfff" for letter in text)
    return "{{" not in text and not is_half_a_letter and len(json.dumps(value)) <= _LONGEST


def _head(exchange: Exchange) -> _Head:
    request = exchange.request
    hidden: dict[str, str] = {}
    notes = []
    within = _within(exchange)
    target, line = _target(within, hidden)
    if target != masked_target(within):
        notes.append("editors percent-encode this URL, which was not sent so")
    fields = []
    headers: list[Header] = []
    for name, value in to_send(request.headers):
        if _OF_THE_CLIENT.fullmatch(name):
            continue
        text = text_of(masked_header(name, value))
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise VhlocalError(
                f"request {exchange.id} cannot become a smoke test: its header {name} is not UTF-8",
                hint=f"vhlocal requests --curl {exchange.id}",
            )
        if not text.isascii():
            notes.append(f"vhlocal sends {name} in UTF-8, as it was; editors may not")
        headers.append((name, text))
        fields.append(f"{name}: {_value(text, name, hidden) if MASK in text else _braces(text)}")
    define = [f"@{_BRACE} = {{"] if any(f"{{{{{_BRACE}}}}}" in field for field in fields) else []
    first = f"{request.method} {{{{endpoint}}}}{line}"
    return _Head((*define, first, *fields), hidden, tuple(notes), target, tuple(headers))


def _target(target: str, hidden: dict[str, str]) -> tuple[str, str]:
    """Return a target as it is sent, without what is hidden of it, and as it is written, with variables for that."""
    path, mark, query = target.partition("?")
    sent, line = [], []
    for pair in query.split("&"):
        masked = masked_target(f"?{pair}")[1:]
        sent.append(_encoded(masked))
        name = _encoded(masked.removesuffix(MASK))
        line.append(name + _variable(name, MASK, hidden) if masked.endswith(f"={MASK}") else sent[-1])
    start = _encoded(path) + mark
    return start + "&".join(sent), start + "&".join(line)


def _encoded(text: str) -> str:
    return quote(text.encode("latin-1"), safe=OF_A_URL)


def _value(text: str, name: str, hidden: dict[str, str]) -> str:
    """Return a header's value with a variable for what is hidden of it, or for all of it if that is several things."""
    if text.count(MASK) > 1 or "{" in text:
        return _variable(name, text, hidden)
    before, _, after = text.partition(MASK)
    return f"{before}{_variable(name, MASK, hidden)}{after}"


def _gaps(value: str) -> str:
    return value.replace(MASK, "…").replace("{{", "{ {")


def _variable(name: str, value: str, hidden: dict[str, str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    names = chain([plain], (f"{plain}_{number}" for number in count(2)))
    chosen = next(each for each in names if each not in hidden)
    hidden[chosen] = value
    return f"{{{{{chosen}}}}}"


def _braces(text: str) -> str:
    # Two braces would begin a variable, and a third before them would become a part of its name.
    return text.replace("{", f"{{{{{_BRACE}}}}}") if "{{" in text else text


def _with_body(above: str, exchange: Exchange, written: _Head, name: str) -> Written:
    """Write the body into the text, where it is read from there as it was; else into files."""
    request = exchange.request
    content, kind = request.body.content or b"", header(request.headers, "content-type") or ""
    separator = "\r\n" if kind.lower().startswith("multipart/") else "\n"
    ways = (_as_text(content, separator, kind), _as_parts(content, kind, name), _as_file(content, name))
    why = "its body"
    for body, files in ways if content else (("", dict[str, bytes]()),):
        text = f"{above}\n{body}\n" if content else above
        if content and not body:
            continue
        try:
            found, sent = _read_back(text, files, written.hidden)
        except InputError as error:
            why = error.message
            continue
        if found.target != _PREFIX + written.target or found.headers != written.headers:
            why = "its URL" if found.target != _PREFIX + written.target else "its headers"
        elif sent == content.removesuffix(b"\r\n" if separator == "\r\n" else b""):
            return Written(text, files, written.notes)
    raise VhlocalError(
        f"request {exchange.id} cannot become a smoke test: a .http file would not send it as it was ({why})",
        hint=f"vhlocal requests --curl {exchange.id}",
    )


def _as_text(content: bytes, separator: str, kind: str) -> tuple[str, dict[str, bytes]]:
    if _CONTROL.search(content) or (_CHANGED.match(kind) and not (_FORM.match(kind) and _ENCODED.fullmatch(content))):
        return "", {}
    try:
        return content.decode().removesuffix(separator if separator == "\r\n" else "").replace(separator, "\n"), {}
    except UnicodeDecodeError:
        return "", {}


def _as_parts(content: bytes, kind: str, name: str) -> tuple[str, dict[str, bytes]]:
    """Write each part of a multipart body that is no text into a file of its own."""
    found = re.search(r'boundary="?([^";]+)', kind)
    if not kind.lower().startswith("multipart/") or found is None:
        return "", {}
    boundary = f"--{found[1]}".encode()
    files: dict[str, bytes] = {}
    lines: list[str] = []
    for part in content.split(boundary)[1:-1]:
        fields, _, value = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        lines += [boundary.decode(), *fields.decode("utf-8", "replace").split("\r\n"), ""]
        if b"filename" in fields or b"\0" in value:
            file = f"{name}-{len(files) + 1}.bin"
            files[file] = value
            lines.append(f"< ./{file}")
        else:
            lines += value.decode("utf-8", "replace").split("\r\n")
    return "\n".join([*lines, f"{boundary.decode()}--"]), files


def _as_file(content: bytes, name: str) -> tuple[str, dict[str, bytes]]:
    file = f"{name}.bin"
    return f"< ./{file}", {file: content}


def _read_back(text: str, files: Mapping[str, bytes], hidden: Mapping[str, str]) -> tuple[Request, bytes | None]:
    """Return the head and the body that a file of this text is sent with. Raises InputError where it cannot be read."""
    defined = "".join(f"@{name} = {value}\n" for name, value in hidden.items())
    file = read_file(f"{defined}{text}", Path())
    if len(file.cases) != 1:
        raise InputError("its body would begin another request")
    case, parts = file.cases[0], []
    for line in case.body:
        if isinstance(line, FromFile):
            parts.append(files.get(line.path.removeprefix("./"), b""))
        elif "{{" in line.text:
            return head(file, case, _ANY), None
        else:
            parts.append(line.text.encode())
    return head(file, case, _ANY), case.line_end.encode().join(parts)
