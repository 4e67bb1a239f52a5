"""Which files a server's copies can be made of."""

from __future__ import annotations

from pathlib import Path

from vhlocal.runtime.base import Entry
from vhlocal.session.wanted.desired import changed_entries, moved_files


def entry(path: str, digest: str, mode: int = 0o644) -> Entry:
    return Entry(path, mode=mode, source=Path("/project", path), digest=digest)


def moved(old: list[Entry], new: list[Entry]) -> dict[str, str]:
    return moved_files(old, *changed_entries(old, new))


def test_a_file_that_went_and_came_elsewhere_is_moved():
    old = [entry("big/a", "1"), entry("big/b", "2"), entry("stays", "1")]
    assert moved(old, [entry("large/a", "1"), entry("large/b", "2"), entry("stays", "1")]) == {
        "large/a": "big/a",
        "large/b": "big/b",
    }


def test_one_that_stays_or_differs_is_not():
    assert moved([entry("a", "1")], [entry("a", "1"), entry("b", "1")]) == {}
    assert moved([entry("a", "1")], [entry("b", "2")]) == {}
    assert moved([entry("a", "1", 0o755)], [entry("b", "1")]) == {}
    assert moved([Entry("a", content=b"1")], [Entry("b", content=b"1")]) == {}
    assert moved([Entry("a", link="1")], [Entry("b", link="1")]) == {}


def test_one_file_is_moved_once():
    found = moved([entry("a", "1")], [entry("b", "1"), entry("c", "1")])
    assert len(found) == 1
