"""Secrets in a text, known by how they look, and hidden where the text is shown. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MASK = "********"

#: Tokens of services that mark their own, by what they are.
TOKENS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b",
    "a GitLab token": r"\bglpat-[\w-]{20}\b",
    "a Slack token": r"\bxox[abprs]-\d+-[A-Za-z0-9-]{20,}\b",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Hugging Face token": r"\bhf_[A-Za-z]{34}\b",
    "an OpenAI key": r"\bsk-(?:proj-)?[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b",
    "a Stripe key": r"\bsk_live_[0-9a-zA-Z]{24,}\b",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}\b",
    "a SendGrid key": r"\bSG\.[\w-]{22}\.[\w-]{43}\b",
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

#: Names of what holds a secret, and of what holds nothing else: those values are hidden wherever they stand.
_NAMES = ("TOKEN", "SECRET", "PASS", "KEY", "CREDENTIAL", "AUTH", "DSN")
_SURE_NAMES = ("SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY")

#: A secret that is shorter than this is no text to look for: it would be a part of much else.
_SHORTEST = 8


@cache
def tokens() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of ``TOKENS``; compiled when first asked for, since a start needs none."""
    return {what: re.compile(pattern) for what, pattern in TOKENS.items()}


@cache
def _shapes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """A user's password in a URL, a secret parameter of one, a JSON Web Token, a private key, and what authorizes."""
    header = r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[^\s\"',]{6,}"
    names = "|".join(name.replace("_", "[_-]") for name in _SURE_NAMES)
    parameter = rf"(?i)([?&][\w.-]*(?:{names})=)[^&#\s\"'<>`]+"
    key = r"(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----).*"
    return (
        ("://", re.compile(r"(?<=://)([^/?#\s:@\"']*):([^/?#\s@\"']+)(?=@)"), rf"\1:{MASK}"),
        ("?", re.compile(parameter), rf"\1{MASK}"),
        ("eyJ", re.compile(r"\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]{8,}"), MASK),
        (
            "PRIVATE KEY",
            re.compile(key, re.DOTALL),
            rf"\1 {MASK}",
        ),
        ("uthorization", re.compile(header), rf"\1{MASK}"),
    )


@cache
def _marks() -> tuple[str, ...]:
    """Return texts without which none of the above is there: one pattern of them all can take ten times as long."""
    return (*TOKEN_MARKS, *(mark for mark, _, _ in _shapes()))


def names_secret(name: str) -> bool:
    """Tell whether something of this name is likely to be a secret."""
    return any(word in name.upper() for word in _NAMES)


def masked(text: str) -> str:
    """Return a text without the secrets that can be recognised by their form."""
    if not any(mark in text for mark in _marks()):
        return text
    for mark, pattern, shown in _shapes():
        if mark in text:
            text = pattern.sub(shown, text)
    for pattern in tokens().values():
        text = pattern.sub(MASK, text)
    return text


def masking(variables: Mapping[str, str]) -> Callable[[str], str]:
    """Return what masks too, wherever they stand, the values of those variables that hold a secret by their names."""
    secrets = {value for name, value in variables.items() if name.upper().endswith(_SURE_NAMES)}
    known = sorted((secret for secret in secrets if len(secret) >= _SHORTEST), key=len, reverse=True)
    if not known:
        return masked
    pattern = re.compile("|".join(map(re.escape, known)))
    return lambda text: masked(pattern.sub(MASK, text))


#: Headers that are what somebody is known by.
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "set-cookie"}


def masked_header(name: str, value: str) -> str:
    """Return a header's value with what somebody is known by hidden: what it is stays, as ``Bearer`` does.

    Of a cookie its name stays, and of one that is set its attributes too.
    """
    plain = name.lower()
    if plain == "cookie":
        return "; ".join(_masked_value(part.strip()) for part in value.split(";"))
    if plain == "set-cookie":
        cookie, semicolon, attributes = value.partition(";")
        return f"{_masked_value(cookie)}{semicolon}{attributes}"
    if plain in _SECRET_HEADERS:
        scheme, blank, _ = value.strip().partition(" ")
        return f"{scheme} {MASK}" if blank else MASK
    return MASK if _is_surely_secret(plain) else masked(value)


def masked_target(target: str) -> str:
    """Return a request's target with the values of those parameters hidden that hold a secret by their names."""
    path, mark, query = target.partition("?")
    return path + mark + "&".join(_masked_parameter(pair) for pair in query.split("&"))


def _is_surely_secret(name: str) -> bool:
    return name.upper().replace("-", "_").endswith(_SURE_NAMES)


def _masked_parameter(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={MASK}" if equals and _is_surely_secret(name) else pair


def _masked_value(cookie: str) -> str:
    name, equals, _ = cookie.partition("=")
    return f"{name}={MASK}" if equals else MASK
