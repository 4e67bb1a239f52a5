"""What the rules about the prefix look at: an endpoint, its code, and how its server answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.checks.prefix.code import Code
    from vhlocal.findings import Definition
    from vhlocal.model import Endpoint, Place

#: A path that no app has: what answers there answers everywhere.
NONSENSE = "/vhlocal-doctor/no-such-page"

_NOT_FOUND = 404


@dataclass(frozen=True)
class Asked:
    """One GET request: the whole path, and the prefix that ``X-VH-Prefix`` names (P7)."""

    prefix: str
    target: str


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


@dataclass(frozen=True)
class Case:
    """What is to be examined: ``path`` below the prefixes of the version and of one alias, asked of ``host``.

    Prefixes have no slash at their end; ``path`` is empty or begins with one. ``docs`` are pages of an API's own docs
    that there may be.
    """

    version: str
    alias: str | None
    path: str
    host: str
    docs: tuple[str, ...] = ()

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
        """Return the path that a URL on the page ``base`` leads to, if it is on this host and of no endpoint (P1)."""
        try:
            split = urlsplit(urljoin(f"http://{self.host}{base}", url))
        except ValueError:  # no URL at all
            return None
        deployment = self.version.rsplit("/", 2)[0] + "/"
        is_here = split.netloc == self.host and split.scheme in {"http", "https"}
        return split.path or "/" if is_here and not split.path.startswith(deployment) else None


@dataclass(frozen=True)
class Evidence:
    """See the module. ``answers`` hold what was asked, in that order: see ``questions``."""

    endpoint: Endpoint
    code: Code
    case: Case
    answers: Mapping[Asked, Answer]

    def under(self, prefix: str | None, path: str) -> Answer | None:
        """Return the answer below a prefix, None if it was not asked for."""
        return None if prefix is None else self.answers.get(Asked(prefix, prefix + path))

    def outside(self, path: str) -> Answer | None:
        """Return the answer to the path without the prefix."""
        return self.answers.get(Asked(self.case.version, path or "/"))

    def doubled(self, path: str) -> Answer | None:
        """Return the answer to the path with the prefix twice."""
        return self.answers.get(Asked(self.case.version, self.case.version * 2 + path))

    def own(self) -> Iterator[tuple[Asked, Answer]]:
        """Yield all that was asked for as a client does, below the prefix."""
        for asked, answer in self.answers.items():
            if asked.target.startswith(asked.prefix) and not asked.target.startswith(asked.prefix * 2):
                yield asked, answer

    @property
    def unprefixed(self) -> str | None:
        """The path that is there without the prefix and not below it (P4), None where there is none."""
        if not _is_missing(self.outside(NONSENSE)):
            return None
        return next((path for path in self.case.paths if self._moved(path, self.outside(path))), None)

    @property
    def twice(self) -> str | None:
        """The path that is there below the prefix written twice, and not below it, None where there is none."""
        if not _is_missing(self.doubled(NONSENSE)):
            return None
        return next((path for path in self.case.paths if self._moved(path, self.doubled(path))), None)

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

    def finding(self, definition: Definition, place: Place, seen: str, change: str) -> Finding:
        """Return what was found of this endpoint, with its framework where the remedy differs by that."""
        framework = self.code.framework if self.code.framework in definition.remedy else ""
        return Finding(definition, place, seen, change, self.endpoint.name, framework)

    def _moved(self, path: str, elsewhere: Answer | None) -> bool:
        return _is_missing(self.under(self.case.version, path)) and elsewhere is not None and elsewhere.is_there


def _is_missing(answer: Answer | None) -> bool:
    return answer is not None and answer.is_missing
