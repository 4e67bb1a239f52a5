"""What the rules about the prefix look at: an endpoint, its code, and how its server answered."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from vhlocal.checks.prefix.assets import assets_of
from vhlocal.findings import Finding
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vhlocal.checks.edits import Edits
    from vhlocal.checks.prefix.code import Code
    from vhlocal.findings import Definition
    from vhlocal.model import Endpoint, Place

#: A path that no app has: what answers there answers everywhere.
NONSENSE = "/vhlocal-doctor/no-such-page"

#: The status of an answer that makes a connection a WebSocket.
SWITCHED = 101

#: Where an API lists its routes.
SCHEMA = "/openapi.json"

#: What APIs have beside their routes. Whoever made the app, they show that it is there, although all that it has
#: otherwise takes POST alone.
USUAL = ("/docs", SCHEMA)

_PARAMETER = re.compile(r"\{[^{}/]*\}")

_NOT_FOUND = 404

#: How the machine of whoever reads a page is called there.
_READERS = ("localhost", "127.0.0.1", "0.0.0.0", "::1")

#: Frameworks whose root only says that they run, and stays where it is.
FIXED_ROOTS = ("LitServe",)


@dataclass(frozen=True)
class Asked:
    """One GET request: the whole path, and the prefix that ``X-VH-Prefix`` names (P7).

    ``host`` is what the request names as its host, "" for a name as production's. ``socket`` asks for a WebSocket.
    ``cookie`` is the value of that header, "" for none.
    """

    prefix: str
    target: str
    host: str = ""
    socket: bool = False
    cookie: str = ""


@dataclass(frozen=True)
class Answer:
    """What the server answered; ``headers`` in order, with names in lower case; ``body`` as far as it was read."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether the app says that there is nothing."""
        return self.status == _NOT_FOUND

    @property
    def is_there(self) -> bool:
        """Whether the app has something there, be it for another method, another user or other input."""
        return self.status != _NOT_FOUND and self.status < 500

    @property
    def is_redirect(self) -> bool:
        """Whether it leads elsewhere."""
        return 300 <= self.status < 400 and bool(self.values("location"))

    @property
    def is_page(self) -> bool:
        """Whether it is HTML that a browser shows."""
        return 200 <= self.status < 300 and any("html" in kind for kind in self.values("content-type"))

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a header."""
        return tuple(value for own, value in self.headers if own == name)

    def says_more_than(self, nonsense: Answer) -> bool:
        """Tell whether the app has something of its own here; ``nonsense`` is what it answers everywhere.

        Failures (5xx) show nothing. Pages of one status differ if their type or their body does.
        """
        if self.status >= 500 or self.status == _NOT_FOUND:
            return False
        if self.status != nonsense.status:
            return True
        return self.status < 300 and (self.kind, self.body) != (nonsense.kind, nonsense.body)

    @property
    def kind(self) -> str:
        """The media type of the body, "" where it names none."""
        return next(iter(self.values("content-type")), "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Case:
    """What is to be examined: ``path`` below the prefixes of the version and of one alias, asked of ``host``.

    Prefixes have no slash at their end; ``path`` is empty, which is the endpoint's URL itself, or begins with one.
    ``docs`` are pages of an API's own docs that there may be, ``routes`` other paths at which the app may be where it
    is not at its root. ``local_hosts`` are names that this machine has for itself, ``other_hosts`` those that the app's
    code has written out as its own. ``sockets`` are paths at which the app has WebSockets. ``endpoints`` are the names
    of all that the version serves.
    """

    version: str
    alias: str | None
    path: str
    host: str
    docs: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    local_hosts: tuple[str, ...] = ()
    other_hosts: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The version's prefix, and the alias' if there is one."""
        return (self.version,) if self.alias is None else (self.version, self.alias)

    @property
    def paths(self) -> tuple[str, ...]:
        """The endpoint's root, and the path that was asked for."""
        return ("/",) if self.path == "/" else ("/", self.path)

    @property
    def toggled(self) -> str | None:
        """The path with a slash at its end if it has none, without if it has one; None for the root."""
        if self.path == "/":
            return None
        return self.path[:-1] if self.path.endswith("/") else f"{self.path}/"

    def leaves(self, url: str, base: str) -> str | None:
        """Return the path that a URL on the page ``base`` leads to, if it is on this host and of no endpoint (P1).

        The whole URL, if it names the machine of whoever reads the page: no endpoint is there either.
        """
        try:
            split = urlsplit(urljoin(f"http://{self.host}{base}", url))
        except ValueError:  # no URL at all
            return None
        deployment = self.version.rsplit("/", 2)[0] + "/"
        if split.hostname in _READERS and split.netloc != self.host:
            return url
        is_here = split.netloc == self.host and split.scheme in {"http", "https"}
        return split.path or "/" if is_here and not split.path.startswith(deployment) else None

    def beside(self, address: str, prefix: str, base: str = "") -> tuple[str, str] | None:
        """Return where an address on the page at ``prefix`` itself leads, and where with a slash at the URL's end (P1).

        Both are paths: the first of no endpoint, the second below the prefix; None where an address leads elsewhere.
        """
        path, meant = (urlsplit(urljoin(urljoin(page, base), address)).path for page in (prefix, f"{prefix}/"))
        name = path.removeprefix(f"{prefix.rpartition('/')[0]}/").partition("/")[0]
        return (path, meant) if meant.startswith(f"{prefix}/") and name not in self.endpoints else None


