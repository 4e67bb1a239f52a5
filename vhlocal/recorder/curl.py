"""A recorded request as a command that can be pasted into a shell."""

from __future__ import annotations

import base64
import re
import shlex
from typing import TYPE_CHECKING

from vhlocal.contract.headers import to_send
from vhlocal.errors import VhlocalError
from vhlocal.exchanges import header, text_of
from vhlocal.masked import MASK
from vhlocal.recorder.showing import fit_to_show, plain_text
from vhlocal.visible import visible

if TYPE_CHECKING:
    from vhlocal.exchanges import Exchange

#: A shell hands a program words of at most 128 KiB.
_LONGEST_WORD = 100_000

#: What stands for itself in a format of ``printf``, in quotes of either kind, and at an interactive prompt.
_PLAIN = re.compile(r"[\w :;,./=+*?@()<>{}\[\]&|~^#-]", re.ASCII)


def curl(exchange: Exchange, url: str) -> str:
    """Return a command that sends the request again, in lines for a POSIX shell.

    ``url`` is the gateway's, as ``http://127.0.0.1:8000``. What was hidden is asked for: the command says which
    variable to set. Raises VhlocalError where the body was not kept.
    """
    request = fit_to_show(exchange).request
    content = request.body.content
    if content is None:
        raise VhlocalError(
            f"the body of request {exchange.id} was not kept: {request.body.why}",
            hint="send it again from the file that it came from",
        )
    if content and request.method == "HEAD":
        raise VhlocalError(
            f"request {exchange.id} is a HEAD request with a body, which curl does not send",
            hint=f"vhlocal replay {exchange.id}",
        )
    words = ["curl", "--path-as-is", "--globoff"]
    words += ["--head"] if request.method == "HEAD" else ["-X", shlex.quote(request.method)]
    if "#" in request.target:  # what curl takes for a fragment, and does not send
        words += ["--request-target", _quoted(request.target, "the URL")]
    words.append(_quoted(url.rstrip("/") + request.target.partition("#")[0], "the URL"))
    lines = [" ".join(words)]
    headers = to_send(request.headers)
    lines += [f"-H {_header(name, value)}" for name, value in headers]
    # What curl would add of its own is taken out: an app may go by it.
    own = ["User-Agent", "Accept", *(["Content-Type"] if content else [])]
    lines += [f"-H '{name}:'" for name in own if header(headers, name) is None]
    if header(headers, "Accept-Encoding") is not None:
        lines.append("--compressed")
    if not content and header(request.headers, "Content-Length") is not None:
        lines.append("-H 'Content-Length: 0'")
    before = ""
    if content:
        text = plain_text(content)
        if text is not None and visible(text) == text and len(content) < _LONGEST_WORD:
            lines.append(f"--data-raw {shlex.quote(text)}")
        else:
            before = f"printf %s {base64.b64encode(content).decode()} | base64 -d | "
            lines.append("--data-binary @-")
    return before + " \\\n  ".join(lines)


def _header(name: str, value: str) -> str:
    return _quoted(f"{name}: {value}" if value else f"{name};", name)


def _quoted(text: str, name: str) -> str:
    """Quote a text of a head, with a variable, which has to be set, for what is hidden of it."""
    variable = re.sub(r"[^A-Z0-9]+", "_", name.upper().removeprefix("THE "))
    asked = f'"${{{variable}:?set it to what is hidden of {name}}}"'
    return asked.join(_word(text_of(part)) if part else "" for part in text.split(MASK))


def _word(text: str) -> str:
    """Quote a text for a shell; what a terminal would obey, or is no UTF-8, is written by ``printf``."""
    if visible(text) == text and "\t" not in text:
        return shlex.quote(text)
    return f"\"$(printf '{''.join(map(_octal, text.encode('utf-8', 'surrogateescape')))}')\""


def _octal(byte: int) -> str:
    return chr(byte) if _PLAIN.fullmatch(chr(byte)) else f"\\{byte:03o}"
