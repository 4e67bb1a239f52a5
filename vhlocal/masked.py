"""Secrets in a text, known by how they look, and hidden where the text is shown. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MASK = "********"

#: Tokens of services that mark their own, by what they are.
TOKENS = {
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
TOKEN_MARKS = (
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

#: A user's password in a URL, a JSON Web Token, a private key, and what a request is authorized by.
_URL = re.compile(r"(?<=://)([^/?#\s:@\"']*):([^/?#\s@\"']+)(?=@)")
_JWT = re.compile(r"\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]{8,}")
_KEY = re.compile(r"(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----).*", re.DOTALL)
_HEADER = re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[^\s\"',]{6,}")

_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("://", _URL, rf"\1:{MASK}"),
    ("eyJ", _JWT, MASK),
    ("PRIVATE KEY", _KEY, rf"\1 {MASK}"),
    ("uthorization", _HEADER, rf"\1{MASK}"),
)

#: Whether any of the above may be there.
_MARKS = re.compile("|".join(map(re.escape, (*TOKEN_MARKS, *(mark for mark, _, _ in _SHAPES)))))

#: Names of what holds a secret.
_NAMES = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|DSN", re.IGNORECASE)

#: Names of what holds nothing else: their values are hidden wherever they stand, and so may be no common words.
_SURE_NAMES = re.compile(r"(SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)$", re.IGNORECASE)

#: A secret that is shorter than this is no text to look for: it would be a part of much else.
_SHORTEST = 8


def names_secret(name: str) -> bool:
    """Tell whether something of this name is likely to be a secret."""
    return bool(_NAMES.search(name))


def masked(text: str) -> str:
    """Return a text without the secrets that can be told by how they look."""
    if not _MARKS.search(text):
        return text
    for mark, pattern, shown in _SHAPES:
        if mark in text:
            text = pattern.sub(shown, text)
    for pattern in TOKENS.values():
        text = pattern.sub(MASK, text)
    return text


def masking(variables: Mapping[str, str]) -> Callable[[str], str]:
    """Return what masks too, wherever they stand, the values of those variables that hold a secret by their names."""
    secrets = {value for name, value in variables.items() if _SURE_NAMES.search(name)}
    known = sorted((secret for secret in secrets if len(secret) >= _SHORTEST), key=len, reverse=True)
    if not known:
        return masked
    pattern = re.compile("|".join(map(re.escape, known)))
    return lambda text: masked(pattern.sub(MASK, text))
