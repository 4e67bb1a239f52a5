"""What a body is: JSON, text, a picture or bytes."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import Any, NamedTuple

from vhlocal.comparison.images import image
from vhlocal.exchanges import Answer, header

JSON, TEXT, IMAGE, BYTES = "JSON", "text", "a picture", "bytes"

#: JSON in which an object has a name twice: readers take either value, so it is compared as the text that it is.
TWICE = "JSON with a name twice in an object"

#: JSON in which a number is larger than any float: readers take it for infinity, so it is compared as the text that it
#: is.
BEYOND = "JSON with a number that no float can hold"

#: Kinds whose value is the text that is compared.
TEXTS = (TEXT, TWICE, BEYOND)

#: Where a number may be as large as that: one of so many digits, or with such an exponent.
_LARGE = re.compile(rb"[eE]\+?\d{3}|\d{309}")

#: A document that is nested deeper is compared as the text that it is: sorting sets, and Python itself, end somewhere.
_DEEPEST = 200

#: What a compressed body may grow to, in bytes, to be looked into.
_MOST = 64 * 1024 * 1024
_LINES_OF_JSON = ("application/x-ndjson", "application/jsonl", "application/json-lines", "application/x-jsonlines")


class Read(NamedTuple):
    """A body by its kind: a JSON document, a text, an Image or the bytes themselves."""

    kind: str
    value: Any


def read(answer: Answer) -> Read:
    """Return what an answer's kept body is.

    The ``Content-Type`` decides first. An app that calls its JSON text or HTML, as many do, has sent JSON all the
    same. A body that is not what its type says is text, if it can be read as that, or bytes.
    """
    content = _decompressed(answer)
    media_type, charset = content_type(answer)
    if media_type in _LINES_OF_JSON:
        lines = [_json(line, charset) for line in content.splitlines() if line.strip()]
        if lines and all(found is not None and found.kind == JSON for found in lines):
            return Read(JSON, [found.value for found in lines if found is not None])
    elif content.lstrip()[:1] in (b"{", b"[") or is_json(media_type):
        document = _json(content, charset)
        if document is not None:
            return document
    picture = image(content)
    if picture is not None:
        return Read(IMAGE, picture)
    try:
        text = content.decode(charset)
    except (ValueError, LookupError):
        return Read(BYTES, content)
    return Read(BYTES, content) if "\0" in text else Read(TEXT, text)


def is_json(media_type: str) -> bool:
    """Tell whether a type, in lower case and without parameters, is JSON's."""
    return media_type == "application/json" or media_type.endswith("+json")


def content_type(answer: Answer) -> tuple[str, str]:
    """Return the answer's media type and its charset, both in lower case; UTF-8 where it names none."""
    kind, *parameters = (header(answer.headers, "content-type") or "").split(";")
    charsets = [
        value.strip('" ').lower()
        for name, _, value in (p.partition("=") for p in parameters)
        if name.strip().lower() == "charset"
    ]
    return kind.strip().lower(), (charsets or ["utf-8"])[0]


def _json(content: bytes, charset: str) -> Read | None:
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
    except UnicodeDecodeError:  # JSON is UTF-8, but an app may say otherwise
        try:
            text = content.decode(charset)
        except (ValueError, LookupError):
            return None
    try:
        number = _finite if _LARGE.search(content) else None
        document = json.loads(text, object_pairs_hook=_object, parse_float=number)
        return None if _is_too_deep(content, document) else Read(JSON, document)
    except _NotComparedError as error:
        return Read(str(error), text)
    except (ValueError, RecursionError):
        return None


def _is_too_deep(content: bytes, document: Any) -> bool:
    if content.count(b"[") + content.count(b"{") <= _DEEPEST:  # most are seen so
        return False
    level = [document]
    for _ in range(_DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inner for value in values if isinstance(value, (dict, list))]
        if not level:
            return False
    return True


class _NotComparedError(ValueError):
    """A document is not compared by its values; the text is its kind."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NotComparedError(TWICE)
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NotComparedError(BEYOND)
    return number


def _decompressed(answer: Answer) -> bytes:
    """Return the body as it was before it was compressed, or as it came where that is not known."""
    content = plain = answer.body.content or b""
    codings = (header(answer.headers, "content-encoding") or "").lower().split(",")
    for coding in filter(None, map(str.strip, reversed(codings))):
        if coding == "identity":
            continue
        opened = _opened(plain) if coding in ("gzip", "x-gzip", "deflate") else None
        if opened is None:
            return content
        plain = opened
    return plain


def _opened(content: bytes) -> bytes | None:
    """Return what gzip, in one or several parts, or deflate had compressed; None if it is not whole or too large.

    The content shows which of zlib's two formats it is; some servers send `deflate` without a head.
    """
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        parts, left, rest = [], _MOST, content
        try:
            while rest and left > 0:
                opened = zlib.decompressobj(wbits=bits)
                parts.append(opened.decompress(rest, left))
                if not opened.eof:
                    return None
                left -= len(parts[-1])
                rest = opened.unused_data
        except zlib.error:
            continue
        if not rest:
            return b"".join(parts)
    return None
