"""VH517 and VH518: what a request has left in one replica is unknown to another (K3)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import command_key, place_of
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.checks.prefix.evidence import Answer
    from vhlocal.model import Endpoint

STATE = Definition(
    code="VH517",
    title="One replica has data that another replica lacks",
    severity=Severity.WARNING,
    why="Requests go to the replicas in turn, and each replica has its own memory and disk. The next request may not "
    "find what an earlier one left there, such as an upload, a list, a counter or a cache; a restart loses it.",
    remedy={
        "": "Keep it where all replicas can reach it: in a database, a cache server, an object store, or one of the "
        "endpoint's `shared-volumes`. Or let the client send what the answer depends on.",
    },
    example=Example("python", "items.append(request.json)", 'store.rpush("items", json.dumps(request.json))'),
    rows=("K3",),
)
COOKIE = Definition(
    code="VH518",
    title="One replica does not know another replica's cookie",
    severity=Severity.WARNING,
    why="Requests go to the replicas in turn. A session that lives in one process, or a cookie signed with a key that "
    "only one process has, is lost with the next request: users are logged out again and again.",
    remedy={
        "": "Keep sessions where all replicas can reach them, or in the cookie itself, signed with a key from an "
        "environment variable that all replicas share.",
        "Flask": '`app.secret_key = os.environ["SECRET_KEY"]`; set it in production, and here with `--env-file`.',
        "Django": '`SECRET_KEY = os.environ["SECRET_KEY"]`; keep sessions in a database that all replicas share.',
    },
    example=Example("python", "sessions[name] = user", 'session["user"] = user'),
    rows=("K3",),
)

_NOT_FOUND = 404
_REFUSED = (401, 403)
#: Numbers by such a name differ since one server was started later.
_OF_TIME = re.compile(r"time|since|age|date|second|minute|hour|elapsed|start|pid|proc|id$", re.IGNORECASE)


@dataclass(frozen=True)
class Compared:
    """The same GET at two replicas, one after the other, twice: ``answers`` has each replica's, as they came.

    ``cookies`` has for each cookie's name what came of sending it: for the replica that set it first, and then for the
    other one, how the one that set it and how the other answered.
    """

    endpoint: Endpoint
    target: str
    replicas: tuple[int, int]
    answers: tuple[tuple[Answer, Answer], tuple[Answer, Answer]]
    cookies: Mapping[str, tuple[tuple[Answer, Answer], tuple[Answer, Answer]]]


def find(compared: Compared) -> Iterator[Finding]:
    """Yield what one replica lacks that the other has, both times alike.

    What differs in any other way may be the replica's own: its name, a time, what it has loaded so far.
    """
    (one, other), (first, second) = compared.replicas, compared.answers
    for has, lacks, names in ((first, second, (one, other)), (second, first, (other, one))):
        missing = [_lacking(having, lacking) for having, lacking in zip(has, lacks, strict=True)]
        if missing[0] and missing[0] == missing[1]:
            seen = f"GET {compared.target}: replica {names[0]} has {missing[0][0]}, replica {names[1]} {missing[0][1]}"
            yield _finding(compared, STATE, seen, "keep it where all replicas can reach it")
            break
    for name, ways in compared.cookies.items():
        if all(_is_unknown(name, *way) for way in ways):
            seen = f"GET {compared.target}: the cookie `{name}` of replica {one} is unknown to replica {other}"
            yield _finding(
                compared, COOKIE, seen, "keep sessions where all replicas can reach them, or share their key"
            )
            break


def cookies_of(answer: Answer) -> dict[str, str]:
    """Return the cookies that an answer sets, by name; those that it deletes are none."""
    found = {}
    for cookie in answer.values("set-cookie"):
        first, *attributes = (part.strip() for part in cookie.split(";"))
        name, _, value = first.partition("=")
        if value.strip('"') and not any(part.lower().replace(" ", "") == "max-age=0" for part in attributes):
            found[name] = value
    return found


def _finding(compared: Compared, definition: Definition, seen: str, change: str) -> Finding:
    endpoint = compared.endpoint
    return Finding(definition, place_of(endpoint, command_key(endpoint)), seen, change, endpoint.name)


def _is_unknown(name: str, own: Answer, other: Answer) -> bool:
    """Tell whether the replica that set a cookie takes it, and the other does not."""
    if not _is_good(own) or name in cookies_of(own):
        return False
    return other.status in _REFUSED or (_is_good(other) and name in cookies_of(other))


def _is_good(answer: Answer) -> bool:
    return 200 <= answer.status < 400


def _lacking(has: Answer, lacks: Answer) -> tuple[str, str] | None:
    """Return what one answer has and the other has in its place, None where it lacks nothing."""
    if 200 <= has.status < 300 and lacks.status == _NOT_FOUND:
        return f"an answer ({has.status})", "answers 404"
    if has.status != lacks.status or not 200 <= has.status < 300:
        return None
    try:
        having, lacking = json.loads(has.body), json.loads(lacks.body)
    except (ValueError, RecursionError):
        return None
    return next(_empty(having, lacking, ""), None)


def _empty(has: Any, lacks: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield where a list, an object or a count is empty in one document alone."""
    where = f" at `{path}`" if path else ""
    if isinstance(has, dict) and isinstance(lacks, dict):
        if has and not lacks:
            yield f"an object of {len(has)}{where}", "an empty one"
        for key in has:
            if key in lacks and not _OF_TIME.search(key):
                yield from _empty(has[key], lacks[key], f"{path}.{key}" if path else key)
    elif isinstance(has, list) and isinstance(lacks, list):
        if has and not lacks:
            yield f"a list of {len(has)}{where}", "an empty one"
    elif type(has) is int and type(lacks) is int and has > 0 and lacks == 0:
        yield f"{has}{where}", "0"


RULE = Rule((STATE, COOKIE), find)
