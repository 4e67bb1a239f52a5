"""Snapshots: answers that are kept beside the test file, and that later ones are compared with."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from vhlocal.comparison.bodies import IMAGE, JSON, TEXT, content_type, read
from vhlocal.comparison.differences import differences
from vhlocal.exchanges import Answer, Body, digest_of, header, whole
from vhlocal.storage import writing
from vhlocal.testing.client import Reply
from vhlocal.testing.close import plain, rules_of, told
from vhlocal.testing.collecting import FIXTURE
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pytest

UPDATE = "--vhlocal-update"

#: What stands for the gateway's address, whose port is another in each run.
_GATEWAY = "http://vhlocal"

#: What this process has written anew: the same test under another path has to answer the same.
_written: set[tuple[Path, str, int]] = set()


class Snapshot:
    """Compares answers of one test, in the order of its calls, with those in ``file`` under ``key``."""

    def __init__(self, file: Path, key: str, *, update: bool) -> None:
        self._file = file
        self._key = key
        self._update = update
        self._calls = 0

    def __call__(
        self,
        answer: Any,
        rtol: float | None = None,
        *,
        atol: float = 0.0,
        ignore: Iterable[str] = (),
        sets: Iterable[str] = (),
    ) -> None:
        """Assert that an answer (status, type, redirect, body), or a JSON value, is as it was kept.

        Tolerances and paths are those of ``assert_close``; the path that was asked under is no difference. With
        ``--vhlocal-update`` this one is kept instead. Pictures are compared by their format and size in pixels.
        """
        __tracebackhide__ = True
        rules = rules_of(rtol, atol, ignore, sets)
        kept, number = _kept(answer), self._calls
        self._calls += 1
        at = (self._file, self._key, number)
        if self._update and at not in _written:
            self._write(number, kept)
            _written.add(at)
            return
        known = _read(self._file).get(self._key, [])
        if number >= len(known):
            raise AssertionError(f"no snapshot for this in {self._file.name} yet: run pytest with {UPDATE}")
        found = differences(_answer(known[number]), _answer(kept), rules)
        if found:
            raise AssertionError(f"{self._file.name}, {self._key}, is {told(found)}\n  {UPDATE} keeps the new answer")

    def _write(self, number: int, kept: dict[str, Any]) -> None:
        with _alone(self._file.parent), writing("the snapshot cannot be written", self._file):
            known = _read(self._file)
            entries = known.setdefault(self._key, [])
            entries[number:] = [kept]
            new = self._file.with_suffix(".new")
            new.write_text(json_text(known, sort_keys=True) + "\n", encoding="utf-8")
            new.replace(self._file)


def snapshot_of(request: pytest.FixtureRequest) -> Snapshot:
    """Return the snapshots of a test: those of one endpoint are the same under all of its paths."""
    item = request.node
    call = getattr(item, "callspec", None)
    params = dict(call.params) if call else {}
    place = params.pop(FIXTURE, None)
    name = getattr(item, "originalname", None) or item.name
    parts = [place.endpoint] if place else []
    parts += [f"{each}={value!r}" for each, value in sorted(params.items())]
    owner = f"{request.cls.__name__}." if request.cls else ""
    key = f"{owner}{name}" + (f"[{', '.join(parts)}]" if parts else "")
    file = item.path.with_name(f"{item.path.stem}.snapshots.json")
    return Snapshot(file, key, update=bool(request.config.getoption("vhlocal_update")))


def _kept(answer: Any) -> dict[str, Any]:
    """Return what is kept of an answer."""
    if not isinstance(answer, Reply):
        return {"status": 200, "type": "application/json", "json": plain(answer)}
    whole_answer = answer.answer
    kept: dict[str, Any] = {"status": answer.status, "type": content_type(whole_answer)[0]}
    location = header(whole_answer.headers, "location")
    if location is not None:
        kept["location"] = _neutral(location, answer)
    body = read(whole_answer)
    if body.kind == JSON:
        kept["json"] = json.loads(_neutral(json.dumps(body.value), answer))
    elif body.kind == TEXT:
        kept["text"] = _neutral(body.value, answer)
    elif body.kind == IMAGE:
        kept["picture"] = str(body.value)
    else:
        kept |= {"length": whole_answer.body.length, "sha256": digest_of(whole_answer.body)}
    if whole_answer.prefix in json.dumps(kept):
        kept["under"] = whole_answer.prefix
    return kept


def _neutral(text: str, answer: Reply) -> str:
    return text.replace(answer.url.removesuffix(answer.answer.prefix), _GATEWAY)


def _answer(kept: dict[str, Any]) -> Answer:
    """Return what was kept as an answer that can be compared."""
    headers = [("Content-Type", kept["type"])] if kept["type"] else []
    headers += [("Location", kept["location"])] if "location" in kept else []
    if "json" in kept:
        body = whole(json.dumps(kept["json"]).encode())
    elif "length" in kept:
        body = Body(None, kept["length"], kept["sha256"])
    else:
        body = whole((kept["picture"] if "picture" in kept else kept["text"]).encode())
    return Answer(kept["status"], tuple(headers), body, kept.get("under", ""))


def _read(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise AssertionError(f"{file} is not a snapshot file: {error}") from error
    wrong = _wrong_key(found)
    if wrong is not None:
        where = f": {json.dumps(wrong)} has no snapshots" if wrong else ""
        raise AssertionError(f"{file} is not a snapshot file{where}; remove it, and run pytest with {UPDATE}")
    return found


def _wrong_key(found: Any) -> str | None:
    """Return the key of what vhlocal has not written so, "" for the whole file, None where all is as it was written."""
    if not isinstance(found, dict):
        return ""
    return next(
        (key for key, kept in found.items() if not (isinstance(kept, list) and all(map(_is_kept, kept)))),
        None,
    )


def _is_kept(entry: Any) -> bool:
    if not (isinstance(entry, dict) and isinstance(entry.get("status"), int) and isinstance(entry.get("type"), str)):
        return False
    texts = [entry[name] for name in ("text", "picture", "sha256", "location", "under") if name in entry]
    has_body = bool({"json", "text", "picture"} & entry.keys()) or (
        isinstance(entry.get("length"), int) and "sha256" in entry
    )
    return has_body and all(isinstance(text, str) for text in texts)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Be the only one who writes snapshots into a directory: workers of pytest-xdist may update one file."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - not there on Windows

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
