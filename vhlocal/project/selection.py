"""Which endpoints are wanted, on which images."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Strategy
from vhlocal.project.schema import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vhlocal.model import Endpoint

#: The settings' own words, and those of the ingress' annotation.
_SWITCH = {"true": True, "on": True, "false": False, "off": False}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_LOADER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def select_endpoints(endpoints: Sequence[Endpoint], names: Iterable[str]) -> tuple[Endpoint, ...]:
    """Return the named endpoints in the order of the yaml; all of them when none is named. InputError if unknown."""
    wanted = set(names)
    check_known(endpoints, sorted(wanted))
    return tuple(endpoint for endpoint in endpoints if not wanted or endpoint.name in wanted)


def override_images(endpoints: Sequence[Endpoint], images: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Return the endpoints on other base images, by endpoint name. InputError for an unknown endpoint."""
    check_known(endpoints, images)
    return tuple(replace(endpoint, image=images.get(endpoint.name, endpoint.image)) for endpoint in endpoints)


def read_strategies(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> dict[str, Strategy]:
    """Return how new code is to be brought to endpoints, by name. InputError for an unknown endpoint or strategy."""
    check_known(endpoints, chosen)
    words = [strategy.value for strategy in Strategy]
    for name, word in chosen.items():
        if word not in words:
            raise InputError(
                f'`{name}` cannot be reloaded by "{word}"',
                hint=f"{did_you_mean(word, words)}; there are: {', '.join(words)}".removeprefix("; "),
            )
    return {name: Strategy(word) for name, word in chosen.items()}


def read_streaming(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> frozenset[str]:
    """Return the endpoints whose requests' bodies go straight on (K9). InputError for an unknown endpoint or word."""
    check_known(endpoints, chosen)
    for name, word in chosen.items():
        if word.lower() not in _SWITCH:
            hint = "write true, or false to stream request bodies to the endpoint"
            raise InputError(f'`request-buffering` of `{name}` is "{word}"', hint=hint)
    return frozenset(name for name, word in chosen.items() if not _SWITCH[word.lower()])


def read_loaders(chosen: Iterable[str]) -> tuple[str, ...]:
    """Return the functions whose results are kept warm. InputError for what is not ``module:function``."""
    loaders = tuple(chosen)
    for loader in loaders:
        if not _LOADER.fullmatch(loader):
            raise InputError(
                f'`keep-warm` takes MODULE:FUNCTION, not "{loader}"',
                hint="such as `keep-warm: [model:load_model]`; the function is called without arguments",
            )
    return loaders


def warm_up_words(text: str) -> tuple[str, str, str | None] | None:
    """Return the method, the target and the file of a warm-up request, ``[METHOD] TARGET [FILE]``; None for others."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    method = words.pop(0) if words and words[0] in _METHODS else "GET"
    target, *rest = words or [""]
    if not target.startswith("/") or len(rest) > 1 or not target.isascii() or not target.isprintable():
        return None
    return method, target, rest[0] if rest else None


def check_known(endpoints: Sequence[Endpoint], names: Iterable[str]) -> None:
    """Raise InputError where one of the names is no endpoint's."""
    known = [endpoint.name for endpoint in endpoints]
    for name in names:
        if name not in known:
            raise InputError(f"valohai.yaml has no endpoint `{name}`", hint=did_you_mean(name, known))
