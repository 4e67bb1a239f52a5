"""Which endpoints are wanted, on which images."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from vhlocal.contract.limits import requested_cpu
from vhlocal.errors import InputError
from vhlocal.model import Strategy
from vhlocal.project.schema import did_you_mean
from vhlocal.scaling.hpa import Hpa
from vhlocal.scaling.knative import Knative
from vhlocal.scaling.look import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vhlocal.model import Endpoint
    from vhlocal.scaling.look import Rule

#: The settings' own words, and those of the ingress' annotation.
_SWITCH = {"true": True, "on": True, "false": False, "off": False}

#: Which requests may be sent again at a save.
_REPLAYED = ("safe", "all")

#: The published rules by which a number of replicas follows the load; the HPA's on requests in flight, and on CPU.
_RULES: Mapping[str, Knative | Hpa] = {
    "knative": Knative(),
    "hpa": Hpa(target=10.0, cpu=False),
    "hpa-cpu": Hpa(),
}

_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")

#: As many replicas as an endpoint may have here: each is a server of its own.
MOST_REPLICAS = 32

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
            raise InputError(f'`{name}` cannot be reloaded by "{word}"', hint=did_you_mean(word, words))
    return {name: Strategy(word) for name, word in chosen.items()}


def read_streaming(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> frozenset[str]:
    """Return the endpoints whose requests' bodies go straight on (K9). InputError for an unknown endpoint or word."""
    check_known(endpoints, chosen)
    for name, word in chosen.items():
        if word.lower() not in _SWITCH:
            hint = "write true, or false to stream request bodies to the endpoint"
            raise InputError(f'`request-buffering` of `{name}` is "{word}"', hint=hint)
    return frozenset(name for name, word in chosen.items() if not _SWITCH[word.lower()])


def read_replicas(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> dict[str, Range]:
    """Return how many replicas endpoints are to have, by name (K3). InputError for an unknown endpoint or number."""
    check_known(endpoints, chosen)
    return {name: replica_range(name, text) for name, text in chosen.items()}


def replica_range(endpoint: str, text: str) -> Range:
    """Return how many replicas a user asks for, ``2`` or ``1-4``. InputError for what is no number of replicas."""
    found = _RANGE.fullmatch(text.strip())
    numbers = [int(number) for number in found.groups() if number] if found else []
    if not numbers or not all(1 <= number <= MOST_REPLICAS for number in numbers):
        hint = f"use numbers from 1 to {MOST_REPLICAS}: {endpoint}=2, or {endpoint}=1-4; endpoints do not scale to zero"
        raise InputError(f'`{endpoint}` cannot have "{text}" replicas', hint=hint)
    return Range(numbers[0], numbers[-1])


def read_replayed(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """Return which requests are sent again at a save, by endpoint. InputError for an unknown endpoint or word."""
    check_known(endpoints, chosen)
    for name, word in chosen.items():
        if word not in _REPLAYED:
            hint = "write safe, or all where a POST changes nothing, as with most models"
            raise InputError(f'`replay-on-save` of `{name}` is "{word}"', hint=hint)
    return dict(chosen)


def read_rules(chosen: Mapping[str, str], endpoints: Sequence[Endpoint]) -> dict[str, Rule[Any]]:
    """Return by which rules the numbers of replicas follow the load, by endpoint (K3); InputError for others.

    Kubernetes scales nothing by CPU that requests none (K1): nor is it done here.
    """
    check_known(endpoints, chosen)
    rules = {name: scaling_rule(name, text) for name, text in chosen.items()}
    for endpoint in endpoints:
        rule = rules.get(endpoint.name)
        if isinstance(rule, Hpa) and rule.cpu and not requested_cpu(endpoint.resources):
            raise InputError(
                f"`{endpoint.name}` cannot be scaled by its CPU: it requests none to take a percentage of",
                place=endpoint.place("resources.cpu"),
                hint="set the cores of each replica in `resources.cpu.min`",
            )
    return rules


def scaling_rule(endpoint: str, text: str) -> Rule[Any]:
    """Return a rule from ``knative target=2 window=10``: its name, and settings in place of published defaults."""
    word, *given = text.split() or [""]
    if word not in _RULES:
        raise InputError(f'`{endpoint}` cannot be scaled by "{word}"', hint=f"the rules are: {', '.join(_RULES)}")
    rule = _RULES[word]
    known = [field.name for field in fields(rule) if isinstance(field.default, float)]
    settings: dict[str, float] = {}
    for setting in given:
        name, _, value = setting.partition("=")
        try:
            settings[name.replace("-", "_")] = float(value)
        except ValueError:
            settings.pop(name, None)
            raise InputError(f'"{setting}" of `{endpoint}` is not a setting', hint=f"such as {known[0]}=2") from None
        if name.replace("-", "_") not in known:
            names = [each.replace("_", "-") for each in known]
            raise InputError(f"{word} has no setting `{name}`", hint=did_you_mean(name, names))
    changed: Any = settings
    return replace(rule, **changed)


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
