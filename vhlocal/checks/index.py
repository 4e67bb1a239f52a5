"""What the package index tells of exact versions: whether they are there, and for which Pythons.

An answer is kept for ever in the user's cache directory, since an exact version's files do not change; only answers
that say that a version is there are.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import os
import queue
import re
import threading
import time
import urllib.error
import urllib.parse
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

import platformdirs
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path
    from urllib.request import OpenerDirector, Request

    from vhlocal.project.network import HostNetwork

DEFAULT_INDEX = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_ANCHOR = re.compile(r"<a\s([^>]*)>(.*?)</a>", re.IGNORECASE | re.DOTALL)
_REQUIRES = re.compile(r"data-requires-python\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_ENDINGS = re.compile(r"(\.tar\.(gz|bz2|xz)|\.tgz|\.zip|\.whl)$")
#: Seconds that one answer may take, and all of them together.
_ONE, _ALL = 2.0, 4.0
_WORKERS = 12
_MOST_BYTES = 64 * 1024 * 1024

#: A distribution's canonical name and a version.
Pin = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """What an index has of one version: what each of its files requires of Python, "" for nothing in particular."""

    requires_python: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """``known`` has None for a version that is not there, and lacks what could not be asked; ``trouble`` says why."""

    known: Mapping[Pin, Known | None] = field(default_factory=dict)
    trouble: str = ""


class Index(Protocol):
    """Who answers for exact versions."""

    def look_up(self, pins: Collection[Pin]) -> Answers:
        """Return what is known of the pins; never an error."""


class Unasked:
    """An index that nobody is to ask."""

    def look_up(self, pins: Collection[Pin]) -> Answers:
        """Return no answer, and no trouble."""
        return Answers()


class PackageIndex:
    """The index that pip is set up to use on this machine. ``cache`` is where answers are kept."""

    def __init__(self, network: HostNetwork, cache: Path | None = None) -> None:
        self._url = network.pip.get("PIP_INDEX_URL", DEFAULT_INDEX).rstrip("/")
        # With more than one place to install from, what one of them lacks says nothing.
        self._usable = not {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"} & set(network.pip)
        self._cache = (cache or platformdirs.user_cache_path("vhlocal")) / "index"
        self._bundle = network.ca_bundle
        self._proxy = network.pip.get("PIP_PROXY")
        self._trusted = network.pip.get("PIP_TRUSTED_HOST", "").split()

    def look_up(self, pins: Collection[Pin]) -> Answers:
        """Return what is known of the pins, asked for at once, within a few seconds; never an error."""
        if not self._usable:
            return Answers()
        known: dict[Pin, Known | None] = {}
        for pin in pins:
            kept = self._kept(pin)
            if kept is not None:
                known[pin] = kept
        missing = sorted(set(pins) - known.keys())
        troubles = self._ask_all(missing, known) if missing else []
        host = urllib.parse.urlsplit(self._url).hostname or "the index"
        return Answers(known, f"{host} did not answer: {troubles[0]}" if troubles else "")

    def _ask_all(self, pins: Collection[Pin], known: dict[Pin, Known | None]) -> list[str]:
        """Ask for each pin, and return what went wrong. Who has not answered at the end is left behind."""
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
        troubles: list[str] = []
        end = time.monotonic() + _ALL
        for _ in pins:
            try:
                pin, answer, trouble = done.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return [*troubles, "it took too long"]
            if trouble:
                troubles.append(trouble)
                continue
            known[pin] = answer
            self._keep(pin, answer)
        return troubles

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
        found = tuple(requires for file, requires in files if _version_of(file, name) == _version(version))
        if not found and any(_version_of(file, name) is None for file, _ in files):
            return Known(("",))  # one of those may be it
        return Known(found) if found else None

    def _request(self, name: str) -> Request:
        from urllib.request import Request  # noqa: PLC0415 - slow to import, and most projects need not be asked for

        parts = urllib.parse.urlsplit(self._url)
        user, _, host = parts.netloc.rpartition("@")
        url = parts._replace(netloc=host, path=f"{parts.path}/{name}/").geturl()
        request = Request(url, headers={"Accept": _ACCEPT})
        if user:
            plain = urllib.parse.unquote(user).encode()
            request.add_header("Authorization", f"Basic {base64.b64encode(plain).decode()}")
        return request

    def _opener(self) -> OpenerDirector:
        import ssl  # noqa: PLC0415 - as above
        from urllib.request import HTTPSHandler, ProxyHandler, build_opener  # noqa: PLC0415

        context = ssl.create_default_context(cafile=None if self._bundle is None else str(self._bundle))
        if urllib.parse.urlsplit(self._url).hostname in {host.partition(":")[0] for host in self._trusted}:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        proxies = {"http": self._proxy, "https": self._proxy} if self._proxy else None
        return build_opener(HTTPSHandler(context=context), ProxyHandler(proxies))

    def _file(self, pin: Pin) -> Path:
        index = hashlib.sha256(self._url.encode()).hexdigest()[:16]
        name = re.sub(r"[^\w.+-]", "_", f"{pin[0]}-{pin[1]}")
        return self._cache / index / f"{name}.json"

    def _kept(self, pin: Pin) -> Known | None:
        try:
            return Known(tuple(map(str, json.loads(self._file(pin).read_text()))))
        except (OSError, ValueError, TypeError):
            return None

    def _keep(self, pin: Pin, answer: Known | None) -> None:
        if answer is None:
            return
        file = self._file(pin)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(answer.requires_python))
            part.replace(file)


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
    """Return the version that a file's name tells, None where it tells none."""
    stem = _ENDINGS.sub("", file)
    if file.endswith(".whl"):
        return _version(stem.split("-")[1]) if stem.count("-") >= 4 else None
    for cut in (index for index, letter in enumerate(stem) if letter == "-"):
        if canonicalize_name(stem[:cut]) == name and (version := _version(stem[cut + 1 :])) is not None:
            return version
    return None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
