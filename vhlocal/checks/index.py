"""What the package index says of exact versions: whether they are there, and for which Pythons.

Answers that a version exists are kept for ever in the user's cache directory, since the files of an exact version
do not change. Other answers are not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from vhlocal.storage import trusted
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from vhlocal.project.network import HostNetwork

DEFAULT_INDEX = "https://pypi.org/simple"

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
        # Where another user may have written there, nothing is kept.
        self._cache = trusted("cache", "index") if cache is None else cache / "index"
        self._network = network

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
        if not missing:
            return Answers(known)
        from vhlocal.checks.asking import Asking  # noqa: PLC0415 - slow to import, and most answers are known

        asking = Asking(self._url, self._network)
        troubles = []
        for asked, answer, trouble in asking.ask(missing):
            if trouble:
                troubles.append(trouble)
            elif asked is not None:
                known[asked] = answer
                self._keep(asked, answer)
        return Answers(known, f"{asking.host} did not answer: {troubles[0]}" if troubles else "")

    def _file(self, pin: Pin) -> Path | None:
        if self._cache is None:
            return None
        index = hashlib.sha256(self._url.encode()).hexdigest()[:16]
        name = re.sub(r"[^\w.+-]", "_", f"{pin[0]}-{pin[1]}")
        return self._cache / index / f"{name}.json"

    def _kept(self, pin: Pin) -> Known | None:
        file = self._file(pin)
        try:
            return None if file is None else Known(tuple(map(str, json.loads(file.read_text()))))
        except (OSError, ValueError, TypeError):
            return None

    def _keep(self, pin: Pin, answer: Known | None) -> None:
        file = self._file(pin)
        if answer is None or file is None:
            return
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(answer.requires_python))
            part.replace(file)
