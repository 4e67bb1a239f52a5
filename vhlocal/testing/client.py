"""An endpoint under one of its paths, and a client that cannot leave it."""

from __future__ import annotations

import json
import mimetypes
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from vhlocal.comparison.bodies import JSON, content_type, read
from vhlocal.exchanges import Request, header, whole
from vhlocal.smoke.heads import OF_A_URL, is_within
from vhlocal.smoke.run import SECONDS, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.exchanges import Answer, Header

_A_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

#: Characters that an error shows of a body that is not JSON.
_SHOWN = 200


class Reply:
    """An answer. ``headers`` are looked up in any case; ``url`` is the endpoint's own, without a slash at its end."""

    def __init__(self, answer: Answer, url: str) -> None:
        self.answer = answer
        self.url = url

    def __repr__(self) -> str:
        return f"<{self.status}, {len(self.content)} bytes of {content_type(self.answer)[0] or 'no type'}>"

    @property
    def status(self) -> int:
        """The status."""
        return self.answer.status

    @property
    def content(self) -> bytes:
        """The body as it came."""
        return self.answer.body.content or b""

    @property
    def text(self) -> str:
        """The body as text, in the charset that the answer names."""
        return self.content.decode(content_type(self.answer)[1], "replace")

    def header(self, name: str) -> str | None:
        """Return a header's value, None where there is none."""
        return header(self.answer.headers, name)

    def json(self) -> Any:
        """Return the body as JSON; AssertionError, with what it begins with, where it is none."""
        __tracebackhide__ = True
        body = read(self.answer)
        if body.kind != JSON:
            raise AssertionError(f"the answer is not JSON: {self!r}: {self.text[:_SHOWN]}")
        return body.value


class Endpoint:
    """An endpoint: ``under`` is the version or alias, ``url`` has no slash at its end.

    Requests carry ``headers`` unless they have one of that name. Paths are below the endpoint's own: ``"/predict"`` is
    ``URL/predict``. Redirects are followed as far as they stay in it; one that leads out, and an answer that breaks
    off, fail the test.
    """

    def __init__(self, name: str, under: str, url: str, headers: tuple[Header, ...] = ()) -> None:
        self.name = name
        self.under = under
        self.url = url.rstrip("/")
        self._headers = headers

    def __repr__(self) -> str:
        return f"<{self.name} at {self.url}>"

    def get(self, path: str = "/", **more: Any) -> Reply:
        """Send a GET request; see ``request``."""
        return self.request("GET", path, **more)

    def post(self, path: str = "/", **more: Any) -> Reply:
        """Send a POST request; see ``request``."""
        return self.request("POST", path, **more)

    def put(self, path: str = "/", **more: Any) -> Reply:
        """Send a PUT request; see ``request``."""
        return self.request("PUT", path, **more)

    def request(
        self,
        method: str,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        redirects: bool = True,
        seconds: float = SECONDS,
        **body: Any,
    ) -> Reply:
        """Send a request and return the answer, whatever its status.

        The body is one of ``json`` (any value), ``data`` (bytes, text, or a mapping that is sent as a form) and
        ``files`` (a mapping of a form's fields to paths, bytes or texts). ValueError for a path that is a URL of its
        own, AssertionError where no whole answer comes within ``seconds``.
        """
        __tracebackhide__ = True
        if _A_URL.match(path):
            raise ValueError(f"{path} is not a path below the endpoint: follow a link with `follow`")
        return self._send(
            method, f"{self.url}{'' if path[:1] in ('', '/', '?') else '/'}{path}", headers, body, redirects, seconds
        )

    def follow(self, link: str, *, base: str = "/") -> Reply:
        """Follow a link of an answer as a browser does; ``base`` is the path, below the endpoint, that had it.

        AssertionError where it leads out of the endpoint, as it does in production.
        """
        __tracebackhide__ = True
        url = urljoin(f"{self.url}{base}", link)
        own = urlsplit(self.url)
        if urlsplit(url).netloc != own.netloc or not is_within(urlsplit(url).path, own.path):
            raise AssertionError(f"the link {link} leads out of the endpoint, to {url}")
        return self._send("GET", url, None, {}, True, SECONDS)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any],
        redirects: bool,
        seconds: float,
    ) -> Reply:
        __tracebackhide__ = True
        content, kind = _body(**body)
        sent: dict[str, Header] = {name.lower(): (name, value) for name, value in self._headers}
        sent |= {"content-type": ("Content-Type", kind)} if kind else {}
        sent |= {name.lower(): (name, value) for name, value in (headers or {}).items()}
        split = urlsplit(quote(url, safe=OF_A_URL))
        target = split.path + (f"?{split.query}" if split.query else "")
        answer = send(
            self.url, Request(method, target, tuple(sent.values()), whole(content)), seconds, follow=redirects
        )
        if answer.broke_off:
            raise AssertionError(
                f"{method} {target}: {answer.broke_off}{f' (status {answer.status})' if answer.status else ''}"
            )
        return Reply(answer, self.url)


def _body(json: Any = None, data: Any = None, files: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
    """Return a body's bytes and type; ValueError where more than one is given."""
    if sum(each is not None for each in (json, data, files)) > 1:
        raise ValueError("a request has one body: json, data or files")
    if json is not None:
        return _dumped(json), "application/json"
    if files is not None:
        return _form(files)
    if isinstance(data, bytes):
        return data, ""
    if isinstance(data, str):
        return data.encode(), ""
    return (urlencode(data).encode(), "application/x-www-form-urlencoded") if data is not None else (b"", "")


def _dumped(value: Any) -> bytes:
    return json.dumps(value, default=lambda each: each.tolist()).encode()


def _form(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    boundary = os.urandom(16).hex()
    parts = []
    for name, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, (Path, bytes)):
            file = value.name if isinstance(value, Path) else name
            kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
            head += f'; filename="{file}"\r\nContent-Type: {kind}'
        content = (
            value.read_bytes()
            if isinstance(value, Path)
            else value
            if isinstance(value, bytes)
            else str(value).encode()
        )
        parts.append(f"{head}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
