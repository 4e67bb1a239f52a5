"""A recorded request as a command that can be pasted into a shell."""

from __future__ import annotations

import base64
import re
import shlex
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.exchanges import header
from vhlocal.masked import MASK
from vhlocal.recorder.showing import fit_to_show, plain_text, to_send

if TYPE_CHECKING:
    from vhlocal.exchanges import Exchange

#: A shell hands a program words of at most 128 KiB.
_LONGEST_WORD = 100_000


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
    words = ["curl", "--path-as-is", "--globoff"]
    words += ["--head"] if request.method == "HEAD" else ["-X", shlex.quote(request.method)]
    words.append(_quoted(url.rstrip("/") + request.target, "the URL"))
    lines = [" ".join(words)]
    headers = to_send(request.headers)
    lines += [f"-H {_header(name, value)}" for name, value in headers]
    # What curl would add of its own is taken out: an app may go by it.
    own = ["User-Agent", "Accept", *(["Content-Type"] if content else [])]
    lines += [f"-H '{name}:'" for name in own if header(headers, name) is None]
    if header(headers, "Accept-Encoding") is not None:
        lines.append("--compressed")
    before = ""
    if content:
        text = plain_text(content)
        if text is not None and len(content) < _LONGEST_WORD:
            lines.append(f"--data-raw {shlex.quote(text)}")
        else:
            before = f"printf %s {base64.b64encode(content).decode()} | base64 -d | "
            lines.append("--data-binary @-")
    return before + " \\\n  ".join(lines)


def _header(name: str, value: str) -> str:
    # As the bytes were: a shell's words are UTF-8.
    text = value.encode("latin-1").decode("utf-8", "replace")
    return _quoted(f"{name}: {text}" if text else f"{name};", name)


def _quoted(text: str, name: str) -> str:
    """Quote a text for a shell, with a variable, which has to be set, for what is hidden of it."""
    variable = re.sub(r"[^A-Z0-9]+", "_", name.upper().removeprefix("THE "))
    asked = f'"${{{variable}:?set it to what is hidden of {name}}}"'
    return asked.join(shlex.quote(part) if part else "" for part in text.split(MASK))
