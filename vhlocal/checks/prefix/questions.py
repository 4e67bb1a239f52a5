"""What a server is asked for the rules about the prefix, and what more once it has answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE, Answer, Asked, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The pages of an API's own docs, by the framework that makes them unasked.
DOCS: Mapping[str, tuple[str, ...]] = {"FastAPI": ("/docs",)}


def questions(case: Case, answers: Mapping[Asked, Answer]) -> tuple[Asked, ...]:
    """Return what is to be asked next, nothing once all is known: no more than the answers so far give cause for."""
    return tuple(asked for asked in dict.fromkeys(_wanted(case, answers)) if asked not in answers)


def _wanted(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    for prefix in case.prefixes:
        for path in case.paths:
            yield Asked(prefix, prefix + path)
    for page in case.docs:
        yield Asked(case.version, case.version + page)
    yield from _if_missing(case, answers)
    if any(_status(answers, prefix, path) >= 400 for prefix in case.prefixes for path in case.paths):
        yield from (Asked(prefix, prefix + NONSENSE) for prefix in case.prefixes)


def _if_missing(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield where else it may be that is not below the prefix: without it, with it twice, with or without a slash."""
    missing = [path for path in case.paths if _status(answers, case.version, path) == 404]
    for path in [*missing, NONSENSE] if missing else []:
        yield Asked(case.version, path or "/")
        yield Asked(case.version, case.version * 2 + path)
    for prefix in case.prefixes:
        if case.toggled is not None and _status(answers, prefix, case.path) == 404:
            yield Asked(prefix, prefix + case.toggled)


def _status(answers: Mapping[Asked, Answer], prefix: str, path: str) -> int:
    answer = answers.get(Asked(prefix, prefix + path))
    return 0 if answer is None else answer.status