@dataclass(frozen=True)
class Evidence:
    """See the module. ``answers`` hold what was asked, in that order: see ``questions``."""

    endpoint: Endpoint
    code: Code
    case: Case
    answers: Mapping[Asked, Answer]

    def under(self, prefix: str | None, path: str) -> Answer | None:
        """Return the answer below a prefix, None if it was not asked for."""
        return None if prefix is None else self.answers.get(Asked(prefix, (prefix + path) or "/"))

    @property
    def moved_host(self) -> str:
        """The host that the app's code has written out and that it answers to otherwise; "" for none."""
        return next((host for host in self.case.other_hosts if self._differs(f"{self.case.version}/", host)), "")

    @property
    def local_alone(self) -> tuple[Asked, Answer] | None:
        """What was asked by a name of this machine and refused to production's host; None where nothing was."""
        if self.moved_host:
            return None
        refused = ((one, answer) for one, answer in self.answers.items() if self._differs(one.target, one.host))
        return next(refused, None)

    def _differs(self, target: str, host: str) -> bool:
        """Tell whether a path is refused to production's host, and not to another one."""
        refused, answer = (self.answers.get(Asked(self.case.version, target, name)) for name in ("", host))
        if not host or refused is None or answer is None:
            return False
        return 400 <= refused.status < 500 and answer.status < 500 and answer.status != refused.status

    def socket(self, prefix: str | None, path: str) -> Answer | None:
        """Return the answer to who asks for a WebSocket below a prefix, None if nobody did."""
        return (
            None if prefix is None else self.answers.get(Asked(prefix or self.case.version, prefix + path, socket=True))
        )

    def outside(self, path: str) -> Answer | None:
        """Return the answer to the path without the prefix."""
        return self.answers.get(Asked(self.case.version, path or "/"))

    def doubled(self, path: str) -> Answer | None:
        """Return the answer to the path with the prefix twice."""
        return self.answers.get(Asked(self.case.version, self.case.version * 2 + path))

    def own(self) -> Iterator[tuple[Asked, Answer]]:
        """Yield all that was asked for as a client does, below the prefix."""
        for asked, answer in self.answers.items():
            if asked.host or asked.socket:
                continue
            if asked.target.startswith(asked.prefix) and not asked.target.startswith(asked.prefix * 2):
                yield asked, answer

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that was asked for below the version's prefix, in that order, but the one that nobody has."""
        version = self.case.version
        asked = (one.target[len(version) :] for one, _ in self.own() if one.prefix == version)
        return tuple(path for path in dict.fromkeys(asked) if path != NONSENSE)

    @property
    def assets(self) -> tuple[str, ...]:
        """The paths of what the page at the version's root needs, below its prefix."""
        return assets_of_root(self.case, self.answers)

    def is_lost(self, prefix: str | None, path: str) -> bool:
        """Tell whether the app has nothing of its own there below a prefix; False where that was not asked."""
        answer, nonsense = self.under(prefix, path), self.under(prefix, NONSENSE)
        if answer is None or nonsense is None or answer.status >= 500:
            return False
        if path in self.assets and answer.is_page:
            return True
        return answer.is_missing or (answer.status == nonsense.status and not answer.says_more_than(nonsense))

    def is_found(self, prefix: str | None, path: str) -> bool:
        """Tell whether the app has something of its own there below a prefix; False where that was not asked."""
        return _says_more(self.under(prefix, path), self.under(prefix, NONSENSE))

    @property
    def unprefixed(self) -> str | None:
        """The path that is there without the prefix and not below it (P4), None where there is none."""
        path = self._moved(self.outside)
        return None if path in USUAL and self._lists_below else path

    @property
    def twice(self) -> str | None:
        """The path that is there below the prefix written twice, and not below it, None where there is none."""
        return self._moved(self.doubled)

    @property
    def caveat(self) -> str:
        """What a reader of `ready` has to know where the app is not reached below its prefix."""
        path = self.unprefixed if self.unprefixed is not None else self.twice
        answer = None if path is None else self.under(self.case.version, path)
        if answer is not None and answer.status < 300:
            return "but its page lacks what it needs below its prefix"
        return "" if answer is None else f"but answers {answer.status} below its prefix"

    @property
    def is_doubling(self) -> bool:
        """Whether the prefix is put before paths, or taken from them, once too often."""
        return self.twice is not None or (self.unprefixed is not None and self.code.root_path is not None)

    def is_served_by(self, *servers: str) -> bool:
        """Tell whether one of these servers was started by ``server-command``, or says in an answer that it is it."""
        return self.server_among(*servers) != ""

    def server_among(self, *servers: str) -> str:
        """Return which of these servers it is, "" for none of them: see ``is_served_by``."""
        if self.endpoint.server_command is None:
            return ""
        if self.code.server:
            return self.code.server if self.code.server in servers else ""
        said = (value for answer in self.answers.values() for value in answer.values("server"))
        names = (value.partition("/")[0].partition("-")[0].lower() for value in said)
        return next((name for name in names if name in servers), "")

    def moved_to(self, elsewhere: str, path: str, app: str = "it") -> str:
        """Return the words for an app that has something of its own ``elsewhere``, and not below its prefix."""
        answer = self.under(self.case.version, path)
        return f"{app} answers at `{elsewhere}`, but {answer.status if answer else 404} at `{self.case.version}{path}`"

    def finding(
        self, definition: Definition, place: Place, seen: str, change: str, caveat: str = "", edits: Edits = ()
    ) -> Finding:
        """Return what was found of this endpoint, with its framework where the remedy differs by that."""
        framework = self.code.framework if self.code.framework in definition.remedy else ""
        return Finding(definition, place, seen, change, self.endpoint.name, framework, caveat, edits)

    @property
    def _lists_below(self) -> bool:
        """Whether the app's own schema, be it that only the docs are without the prefix, has a path below it."""
        schema = self.outside(SCHEMA)
        try:
            paths = list(json.loads(schema.body)["paths"]) if schema is not None else []
        except (ValueError, RecursionError, KeyError, TypeError):
            return False
        prefix = self.case.version.split("/")
        starts = [own[: len(prefix)] for path in paths if len(own := path.split("/")) >= len(prefix)]
        return any(all(a == b or _PARAMETER.fullmatch(a) for a, b in zip(own, prefix, strict=True)) for own in starts)

    def _moved(self, elsewhere: Callable[[str], Answer | None]) -> str | None:
        """Return the first path that the app has elsewhere, and not where it is asked for.

        Of an app that has something below its prefix, what nobody has asked for proves nothing: it may have its docs
        elsewhere.
        """
        nonsense = elsewhere(NONSENSE)
        knows = any(self.is_found(self.case.version, path) for path in self.paths)
        roots = () if knows and self.code.framework in FIXED_ROOTS else self.case.paths
        for path in (*roots, *self.assets) if knows else self.paths:
            answer = elsewhere(path)
            if path in self.assets and answer is not None and answer.is_page:
                continue  # one page for everything
            if self.is_lost(self.case.version, path) and _says_more(answer, nonsense):
                return path
        return None


def assets_of_root(case: Case, answers: Mapping[Asked, Answer]) -> tuple[str, ...]:
    """Return the paths below the version's prefix of what the page at its root needs; none where it is no page.

    Of a page for everything, that is also what it asks for at the root of the host: it may be there for nobody else.
    """
    root, *others = (answers.get(Asked(case.version, case.version + path)) for path in ("/", "", NONSENSE))
    page = next((answer for answer in (root, others[0]) if answer is not None and answer.is_page), None)
    everywhere = others[1] is not None and others[1].is_page
    return () if page is None else assets_of(page.body, f"{case.version}/", case.version, everywhere=everywhere)


def _says_more(answer: Answer | None, nonsense: Answer | None) -> bool:
    return answer is not None and nonsense is not None and answer.says_more_than(nonsense)
