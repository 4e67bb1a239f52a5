"""What a server is asked for the rules about the prefix, and what more once it has answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE, Answer, Asked, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
        yield from _hosts(case, answers)
    yield from _if_missing(case, answers)


def _hosts(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield the root by names of this machine, one after the other, until one is answered otherwise."""
    for host in case.local_hosts:
        asked = Asked(case.version, f"{case.version}/", host)
        yield asked
        if asked not in answers or answers[asked].status != _status(answers, case.version, "/"):
            return


def _if_missing(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield where else it may be that is not below the prefix: without it, with or without a slash."""
    if Asked(case.version, case.version + NONSENSE) not in answers:
        return
    failing = [path for path in case.paths if 400 <= _status(answers, case.version, path) < 500]
    missing = [path for path in failing if not _is_found(answers, case, case.version, path)]
    for path in [*missing, NONSENSE] if missing else []:
        yield Asked(case.version, path or "/")
    for prefix in case.prefixes:
        if case.toggled is not None and _status(answers, prefix, case.path) == 404:
            yield Asked(prefix, prefix + case.toggled)
    if missing and Asked(case.version, NONSENSE) in answers:
        others = tuple(dict.fromkeys((*case.routes, *USUAL))) if missing == list(case.paths) else ()
        yield from _if_nowhere(case, answers, missing, others)


def _if_nowhere(
    case: Case, answers: Mapping[Asked, Answer], missing: Sequence[str], others: Sequence[str]
) -> Iterator[Asked]:
    """Yield where an app may be that has nothing at the ``missing`` paths, with the prefix or without it.

    That is at ``others``, below the prefix at first, or else without it, or else all with the prefix twice.
    """
    if any(_is_found(answers, case, "", path) for path in missing):
        return
    below = [Asked(case.version, case.version + path) for path in others]
    yield from below
    if any(asked not in answers for asked in below):
        return
    if any(_is_found(answers, case, case.version, path) for path in others):
        yield from (Asked(prefix, prefix + path) for prefix in case.prefixes for path in others)
        return
    bare = [Asked(case.version, path) for path in others]
    yield from bare
    if all(asked in answers for asked in bare) and not any(_is_found(answers, case, "", path) for path in others):
        for path in (*missing, NONSENSE, *others):
            yield Asked(case.version, case.version * 2 + path)


def _is_found(answers: Mapping[Asked, Answer], case: Case, start: str, path: str) -> bool:
    """Tell whether the app has something of its own at a path below ``start``."""
    answer = answers.get(Asked(case.version, (start + path) or "/"))
    nonsense = answers.get(Asked(case.version, start + NONSENSE))
    return answer is not None and nonsense is not None and answer.says_more_than(nonsense)


def _status(answers: Mapping[Asked, Answer], prefix: str, path: str) -> int:
    answer = answers.get(Asked(prefix, prefix + path))
    return 0 if answer is None else answer.status
