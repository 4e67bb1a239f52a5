"""From an app's OpenAPI schema to one request that it accepts, as far as its schema says. Pure."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from vhlocal.model import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_JSON = "application/json"

#: How deep schemas are followed: they may contain themselves.
_DEPTH = 8

#: Texts of the formats that servers check.
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "duration": "PT1H",
    "email": "user@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


#: What bounds a number.
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


class _UnknownError(Exception):
    """No value can be derived from a schema."""


def call_of(schema: Any) -> Call | None:
    """Return a request of one of the schema's routes, None where none can be derived.

    A POST request with a JSON body is what most endpoints are for; next comes a GET request without parameters.
    """
    try:
        return min(_calls(schema), key=lambda ranked: ranked[0])[1]
    except (ValueError, TypeError, AttributeError, KeyError):  # no route, or no OpenAPI schema
        return None


def _calls(schema: Mapping[str, Any]) -> Iterator[tuple[int, Call]]:
    for path, item in schema["paths"].items():
        for method in ("get", "post"):
            operation = item.get(method)
            if operation is None or operation.get("security", schema.get("security")):
                continue
            try:
                yield _call(schema, path, method, operation, item.get("parameters", ()))
            except _UnknownError:
                continue


def _call(
    schema: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], shared: Iterable[Any]
) -> tuple[int, Call]:
    rank = 1
    query = {}
    for parameter in (_resolved(schema, each) for each in (*shared, *operation.get("parameters", ()))):
        if not parameter.get("required"):
            continue
        value = _text(_example(schema, parameter, parameter.get("schema", {})))
        rank = 2
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
        elif parameter["in"] == "query":
            query[parameter["name"]] = value
        else:
            raise _UnknownError
    target = f"{path}?{urlencode(query)}" if query else path
    if method == "get":
        return rank, Call("GET", target)
    media = _resolved(schema, operation.get("requestBody", {})).get("content", {}).get(_JSON)
    if media is None:
        raise _UnknownError
    body = json.dumps(_example(schema, media, media.get("schema", {})), ensure_ascii=False)
    return rank - 1, Call("POST", target, body, _JSON)


def _example(schema: Mapping[str, Any], holder: Mapping[str, Any], described: Any) -> Any:
    """Return the example that stands beside a schema, or else a value of it."""
    if "example" in holder:
        return holder["example"]
    for named in holder.get("examples", {}).values():
        if "value" in (example := _resolved(schema, named)):
            return example["value"]
    return _value(schema, described, 0)


def _value(schema: Mapping[str, Any], described: Any, depth: int) -> Any:
    if depth > _DEPTH:
        raise _UnknownError
    if not isinstance(described, dict):  # `true`: any value will do
        return {}
    described = _resolved(schema, described)
    for known in ("example", "const", "default"):
        if described.get(known) is not None:
            return described[known]
    for several in ("examples", "enum"):
        if described.get(several):
            return described[several][0]
    if "allOf" in described:
        return _all_of(schema, described, depth)
    for choice in (*described.get("anyOf", ()), *described.get("oneOf", ())):
        if choice.get("type") != "null":
            return _value(schema, choice, depth + 1)
    return _typed(schema, described, depth)


def _all_of(schema: Mapping[str, Any], described: Mapping[str, Any], depth: int) -> Any:
    values = [_value(schema, part, depth + 1) for part in described["allOf"]]
    if all(isinstance(value, dict) for value in values):
        return {name: value for part in values for name, value in part.items()}
    return values[0]


def _typed(schema: Mapping[str, Any], described: Mapping[str, Any], depth: int) -> Any:
    kind = described.get("type", "object" if "properties" in described else None)
    kind = next(each for each in kind if each != "null") if isinstance(kind, list) else kind
    if kind == "array":
        count = max(1, described.get("minItems", 1))
        if count > described.get("maxItems", math.inf) or count > 100:
            raise _UnknownError
        first = [_value(schema, each, depth + 1) for each in described.get("prefixItems", ())]
        return first or [_value(schema, described.get("items", {}), depth + 1)] * count
    if kind in {None, "object"}:
        properties = described.get("properties", {})
        return {name: _value(schema, properties.get(name, {}), depth + 1) for name in described.get("required", ())}
    if kind in {"integer", "number"}:
        return _number(described)
    if kind == "boolean":
        return True
    if kind == "string":
        return _string(described)
    raise _UnknownError


def _number(described: Mapping[str, Any]) -> int | float:
    ends = [described[name] for name in _BOUNDS if isinstance(described.get(name), (int, float))]
    step = described.get("multipleOf", 1)
    candidates = [1, 0, step, *ends, *(end + step for end in ends), *(end - step for end in ends), sum(ends) / 2]
    whole = described.get("type") == "integer"
    for value in candidates:
        if _fits(value, described) and (not whole or value == int(value)):
            return int(value) if whole else value
    raise _UnknownError


def _fits(value: float, described: Mapping[str, Any]) -> bool:
    least, most = described.get("minimum", -math.inf), described.get("maximum", math.inf)
    over, under = described.get("exclusiveMinimum", -math.inf), described.get("exclusiveMaximum", math.inf)
    # Until OpenAPI 3.1 these say whether the other is meant so.
    over = (least if over else -math.inf) if isinstance(over, bool) else over
    under = (most if under else math.inf) if isinstance(under, bool) else under
    return least <= value <= most and over < value < under and value % described.get("multipleOf", value or 1) == 0


def _string(described: Mapping[str, Any]) -> str:
    if "pattern" in described or described.get("format") in {"binary", "byte"}:
        raise _UnknownError
    text = _FORMATS.get(described.get("format", ""), "text")
    return text.ljust(described.get("minLength", 0), "t")[: described.get("maxLength")]


def _resolved(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference within the schema."""
    for _ in range(_DEPTH):
        if "$ref" not in described:
            return described
        found: Any = schema
        for name in described["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        described = found
    raise _UnknownError


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise _UnknownError
    return json.dumps(value) if isinstance(value, bool) else str(value)
