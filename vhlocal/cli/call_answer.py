"""How ``vhlocal call`` shows an answer: what is known of it on stderr, its body on stdout as it comes."""

from __future__ import annotations

import codecs
import io
import re
import sys
import time
from typing import TYPE_CHECKING, Protocol

import click

from vhlocal.errors import VhlocalError
from vhlocal.exchanges import header
from vhlocal.masked import masked_header
from vhlocal.sending import BrokenOffError
from vhlocal.visible import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.exchanges import Header
    from vhlocal.sending import Head, Sent

#: The first status that is a failure.
_FIRST_ERROR = 400

_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


class _Output(Protocol):
    def write(self, part: bytes) -> None:
        """Show the next part of a body."""

    def end(self) -> None:
        """End."""


def show(sent: Sent, began: float, *, include: bool, verbose: bool) -> bool:
    """Show an answer; return whether it is whole and its status below 400. ``began`` is when it was asked for.

    ``include`` prints its head on stdout too, ``verbose`` on stderr. Raises VhlocalError if a terminal cannot show it.
    """
    head = sent.head()
    status = f"HTTP/1.1 {head.status} {head.reason}".rstrip()
    if verbose:
        tell_head("<", status, head.headers)
    click.echo(one_line(_summary(head, time.monotonic() - began)), err=True)
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    output: _Output = _Terminal(header(head.headers, "content-type") or "") if is_terminal else _File()
    length, broke_off = 0, ""
    try:
        if include:
            lines = [status, *(f"{name}: {value}" for name, value in head.headers)]
            click.echo("\n".join(map(one_line, lines)) + "\n")
        for part in sent.parts():
            length += len(part)
            output.write(part)
    except BrokenOffError as error:
        broke_off = str(error)
    except BrokenPipeError:
        if head.status >= _FIRST_ERROR:
            return False  # whoever has read enough does not make it a good answer
        raise
    output.end()
    click.echo(f"{length:,} bytes in {_seconds(time.monotonic() - began)}", err=True)
    if broke_off:
        click.echo(f"the answer is incomplete: {one_line(broke_off)}", err=True)
    return not broke_off and head.status < _FIRST_ERROR


def tell_head(mark: str, line: str, headers: Sequence[Header]) -> None:
    """Show a head on stderr, each line behind a mark, without what somebody is known by."""
    for text in (line, *(f"{name}: {masked_header(name, value)}" for name, value in headers)):
        click.echo(one_line(f"{mark} {text}"), err=True)


def _summary(head: Head, seconds: float) -> str:
    """Return an answer's status, when its head was there, what it is, and whose."""
    parts = [f"{head.status} {head.reason}".rstrip(), _seconds(seconds)]
    kind, location = header(head.headers, "content-type"), header(head.headers, "location")
    parts += [kind] if kind else []
    parts += [f"to {location}"] if location else []
    revision = header(head.headers, "X-VHLocal-Revision")
    if revision is None:
        parts.append("from vhlocal, not from your app")
    else:
        stale = header(head.headers, "X-VHLocal-Stale") is not None
        parts.append(f"revision {revision}" + (", because a newer one is broken" if stale else ""))
    return " · ".join(parts)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


class _File:
    """Writes the bytes as they are, at once."""

    def write(self, part: bytes) -> None:
        click.echo(part, nl=False)

    def end(self) -> None:
        """There is nothing left."""


class _Terminal:
    """Writes text, with all that a terminal would obey made visible. What begins as no text is refused."""

    def __init__(self, kind: str) -> None:
        self._charset = _charset(kind)
        self._kind = kind
        decoder = codecs.getincrementaldecoder(self._charset)("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._last = ""

    def write(self, part: bytes) -> None:
        if not self._last and not self._is_text(part):
            kind = f" ({one_line(self._kind)})" if self._kind else ""
            raise VhlocalError(
                f"the body is not text{kind}: a terminal cannot show it", hint="write it to a file: > FILE"
            )
        self._show(self._decoder.decode(part))

    def end(self) -> None:
        self._show(self._decoder.decode(b"", final=True))
        if self._last not in ("", "\n"):
            click.echo()

    def _show(self, text: str) -> None:
        if text:
            click.echo(visible(text), nl=False)
            self._last = text[-1]

    def _is_text(self, part: bytes) -> bool:
        try:
            # It may end within a letter.
            text = codecs.getincrementaldecoder(self._charset)().decode(part)
        except UnicodeDecodeError:
            return False
        return "\0" not in text


def _charset(kind: str) -> str:
    """Return the encoding that a Content-Type names, UTF-8 where it names none of text."""
    found = _CHARSET.search(kind)
    try:
        b"".decode(found[1] if found else "utf-8")
        codecs.getincrementaldecoder(found[1] if found else "utf-8")("backslashreplace").decode(b"\xff", final=True)
    except (LookupError, ValueError, TypeError):
        return "utf-8"
    return found[1] if found else "utf-8"
