"""VH208: a secret in the package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.masked import TOKEN_MARKS, tokens
from vhlocal.model import Place
from vhlocal.project.settings import is_kept_elsewhere
from vhlocal.project.sources import read_settings_file
from vhlocal.project.table import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH208",
    title="A secret is packaged with the code",
    severity=Severity.ERROR,
    why="Anyone who can read the commit or pull the image has the secret, as long as either exists.",
    remedy={
        "": "Remove it from the code, have its issuer replace it, and give it to the server in an environment "
        "variable: in production, the project's or the version's; here, with `--var` or `--env-file`. In "
        "`vhlocal.yaml`, write `env:NAME` or `file:PATH` instead."
    },
    example=Example("python", 'TOKEN = "ghp_…"', 'TOKEN = os.environ["GITHUB_TOKEN"]'),
    rows=("B5", "B8"),
)

_SAMPLES = {"test", "tests", "testdata", "fixtures", "examples", "docs", "node_modules"}
_NOT_REAL = re.compile(r"example|sample|dummy|placeholder|changeme|your[-_]|xxxx|\.\.\.", re.IGNORECASE)
#: Names of variables that hold a secret and nothing else.
_ONE = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_?KEY|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)$", re.IGNORECASE
)
_ENV_FILE = re.compile(r"\.env(\.(local|prod|production|dev|development|staging))?")
_ENV_SECRET = re.compile(
    r"^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|CREDENTIAL)\w*\s*=\s*[\"']?([^\s\"'#$]{6,})",
    re.MULTILINE | re.IGNORECASE,
)
_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+[A-Za-z0-9+/=]{16,}")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the first secret of each packaged file; what is plainly a sample, or in a test, is none."""
    for path, file in subject.package.files.items():
        parts = path.split("/")
        if file.link is not None or _SAMPLES & set(parts[:-1]):
            continue
        text = subject.text(path)
        if text is None:
            continue
        what = _secret(parts[-1], text)
        if what is not None:
            name, line = what
            seen = f"{path} has {name}"
            change = "remove it, have it replaced, and pass it in an environment variable"
            yield Finding(DEFINITION, Place(file.source, line), seen, change)
    if SETTINGS_FILE in subject.package.files:
        yield from _written_out(subject)


def _written_out(subject: Subject) -> Iterator[Finding]:
    """Yield the secrets that the settings hold themselves: the file is packaged with the code."""
    settings = read_settings_file(subject.directory)
    for name, is_secret in (("basic_auth", lambda _: True), ("variables", _ONE.search)):
        for key, entry in settings.get(name, {}).items():
            written = is_secret(key) and not is_kept_elsewhere(name, key, entry.value)
            if written and entry.value and not _NOT_REAL.search(entry.value) and entry.value[0] not in "$<{":
                what = f"the password of `{key}` in `basic-auth`" if name == "basic_auth" else f"the value of `{key}`"
                change = f'write `env:NAME` or `file:PATH` instead: `{key}: "env:{_variable(key)}"`'
                yield Finding(DEFINITION, entry.place, f"{SETTINGS_FILE} has {what}", change)


def _variable(key: str) -> str:
    name = re.sub(r"\W", "_", key).upper()
    return name if _ONE.search(key) else f"{name}_PASSWORD"


def _secret(name: str, text: str) -> tuple[str, int] | None:
    """Return what kind of secret a text has, and on which line; never the secret itself."""
    if _ENV_FILE.fullmatch(name):
        for match in _ENV_SECRET.finditer(text):
            if not _NOT_REAL.search(match[1]):
                return "the value of a secret variable", _line(text, match.start(1))
    if not any(mark in text for mark in ("PRIVATE KEY", *TOKEN_MARKS)):
        return None
    for match in _KEY.finditer(text):
        if not _NOT_REAL.search(match[0]):
            return "a private key", _line(text, match.start())
    for kind, pattern in tokens().items():
        for match in pattern.finditer(text):
            if not _NOT_REAL.search(match[0]) and len(set(match[0][4:])) > 8:
                return kind, _line(text, match.start())
    return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


RULE = Rule((DEFINITION,), find)
