"""What a server is asked for the rules about the prefix, and what more once it has answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE, Answer, Asked, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The pages of an API's own docs, by the framework that makes them unasked.
DOCS: Mapping[str, tuple[str, ...]] = {"FastAPI": ("/docs",)}

#: What APIs have beside their routes, and where an API tells its routes. Whoever made the app, they show that it is
#: there, although all that it has otherwise takes POST alone.
USUAL = ("/docs", "/openapi.json")


def questions(case: Case, answers: Mapping[Asked, Answer]) -> tuple[Asked, ...]:
    """Return what is to be asked next, nothing once all is known: no more than the answers so far give cause for."""
    return tuple(asked for asked in dict.fromkeys(_wanted(case, answers)) if asked not in answers)


def _wanted(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    for prefix in case.prefixes:
        for path in case.paths:
            yield Asked(prefix, prefix + path)
    for page in case.docs:
        yield Asked(case.version, case.version + page)
    if any(_status(answers, prefix, path) >= 400 for prefix in case.prefixes for path in case.paths):
        yield from (Asked(prefix, prefix + NONSENSE) for prefix in case.prefixes)
    if _status(answers, case.version, "/") >= 400:
        yield from (Asked(case.version, f"{case.version}/", host) for host in case.local_hosts)
    yield from _if_missing(case, answers)


def _if_missing(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield where else it may be that is not below the prefix: without it, with it twice, with or without a slash."""
    if Asked(case.version, case.version + NONSENSE) not in answers:
        return
    failing = [path for path in case.paths if 400 <= _status(answers, case.version, path) < 500]
    missing = [path for path in failing if not _is_found(answers, case, case.version, path)]
    for path in [*missing, NONSENSE] if missing else []:
        yield Asked(case.version, path or "/")
        yield Asked(case.version, case.version * 2 + path)
    for prefix in case.prefixes:
        if case.toggled is not None and _status(answers, prefix, case.path) == 404:
            yield Asked(prefix, prefix + case.toggled)
    if missing == list(case.paths):
        yield from _if_nowhere(case, answers)


def _if_nowhere(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield other paths that the app may have, where its root is nowhere: below the prefixes first, else elsewhere."""
    if any(_is_found(answers, case, start, path) for start in ("", case.version * 2) for path in case.paths):
        return
    others = tuple(dict.fromkeys((*case.routes, *USUAL)))
    yield from (Asked(prefix, prefix + path) for prefix in case.prefixes for path in others)
    all_known = all(Asked(case.version, case.version + path) in answers for path in others)
    if all_known and not any(_is_found(answers, case, case.version, path) for path in others):
        yield from (Asked(case.version, path) for path in others)
        if not any(_is_found(answers, case, "", path) for path in others):
            yield from (Asked(case.version, case.version * 2 + path) for path in others)


def _is_found(answers: Mapping[Asked, Answer], case: Case, start: str, path: str) -> bool:
    """Tell whether the app has something of its own at a path below ``start``."""
    answer = answers.get(Asked(case.version, (start + path) or "/"))
    nonsense = answers.get(Asked(case.version, start + NONSENSE))
    return answer is not None and nonsense is not None and answer.says_more_than(nonsense)


def _status(answers: Mapping[Asked, Answer], prefix: str, path: str) -> int:
    answer = answers.get(Asked(prefix, prefix + path))
    return 0 if answer is None else answer.status
