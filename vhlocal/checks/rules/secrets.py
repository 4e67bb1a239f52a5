"""VH208: a secret in the package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH208",
    title="A secret is packaged with the code",
    severity=Severity.ERROR,
    why="Whoever may read the commit or pull the image has the secret, for as long as either exists.",
    remedy={
        "": "Take it out of the code, let it be replaced where it was given out, and hand it to the server by an "
        "environment variable: in production the project's or the version's, here `--var` or `--env-file`."
    },
    example=Example("python", 'TOKEN = "ghp_…"', 'TOKEN = os.environ["GITHUB_TOKEN"]'),
    rows=("B5", "B8"),
)

_SAMPLES = {"test", "tests", "testdata", "fixtures", "examples", "docs", "node_modules"}
_NOT_REAL = re.compile(r"example|sample|dummy|placeholder|changeme|your[-_]|xxxx|\.\.\.", re.IGNORECASE)
_ENV_FILE = re.compile(r"\.env(\.(local|prod|production|dev|development|staging))?")
_ENV_SECRET = re.compile(
    r"^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|CREDENTIAL)\w*\s*=\s*[\"']?([^\s\"'#$]{6,})",
    re.MULTILINE | re.IGNORECASE,
)
_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+[A-Za-z0-9+/=]{16,}")
_TOKENS = {
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b"),
    "a GitLab token": re.compile(r"\bglpat-[\w-]{20}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-\d+-[A-Za-z0-9-]{20,}\b"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z]{34}\b"),
    "an OpenAI key": re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b"),
    "a Stripe key": re.compile(r"\bsk_live_[0-9a-zA-Z]{24,}\b"),
    "an npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a PyPI token": re.compile(r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}\b"),
    "a SendGrid key": re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}\b"),
}
#: One quick look for all of them: most texts have none.
_MARKS = (
    "PRIVATE KEY",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "AIza",
    "hf_",
    "T3BlbkFJ",
    "sk_live_",
    "npm_",
    "pypi-",
    "SG.",
)


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
            change = "take it out, have it replaced, and give it by an environment variable"
            yield Finding(DEFINITION, Place(file.source, line), seen, change)


def _secret(name: str, text: str) -> tuple[str, int] | None:
    """Return what kind of secret a text has, and on which line; never the secret itself."""
    if _ENV_FILE.fullmatch(name):
        for match in _ENV_SECRET.finditer(text):
            if not _NOT_REAL.search(match[1]):
                return "the value of a secret variable", _line(text, match.start(1))
    if not any(mark in text for mark in _MARKS):
        return None
    for match in _KEY.finditer(text):
        if not _NOT_REAL.search(match[0]):
            return "a private key", _line(text, match.start())
    for kind, pattern in _TOKENS.items():
        for match in pattern.finditer(text):
            if not _NOT_REAL.search(match[0]) and len(set(match[0][4:])) > 8:
                return kind, _line(text, match.start())
    return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


RULE = Rule((DEFINITION,), find)
