"""What a server is asked for the rules about the prefix, and what more once it has answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE, SWITCHED, USUAL, Answer, Asked, Case, assets_of_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: The pages of an API's own docs, by the framework that makes them unasked.
DOCS: Mapping[str, tuple[str, ...]] = {"FastAPI": ("/docs",)}


def questions(case: Case, answers: Mapping[Asked, Answer]) -> tuple[Asked, ...]:
    """Return what is to be asked next, nothing once all is known: no more than the answers so far give cause for."""
    return tuple(asked for asked in dict.fromkeys(_wanted(case, answers)) if asked not in answers)


def _wanted(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    for prefix in case.prefixes:
        for path in case.paths:
            yield Asked(prefix, prefix + path)
    root = answers.get(Asked(case.version, f"{case.version}/"))
    if root is not None and root.is_redirect:  # the page that it needs much for may be at the endpoint's URL itself
        yield from (Asked(prefix, prefix) for prefix in case.prefixes)
    for page in case.docs:
        yield Asked(case.version, case.version + page)
    yield Asked(case.version, case.version + NONSENSE)
    failing = any(_status(answers, prefix, path) >= 400 for prefix in case.prefixes for path in case.paths)
    if failing or _answers_all(case, answers) or assets_of_root(case, answers):
        yield from (Asked(prefix, prefix + NONSENSE) for prefix in case.prefixes)
    if _status(answers, case.version, "/") >= 400:
        yield from _hosts(case, answers, (*case.other_hosts, *case.local_hosts))
    yield from _if_missing(case, answers)
    yield from _if_blank(case, answers)
    yield from _sockets(case, answers)


def _hosts(case: Case, answers: Mapping[Asked, Answer], hosts: Sequence[str]) -> Iterator[Asked]:
    """Yield the root by other names of hosts, one after the other, until one is answered otherwise."""
    for host in hosts:
        asked = Asked(case.version, f"{case.version}/", host)
        yield asked
        if asked not in answers or answers[asked].status != _status(answers, case.version, "/"):
            return


def _if_blank(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield what a page at the root needs, and what an app has that answers all alike; where it has not, without it."""
    wanted = (*assets_of_root(case, answers), *(case.routes if _answers_all(case, answers) else ()))
    yield from (Asked(prefix, prefix + path) for prefix in case.prefixes for path in wanted)
    lost = [path for path in wanted if _is_lost(answers, case, path)]
    for path in [*lost, NONSENSE] if lost else []:
        yield Asked(case.version, path)


def _sockets(case: Case, answers: Mapping[Asked, Answer]) -> Iterator[Asked]:
    """Yield an app's WebSockets under both names, and without the prefix where they are refused there."""
    for path in case.sockets:
        below = [Asked(prefix, prefix + path, socket=True) for prefix in case.prefixes]
        yield from below
        if below[0] in answers and answers[below[0]].status != SWITCHED:
            yield Asked(case.version, path, socket=True)


def _answers_all(case: Case, answers: Mapping[Asked, Answer]) -> bool:
    """Tell whether the app answers a path that nobody has as it answers its root: that proves nothing."""
    root, nonsense = (answers.get(Asked(case.version, case.version + path)) for path in ("/", NONSENSE))
    return root is not None and nonsense is not None and root.status < 300 and not root.says_more_than(nonsense)


def _is_lost(answers: Mapping[Asked, Answer], case: Case, path: str) -> bool:
    answer = answers.get(Asked(case.version, case.version + path))
    if answer is None:
        return False
    is_page = path in assets_of_root(case, answers) and answer.is_page
    return answer.status < 500 and (is_page or not _is_found(answers, case, case.version, path))


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
    if any(_is_found(answers, case, "", path) for path in missing):  # what else there is may be where it is to be
        yield from (Asked(prefix, prefix + path) for prefix in case.prefixes for path in case.routes)
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
        for host in case.local_hosts[:1]:  # an app may choose its routes by that
            yield from (Asked(case.version, case.version + path, host) for path in others)


def _is_found(answers: Mapping[Asked, Answer], case: Case, start: str, path: str) -> bool:
    """Tell whether the app has something of its own at a path below ``start``."""
    answer = answers.get(Asked(case.version, (start + path) or "/"))
    nonsense = answers.get(Asked(case.version, start + NONSENSE))
    return answer is not None and nonsense is not None and answer.says_more_than(nonsense)


def _status(answers: Mapping[Asked, Answer], prefix: str, path: str) -> int:
    answer = answers.get(Asked(prefix, prefix + path))
    return 0 if answer is None else answer.status
