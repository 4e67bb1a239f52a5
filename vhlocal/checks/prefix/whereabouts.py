"""Where an app answers that has nothing at its endpoint's own URL: from its schema, or from what was found. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from vhlocal.checks.prefix.evidence import NONSENSE, SCHEMA, USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Answer, Evidence

#: Methods in a schema, those first that an endpoint is for.
_METHODS = ("post", "get", "put", "patch", "delete")
#: What an app answers that cannot do anything with a request, whatever it asks for.
_REFUSED = 400
#: Paths that are named, at most.
_MOST = 3


def caveat(evidence: Evidence) -> str:
    """Return what a reader of `ready` has to know of an app that answers 404 at its URL, "" where it answers there.

    That is where it does answer, or that nothing was found, or that it fails. Where something kept it from being
    reached, that is a finding's.
    """
    version = evidence.case.version
    paths = [path for path in evidence.case.paths if path in ("", "/")]
    roots = [evidence.under(version, path) for path in paths if path or not _leads_to_root(evidence)]
    failed = [answer.status for answer in roots if answer is not None and answer.status >= 500]
    if len(failed) == len(roots):
        return f"but answers {failed[0]} at its URL"
    if roots and all(_is_refused(evidence, path) for path in ("/", NONSENSE)):
        return f"but answers {_REFUSED} to every request"
    if not all(map(_is_missing, roots)):
        return ""
    routes = tuple(dict.fromkeys(_routes(evidence)))
    if not routes:
        return "but answers 404 at its URL"
    more = f" and {len(routes) - _MOST} more" if len(routes) > _MOST else ""
    return f"answers at {', '.join(routes[:_MOST])}{more}, but 404 at its URL"


def _leads_to_root(evidence: Evidence) -> bool:
    """Tell whether the URL leads to the same with a slash at its end, which was asked for as well."""
    answer, root = evidence.under(evidence.case.version, ""), f"{evidence.case.version}/"
    if answer is None or not answer.is_redirect:
        return False
    return urlsplit(urljoin(root, answer.values("location")[0])).path == root


def _is_refused(evidence: Evidence, path: str) -> bool:
    answer = evidence.under(evidence.case.version, path)
    return answer is not None and answer.status == _REFUSED


def _is_missing(answer: Answer | None) -> bool:
    return answer is None or answer.is_missing


def _routes(evidence: Evidence) -> Iterator[str]:
    """Yield what is there below the version's prefix, with its method where that is not GET."""
    version = evidence.case.version
    schema = evidence.under(version, SCHEMA)
    if schema is not None and schema.status == 200:
        yield from _of_schema(schema.body)
    for path in evidence.paths:
        answer = evidence.under(version, path)
        if answer is not None and path and path not in USUAL and evidence.is_found(version, path):
            yield f"{_method(answer)}…{path}"


def _method(answer: Answer) -> str:
    """Return the method that a path takes, by what it says to another one; "" for GET."""
    words = ",".join(answer.values("allow")).upper().replace(" ", "").split(",")
    own = [word for word in words if word not in ("", "GET", "HEAD", "OPTIONS")]
    return f"{own[0]} " if answer.status == 405 and own else ""


def _of_schema(body: str) -> Iterator[str]:
    try:
        paths = json.loads(body)["paths"]
        found = [(method, path) for path, item in paths.items() for method in item if method in _METHODS]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return
    for method, path in sorted(found, key=lambda each: _METHODS.index(each[0])):
        yield f"{'' if method == 'get' else f'{method.upper()} '}…{path}"
