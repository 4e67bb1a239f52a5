"""Asking a package index for exact versions, over the network."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import queue
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
from typing import TYPE_CHECKING
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from packaging.utils import canonicalize_name

from vhlocal.checks.index import Known
from vhlocal.checks.requirements import version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from urllib.request import OpenerDirector

    from packaging.version import Version

    from vhlocal.checks.index import Pin
    from vhlocal.project.network import HostNetwork

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_ANCHOR = re.compile(r"<a\s([^>]*)>(.*?)</a>", re.IGNORECASE | re.DOTALL)
_REQUIRES = re.compile(r"data-requires-python\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_ENDINGS = re.compile(r"(\.tar\.(gz|bz2|xz)|\.tgz|\.zip|\.whl)$")
#: Seconds that one answer may take, and all of them together.
_ONE, _ALL = 2.0, 4.0
_WORKERS = 12
_MOST_BYTES = 64 * 1024 * 1024


class Asking:
    """Asks the index at ``url``, as pip is set up to on this machine."""

    def __init__(self, url: str, network: HostNetwork) -> None:
        self._url = url
        self._bundle = network.ca_bundle
        self._proxy = network.pip.get("PIP_PROXY")
        self._trusted = network.pip.get("PIP_TRUSTED_HOST", "").split()
        self.host = urllib.parse.urlsplit(url).hostname or "the index"

    def ask(self, pins: Collection[Pin]) -> Iterator[tuple[Pin | None, Known | None, str]]:
        """Ask for all pins at once; yield each with what is known of it, or what went wrong.

        Who has not answered at the end is left behind: that is the last of what went wrong, of no pin.
        """
        waiting: queue.SimpleQueue[Pin] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Pin, Known | None, str]] = queue.SimpleQueue()
        for pin in pins:
            waiting.put(pin)

        def work() -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    pin = waiting.get_nowait()
                    try:
                        done.put((pin, self._ask(pin), ""))
                    except (OSError, ValueError, urllib.error.URLError) as error:
                        done.put((pin, None, _reason(error)))

        for _ in range(min(_WORKERS, len(pins))):
            threading.Thread(target=work, daemon=True).start()
        end = time.monotonic() + _ALL
        for _ in pins:
            try:
                yield done.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                yield None, None, "it took too long"
                return

    def _ask(self, pin: Pin) -> Known | None:
        name, version = pin
        try:
            with self._opener().open(self._request(name), timeout=_ONE) as answer:
                kind, body = answer.headers.get_content_type(), answer.read(_MOST_BYTES)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        text = body.decode("utf-8", errors="replace")
        files = list(_from_json(text) if kind.endswith("json") else _from_html(text))
        found = tuple(requires for file, requires in files if _version_of(file, name) == version_of(version))
        if not found and any(_version_of(file, name) is None for file, _ in files):
            return Known(("",))  # one of those may be it
        return Known(found) if found else None

    def _request(self, name: str) -> Request:
        parts = urllib.parse.urlsplit(self._url)
        user, _, host = parts.netloc.rpartition("@")
        url = parts._replace(netloc=host, path=f"{parts.path}/{name}/").geturl()
        request = Request(url, headers={"Accept": _ACCEPT})
        if user:
            plain = urllib.parse.unquote(user).encode()
            request.add_header("Authorization", f"Basic {base64.b64encode(plain).decode()}")
        return request

    def _opener(self) -> OpenerDirector:
        context = ssl.create_default_context(cafile=None if self._bundle is None else str(self._bundle))
        if urllib.parse.urlsplit(self._url).hostname in {host.partition(":")[0] for host in self._trusted}:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        proxies = {"http": self._proxy, "https": self._proxy} if self._proxy else None
        return build_opener(HTTPSHandler(context=context), ProxyHandler(proxies))


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason)


def _from_json(text: str) -> Iterator[tuple[str, str]]:
    for file in json.loads(text).get("files", []):
        yield str(file.get("filename", "")), str(file.get("requires-python") or "")


def _from_html(text: str) -> Iterator[tuple[str, str]]:
    for attributes, name in _ANCHOR.findall(text):
        requires = _REQUIRES.search(attributes)
        yield html.unescape(name).strip(), html.unescape(requires[1]) if requires else ""


def _version_of(file: str, name: str) -> Version | None:
    """Return the version in a file's name, None where it has none."""
    stem = _ENDINGS.sub("", file)
    if file.endswith(".whl"):
        return version_of(stem.split("-")[1]) if stem.count("-") >= 4 else None
    for cut in (index for index, letter in enumerate(stem) if letter == "-"):
        if canonicalize_name(stem[:cut]) == name and (version := version_of(stem[cut + 1 :])) is not None:
            return version
    return None
