"""A recorded request and its answer as a smoke test: the text of a ``.http`` file, with what was answered expected."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.comparison.bodies import JSON, content_type, read
from vhlocal.comparison.paths import written
from vhlocal.contract.headers import is_of_the_request
from vhlocal.errors import InputError, VhlocalError
from vhlocal.exchanges import header
from vhlocal.masked import MASK, masked_header, masked_target
from vhlocal.smoke.cases import FromFile
from vhlocal.smoke.reading import METHODS
from vhlocal.smoke.reading import read as read_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.exchanges import Exchange, Header

#: So many values of a JSON answer are expected, and texts that are no longer than this.
_VALUES, _LONGEST = 10, 80
#: Headers by which a client says what it is: another one says something else, and none of it is the app's matter.
_OF_THE_CLIENT = re.compile(r"accept-encoding|user-agent|sec-.*|dnt|priority|upgrade-insecure-requests", re.IGNORECASE)


class Written(NamedTuple):
    """A request to append to a ``.http`` file, and the files that its body is in, by their names beside it."""

    text: str
    files: Mapping[str, bytes]


def beginning(url: str) -> str:
    """Return the first line of a ``.http`` file, by which editors can send it; ``url`` is the endpoint's own."""
    return f"@endpoint = {url.rstrip('/')}\n"


def smoke_test(exchange: Exchange, name: str) -> Written:
    """Return a recorded request with its answer as what is expected; ``name`` begins the names of body files.

    What somebody is known by becomes a variable without a value: a file that lacks it is told when it is read. Raises
    VhlocalError for what cannot be sent again, or has no whole answer.
    """
    request, answer = exchange.request, exchange.answer
    if request.body.content is None:
        raise VhlocalError(f"the body of request {exchange.id} was not kept: {request.body.why}")
    if answer.broke_off or request.method not in METHODS:
        why = (
            f"its answer was not whole: {answer.broke_off}" if answer.broke_off else f"editors send no {request.method}"
        )
        raise VhlocalError(f"request {exchange.id} cannot become a smoke test: {why}")
    target = masked_target(request.target).removeprefix(exchange.prefix)
    hidden = [value for value in (_hidden(name, value) for name, value in request.headers) if value]
    lines = [
        f"### {request.method} {target.partition('?')[0] or '/'}",
        *[f"# {value} was hidden: write `@{value} = …` above" for value in hidden],
        *[f"# expect {line}" for line in _expected(exchange)],
        f"{request.method} {{{{endpoint}}}}{_plain(target)}",
        *_fields(request.headers),
    ]
    head = "\n".join(lines) + "\n"
    return _with_body(head, request.body.content, header(request.headers, "content-type") or "", name)


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
    is_name = isinstance(value, float) and not math.isfinite(value)
    is_variable = "{{" in f"{path}{value}"
    return not is_name and not is_variable and len(json.dumps(value)) <= _LONGEST


def _fields(headers: tuple[Header, ...]) -> Iterator[str]:
    for name, value in headers:
        if not is_of_the_request(name.encode("latin-1")) or _OF_THE_CLIENT.fullmatch(name):
            continue
        text = masked_header(name, value).encode("latin-1").decode("utf-8", "replace")
        variable = _hidden(name, value)
        yield f"{name}: {text.replace(MASK, f'{{{{{variable}}}}}') if variable else _plain(text)}"


def _hidden(name: str, value: str) -> str:
    return re.sub(r"\W+", "_", name.lower()) if MASK in masked_header(name, value) else ""


def _plain(text: str) -> str:
    # Two braces would begin a variable.
    return text.replace("{{", "%7B%7B")


def _with_body(head: str, content: bytes, kind: str, name: str) -> Written:
    """Write the body into the text, where it is read from there as it was; else into files."""
    if not content:
        return Written(head, {})
    separator = "\r\n" if kind.lower().startswith("multipart/") else "\n"
    for body, files in (_as_text(content, separator), _as_parts(content, kind, name), _as_file(content, name)):
        text = f"{head}\n{body}\n"
        if body and _read_back(text, files) == content.removesuffix(b"\r\n" if separator == "\r\n" else b""):
            return Written(text, files)
    raise VhlocalError("the body cannot be written into a .http file", hint="send it with curl")


def _as_text(content: bytes, separator: str) -> tuple[str, dict[str, bytes]]:
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


def _read_back(text: str, files: Mapping[str, bytes]) -> bytes | None:
    """Return the body that a file of this text would be sent with, None where it would not be read."""
    head, _, body = text.partition("\n\n")
    # What stands for something hidden has no value yet.
    head = re.sub(r"\{\{\w+\}\}", "{{endpoint}}", head)
    try:
        (case,) = read_file(f"{head}\n\n{body}", Path()).cases
    except (InputError, ValueError):
        return None
    parts = []
    for line in case.body:
        if isinstance(line, FromFile):
            parts.append(files.get(line.path.removeprefix("./"), b""))
        elif "{{" in line.text:
            return None
        else:
            parts.append(line.text.encode())
    return case.line_end.encode().join(parts)
