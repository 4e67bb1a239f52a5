"""What a body is: JSON, text, a picture or bytes."""

from __future__ import annotations

import json
import zlib
from typing import Any, NamedTuple

from vhlocal.comparison.images import image
from vhlocal.exchanges import Answer, header

JSON, TEXT, IMAGE, BYTES = "JSON", "text", "a picture", "bytes"

#: JSON in which an object has a name twice: readers take either value, so it is compared as the text that it is.
TWICE = "JSON with a name twice in an object"

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
    """Tell what an answer's kept body is.

    The ``Content-Type`` has the first word. An app that calls its JSON text or HTML, as many do, has sent JSON all the
    same. What claims to be something and is not is text, if it is that, or bytes.
    """
    content = _decompressed(answer)
    media_type, charset = content_type(answer)
    if media_type in _LINES_OF_JSON:
        lines = [_json(line) for line in content.splitlines() if line.strip()]
        if lines and all(found is not None and found.kind == JSON for found in lines):
            return Read(JSON, [found.value for found in lines if found is not None])
    elif content.lstrip()[:1] in (b"{", b"[") or is_json(media_type):
        document = _json(content)
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


def _json(content: bytes) -> Read | None:
    try:
        document = json.loads(content, object_pairs_hook=_object)
        return None if _is_too_deep(content, document) else Read(JSON, document)
    except _NameTwiceError:
        return Read(TWICE, content.decode(json.detect_encoding(content), "replace"))
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


class _NameTwiceError(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NameTwiceError
    return found


def _decompressed(answer: Answer) -> bytes:
    """Return the body as it was before it was compressed, or as it came where that is not known."""
    content = answer.body.content or b""
    if (header(answer.headers, "content-encoding") or "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return content
    # Which of zlib's two it is it tells itself; some servers send `deflate` without a head.
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            opened = zlib.decompressobj(wbits=bits)
            plain = opened.decompress(content, _MOST)
        except zlib.error:
            continue
        if opened.eof and not opened.unused_data:
            return plain
    return content
